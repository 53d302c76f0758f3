"""Pictures of plans: how high the bob is over time, what was forecast, and the swing itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from planning_parts.shooting import Episodes
from planning_parts.worlds import SECONDS_A_STEP, TORQUE
from tinygen.plots.frames import moving
from tinygen.plots.style import LINES, SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = "height of the bob"


def seconds(steps: int, first: int = 1) -> np.ndarray:
    """The moments of so many steps."""
    return SECONDS_A_STEP * np.arange(first, first + steps)


def heights(done: dict[str, Episodes]) -> "Figure":
    """One panel a planner, one line a pendulum."""
    figure = new_figure(9, 2.6)
    for axes, (name, e) in zip(
        figure.subplots(1, len(done), sharey=True), done.items(), strict=True
    ):
        axes.plot(seconds(e.reward.shape[1]), e.reward.T, color=LINES[0], lw=0.8, alpha=0.7)
        where = {"random": "random torques", "simulator": "plans in the simulator"}
        title = where.get(name, "plans in the model")
        dress(axes, f"{title}: return {e.reward.sum(axis=1).mean():.1f}", "seconds")
        axes.set_ylim(-1.1, 1.1)
    figure.axes[0].set_ylabel(HEIGHT, fontsize=SMALL)
    return figure


def forecasts(true: np.ndarray, expected: np.ndarray) -> "Figure":
    """Heights (n, S + h) and what was forecast of the last h steps (n, h)."""
    figure = new_figure(9, 3.4)
    panels = figure.subplots(2, -(-len(true) // 2), sharex=True, sharey=True).flat
    S = true.shape[1] - expected.shape[1]
    for axes, x, forecast in zip(panels, true, expected, strict=False):
        axes.plot(seconds(len(x)), x, color="black", lw=1, label="true")
        axes.plot(seconds(len(forecast), S + 1), forecast, "--", color=LINES[1], label="forecast")
        axes.axvline(SECONDS_A_STEP * S, color="black", lw=0.5, ls=":")
        dress(axes)
        axes.set_ylim(-1.1, 1.1)
    figure.axes[0].legend(fontsize=SMALL, frameon=False)
    figure.supxlabel(
        "seconds; forecast from the torques alone behind the dotted line", fontsize=SMALL
    )
    figure.supylabel(HEIGHT, fontsize=SMALL)
    return figure


def swinging(done: Episodes, which: int = 0) -> bytes:
    """A GIF of one pendulum, its torque, and how high it is."""
    angle, torque, reward = done.angle[which], done.torque[which], done.reward[which]

    def frames() -> Iterator["Figure"]:
        from matplotlib.figure import Figure

        for t in range(len(torque)):
            figure = Figure(figsize=(4.4, 2.2), dpi=72, facecolor="white")
            left = figure.add_axes((0.0, 0.02, 0.5, 0.96))
            x, y = np.sin(angle[t + 1]), -np.cos(angle[t + 1])
            left.plot([0, x], [0, y], color="black", lw=3)
            left.plot([x], [y], "o", color=LINES[0], ms=14)
            left.plot([0], [0], "o", color="black", ms=4)
            left.barh([-1.35], [torque[t] / TORQUE], height=0.12, color=LINES[1])
            left.plot([0, 0], [-1.45, -1.25], color="black", lw=1)
            left.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
            left.axis("off")
            right = figure.add_axes((0.58, 0.22, 0.39, 0.7))
            right.plot(seconds(t + 1), reward[: t + 1], color=LINES[0])
            right.set(xlim=(0, SECONDS_A_STEP * len(torque)), ylim=(-1.1, 1.1))
            dress(right, "", "seconds", "height")
            yield figure

    return moving(frames(), milliseconds=100, last=10)
