"""The picture: test error over the number of labels, with its spread over the draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from few_labels_parts.fits import spread
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure

Errors = Mapping[str, Mapping[int, np.ndarray]]  # row -> labels -> errors of the draws

# Pixels and their linear map in grey; a colour a model, dashed for the code.
LOOKS: dict[str, dict[str, Any]] = {
    "pixels": {"color": "black", "ls": "-"},
    "PCA": {"color": FAINT, "ls": "-"},
    "AE code": {"color": LINES[0], "ls": "--"},
    "AE hidden": {"color": LINES[0], "ls": "-"},
    "denoising AE code": {"color": LINES[1], "ls": "--"},
    "denoising AE hidden": {"color": LINES[1], "ls": "-"},
    "VAE mean": {"color": LINES[2], "ls": "--"},
    "VAE hidden": {"color": LINES[2], "ls": "-"},
}
TICKS = (5, 10, 20, 30, 50)  # percent
MOVED = ("from scratch", "fine-tuned")  # the ends of the names of nets whose weights all move
BANDS = ("pixels", "denoising AE hidden", "VAE hidden")  # more bands would hide each other


def picture(errors: Errors, title: str) -> Any:
    """Lines on the left; on the right, where weights move, bars at three numbers of labels."""
    figure = new_figure(9.6, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    lines(left, {name: errors[name] for name in LOOKS if name in errors})
    left.set_title(f"{title}, by what they see", fontsize=10)
    moved = {name: row for name, row in errors.items() if name.endswith(MOVED)}
    frozen = [name for name in ("pixels", "denoising AE hidden") if name in errors]
    bars(right, {**{f"{name}, linear": errors[name] for name in frozen}, **moved})
    right.set_title("features that stay, weights that move", fontsize=10)
    return figure


def lines(axes: Any, errors: Errors) -> None:
    """Means as lines, one standard deviation of a draw as a band."""
    for name, row in errors.items():
        sizes = list(row)
        mean, deviation = np.array([spread(row[n]) for n in sizes]).T
        axes.plot(sizes, mean, marker="o", ms=3, lw=1.4, label=name, **LOOKS[name])
        if name in BANDS:
            colour = LOOKS[name]["color"]
            axes.fill_between(sizes, mean - deviation, mean + deviation, color=colour, alpha=0.12)
    dress(axes, "", "labels", "test error, %")
    axes.set(xscale="log", yscale="log")  # where errors are small, rows differ by less and as much
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.set_yticks(TICKS, [str(tick) for tick in TICKS])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=SMALL, loc="lower left")


def bars(axes: Any, errors: Errors) -> None:
    """Groups by the number of labels, one bar a row; whiskers are one standard deviation."""
    sizes = sorted(set.intersection(*(set(row) for row in errors.values())))
    wide = 0.8 / len(errors)
    colours = ("black", LINES[1], FAINT, LINES[3])
    for i, (name, row) in enumerate(errors.items()):
        mean, deviation = np.array([spread(row[n]) for n in sizes]).T
        at = np.arange(len(sizes)) + (i - (len(errors) - 1) / 2) * wide
        axes.bar(at, mean, wide, yerr=deviation, color=colours[i], label=name,
                 error_kw={"lw": 0.8, "ecolor": "#555"})  # fmt: skip
    dress(axes, "", "labels", "")
    axes.set_xticks(range(len(sizes)), [str(n) for n in sizes])
    axes.legend(frameon=False, fontsize=SMALL)
