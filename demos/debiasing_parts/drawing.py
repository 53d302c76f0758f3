"""The picture of the demo: a row a task, from the pixels to the recall."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from debiasing_parts.trial import Trial
from tinygen import plots
from tinygen.models.resampling import class_codes, resampling_weights
from tinygen.plots.style import LINES, SMALL, TITLE, dress, new_figure

COMMON, RARE = LINES[0], LINES[3]  # blue, orange
RULES = (LINES[4], LINES[1], LINES[2], "black")  # no colour of a group
SHOWN = 6  # examples a row


def picture(trials: dict[str, dict[str, Trial]]) -> Figure:
    """Task -> rule -> trial, as a figure."""
    figure = new_figure(13, 3.0 * len(trials))
    axes = figure.subplots(len(trials), 4, squeeze=False)
    for row, (task, by_rule) in zip(axes, trials.items(), strict=True):
        examples(row[0], task, by_rule["none"])
        codes(row[1], by_rule["none"])
        drawn(row[2], by_rule)
        recalls(row[3], by_rule)
    return figure


def examples(ax: Any, task: str, trial: Trial) -> None:
    """Rows: of class 1 the common, the rare; of class 0."""
    part, rare = trial.train, trial.train.factors["rare"] == 1
    ones = part.labels == 1
    rows = [np.flatnonzero(group)[:SHOWN] for group in (ones & ~rare, ones & rare, ~ones)]
    shown = [np.pad(r, (0, SHOWN - len(r)), mode="wrap") for r in rows if len(r)]
    ax.imshow(plots.tiled(1 - part.x[np.concatenate(shown)], SHOWN)[..., 0], cmap="gray")
    ax.set_title(f"{task}\nrows: common, rare, the other class", fontsize=TITLE)
    ax.axis("off")


def codes(ax: Any, trial: Trial) -> None:
    """The code that tells the rare group best, as the weights see it: a histogram."""
    ones = np.flatnonzero(trial.train.labels == 1)
    rare = trial.train.factors["rare"][ones] == 1
    z = class_codes(trial.model, trial.p, trial.train.x, ones)
    apart = abs(z[rare].mean(axis=0) - z[~rare].mean(axis=0)) / z.std(axis=0)
    j = int(apart.argmax())
    edges = np.linspace(z[:, j].min(), z[:, j].max(), 11)
    ax.hist([z[~rare, j], z[rare, j]], edges, color=(COMMON, RARE))
    ax.set_yscale("log")
    w = resampling_weights(z, combine="maximum")
    dress(
        ax,
        f"class 1 by its code $z_{j}$, rare in orange\nby maximum, 0.01: "
        f"{100 * w[rare].sum():.1f} % of the draws",
        f"mean of $q(z_{j}|x)$",
        "examples",
    )


def drawn(ax: Any, by_rule: dict[str, Trial]) -> None:
    """The share of the rare group in each epoch's draws."""
    for (name, trial), colour in zip(by_rule.items(), RULES, strict=True):
        epochs = np.arange(1, len(trial.drawn) + 1)
        ax.plot(epochs, trial.drawn, marker=".", color=colour, label=name)
    dress(ax, "the rare group's share of the draws", "epoch", "%")
    ax.set(ylim=(0, 135), yticks=range(0, 101, 20))
    ax.legend(frameon=False, fontsize=SMALL, ncols=2, loc="upper center")


def recalls(ax: Any, by_rule: dict[str, Trial]) -> None:
    """How many of each group are recognised."""
    dress(ax, "recall on the test set", "", "%")
    place = np.arange(len(by_rule))
    for shift, group, colour in ((-0.2, "common", COMMON), (0.2, "rare", RARE)):
        values = [trial.numbers[group] for trial in by_rule.values()]
        bars = ax.bar(place + shift, values, 0.38, color=colour, label=group)
        ax.bar_label(bars, fmt="%.0f", fontsize=SMALL)
    ax.set_xticks(place, [name.replace(" ", "\n") for name in by_rule], fontsize=SMALL)
    ax.set(ylim=(0, 125), yticks=range(0, 101, 20))
    ax.legend(frameon=False, fontsize=SMALL, ncols=2, loc="upper center")
