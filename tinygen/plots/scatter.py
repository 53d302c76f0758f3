"""Where a model puts its codes, one point an example, coloured by class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.arrays import Array, to_host
from tinygen.plots.style import (
    CLASSES,
    MARKERS,
    SMALL,
    TEXT,
    TITLE,
    dress,
    halo,
    new_figure,
    verbatim,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHARES = (0.5, 0.95)  # of N(0, I), within the circles


def latent_scatter(
    codes: Array,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    title: str = "",
    prior: bool = False,
) -> "Figure":
    """Codes (N, Z) as points: as they are where Z = 2, else along their two principal axes.

    labels  : (N,) classes 0, 1, ...; all points look alike without them
    classes : their names, for the legend; their numbers where not given
    prior   : draw the circles that hold 50 % and 95 % of N(0, I), and so of its projections

    One dimension is drawn against the class. More than ten classes share a scale of colours.
    Raises ValueError for codes that are no (N, Z), N >= 1, or not finite, and other labels than N.
    """
    codes = np.asarray(to_host(codes), np.float64)
    labels = None if labels is None else np.asarray(to_host(labels))
    check(codes, labels)
    points, origin, axes_named, words = flattened(codes, labels)
    lines = [title, words]
    if prior and codes.shape[1] > 1:
        lines.append(f"circles: {SHARES[0]:.0%} and {SHARES[1]:.0%} of N(0, I)")
    figure = new_figure(6.4, 5.6, "\n".join(filter(None, lines)))
    axes = figure.add_subplot()
    dress(axes, "", *axes_named)
    if codes.shape[1] > 1:
        axes.set_aspect("equal", adjustable="datalim")
        if prior:
            draw_prior(axes, origin)
    scatter(figure, axes, points, labels, classes)
    return figure


def check(codes: np.ndarray, labels: np.ndarray | None) -> None:
    """Refuse what cannot be drawn. Raises ValueError."""
    if codes.ndim != 2 or 0 in codes.shape or not np.isfinite(codes).all():
        raise ValueError(
            f"latent_scatter: expected finite codes (N, Z), N >= 1, got shape {codes.shape} with "
            f"{int((~np.isfinite(codes)).sum())} values that are not finite"
        )
    if labels is not None and labels.shape != codes.shape[:1]:
        raise ValueError(
            f"latent_scatter: expected a label for each of {len(codes)} codes, got {labels.shape}"
        )


def flattened(
    codes: np.ndarray, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, str], str]:
    """Points (N, 2), where z = 0 lies among them, the names of the axes, words for the title."""
    if codes.shape[1] == 1:
        rows = np.zeros(len(codes)) if labels is None else labels
        named = ("$z_1$", "" if labels is None else "class")
        return np.stack([codes[:, 0], rows], axis=1), np.zeros(2), named, ""
    if codes.shape[1] == 2:
        return codes, np.zeros(2), ("$z_1$", "$z_2$"), ""
    points, origin, share = principal_axes(codes)
    words = f"two principal axes of {codes.shape[1]} dimensions: {share:.0%} of the variance"
    return points, origin, ("first principal axis", "second principal axis"), words


def principal_axes(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Codes (N, Z) along the two directions of most variance: (N, 2); where z = 0 lies; the share.

    z - mean = U S V^T;  the directions are the first two columns of V
    """
    mean = codes.mean(axis=0)
    _, s, vt = np.linalg.svd(codes - mean, full_matrices=False)
    axes = vt[:2].T  #                                                    (Z, 2)
    total = float((s * s).sum())
    share = float((s[:2] ** 2).sum()) / total if total else 1.0
    points, origin = (codes - mean) @ axes, -mean @ axes
    missing = 2 - axes.shape[1]  # fewer than two examples span one axis
    return np.pad(points, [(0, 0), (0, missing)]), np.pad(origin, (0, missing)), share


def draw_prior(axes: Any, origin: np.ndarray) -> None:
    """|z|^2 / 2 is exponential in 2-D: a share s lies within the radius sqrt(-2 log(1 - s))."""
    from matplotlib.patches import Circle

    for share in SHARES:
        radius = float(np.sqrt(-2 * np.log(1 - share)))
        circle = Circle((origin[0], origin[1]), radius, fill=False, lw=1, ls="--", zorder=3)
        axes.add_patch(circle)


def scatter(
    figure: "Figure",
    axes: Any,
    points: np.ndarray,
    labels: np.ndarray | None,
    classes: Sequence[str],
) -> None:
    """The points, with a legend or a scale of colours where there are classes."""
    size = float(np.clip(20000 / len(points), 10, 30))
    look = {"s": size, "alpha": 0.8, "linewidths": 0}
    if labels is None:
        axes.scatter(*points.T, color=CLASSES[0], **look)
        return
    found = np.unique(labels)
    if len(found) > len(CLASSES):
        drawn = axes.scatter(*points.T, c=labels, cmap="viridis", **look)
        bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
        bar.set_label(f"number of the class, of {len(found)}", fontsize=TEXT)
        bar.ax.tick_params(labelsize=SMALL)
        return
    names = [classes[k] if 0 <= k < len(classes) else str(k) for k in found]
    short = max(map(len, names)) <= 2  # longer ones would lie on top of each other
    for i, name in enumerate(map(verbatim, names)):
        own = points[labels == found[i]]
        axes.scatter(*own.T, color=CLASSES[i], marker=MARKERS[i], label=name, **look)
        if short:
            axes.annotate(
                name,
                np.median(own, axis=0),
                ha="center",
                va="center",
                fontsize=TITLE,
                weight="bold",
                path_effects=halo(),
                zorder=5,
            )
    legend = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=SMALL,
        markerscale=1.5,
    )
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(1)
