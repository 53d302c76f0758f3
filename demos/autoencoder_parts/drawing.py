"""Rows of images, each named on its left."""

from typing import Any

import numpy as np

from tinygen.plots.images import draw, interleaved
from tinygen.plots.style import SMALL, new_figure

COLUMNS = 12
TILE, LETTER = 0.55, 0.075  # inches


def rows(parts: dict[str, np.ndarray], title: str = "") -> Any:
    """A figure of rows: the first images (N, H, W, C) of each part, as ink, beside its name."""
    width = TILE * COLUMNS + LETTER * max(map(len, parts)) + 0.2
    figure = new_figure(width, TILE * len(parts) + (0.5 if title else 0.25), title)
    draw_rows(figure.add_subplot(), parts)
    return figure


def draw_rows(axes: Any, parts: dict[str, np.ndarray]) -> None:
    """The same on axes that are there."""
    shown = [images[:COLUMNS] for images in parts.values()]
    draw(axes, interleaved(*shown, columns=COLUMNS), "")
    axes.set_axis_on()
    axes.set_anchor("W")  # at the names, for which the layout leaves room
    axes.spines[:].set_visible(False)
    middles = (np.arange(len(parts)) + 0.5) * (shown[0].shape[1] + 1) - 1  # in pixels
    axes.set_xticks([])
    axes.set_yticks(middles, list(parts), fontsize=SMALL)
    axes.tick_params(length=0)
