"""Small drawings that several questions make."""

import math
from typing import Any

import numpy as np

from tinygen import to_host
from tinygen.arrays import Array
from tinygen.plots.style import CLASSES

DOTS = 1000


def dots(axes: Any, points: Array, labels: np.ndarray | None) -> None:
    """The first codes (N, 2), coloured by class."""
    points = to_host(points)[:DOTS]
    if labels is None:
        axes.scatter(*points.T, s=4, lw=0, color=CLASSES[0])
    else:
        labels = labels[:DOTS]
        for k in np.unique(labels):
            colour = CLASSES[int(k) % len(CLASSES)]
            axes.scatter(*points[labels == k].T, s=4, lw=0, color=colour)
    axes.set_aspect("equal", adjustable="datalim")


def round_prior(axes: Any) -> None:
    """The circles that hold 50 % and 95 % of N(0, I) in the plane."""
    from matplotlib.patches import Circle

    for share in (0.5, 0.95):
        axes.add_patch(Circle((0, 0), radius(share), fill=False, lw=1, ls="--", zorder=3))


def radius(share: float) -> float:
    """Of the circle that holds this share of N(0, I) in the plane: |z|^2 / 2 is exponential."""
    return math.sqrt(-2 * math.log(1 - share))
