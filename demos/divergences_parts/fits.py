"""1. One Gaussian for two modes: covering, seeking, and what lies between.

The three divergences are brought down by gradient from many starts, and by looking at each place
of a grid of means and standard deviations. KL(P||Q) has a closed form besides: P's mean and
standard deviation. docs/derivations/kl.md (17), (19), (22)
"""

from typing import Any

import numpy as np

from divergences_parts import drawing
from divergences_parts.fitting import (
    DIVERGENCES,
    FORWARD,
    JS,
    REVERSE,
    Grid,
    Mixture,
    descend,
    gaussians,
    landscape,
    minima,
    objective,
)
from tinygen import plots, to_host
from tinygen.plots.style import LINES, dress, new_figure

P = Mixture.pair(3.0, 0.7)
MEANS, STDS = np.linspace(-5, 5, 101), np.geomspace(0.6, 6, 81)  # each fourth with --quick
WATCHED = ((-4.5, 1.0), (-1.0, 1.0), (0.5, 4.0), (2.0, 2.0), (4.5, 1.0))  # starts that are drawn
Answer = tuple[dict[str, Any], dict[str, Any]]


def answer(args: Any) -> Answer:
    """Every minimum of each divergence, with all three divergences there; the pictures."""
    grid = Grid.of(P, args.device)
    rows: dict[str, Any] = {"P itself": {"mean": P.mean, "std": P.std}}
    found = {name: minima(name, P, args.device) for name in DIVERGENCES}
    means, stds = (MEANS[::4], STDS[::4]) if args.quick else (MEANS, STDS)
    surfaces = {name: landscape(name, grid, means, stds, args.device) for name in DIVERGENCES}
    for name, ends in found.items():
        for i, (_, mean, std) in enumerate(ends):
            title = f"least {name}" if i == 0 else f"  another minimum of {name}"
            rows[title] = {"mean": mean, "std": std} | everywhere(grid, mean, std, args.device)
        k, j = np.unravel_index(surfaces[name].argmin(), surfaces[name].shape)
        looked = f"  the least of {surfaces[name].size} places"
        rows[f"{looked}, {name}"] = {
            "mean": means[k], "std": stds[j], name: surfaces[name][k, j]
        }  # fmt: skip
    paths = {name: watch(name, grid, args.device) for name in DIVERGENCES}
    figures = {
        "fits": picture(found, (means, stds, surfaces), paths),
        "fits_moving": film(paths, every=40 if args.quick else 3),
    }
    return rows, figures


def everywhere(grid: Grid, mean: float, std: float, device: str) -> dict[str, float]:
    """All three divergences of one Gaussian."""
    q = gaussians(mean, std, device)
    return {name: float(to_host(objective(name, q, grid)[0])[0]) for name in DIVERGENCES}


def watch(name: str, grid: Grid, device: str) -> np.ndarray:
    """Means and standard deviations on the way down, of a few starts: (frames, starts, 2)."""
    mean, std = zip(*WATCHED, strict=True)
    begin = gaussians(mean, std, device)
    _, path = descend(name, begin, grid, lr=0.03, keep=4)
    return np.stack([np.stack([q["mean"], np.exp(q["log_var"] / 2)], axis=1) for q in path])


def picture(found: dict[str, Any], places: Any, paths: Any) -> Any:
    """Above the minima as densities, below each divergence over all Gaussians, with descents."""
    means, stds, surfaces = places
    from matplotlib.patheffects import withStroke

    figure, rim = new_figure(11, 6.2), [withStroke(linewidth=2.4, foreground="#33485e")]
    axes = figure.subplots(2, 3, height_ratios=(1, 1.1))
    for name, top, below, colour in zip(DIVERGENCES, *axes, LINES, strict=False):
        drawing.density(top, P)
        for i, (value, mean, std) in enumerate(found[name]):
            drawing.bell(top, mean, std, colour, "-" if i == 0 else ":", f"{value:.3f} nats")
        dress(top, f"{name}: {WORDS[name]}", "x")
        top.legend(frameon=False, fontsize=8, loc="upper right")
        top.set(xlim=(-8, 8), ylim=(0, 0.52))
        least, z = surfaces[name].min(), surfaces[name].T
        levels = least + min(z.max() - least, 2.5) * np.linspace(0, 1, 13) ** 2
        below.contourf(means, stds, z, levels, cmap="Blues_r", extend="max")
        for path in paths[name].swapaxes(0, 1):
            below.plot(*path.T, color="white", lw=1.2, path_effects=rim)
            below.plot(*path[0], "o", color="white", ms=4, mec="#33485e")
        for i, (_, mean, std) in enumerate(found[name]):
            below.plot(mean, std, "*", color=colour if i == 0 else "black", ms=13 if i == 0 else 8)
        dress(
            below,
            "darker is lower; lines: descents; stars: minima",
            "mean of Q",
            "standard deviation of Q",
        )
        below.set(xlim=(-5, 5), ylim=(0.6, 6), yscale="log")
        below.set_yticks([1, 2, 4], ["1", "2", "4"])
        below.minorticks_off()
    return figure


WORDS = {FORWARD: "covers", REVERSE: "seeks a mode", JS: "in between"}


def film(paths: dict[str, np.ndarray], every: int) -> bytes:
    """The same descents, as five bells that move in each panel."""
    figure = new_figure(8.4, 2.4)
    axes = figure.subplots(1, 3)

    def frames() -> Any:
        steps = len(paths[FORWARD])
        for i in sorted({*range(0, steps, every), steps - 1}):
            for name, panel, colour in zip(DIVERGENCES, axes, LINES, strict=False):
                panel.clear()
                drawing.density(panel, P)
                for mean, std in paths[name][i]:
                    drawing.bell(panel, mean, std, colour)
                dress(panel, f"{name}: {WORDS[name]}")
                panel.set(xlim=(-8, 8), ylim=(0, 0.45), yticks=[])
                panel.grid(False)
            yield drawing.fixed(figure)

    return plots.moving(frames(), 90, last=20)
