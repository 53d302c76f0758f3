"""The pictures: what each dimension tells, walks along axes and directions, a plane of two."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.plots.images import draw, interleaved
from tinygen.plots.style import SMALL, TEXT, TITLE, new_figure

TILE, LETTER = 0.6, 0.085  # inches


def information(found: Mapping[str, Any], level: Mapping[str, np.ndarray]) -> Any:
    """A panel a model: I(z_j; v_k) / H(v_k), a row a factor, a column a dimension."""
    figure = new_figure(10.5, 5.4, "what each dimension tells of each factor: I(z; v) / H(v)")
    for ax, (name, numbers) in zip(figure.subplots(2, 2).ravel(), found.items(), strict=True):
        told = np.stack([
            np.asarray(numbers["information"][k]) / metrics.factor_entropy(v)
            for k, v in level.items()
        ])  # fmt: skip
        ax.imshow(told, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), value in np.ndenumerate(told):
            if value >= 0.05:
                colour = "white" if value > 0.5 else "black"
                ax.text(
                    *(column, row, f"{value:.2f}"),
                    ha="center", va="center", fontsize=SMALL - 1, color=colour,
                )  # fmt: skip
        ax.set_title(
            f"{name}: MIG {numbers['MIG']:.2f}, total correlation {numbers['tc']:.2f} nats",
            fontsize=TITLE,
        )
        ax.set_yticks(range(len(level)), list(level), fontsize=TEXT)
        ax.set_xticks(
            range(told.shape[1]), [f"$z_{{{j + 1}}}$" for j in range(told.shape[1])], fontsize=SMALL
        )
        ax.tick_params(length=0)
    return figure


def walks(rows: Mapping[str, np.ndarray], title: str) -> Any:
    """A row a walk, images (V, H, W, C) as ink, beside its name."""
    columns = len(next(iter(rows.values())))
    width = TILE * columns + LETTER * max(map(len, rows)) + 0.2
    figure = new_figure(width, TILE * len(rows) + 0.5, title)
    ax = figure.add_subplot()
    draw(ax, interleaved(*rows.values(), columns=columns), "")
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    height = next(iter(rows.values())).shape[1] + 1
    ax.set_xticks([])
    ax.set_yticks((np.arange(len(rows)) + 0.5) * height - 1, list(rows), fontsize=SMALL)
    ax.tick_params(length=0)
    return figure
