"""4. Supports that part: KL is infinite, JS is log 2 and flat.

    U(0, 1) and U(1 - o, 2 - o), which overlap by o:   JS = (1 - o) log 2
    N(0, s^2) and N(d, s^2):                           KL = d^2 / (2 s^2), JS -> log 2

The last column is what a gradient descent would feel. docs/derivations/kl.md (15)
"""

from typing import Any

import numpy as np

from divergences_parts.fitting import DIVERGENCES, FORWARD, JS
from tinygen.plots.style import LINES, dress, new_figure
from tinygen.quadrature import gaussian_on_grid, js_on_grid, kl_on_grid, midpoints

CELLS = midpoints(0.0, 3.0, 600)
FINE = midpoints(-2.0, 5.0, 1400)
STD = 0.2
OVERLAPS = (1.0, 0.5, 0.1, 0.0, -1.0)
DISTANCES = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0)
CLOSED, SLOPE = "JS, closed form", "slope of JS"


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Uniforms that slide apart, then Gaussians of which neither is ever zero."""
    rows: dict[str, Any] = {}
    for o in OVERLAPS:
        log_p, log_q = uniform(0.0, 1.0), uniform(1 - o, 2 - o)
        row = three(log_p, log_q, CELLS[1]) | {CLOSED: (1 - max(o, 0.0)) * np.log(2)}
        rows[f"uniform, overlap {o:g}" if o >= 0 else f"uniform, a gap of {-o:g}"] = row
    for d in DISTANCES:
        rows[f"Gaussian, {d / STD:g} deviations apart"] = gaussian_pair(d)[0]
    return rows, {"supports": picture()}


def uniform(low: float, high: float) -> np.ndarray:
    """log of a uniform density at the cells; -inf outside."""
    inside = (low < CELLS[0]) & (CELLS[0] < high)
    return np.where(inside, -np.log(high - low), -np.inf)[None]


def three(log_p: np.ndarray, log_q: np.ndarray, w: np.ndarray) -> dict[str, Any]:
    """The three divergences of a pair; a word where one is infinite."""
    values = (kl_on_grid(log_p, log_q, w), kl_on_grid(log_q, log_p, w), js_on_grid(log_p, log_q, w))
    found = [max(float(value[0]), 0.0) for value, _ in values]  # 0 may round to -1e-17
    return {k: v if np.isfinite(v) else "infinite" for k, v in zip(DIVERGENCES, found, strict=True)}


def gaussian_pair(d: float) -> tuple[dict[str, Any], float]:
    """N(0, s^2) and N(d, s^2): the divergences, and the slope of JS by d, with its sign."""
    x, w = FINE
    both = {"mean": np.array([0.0, d]), "log_var": np.full(2, 2 * np.log(STD))}
    log_density, backward = gaussian_on_grid(both, x)
    log_p, log_q = log_density[:1], log_density[1:]
    dlog_q = js_on_grid(log_p, log_q, w)[1].dx(np.ones(1))
    slope = backward.dp(np.concatenate([0 * dlog_q, dlog_q]))["mean"][1]
    return three(log_p, log_q, w) | {SLOPE: float(abs(slope))}, float(slope)


def picture() -> Any:
    """Both divergences and their slopes over the distance of two narrow Gaussians."""
    distances = np.linspace(0.005, 2, 61)
    rows = [gaussian_pair(d)[0] for d in distances]
    figure = new_figure(8.6, 3.2)
    left, right = figure.subplots(1, 2)
    for name, colour, style in zip((FORWARD, JS), (LINES[0], LINES[2]), ("-", "-"), strict=True):
        left.plot(distances / STD, [row[name] for row in rows], style, color=colour, label=name)
    left.axhline(np.log(2), color="#9aa3ad", ls="--", lw=1)
    left.text(0.1, np.log(2) + 0.05, "log 2", fontsize=8)
    left.set_ylim(0, 3)
    left.legend(frameon=False, fontsize=8)
    right.plot(distances / STD, distances / STD**2, color=LINES[0], label=FORWARD)
    right.plot(distances / STD, [row[SLOPE] for row in rows], color=LINES[2], label=JS)
    right.set(yscale="log", ylim=(1e-6, 100))
    right.legend(frameon=False, fontsize=8)
    dress(left, "two Gaussians move apart", "distance, in deviations", "nats")
    dress(right, "what pulls them together: the slope", "distance, in deviations", "nats a unit")
    return figure
