"""Two eyes: does a generated face hold together? And sums of codes: a smile carried over."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from disentangling_parts.judge import Judge

from tinygen import metrics, to_host
from tinygen.arrays import namespace
from tinygen.data.drawn_faces import count_eyes

POOL, EXEMPLARS, SUMS = 2000, 3, 50
MANY, CODES_EACH = 20_000, 4  # codes to find directions in; at least so many a dimension of z
WALKERS, FAR = 200, 2.0  # codes that are moved, and how far, in standard deviations
LEFT, RIGHT = "smile of faces turned left", "smile of faces turned right"
MILD, CLEAR = 0.3, 0.4  # of the factors as the judge reads them, in -1..1
KINDS = {  # the judge's verdict that an exemplar must bear
    "A: smiling, turned left": lambda f: (f["smile"] > CLEAR) & (f["turn"] < -MILD),
    "B: sad, turned left": lambda f: (f["smile"] < -CLEAR) & (f["turn"] < -MILD),
    "C: sad, turned right": lambda f: (f["smile"] < -CLEAR) & (f["turn"] > MILD),
}
SUM = "A - B + C"

Faces = Callable[[Any], np.ndarray]  # codes (N, Z) -> images on the host


def without_two_eyes(images: np.ndarray) -> tuple[float, float]:
    """The share of faces that do not have exactly two eyes, in percent, and its standard error."""
    mean, error = metrics.mean_and_error(100.0 * (count_eyes(images) != 2))
    return float(mean), float(error or 0.0)


def mutilated(images: np.ndarray) -> np.ndarray:
    """The same faces, half of them without an eye (or two), the others with a third one above."""
    changed = images.copy()
    changed[::2, :, : 3 * images.shape[2] // 5] = 0  # of turned heads an eye reaches the middle
    changed[1::2, :2, :2] = 1
    return changed


def smeared(images: np.ndarray) -> np.ndarray:
    """The means of pairs of faces: each is a face, all over the place."""
    return (images + images[::-1]) / 2


def eyes(real: np.ndarray, drawn: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """A row each: real faces, spoilt ones, generated ones."""
    rows = {"drawn faces": real, "with a part cut off or added": mutilated(real)}
    rows |= {"two faces laid over each other": smeared(real), **drawn}
    column = "without exactly two eyes, %"
    return {name: {column: without_two_eyes(images)} for name, images in rows.items()}


def arithmetic(
    judge: Judge, draw: Faces, z: Any, rng: np.random.Generator
) -> tuple[dict[str, dict[str, Any]], np.ndarray]:
    """What the judge reads off sums of codes, and pictures of some: (SUMS, 4, H, W, 1).

    z : the codes (POOL, Z) that exemplars are chosen from, by what the judge sees in their faces

    Each mean of three codes has a third of a draw's variance, and three such means together have a
    draw's: A - B + C is as long as a draw. (The means themselves are shorter, and their faces
    plainer.)
    """
    xp, read = namespace(z), judge.read(draw(z))
    means = {}
    for name, wanted in KINDS.items():
        found = np.flatnonzero(wanted(read))
        if len(found) < EXEMPLARS:
            return {}, np.zeros((0, 4, 1, 1, 1))
        chosen = np.stack([rng.choice(found, EXEMPLARS, replace=False) for _ in range(SUMS)])
        means[name] = z[xp.asarray(chosen.reshape(-1))].reshape(SUMS, EXEMPLARS, -1).mean(axis=1)
    a, b, c = means.values()
    means[SUM] = a - b + c
    pictures = {name: draw(codes) for name, codes in means.items()}
    rows = {"draws": row(judge, draw(z))}
    rows |= {name: row(judge, images) for name, images in pictures.items()}
    return rows, np.stack(list(pictures.values()), axis=1)


def directions(judge: Judge, draw: Faces, z: Any) -> dict[str, dict[str, Any]]:
    """Of each factor: how much of it is linear in the code z (N, Z), and a walk along that.

    Codes are moved along the direction alone, to z . d = -2 and 2. And the smile once more, of
    faces that are turned left, and of those turned right: a sum of codes asks that the two
    directions be one. Left out is what has too few codes, or does not vary.
    """
    read, codes = judge.read(draw(z)), to_host(z).astype(np.float64)
    every = np.ones(len(codes), bool)
    parts = {
        "smile": ("smile", every),
        "turn": ("turn", every),
        LEFT: ("smile", read["turn"] < -MILD),
        RIGHT: ("smile", read["turn"] > MILD),
    }
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, np.ndarray] = {}
    for name, (factor, of) in parts.items():
        if of.sum() < CODES_EACH * codes.shape[1] or np.ptp(read[factor][of]) < 1e-6:
            continue
        share, found[name] = linear(codes[of], read[factor][of])
        rows[name] = {"codes": int(of.sum()), "linear in z": share}
        if name == factor:
            rows[name] |= walked(judge, draw, z, found[name], factor)
    if LEFT in rows and RIGHT in rows:
        rows[RIGHT]["cosine of the two"] = float(found[LEFT] @ found[RIGHT])
    return rows


def linear(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of y's variance that is linear in z (N, Z), and the direction, of length 1.

    Least squares on half of them, the share of the other half.
    """
    half, ones = len(z) // 2, np.ones((len(z), 1))
    z = np.hstack([z, ones])
    weights = np.linalg.lstsq(z[:half], y[:half], rcond=None)[0]
    wrong = y[half:] - z[half:] @ weights
    share, d = 1 - (wrong**2).mean() / y[half:].var(), weights[:-1]
    return float(share), d / np.linalg.norm(d)


def walked(judge: Judge, draw: Faces, z: Any, d: np.ndarray, factor: str) -> dict[str, Any]:
    """A factor at both ends of a walk along d, and how far the other one goes meanwhile."""
    other = {"smile": "turn", "turn": "smile"}[factor]
    d = namespace(z).asarray(d.astype(z.dtype))
    start = z[:WALKERS] - (z[:WALKERS] @ d)[:, None] * d
    back, on = (row(judge, draw(start + t * d)) for t in (-FAR, FAR))
    way = on[other][0] - back[other][0]
    return {"at -2": back[factor], "at 2": on[factor], "the other's way": way}


def row(judge: Judge, images: np.ndarray) -> dict[str, tuple[float, float]]:
    """The mean smile and turn of faces, with standard errors."""
    read = judge.read(to_host(images))
    found = {name: metrics.mean_and_error(read[name]) for name in ("smile", "turn")}
    return {name: (float(mean), float(error or 0.0)) for name, (mean, error) in found.items()}
