"""Two classes, the one with a rare group: what a classifier may learn to overlook.

Of class 1 a small share looks unlike the rest (a dark shade, another style); of class 0 half
does. Nobody tells the model. "Rare-looking, so not class 1" is then right nine times of ten, and
wrong for the whole group. The factor "rare" (N,) says who belongs to it, for measuring alone.

docs/derivations/debiasing_vae.md
"""

from collections.abc import Callable

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part
from tinygen.data.drawn_faces import FACTORS, draw_faces, ellipse
from tinygen.names import nearest

CLASSES = ("no face", "face")
SHARE = 0.05  # of class 1
OTHERS = 0.5  # of class 0

STYLES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda x: 1 - x,  # ink for paper
    "dim": lambda x: x / 4,  # faint ink
}


def rare_shade(
    rng: np.random.Generator, n: int, share: float = SHARE, size: int = 24, noise: float = 0.05
) -> Part:
    """n drawn pictures (N, size, size, 1), every second one a face, of which few are dark.

    share : of dark faces among the faces; of what is no face half is dark
    noise : standard deviation of the pixels' noise, cut at 0 and 1

    labels : 1 a face, 0 none: its features stand upside down within the outline, or one eye with
    its brow is missing. factors : those of `drawn_faces`, shade in 0.4..1 or -1..-0.4, and "rare".
    Raises ValueError for n < 2, size < 24, and a share or noise outside [0, 1].
    """
    check_counts("rare_shade", 2, n=n)
    check_range("rare_shade", 0, 1, noise=noise)
    labels = np.arange(n, dtype=np.int64) % 2
    rare = is_rare(rng, labels, share)
    factors = {name: rng.uniform(-1, 1, n).astype(np.float32) for name in FACTORS}
    factors["shade"] = ((2 * rare - 1) * rng.uniform(0.4, 1, n)).astype(np.float32)
    x = draw_faces(factors, size)
    spoilt, side = rng.integers(2, size=n), 2 * rng.integers(2, size=n) - 1
    turned = np.flatnonzero((labels == 0) & (spoilt == 0))
    x[turned] = upside_down(x[turned], of_rows(factors, turned))
    covered = np.flatnonzero((labels == 0) & (spoilt == 1))
    x[covered] = without_an_eye(x[covered], of_rows(factors, covered), side[covered])
    x = np.clip(x + noise * rng.standard_normal(x.shape), 0, 1).astype(np.float32)
    return Part(x, labels, factors | {"rare": rare})


def rare_style(
    rng: np.random.Generator, x: np.ndarray, labels: np.ndarray, style: str, share: float = SHARE
) -> Part:
    """The images x (N, H, W, C) in [0, 1], some of them in another style, a word of STYLES.

    labels : 0 or 1;  share : of class 1 in the other style; of class 0 it is half
    factors : "rare". Raises ValueError for other labels, styles, and a share outside [0, 1].
    """
    if style not in STYLES:
        raise ValueError(
            f"rare_style: unknown style {style!r}{nearest(style, STYLES)}: choose "
            f"{' or '.join(STYLES)}"
        )
    rare = is_rare(rng, labels, share)
    changed = np.where(rare[:, None, None, None] == 1, STYLES[style](x), x)
    return Part(changed.astype(np.float32), labels.astype(np.int64), {"rare": rare})


def is_rare(rng: np.random.Generator, labels: np.ndarray, share: float) -> np.ndarray:
    """Who belongs to the rare group: int64 (N,), 1 or 0."""
    check_range("rare", 0, 1, share=share)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("rare: labels must be 0 or 1, of which 1 is the class with a rare group")
    return (rng.random(len(labels)) < np.where(labels == 1, share, OTHERS)).astype(np.int64)


def of_rows(factors: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The factors of these pictures."""
    return {name: values[rows] for name, values in factors.items()}


def upside_down(x: np.ndarray, factors: dict[str, np.ndarray]) -> np.ndarray:
    """Brows, eyes, nose and mouth turned over within the skin, whose outline is symmetric.

    The skin is an ellipse about (0, 0.05) in sides from the middle: `drawn_faces.draw`.
    """
    place, R, _ = where_parts_stand(x, factors)
    across, down = place[None, None, :], place[None, :, None]
    skin = ellipse(across, down, (0.0, 0.05, R[:, None, None], 0.40)) < -0.5 / x.shape[1]
    mirror = round(1.1 * x.shape[1] - 1) - np.arange(x.shape[1])  # y -> 0.1 - y, to a pixel
    mirror = np.clip(mirror, 0, x.shape[1] - 1)
    both = skin & skin[:, mirror]
    return np.where(both[..., None], x[:, mirror], x)


def without_an_eye(x: np.ndarray, factors: dict[str, np.ndarray], side: np.ndarray) -> np.ndarray:
    """One eye and its brow covered with skin; side (N,): -1 the left one, 1 the right one."""
    place, R, b = where_parts_stand(x, factors)
    eye = (R * np.sin(0.42 * side + b))[:, None, None]
    across, down = place[None, None, :], place[None, :, None]
    near = (abs(across - eye) < 0.12) & (down > -0.25) & (down < 0.05)  # (N, H, W)
    near &= ellipse(across, down, (0.0, 0.05, R[:, None, None], 0.40)) < 0
    skin = (0.31 + 0.19 * factors["shade"])[:, None, None]
    return np.where(near[..., None], skin[..., None], x)


def where_parts_stand(x: np.ndarray, factors: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The pixels' places in sides from the middle (H,), and R and b of each face (N,)."""
    place = (np.arange(x.shape[1], dtype=np.float32) + 0.5) / x.shape[1] - 0.5
    return place, 0.33 + 0.04 * factors["width"], 0.35 * factors["turn"]
