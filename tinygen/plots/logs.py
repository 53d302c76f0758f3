"""The curves of a training, from its log."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.plots.style import FAINT, PARTS, SMALL, dress, new_figure, verbatim

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Log = list[dict[str, Any]]


def curves(
    log: Log,
    terms: dict[str, str] | None = None,
    title: str = "",
    unit: str = "nats per example",
) -> "Figure":
    """One panel a term over the epochs, training beside validation.

    log   : as `train` records it; a last epoch that was not finished stands where it stopped
    terms : name in the log -> the panel's title; all of them, under their names, where not given
    unit  : of the terms

    The epoch of the least validation loss, whose weights are kept, is marked. The first tenth of
    the epochs may leave the panel at the top, where it would press the rest into a line.
    """
    if not log:
        raise ValueError("curves: the log is empty: train for at least one epoch")
    terms = terms or {name: verbatim(name.replace("_", " ")) for name in names(log)}
    rows, columns = math.ceil(len(terms) / 3), min(3, len(terms))
    figure = new_figure(3.4 * columns, 2.9 * rows + (0.3 if title else 0), title)
    epochs, best = positions(log), best_epoch(log)
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes in grid[len(terms) :]:
        axes.remove()
    for (term, name), axes in zip(terms.items(), grid, strict=False):
        for part, colour in PARTS.items():
            values = [record.get(part, {}).get(term, math.nan) for record in log]
            if not all(map(math.isnan, values)):
                marker = "o" if len(log) < 3 else None
                axes.plot(epochs, values, color=colour, label=part, lw=1.5, marker=marker, ms=4)
        dress(axes, name, "epoch", unit)
        axes.locator_params(axis="x", integer=True, nbins=6, min_n_ticks=1)
        if best:
            axes.axvline(best, color=FAINT, lw=1, ls=":", label=f"best: epoch {best}", zorder=0)
        settle(axes)
    grid[0].legend(frameon=False, fontsize=SMALL)
    return figure


def names(log: Log) -> list[str]:
    """Every term of the log, by its first appearance, but for one that is the whole loss."""
    every = dict.fromkeys(n for r in log for part in PARTS for n in r.get(part, {}))
    alike = [
        n
        for n in every
        if n != "loss" and all(p.get(n) == p.get("loss") for r in log for p in parts_of(r))
    ]
    return [n for n in every if n not in alike]


def parts_of(record: dict[str, Any]) -> list[dict[str, float]]:
    """The terms of training and those of validation, where there are any."""
    return [record[part] for part in PARTS if part in record]


def positions(log: Log) -> list[float]:
    """The epochs of the records; of an unfinished one the part that was done."""
    epochs = [float(record["epoch"]) for record in log]
    if log[-1].get("unfinished") and len(log) > 1:
        length = log[0]["step"] / log[0]["epoch"]
        epochs[-1] = log[-1]["step"] / length
    return epochs


def best_epoch(log: Log) -> int | None:
    """The whole epoch of the least validation loss, where the log has one and it is not alone."""
    whole = [r for r in log if not r.get("unfinished") and "loss" in r.get("validation", {})]
    if len(whole) < 2:
        return None
    return int(min(whole, key=lambda record: record["validation"]["loss"])["epoch"])


def settle(axes: Any) -> None:
    """Let the first tenth of the curves leave the panel where they take more than half of it."""
    lines = [
        np.asarray(line.get_ydata(), float) for line in axes.lines if len(line.get_ydata()) > 9
    ]
    late = [y[np.isfinite(y)] for y in (line[len(line) // 10 :] for line in lines)]
    every = [line[np.isfinite(line)] for line in lines]
    if not late or not all(map(len, late)):
        return
    low, high = min(map(np.min, late)), max(map(np.max, late))
    if max(map(np.max, every)) - min(map(np.min, every)) > 2 * (high - low) > 0:
        margin = 0.08 * (high - low)
        axes.set_ylim(low - margin, high + margin)
