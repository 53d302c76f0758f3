"""Pictures of densities of series: what may come next, forecasts, and echoes of the past."""

from typing import TYPE_CHECKING

import numpy as np

from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def next_steps(
    side: np.ndarray, densities: dict[str, np.ndarray], nats: dict[str, float]
) -> "Figure":
    """p(x_t | x_{t-1}) over a grid: a panel a model, x_{t-1} to the right, x_t upwards."""
    figure = new_figure(9, 3)
    top = max(float(d.max()) for d in densities.values())
    for axes, (name, d) in zip(figure.subplots(1, len(densities)), densities.items(), strict=True):
        axes.pcolormesh(side, side, d.T, cmap="Greys", vmin=0, vmax=top, shading="nearest")
        dress(axes, f"{name}: {nats[name]:.3f} nats a step", "last step", "")
        axes.set_aspect("equal")
        axes.grid(False)
    figure.axes[0].set_ylabel("next step", fontsize=SMALL)
    return figure


def forecasts(
    past: np.ndarray, drawn: np.ndarray, mean: np.ndarray, std: np.ndarray, title: str
) -> "Figure":
    """A past (T,), continuations (M, h), and the exact mean and standard deviation (h,)."""
    figure = new_figure(9, 2.8)
    axes = figure.subplots()
    shown = past[-40:]
    ahead = np.arange(len(shown), len(shown) + len(mean))
    axes.plot(shown, color="black", lw=1.2, label="past")
    axes.plot(ahead, drawn[:4].T, color=FAINT, lw=0.7)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    axes.fill_between(ahead, low, high, color=LINES[0], alpha=0.3, label="model: 95 % of draws")
    axes.plot(ahead, drawn.mean(axis=0), color=LINES[0], label="model: mean of draws")
    for edge, label in ((mean - 1.96 * std, "exact"), (mean + 1.96 * std, ""), (mean, "")):
        axes.plot(ahead, edge, "--", color=LINES[1], lw=1.2, label=label or None)
    axes.legend(fontsize=SMALL, frameon=False, ncols=4, loc="upper left")
    dress(axes, title, "step", "")
    return figure


def echoes(
    found: dict[str, tuple[np.ndarray, np.ndarray]], samples: dict[str, np.ndarray]
) -> "Figure":
    """For each process a simulated series, and its autocovariance beside the exact one."""
    figure = new_figure(9, 2.1 * len(found))
    rows = figure.subplots(len(found), 2, squeeze=False, width_ratios=[2, 1])
    for (left, right), (name, (exact, ours)) in zip(rows, found.items(), strict=True):
        for series, colour in zip(samples[name], LINES, strict=False):
            left.plot(series, color=colour, lw=0.9)
        dress(left, f"{name}, drawn from the model", "step", "")
        right.plot(exact, "o", color="black", ms=3, label="exact")
        right.plot(ours, color=LINES[0], label="model")
        dress(right, "autocovariance", "lag", "")
        right.legend(fontsize=SMALL, frameon=False)
    return figure
