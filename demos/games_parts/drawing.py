"""What the pictures of games share."""

from typing import Any

import numpy as np

from games_parts.saddle import Saddle

FILL = "#d9dee4"


def level_lines(axes: Any, saddle: Saddle, wide: float) -> None:
    """The level lines of f over a square around zero, as a faint ground."""
    side = np.linspace(-wide, wide, 81)
    f = saddle.value(side[:, None], side[None])[0]  # (x, y)
    axes.contourf(side, side, f.T, 10, cmap="PuOr_r", alpha=0.35)
    axes.set(xlim=(-wide, wide), ylim=(-wide, wide), aspect="equal")


def fixed(figure: Any) -> Any:
    """The figure, with its axes held where the first layout put them."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure
