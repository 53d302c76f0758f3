"""2. As the modes move apart: where the minima of each divergence come from, and what they cost.

P = weight N(-a, 1) + (1 - weight) N(a, 1) for one distance after the other; every minimum is
looked for from everywhere. docs/derivations/kl.md (19) to (22)
"""

import itertools
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
    landscape,
    minima,
)
from tinygen import plots
from tinygen.plots.style import LINES, dress, new_figure

WEIGHTS = (0.5, 0.7)
HALVES = (0.5, 1.0, 1.5, 1.8, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.8, 3.0, 3.5, 4.0, 4.5, 5.0)
QUICK = (1.0, 5.0)
MEANS, STDS = np.linspace(-6.5, 6.5, 131), np.geomspace(0.7, 8, 60)
Ends = list[tuple[float, float, float]]


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """How many minima there are, the distance at which they part, and what is left far away."""
    halves = QUICK if args.quick else HALVES
    found: dict[tuple[float, str], dict[float, Ends]] = {}
    for weight in WEIGHTS[1:] if args.quick else WEIGHTS:
        for name in DIVERGENCES:
            found[weight, name] = {
                a: minima(name, Mixture.pair(a, weight), args.device) for a in halves
            }
    rows = {}
    for (weight, name), at in found.items():
        on_modes = [a for a in halves if on_a_mode(a, at[a][0])]
        rows[f"{name}, weights {weight:g} and {1 - weight:g}"] = {
            "minima": runs({a: len(ends) for a, ends in at.items()}),
            "the least is on a mode": f"from a = {on_modes[0]:g}" if on_modes else "never",
            f"least at a = {halves[-1]:g}": at[halves[-1]][0][0],
            "a mode, infinitely far": far(name, weight),
        }
    figures = {"apart": picture(found), "apart_moving": film(found, args.device)}
    return rows, figures


def runs(counts: dict[float, int]) -> str:
    """The number of minima, and the distances from which it is another."""
    halves = list(counts)
    new = [b for a, b in itertools.pairwise(halves) if counts[a] != counts[b]]
    return ", ".join([str(counts[halves[0]]), *(f"from {a:g} {counts[a]}" for a in new)])


def on_a_mode(a: float, end: tuple[float, float, float]) -> bool:
    """Whether a fit sits on one mode, and does not lean over to the other."""
    return bool(abs(abs(end[1]) - a) < a / 4)


def far(name: str, weight: float) -> float | str:
    """What a Q on the heavier mode costs where the other is far away: (20) and (22)."""
    if name == REVERSE:
        return float(-np.log(weight))
    if name == JS:
        own = weight * np.log(2 * weight / (1 + weight)) + np.log(2 / (1 + weight))
        return float(0.5 * (own + (1 - weight) * np.log(2)))
    return "infinite"


def picture(found: dict[tuple[float, str], dict[float, Ends]]) -> Any:
    """The mean of each minimum over the distance; its length up and down is its deviation."""
    weights = sorted({weight for weight, _ in found})
    figure = new_figure(11, 0.5 + 2.75 * len(weights))
    grid = figure.subplots(len(weights), 3, sharex=True, sharey=True, squeeze=False)
    for row, weight in zip(grid, weights, strict=True):
        for axes, name, colour in zip(row, DIVERGENCES, LINES, strict=False):
            halves = np.array(list(found[weight, name]))
            axes.plot(halves, halves, color="#9aa3ad", lw=1, ls="--")
            axes.plot(halves, -halves, color="#9aa3ad", lw=1, ls="--")
            for a, ends in found[weight, name].items():
                least = ends[0][0]
                for value, mean, std in ends:
                    best = value < least + 1e-6
                    shown = {"color": colour if best else "black", "alpha": 1 if best else 0.45}
                    axes.errorbar(a, mean, std, fmt="o" if best else "s", ms=4, lw=1.2, **shown)
            dress(axes, f"{name}, weights {weight:g} and {1 - weight:g}")
    for axes in grid[-1]:
        axes.set_xlabel("a: the modes are at -a and a (dashed)", fontsize=9)
    for axes in grid[:, 0]:
        axes.set_ylabel("Q: mean, +- its deviation", fontsize=9)
    figure.suptitle("every minimum of each divergence; squares: not the least one", fontsize=10)
    return figure


def film(found: dict[tuple[float, str], dict[float, Ends]], device: str) -> bytes:
    """The best Q of each divergence, and KL(Q||P) over the mean of Q, as the modes part."""
    weight = WEIGHTS[1]
    halves = list(found[weight, FORWARD])
    profiles = {a: profile(Mixture.pair(a, weight), device) for a in halves}
    figure = new_figure(7.6, 2.9)
    left, right = figure.subplots(1, 2)

    def frames() -> Any:
        for a in halves:
            left.clear()
            right.clear()
            drawing.density(left, Mixture.pair(a, weight))
            for name, colour, style in zip(DIVERGENCES, LINES, ("-", "--", ":"), strict=False):
                _, mean, std = found[weight, name][a][0]
                drawing.bell(left, mean, std, colour, style, f"least {name}")
                least = profiles[a][name]
                right.plot(MEANS, least, color=colour)
                for value, mean, _ in found[weight, name][a]:
                    right.plot(mean, value, "o", color=colour, ms=4)
            dress(left, f"modes at -{a:.2f} and {a:.2f}", "x")
            dress(right, "at each mean of Q, its best deviation", "mean of Q")
            left.set(xlim=(-8, 8), ylim=(0, 0.55), yticks=[])
            right.set(xlim=(-6.5, 6.5), ylim=(0, 2))
            left.legend(frameon=False, fontsize=7, loc="upper right")
            yield drawing.fixed(figure)

    return plots.moving(frames(), 450, last=4)


def profile(p: Mixture, device: str) -> dict[str, np.ndarray]:
    """The least divergence at each mean of Q, by looking at each deviation."""
    grid = Grid.of(p, device)
    return {n: landscape(n, grid, MEANS, STDS, device).min(axis=1) for n in DIVERGENCES}
