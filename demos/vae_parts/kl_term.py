"""1. What does the KL term look like?

    k(m, s) = (e^s - (1 + s) + m^2) / 2,    s = log sigma^2,  the log of the variance

e^s is convex, and 1 + s its tangent at 0: so e^s >= 1 + s, and k >= 0, with one minimum at
s = 0, m = 0, where the code says nothing.                 docs/derivations/vae.md, equation 15
"""

from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.divergences import kl_diagonal_standard
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure
from vae_parts.setting import Numbers, Setting

DRAWS = 100_000
CODES = {  # what a code of one dimension costs: (m, s)
    "says nothing": (0.0, 0.0),
    "std 1/2": (0.0, 2 * np.log(0.5)),
    "std 1/10": (0.0, 2 * np.log(0.1)),
    "std 2": (0.0, 2 * np.log(2)),
    "mean 2": (2.0, 0.0),
    "mean 2, std 1/10": (2.0, 2 * np.log(0.1)),
}


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """The price of some codes in closed form and by Monte Carlo; the curves and the bowl."""
    rows = {}
    for name, (m, s) in CODES.items():
        k, backward = price(np.array([m]), np.array([s]))
        gradient = backward(np.ones(1))
        rows[name] = {
            "m": m,
            "s": s,
            "KL": float(k[0]),
            "Monte Carlo": by_draws(m, s, setting.rng),
            "dKL/dm": float(gradient["mean"][0, 0]),
            "dKL/ds": float(gradient["log_var"][0, 0]),
        }
    return rows, picture()


def price(m: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, Any]:
    """KL of one dimension at each (m, s), by the library, and its pullback."""
    k, backward = kl_diagonal_standard({"mean": m.reshape(-1, 1), "log_var": s.reshape(-1, 1)})
    return k, backward.dp


def by_draws(m: float, s: float, rng: np.random.Generator) -> tuple[float, float]:
    """E_q[log q(z) - log p(z)] over draws z ~ q, and its standard error."""
    eps = rng.standard_normal(DRAWS)
    z = m + np.exp(s / 2) * eps
    return metrics.mean_and_error(-0.5 * (eps * eps + s) + 0.5 * z * z)


def picture() -> Any:
    """e^s beside its tangent, k along s and along m, and k over both."""
    s, m = np.linspace(-4, 2, 121), np.linspace(-2.5, 2.5, 101)
    title = "the KL term of one dimension, $k = (e^s - (1 + s) + m^2)\\ /\\ 2$"
    figure = new_figure(11.5, 3.7, title)
    tangent, curves, bowl = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    dress(tangent, "$e^s \\geq 1 + s$", "s = log of the variance")
    tangent.plot(s, np.exp(s), color=LINES[0], label="$e^s$")
    tangent.plot(s, 1 + s, color=LINES[1], label="1 + s, its tangent at 0")
    tangent.fill_between(s, 1 + s, np.exp(s), color=FAINT, alpha=0.3, lw=0, label="2 k at m = 0")
    dress(curves, "both halves are least at 0", "s, or m", "nats")
    curves.plot(s, price(0 * s, s)[0], color=LINES[0], label="k(0, s): the noise")
    curves.plot(m, price(m, 0 * m)[0], color=LINES[2], label="k(m, 0): the place")
    for ax in (tangent, curves):
        ax.axvline(0, color=FAINT, lw=0.8, zorder=0)
        ax.legend(frameon=False, fontsize=SMALL)
    grid_m, grid_s = np.meshgrid(m, s)
    k = price(grid_m.ravel(), grid_s.ravel())[0].reshape(grid_m.shape)
    dress(bowl, "k(m, s), nats", "m", "s")
    levels = [0, 0.05, 0.2, 0.5, 1, 1.5, 2, 3, 4, 5, 6]
    shown = bowl.contourf(m, s, k, levels=levels, cmap="viridis_r")
    bowl.contour(m, s, k, levels=levels, colors="white", linewidths=0.5)
    bowl.plot(0, 0, "o", color=LINES[1], ms=5)
    bowl.annotate("0 at m = 0, s = 0", (0, 0), (0, 8), textcoords="offset points", ha="center",
                  fontsize=SMALL)  # fmt: skip
    figure.colorbar(shown, ax=bowl, shrink=0.9).ax.tick_params(labelsize=SMALL)
    return figure
