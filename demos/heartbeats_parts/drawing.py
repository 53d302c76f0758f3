"""Pictures of heart beats: drawn beside real, drawn on, where they are odd, and how odd."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORMAL, ABNORMAL = LINES[0], LINES[1]


def beats(real: np.ndarray, drawn: np.ndarray, columns: int = 6) -> "Figure":
    """Rows of real beats above rows of drawn ones."""
    rows = len(real) // columns
    figure = new_figure(9, 0.9 * 2 * rows + 0.5)
    for i, axes in enumerate(figure.subplots(2 * rows, columns, sharex=True, sharey=True).flat):
        mine = i >= rows * columns
        x = drawn[i - rows * columns] if mine else real[i]
        axes.plot(x, color=LINES[1] if mine else "black", lw=0.9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        if i % columns == 0:
            axes.set_ylabel("drawn" if mine else "real", fontsize=SMALL)
    return figure


def continued(real: np.ndarray, known: int, drawn: np.ndarray) -> "Figure":
    """Beats (n, T), of which the first `known` steps were read, and continuations (n, M, rest)."""
    figure = new_figure(9, 2.2)
    ahead = np.arange(known, real.shape[1])
    for axes, x, more in zip(figure.subplots(1, len(real), sharey=True), real, drawn, strict=True):
        others = axes.plot(ahead, more[1:].T, color=FAINT, lw=0.6)
        others[0].set_label(f"{len(others)} other draws")
        axes.plot(ahead, more[0], color=LINES[1], lw=0.9, label="a draw")
        axes.plot(x, color="black", lw=1.1, label="real")
        axes.axvline(known - 0.5, color="black", lw=0.5, ls=":")
        dress(axes, "", "sample")
    figure.axes[0].legend(fontsize=SMALL, frameon=False)
    return figure


def odd(x: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> "Figure":
    """Beats (T,), and below each what its steps cost (T,) in nats."""
    figure = new_figure(9, 3)
    panels = figure.subplots(2, len(x), sharex=True, sharey="row")
    for (above, below), name in zip(panels.T, x, strict=True):
        above.plot(x[name], color="black", lw=1)
        dress(above, name)
        below.bar(np.arange(len(x[name])), scores[name], width=1.0, color=ABNORMAL)
        dress(below, "", "sample")
    panels[1, 0].set_ylabel("-log p, nats", fontsize=SMALL)
    return figure


def histograms(scores: dict[str, tuple[np.ndarray, np.ndarray]], areas: dict[str, Any]) -> "Figure":
    """A panel a score: of normal test beats and of abnormal ones, in the first split."""
    figure = new_figure(9, 2.4)
    for axes, (name, (normal, abnormal)) in zip(
        figure.subplots(1, len(scores)), scores.items(), strict=True
    ):
        low, high = np.quantile(np.concatenate([normal, abnormal]), [0, 0.95])
        bins = np.linspace(low, high, 40).tolist()
        for values, colour, label in ((normal, NORMAL, "normal"), (abnormal, ABNORMAL, "abnormal")):
            shown = np.clip(values, low, high)
            look = {"histtype": "stepfilled", "alpha": 0.6, "color": colour, "label": label}
            axes.hist(shown, bins, density=True, **look)
        dress(axes, f"{name}: {areas[name]:.3f}")
        axes.set_yticks([])
    figure.axes[0].legend(fontsize=SMALL, frameon=False)
    return figure


def areas(found: dict[str, list[float]]) -> "Figure":
    """A row a score: the AUROC of each split, and their mean."""
    figure = new_figure(6, 0.5 + 0.33 * len(found))
    axes = figure.subplots()
    for i, values in enumerate(found.values()):
        axes.plot(values, [i] * len(values), "o", color=FAINT, ms=4)
        axes.plot([np.mean(values)], [i], "|", color=LINES[1], ms=14, mew=2)
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    dress(axes, "", "AUROC: dots are splits, bars their means")
    return figure
