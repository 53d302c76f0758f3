"""Pictures: grids of images, reconstructions, the latent manifold, curves of a run.

Each function returns a matplotlib Figure and touches no global state; `figure.savefig(path)`
writes it. Images are (N, H, W, 1) or (N, H, W, 3) in [0, 1]; in grey ones 1 is ink, black.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.arrays import Array, to_host

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"train": "#8a9bb0", "validation": "#b3432b"}


def sample_grid(images: Array, columns: int | None = None, title: str = "") -> "Figure":
    """Images side by side, row by row; about as many rows as columns where not said."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    return show(tiled(images, columns), title)


def reconstructions(x: Array, recovered: Array, columns: int = 12, title: str = "") -> "Figure":
    """Pairs of rows: originals, and below each what the model made of it."""
    if x.shape != recovered.shape:
        raise ValueError(f"reconstructions: shapes differ, {x.shape} against {recovered.shape}")
    x, recovered = to_host(x), to_host(recovered)
    rows = [a[i : i + columns] for i in range(0, len(x), columns) for a in (x, recovered)]
    blank = np.zeros((1, *x.shape[1:]), x.dtype)
    rows = [np.concatenate([row, *[blank] * (columns - len(row))]) for row in rows]
    title = title or "odd rows: originals; below each its reconstruction"
    return show(tiled(np.concatenate(rows), columns), title)


def manifold(decode: Callable[[np.ndarray], Array], side: int = 16, title: str = "") -> "Figure":
    """Images of a side x side grid over a 2-D latent space.

    decode : z (side^2, 2) float32 -> images. The grid stands at equal steps of probability under
             N(0, I) (Kingma and Welling 2014, appendix A), z_1 to the right, z_2 upwards.
    """
    normal = NormalDist()
    line = [normal.inv_cdf((i + 0.5) / side) for i in range(side)]
    z = np.array([(a, b) for b in reversed(line) for a in line], np.float32)
    figure = show(tiled(decode(z), side, gap=0), title)
    axes = figure.axes[0]
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[], xlabel="$z_1$", ylabel="$z_2$")
    return figure


def curves(log: list[dict[str, Any]], terms: tuple[str, ...] = (), title: str = "") -> "Figure":
    """One panel a term over the epochs, training beside validation. log: as `train` records it."""
    from matplotlib.figure import Figure

    if not log:
        raise ValueError("curves: the log is empty: train for at least one epoch")
    terms = terms or tuple(log[0]["train"])
    figure = Figure(figsize=(3.4 * len(terms), 3), layout="constrained")
    epochs = [record["epoch"] for record in log]
    for term, axes in zip(terms, np.ravel(figure.subplots(1, len(terms))), strict=True):
        for part, colour in COLOURS.items():
            if part in log[0]:
                values = [record[part][term] for record in log]
                axes.plot(epochs, values, color=colour, label=part, linewidth=1.5)
        axes.set(title=term, xlabel="epoch", ylabel="nats per example")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def tiled(images: Array, columns: int, gap: int = 1) -> np.ndarray:
    """(N, H, W, C) -> one picture, row by row, with `gap` empty pixels between the tiles."""
    images = to_host(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) == 0:
        raise ValueError(f"expected images (N, H, W, 1 or 3), N >= 1, got {images.shape}")
    n, height, width, channels = images.shape
    rows = math.ceil(n / columns)
    h, w = height + gap, width + gap
    sheet = np.zeros((rows * h - gap, columns * w - gap, channels), np.float64)
    for i, image in enumerate(images):
        top, left = i // columns * h, i % columns * w
        sheet[top : top + height, left : left + width] = image
    return np.clip(sheet, 0, 1)


def show(sheet: np.ndarray, title: str) -> "Figure":
    """A figure that holds one picture, with no axes drawn."""
    from matplotlib.figure import Figure

    height, width = sheet.shape[:2]
    figure = Figure(figsize=(6, 6 * height / width + 0.4), layout="constrained")
    axes = figure.add_subplot()
    grey = sheet.shape[2] == 1
    axes.imshow(sheet[..., 0] if grey else sheet, cmap="gray_r" if grey else None, vmin=0, vmax=1)
    axes.set_axis_off()
    axes.set_title(title, fontsize=10)
    return figure
