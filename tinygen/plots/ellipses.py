"""Gaussians in the plane as ellipses: the points at so many standard deviations from each mean.

mean + s L (cos a, sin a),        L L^T = Sigma
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.plots.style import CLASSES, FAINT, MARKERS, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def outlines(mean: np.ndarray, Sigma: np.ndarray, deviations: float = 2.0) -> np.ndarray:
    """Points (K, 65, 2) around the means (K, 2) of Gaussians with covariances (K, 2, 2)."""
    s, V = np.linalg.eigh(np.asarray(Sigma, np.float64))
    root = V * np.sqrt(np.maximum(s, 0))[:, None]  #                    (K, 2, 2)
    angle = np.linspace(0, 2 * np.pi, 65)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(mean)[:, None] + deviations * circle @ root.swapaxes(1, 2)


def draw_ellipses(axes: Any, weights: np.ndarray, mean: np.ndarray, Sigma: np.ndarray) -> list[Any]:
    """Each component's ellipse at one and two standard deviations, the wider the line the more
    it weighs, with a cross at its mean. Returns matplotlib's artists."""
    artists = []
    for k, weight in enumerate(weights):
        colour = CLASSES[k % len(CLASSES)]
        width = 0.8 + 2.0 * min(1.0, float(weight) * len(weights) / 2)
        for deviations, alpha in ((1.0, 0.5), (2.0, 1.0)):
            points = outlines(mean[k : k + 1], Sigma[k : k + 1], deviations)[0]
            artists += axes.plot(*points.T, color=colour, linewidth=width, alpha=alpha)
        artists += axes.plot(*mean[k], marker="+", color=colour, markersize=9, markeredgewidth=2)
    return artists


def draw_points(axes: Any, x: np.ndarray, labels: np.ndarray | None = None) -> None:
    """Points (N, 2), told apart by marker and colour where they have classes."""
    if labels is None:
        axes.scatter(*x.T, s=5, color=FAINT, linewidths=0)
        return
    for k in np.unique(labels):
        axes.scatter(
            *x[labels == k].T,
            s=9,
            color=CLASSES[k % len(CLASSES)],
            marker=MARKERS[k % len(MARKERS)],
            alpha=0.35,
            linewidths=0,
        )


def ellipses(
    x: np.ndarray, weights: np.ndarray, mean: np.ndarray, Sigma: np.ndarray, title: str = ""
) -> "Figure":
    """Points (N, 2) under the ellipses of K Gaussians: weights (K,), mean (K, 2), Sigma (K, 2, 2).

    Raises ValueError for what is not in the plane.
    """
    if np.ndim(x) != 2 or np.shape(x)[1] != 2 or np.shape(Sigma)[1:] != (2, 2):
        raise ValueError(
            f"ellipses: expected points (N, 2) and covariances (K, 2, 2), got {np.shape(x)} and "
            f"{np.shape(Sigma)}: project onto two axes first"
        )
    figure = new_figure(5.5, 5.5, title)
    axes = figure.add_subplot()
    draw_points(axes, x)
    draw_ellipses(axes, weights, mean, Sigma)
    dress(axes)
    axes.set_aspect("equal")
    return figure
