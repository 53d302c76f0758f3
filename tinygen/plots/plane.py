"""What two latent dimensions do together: a grid over their plane, and a walk round a circle in it.

z_i to the right, z_j upwards, the other dimensions as in the code that is walked from.
"""

from typing import TYPE_CHECKING

import numpy as np

from tinygen.arrays import to_host
from tinygen.plots.images import draw, show, tiled
from tinygen.plots.style import LINES, SMALL, TEXT, TITLE, new_figure
from tinygen.plots.traversal import Walk, film

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Axes = tuple[int, int]


def plane(walk: Walk, axes: Axes, side: int = 9, title: str = "") -> "Figure":
    """Images of side x side places, each of the two dimensions from -span to span.

    axes : (i, j), counted from 0. Raises ValueError for axes that the code has not, or one twice.
    """
    values = np.linspace(-walk.span, walk.span, side)
    right, up = np.meshgrid(values, values[::-1])
    sheet = tiled(at(walk, axes, right.ravel(), up.ravel()), side)
    figure = show(sheet, title, below=0.5)
    ax = figure.axes[0]
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=SMALL)
    height, width = ((size + 1) / side for size in sheet.shape[:2])  # of a tile and its gap
    places, told = np.arange(side) + 0.5, [f"{v:.2g}" for v in values]
    ax.set_xticks(places * width - 1, told)
    ax.set_yticks(places * height - 1, told[::-1])
    ax.set_xlabel(walk.name(axes[0]), fontsize=TEXT)
    ax.set_ylabel(walk.name(axes[1]), fontsize=TEXT)
    return figure


def plane_animation(walk: Walk, axes: Axes, frames: int = 32, title: str = "") -> bytes:
    """A GIF: the image on the left, while the code goes round a circle in the plane on the right.

    Its radius is 2/3 of the span. Raises as `plane`.
    """
    turn = 2 * np.pi * np.arange(frames) / frames
    radius = walk.span * 2 / 3
    right, up = radius * np.cos(turn), radius * np.sin(turn)
    images = at(walk, axes, right, up)
    figure = new_figure(4.2, 2.3)
    left_ax, right_ax = figure.subplots(1, 2)
    picture = draw(left_ax, images[0], title)
    right_ax.plot(np.append(right, right[0]), np.append(up, up[0]), color="0.8", lw=1)
    (dot,) = right_ax.plot(right[:1], up[:1], "o", color=LINES[1])
    right_ax.set_xlabel(walk.name(axes[0]), fontsize=TEXT)
    right_ax.set_ylabel(walk.name(axes[1]), fontsize=TEXT)
    right_ax.set(xlim=(-walk.span, walk.span), ylim=(-walk.span, walk.span), aspect="equal")
    right_ax.tick_params(labelsize=SMALL)
    left_ax.title.set_fontsize(TITLE)

    def draw_frame(i: int) -> None:
        picture.set_data(images[i][..., 0] if images.shape[3] == 1 else images[i])
        dot.set_data(right[i : i + 1], up[i : i + 1])

    return film(figure, draw_frame, frames)


def at(walk: Walk, axes: Axes, right: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Images (M, H, W, C) with the two dimensions at right and up (M,), in the walk's units."""
    n_latent = len(walk.code)
    if len(set(axes)) != 2 or not all(0 <= j < n_latent for j in axes):
        raise ValueError(
            f"plane: expected two different dimensions out of 0..{n_latent - 1}, got {axes}"
        )
    z = np.tile(np.asarray(walk.code, np.float32), (len(right), 1))
    middle, scale = (np.broadcast_to(a, n_latent) for a in (walk.middle, walk.scale))
    for j, values in zip(axes, (right, up), strict=True):
        z[:, j] = middle[j] + values * scale[j]
    return np.clip(to_host(walk.decode(z)), 0, 1)
