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


def reconstructions(*parts: Array, columns: int = 12, title: str = "") -> "Figure":
    """A row of originals, below it what the model made of them, and so on.

    parts : originals and reconstructions, or any arrays of images of one shape to stand one above
            the other: grey digits, their binarised pixels, their reconstructions
    """
    title = title or "originals, and below each its reconstruction"
    return show(interleaved(*parts, columns=columns), title)


def manifold(decode: Callable[[np.ndarray], Array], side: int = 16, title: str = "") -> "Figure":
    """Images of a side x side grid over a 2-D latent space.

    decode : z (side^2, 2) float32 -> images. The grid stands at equal steps of probability under
             N(0, I) (Kingma and Welling 2014, appendix A), z_1 to the right, z_2 upwards.
    """
    figure = show(manifold_sheet(decode, side), title)
    axes = figure.axes[0]
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[], xlabel="$z_1$", ylabel="$z_2$")
    return figure


def panels(sheets: dict[str, np.ndarray]) -> "Figure":
    """Pictures of one height side by side, each under its title."""
    from matplotlib.figure import Figure

    widths = [sheet.shape[1] / sheet.shape[0] for sheet in sheets.values()]
    figure = Figure(figsize=(3 * sum(widths) + 0.4, 3.3), layout="constrained")
    figure.set_layout_engine("constrained", wspace=0.05)
    axes = figure.subplots(1, len(sheets), width_ratios=widths, squeeze=False)[0]
    for ax, (title, sheet) in zip(axes, sheets.items(), strict=True):
        draw(ax, sheet, title)
    return figure


def curves(
    log: list[dict[str, Any]], terms: dict[str, str] | None = None, title: str = ""
) -> "Figure":
    """One panel a term over the epochs, training beside validation.

    log   : as `train` records it
    terms : name in the log -> the panel's title; all of them, under their names, where not given
    """
    from matplotlib.figure import Figure

    if not log:
        raise ValueError("curves: the log is empty: train for at least one epoch")
    terms = terms or {term: term for term in log[0]["train"]}
    figure = Figure(figsize=(3.4 * len(terms), 3), layout="constrained")
    epochs = [record["epoch"] for record in log]
    panels = np.ravel(figure.subplots(1, len(terms)))
    for (term, name), axes in zip(terms.items(), panels, strict=True):
        for part, colour in COLOURS.items():
            if part in log[0]:
                values = [record[part][term] for record in log]
                axes.plot(epochs, values, color=colour, label=part, linewidth=1.5)
        axes.set(title=name, xlabel="epoch", ylabel="nats per example")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def interleaved(*parts: Array, columns: int) -> np.ndarray:
    """One picture: the first `columns` images of each part, row below row, then the next."""
    shapes = [part.shape for part in parts]
    if len(set(shapes)) != 1:
        raise ValueError(f"reconstructions: expected images of one shape, got {shapes}")
    stack = np.stack([to_host(part) for part in parts])  # (parts, N, H, W, C)
    missing = -stack.shape[1] % columns
    stack = np.pad(stack, [(0, 0), (0, missing), (0, 0), (0, 0), (0, 0)])
    blocks = stack.reshape(len(parts), -1, columns, *stack.shape[2:])
    return tiled(blocks.swapaxes(0, 1).reshape(-1, *stack.shape[2:]), columns)


def manifold_sheet(decode: Callable[[np.ndarray], Array], side: int) -> np.ndarray:
    """One picture of decode(z) over a grid of z; see `manifold`."""
    line = [NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)]
    z = np.array([(z1, z2) for z2 in reversed(line) for z1 in line], np.float32)
    return tiled(decode(z), side)


def tiled(images: Array, columns: int) -> np.ndarray:
    """(N, H, W, C) -> one picture, row by row, with an empty pixel between the tiles."""
    images = to_host(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) == 0:
        raise ValueError(f"expected images (N, H, W, 1 or 3), N >= 1, got {images.shape}")
    n, height, width, channels = images.shape
    rows = math.ceil(n / columns)
    h, w = height + 1, width + 1
    sheet = np.zeros((rows * h - 1, columns * w - 1, channels))
    for i, image in enumerate(images):
        top, left = i // columns * h, i % columns * w
        sheet[top : top + height, left : left + width] = image
    return np.clip(sheet, 0, 1)


def show(sheet: np.ndarray, title: str) -> "Figure":
    """A figure that holds one picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6 * sheet.shape[0] / sheet.shape[1] + 0.4), layout="constrained")
    draw(figure.add_subplot(), sheet, title)
    return figure


def draw(axes: Any, sheet: np.ndarray, title: str) -> None:
    """One picture (H, W, 1 or 3) without axes; in grey, 1 is black."""
    grey = sheet.shape[2] == 1
    picture, colours = (sheet[..., 0], "gray_r") if grey else (sheet, None)
    axes.imshow(picture, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10)
