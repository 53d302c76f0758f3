"""Rate and distortion: what the code costs, and what it leaves unsaid.

rate R = KL(q(z|x) || p(z)), distortion D = -log p(x|z), both means over q and data;  -ELBO = D + R.
Models of one ELBO stand on a line of slope -1; beta moves a model along the frontier, where its
slope is -beta. A. A. Alemi et al., Fixing a Broken ELBO, ICML 2018, arXiv 1711.00464.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure, verbatim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, float, float]


def rate_distortion(
    curves: Mapping[str, Iterable[Point]], title: str = "", unit: str = "nats per example"
) -> "Figure":
    """Distortion against rate, a point a model, labelled by its beta.

    curves : name, such as "test" -> points (beta, rate, distortion)

    The dashed line holds all models of the best ELBO among the points.
    Raises ValueError for no points, or some that are not finite.
    """
    found = {name: np.array(list(points), float) for name, points in curves.items()}
    if not found or any(p.ndim != 2 or p.shape[1] != 3 or not len(p) for p in found.values()):
        raise ValueError("rate_distortion: expected points (beta, rate, distortion) for each curve")
    if not all(np.isfinite(points).all() for points in found.values()):
        raise ValueError("rate_distortion: some points are not finite: leave them out")
    figure = new_figure(5.6, 4.4, title)
    axes = figure.add_subplot()
    dress(axes, "", f"rate KL(q(z|x) || p(z)), {unit}", f"distortion -log p(x|z), {unit}")
    for i, (name, points) in enumerate(found.items()):
        points = points[np.argsort(points[:, 1])]
        colour = LINES[i % len(LINES)]
        axes.plot(*points[:, 1:].T, "o-", color=colour, lw=1.5, ms=5, label=verbatim(name))
        for beta, rate, distortion in points:
            axes.annotate(
                rf"$\beta$ = {beta:g}",
                (rate, distortion),
                xytext=(5, 5),
                textcoords="offset points",
                fontsize=SMALL,
                color=colour,
            )
    every = np.concatenate(list(found.values()))
    least = every[np.argmin(every[:, 1] + every[:, 2])]
    axes.margins(0.12)
    axes.autoscale(False)
    axes.axline(
        (least[1], least[2]),
        slope=-1,
        color=FAINT,
        ls="--",
        lw=1,
        label=f"-ELBO = {least[1] + least[2]:.1f}, the best of these",
    )
    axes.legend(frameon=False, fontsize=SMALL)
    return figure
