"""Pictures of scores: their distributions, their ROC curves, and the extreme images."""

from typing import TYPE_CHECKING

import numpy as np

from tinygen.metrics import auroc, roc_curve
from tinygen.plots import tiled
from tinygen.plots.images import draw
from tinygen.plots.style import LINES, SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scores = dict[str, np.ndarray]
NORMAL, NOVEL = LINES[0], LINES[1]
SHOWN = 24  # images a sheet


def histograms(
    normal: Scores, novel: Scores, limits: dict[str, float], names: tuple[str, str], title: str
) -> "Figure":
    """One panel a score: where normal and novel images lie, and the threshold."""
    rows = -(-len(normal) // 2)
    figure = new_figure(8.6, 2.1 * rows + 0.5, title)
    for axes, name in zip(figure.subplots(rows, 2).flat, normal, strict=False):
        both = np.concatenate([normal[name], novel[name]])
        low, high = np.quantile(both, [0.002, 0.998])  # the rest stands in the outermost bins
        bins = np.linspace(low, high, 60)
        for scores, colour, label in ((normal, NORMAL, names[0]), (novel, NOVEL, names[1])):
            clipped = np.clip(scores[name], low, high)
            look = {"histtype": "stepfilled", "alpha": 0.6, "color": colour, "label": label}
            axes.hist(clipped, bins.tolist(), density=True, **look)
        axes.axvline(limits[name], color="black", lw=1, ls="--", label="threshold")
        area = auroc(normal[name], novel[name])
        dress(axes, f"{name}: AUROC {area:.3f}", "", "")
        axes.set_yticks([])
    figure.axes[0].legend(fontsize=SMALL, frameon=False)
    return figure


def curves(normal: dict[str, Scores], novel: dict[str, Scores], title: str) -> "Figure":
    """One panel a likelihood: detections over false alarms, a line a score."""
    figure = new_figure(1 + 2.6 * len(normal), 3.6, title)
    for axes, kind in zip(figure.subplots(1, len(normal), squeeze=False).flat, normal, strict=True):
        for i, name in enumerate(normal[kind]):
            x, y = roc_curve(normal[kind][name], novel[kind][name])
            style = "-" if i < len(LINES) else "--"
            axes.plot(x, y, style, color=LINES[i % len(LINES)], lw=1.5, label=name)
        axes.plot([0, 1], [0, 1], color="black", lw=0.6, ls=":")
        axes.set_aspect("equal")
        dress(axes, kind, "false alarms", "detections")
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, ncols=6, fontsize=SMALL, frameon=False, loc="outside lower center")
    return figure


def extremes(
    normal: np.ndarray, novel: np.ndarray, scores: dict[str, tuple[np.ndarray, np.ndarray]]
) -> "Figure":
    """By each score the normal images that look most like outliers, and the outliers that do least.

    scores : name -> (of the normal images, of the novel ones)
    """
    figure = new_figure(8.6, 2.0 * len(scores))
    rows = figure.subplots(len(scores), 2, squeeze=False)
    for (left, right), (name, (of_normal, of_novel)) in zip(rows, scores.items(), strict=True):
        strange, plain = np.argsort(-of_normal)[:SHOWN], np.argsort(of_novel)[:SHOWN]
        draw(left, tiled(normal[strange], 8), f"{name}: normal, greatest")
        draw(right, tiled(novel[plain], 8), f"{name}: outliers, least")
    return figure
