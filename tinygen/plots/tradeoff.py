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
    every = np.concatenate(list(found.values()))
    for i, (name, points) in enumerate(found.items()):
        points = points[np.argsort(points[:, 1])]
        colour = LINES[i % len(LINES)]
        axes.plot(*points[:, 1:].T, "o-", color=colour, lw=1.5, ms=5, label=verbatim(name))
        side = 1 if i % 2 == 0 else -1  # two curves do not write over each other
        for betas, place in together(points, every):
            axes.annotate(
                rf"$\beta$ = {', '.join(f'{beta:g}' for beta in betas)}",
                (place[0], place[1]),
                xytext=(6 * side, 4 * side),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="bottom" if side > 0 else "top",
                fontsize=SMALL,
                color=colour,
            )
    least = every[np.argmin(every[:, 1] + every[:, 2])]
    axes.margins(0.16)
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # as the points ask; the line follows
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


def together(points: np.ndarray, every: np.ndarray) -> list[tuple[list[float], np.ndarray]]:
    """The betas that share a label, and its place: neighbours whose labels would overlap."""
    span = np.ptp(every[:, 1:], axis=0) + 1e-12
    groups: list[tuple[list[float], np.ndarray]] = []
    for beta, *place in points:
        near = groups and (np.abs(groups[-1][1] - place) < 0.04 * span).all()
        if near:
            groups[-1][0].append(beta)
        else:
            groups.append(([beta], np.array(place)))
    return [(sorted(betas), place) for betas, place in groups]
