"""5. What can be formed from samples of P alone?

KL(P||Q) = -H(P) - E_P[log q]:   the part that knows Q is a mean over the samples
KL(Q||P) = -H(Q) - E_Q[log p]:   needs log p at draws of Q, which samples of P do not give

A histogram and a kernel estimate are tried in p's place. The answer is then theirs: infinite
where a bin is empty, and another one at each width. docs/derivations/kl.md, "Which can be formed"
"""

from typing import Any

import numpy as np

from divergences_parts.fits import P
from divergences_parts.fitting import (
    FORWARD,
    REVERSE,
    WIDE,
    Grid,
    descend,
    gaussians,
    host,
    minima,
    objective,
)
from divergences_parts.likelihood import entropy
from tinygen import to_device, to_host
from tinygen.arrays import device_of
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.quadrature import gaussian_on_grid

DRAWS = 500
WIDTHS = (0.2, 0.4, 0.8, 1.6)
CROSS = "-E_P[log q]"
Q = (-3.0, 1.2)  # a Q near the heavier mode, at which the divergences are estimated


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both divergences of one Q, from P itself and from samples; where their minima would be."""
    rng = np.random.default_rng(args.seed)
    x = P.sample(rng, DRAWS)
    grid, q = Grid.of(P, args.device), gaussians(*Q, args.device)
    exact = {name: float(to_host(objective(name, q, grid)[0])[0]) for name in (FORWARD, REVERSE)}
    log_q = -0.5 * ((x - Q[0]) / Q[1]) ** 2 - np.log(Q[1] * np.sqrt(2 * np.pi))
    cross = -np.mean(log_q), np.std(log_q) / np.sqrt(DRAWS)
    rows: dict[str, Any] = {
        "P itself": row(
            exact[FORWARD] + entropy(grid), exact[REVERSE], minima(REVERSE, P, args.device)[0]
        ),
        f"{DRAWS} samples, as they are": {CROSS: cross, REVERSE: "cannot be formed"},
    }
    kernels = {}
    for width in WIDTHS:
        rows[f"  a histogram, bins of {width:g}"] = {REVERSE: by_histogram(x, width)}
    for width in WIDTHS:
        kernels[width] = estimate(x, width, grid)
        value = float(to_host(objective(REVERSE, q, kernels[width])[0])[0])
        rows[f"  kernels of width {width:g}"] = row(None, value, least(kernels[width], args.device))
    return rows, {"samples": picture(x, kernels)}


def row(cross: float | None, value: float, end: tuple[float, float, float]) -> dict[str, Any]:
    """A line of the table: both estimates, and where the least KL(Q||P) is."""
    first = {} if cross is None else {CROSS: cross}
    return first | {REVERSE: value, "its least": end[0], "mean there": end[1], "std there": end[2]}


def by_histogram(x: np.ndarray, width: float) -> float | str:
    """KL(Q || the histogram of x): infinite, for Q is nowhere zero and some bin is empty."""
    edges = np.arange(-WIDE, WIDE + width / 2, width)
    counts, _ = np.histogram(x, edges)
    middle = (edges[1:] + edges[:-1]) / 2
    mass = np.exp(gaussian_on_grid(gaussians(*Q), middle)[0][0]) * width
    outside = float(mass[counts == 0].sum())
    return f"infinite ({outside:.1g} of Q in empty bins)" if outside > 0 else "finite"


def estimate(x: np.ndarray, width: float, grid: Grid) -> Grid:
    """log of the mean of N(x_n, width^2) over the samples, on the grid in place of log p."""
    each, _ = gaussian_on_grid(gaussians(x, width), to_host(grid.x))  #   (N, M)
    log_p = log_sum_exp(each, axis=0)[None] - np.log(len(x))
    return Grid(grid.x, grid.w, to_device(log_p, device_of(grid.x)))


def least(grid: Grid, device: str) -> tuple[float, float, float]:
    """The least KL(Q||P) near the heavier mode: (value, mean, std)."""
    q, _ = descend(REVERSE, gaussians(*Q, device), grid)
    value, at = to_host(objective(REVERSE, q, grid)[0]), host(q)
    return float(value[0]), float(at["mean"][0]), float(np.exp(at["log_var"][0] / 2))


def picture(x: np.ndarray, kernels: dict[float, Grid]) -> Any:
    """log p beside its estimates: they part where there are no samples, and Q goes there."""
    figure = new_figure(6.4, 3.6)
    axes = figure.add_subplot()
    at = np.linspace(-9, 9, 400)
    axes.plot(at, P.log_density(at)[0], color="black", lw=2, label="log p")
    shown = [width for width in kernels if width in (0.2, 0.4, 1.6)]
    for width, colour in zip(shown, LINES, strict=False):
        grid = kernels[width]
        axes.plot(to_host(grid.x), to_host(grid.log_p)[0], color=colour, label=f"width {width:g}")
    axes.plot(x, np.full(len(x), -19.5), "|", color=FAINT, ms=6)
    dress(axes, f"log p, and what kernels make of {DRAWS} samples", "x", "nats")
    axes.set(xlim=(-9, 9), ylim=(-20, 0))
    axes.legend(frameon=False, fontsize=8)
    return figure
