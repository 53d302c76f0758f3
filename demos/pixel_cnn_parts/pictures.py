"""Pictures of a model that draws in reading order: its completions, its growth, what pixels cost.

Known pixels are black and white; what is not drawn yet is a light grey.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import plots, to_host
from tinygen.arrays import Array, Params
from tinygen.models.autoregressive import Autoregressive
from tinygen.plots.images import draw, tiled
from tinygen.plots.style import LINES, TITLE, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNKNOWN = 0.25  # ink of what is not drawn yet
SHARES = (0.25, 0.5, 0.75)


def completions(
    model: Autoregressive, p: Params, rng: np.random.Generator, x: Array, each: int = 2
) -> tuple["Figure", dict[str, float]]:
    """The first rows of x, drawn on `each` times from each share; and how alike two draws are.

    x : (N, H, W, 1) of zeros and ones
    """
    H, places = model.shape[0], model.size
    rows, names, alike = [to_host(x)], ["a test image"], {}
    for share in SHARES:
        known = round(share * H) * places // H
        shown = np.full((len(x), places), UNKNOWN)
        shown[:, :known] = to_host(x).reshape(len(x), -1)[:, :known]
        drawn = [model.complete(p, rng, x, known) for _ in range(each)]
        rows += [shown.reshape(x.shape), *map(to_host, drawn)]
        names += [f"its first {share:.0%}", *["completed"] * each]
        a, b = (to_host(d).reshape(len(x), -1)[:, known:] for d in drawn[:2])
        alike[f"{share:.0%} known: pixels of the rest in which two draws differ"] = float(
            (a != b).sum(axis=1).mean()
        )
    sheet = plots.interleaved(*rows, columns=len(x))
    tall = 6.0 * sheet.shape[0] / sheet.shape[1]
    figure = new_figure(7.8, tall + 0.1)
    axes = figure.add_subplot()
    draw(axes, sheet, "")
    pitch = x.shape[1] + 1
    for i, name in enumerate(names):
        axes.text(-4, (i + 0.5) * pitch, name, ha="right", va="center", fontsize=TITLE - 2)
    return figure, alike


def growth(
    model: Autoregressive, p: Params, rng: np.random.Generator, n: int, frames: int
) -> bytes:
    """n draws while they are drawn, as an animation: each at the same place at a time."""
    from matplotlib.figure import Figure

    moments = set(np.linspace(0, model.size, frames + 1).astype(int)[1:] - 1)
    sheets = []

    def keep(i: int, x: Array) -> None:
        if i in moments:
            shown = np.full((n, model.size), UNKNOWN)
            shown[:, : i + 1] = to_host(x).reshape(n, -1)[:, : i + 1]
            sheets.append(tiled(shown.reshape(n, *model.shape), int(np.ceil(np.sqrt(n)))))

    model.sample(p, rng, n, each=keep)

    def figures() -> Any:
        for sheet in sheets:
            figure = Figure(figsize=(2.9, 2.9), facecolor="white")
            draw(figure.add_axes((0.02, 0.02, 0.96, 0.96)), sheet, "")
            yield figure

    return plots.moving(figures(), milliseconds=90, last=30)


def costs(model: Autoregressive, p: Params, x: Array) -> tuple["Figure", np.ndarray]:
    """-log p(x_i | x_<i), mean over x, as a map and as a sum from the first row on; the map."""
    params, _ = model.conditionals(p, x)
    H, W, _ = model.shape
    flat = params.reshape(-1, 1), x.reshape(-1, 1)
    nll = to_host(model.likelihood.nll(*flat)[0]).reshape(len(x), H, W)  # a pixel an example
    mean = nll.mean(axis=0).astype(np.float64)
    figure = new_figure(7.0, 3.0)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
    shown = left.imshow(mean, cmap="gray_r", vmin=0, interpolation="nearest")
    left.set_axis_off()
    left.set_title("nats a pixel costs, mean over test images", fontsize=TITLE)
    figure.colorbar(shown, ax=left, shrink=0.8)
    right.plot(np.arange(1, H + 1), np.cumsum(mean.sum(axis=1)), color=LINES[0])
    dress(right, "nats of the rows so far", "row", "nats")
    return figure, mean
