"""Images side by side: grids of samples, reconstructions below their originals, panels.

Images are (N, H, W, 1) or (N, H, W, 3) in [0, 1], on any device; in grey ones 1 is ink, black.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.arrays import Array, to_host
from tinygen.plots.style import TITLE, broken, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TALLEST = 9.0  # inches


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


def panels(sheets: dict[str, np.ndarray], title: str = "") -> "Figure":
    """Pictures side by side, each under its title; of one height, or nearly so."""
    widths = [sheet.shape[1] / sheet.shape[0] for sheet in sheets.values()]
    height = 3.0 if sum(widths) > 2.5 else 4.0  # inches of each picture
    figure = new_figure(height * sum(widths) + 0.4, height + (0.7 if title else 0.3), title)
    figure.set_layout_engine("constrained", wspace=0.05)
    axes = figure.subplots(1, len(sheets), width_ratios=widths, squeeze=False)[0]
    for ax, (name, sheet), width in zip(axes, sheets.items(), widths, strict=True):
        draw(ax, sheet, broken(name, height * width))
    return figure


def interleaved(*parts: Array, columns: int) -> np.ndarray:
    """One picture: the first `columns` images of each part, row below row, then the next."""
    shapes = [part.shape for part in parts]
    if len(set(shapes)) != 1:
        raise ValueError(f"reconstructions: expected images of one shape, got {shapes}")
    stack = np.stack([to_host(part) for part in parts])  # (parts, N, H, W, C)
    missing, white = -stack.shape[1] % columns, paper(stack)
    stack = np.pad(stack, [(0, 0), (0, missing), (0, 0), (0, 0), (0, 0)], constant_values=white)
    blocks = stack.reshape(len(parts), -1, columns, *stack.shape[2:])
    return tiled(blocks.swapaxes(0, 1).reshape(-1, *stack.shape[2:]), columns)


def tiled(images: Array, columns: int) -> np.ndarray:
    """(N, H, W, C) -> one picture, row by row, with an empty pixel between the tiles."""
    images = to_host(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) == 0:
        raise ValueError(f"expected images (N, H, W, 1 or 3), N >= 1, got {images.shape}")
    n, height, width, channels = images.shape
    rows = math.ceil(n / columns)
    h, w = height + 1, width + 1
    sheet = np.full((rows * h - 1, columns * w - 1, channels), paper(images))
    for i, image in enumerate(images):
        top, left = i // columns * h, i % columns * w
        sheet[top : top + height, left : left + width] = image
    return np.clip(sheet, 0, 1)


def paper(images: np.ndarray) -> float:
    """White: no ink in grey images (..., 1), full light in coloured ones (..., 3)."""
    return float(images.shape[-1] == 3)


def show(sheet: np.ndarray, title: str, below: float = 0.0) -> "Figure":
    """A figure that holds one picture, with so many inches for words below it."""
    tall = sheet.shape[0] / sheet.shape[1]
    width = min(6.0, TALLEST / tall)
    title = broken(title, max(width, 3.0))
    above = 0.2 * len(title.splitlines()) + 0.15
    figure = new_figure(max(width, 3.0), width * tall + above + below)
    draw(figure.add_subplot(), sheet, title)
    return figure


def draw(axes: Any, sheet: np.ndarray, title: str) -> Any:
    """One picture (H, W, 1 or 3) without axes; in grey, 1 is black. Returns matplotlib's image."""
    grey = sheet.shape[2] == 1
    picture, colours = (sheet[..., 0], "gray_r") if grey else (sheet, None)
    axes.set_axis_off()
    axes.set_title(title, fontsize=TITLE)
    return axes.imshow(picture, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
