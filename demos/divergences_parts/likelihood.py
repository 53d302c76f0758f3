"""3. Maximum likelihood is the argmin of KL(P||Q); and where the model is right, all agree.

-(1/N) sum_n log q(x_n)  ->  -E_P[log q] = KL(P||Q) + H(P)      docs/derivations/kl.md (18)

The likelihood is brought down by gradient on draws of P, KL(P||Q) on the grid.
"""

from typing import Any

import numpy as np

from divergences_parts.fits import P
from divergences_parts.fitting import (
    DIVERGENCES,
    FORWARD,
    LR,
    STEPS,
    Grid,
    Mixture,
    gaussians,
    host,
    minima,
    objective,
)
from tinygen import to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.optim import adam
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.pullback import Pullback
from tinygen.quadrature import gaussian_on_grid
from tinygen.schedules import cosine

SIZES = (30, 100, 300, 1000, 3000, 10_000, 30_000)
ABOVE = "above the least"
RIGHT = Mixture((1.0,), (1.3,), (0.8,))


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fits by likelihood to more and more draws, beside the fit by KL(P||Q); then a right model."""
    grid, rng = Grid.of(P, args.device), np.random.default_rng(args.seed)
    kl, mean, std = minima(FORWARD, P, args.device)[0]
    rows: dict[str, Any] = {}
    for n in SIZES[::3] if args.quick else SIZES:
        row = by_likelihood(P.sample(rng, n), grid, args.device)
        rows[f"likelihood of {n} draws"] = row | {ABOVE: row[FORWARD] - kl}
    rows["KL(P||Q) on the grid"] = numbers(mean, std, kl + entropy(grid), kl)
    cross = 0.5 + float(np.log(P.std * np.sqrt(2 * np.pi)))  # (17) at P's mean and variance
    rows["KL(P||Q), closed form"] = numbers(P.mean, P.std, cross, cross - entropy(grid))
    figure = picture({name: row for name, row in rows.items() if ABOVE in row})
    for name in DIVERGENCES:
        value, mean, std = minima(name, RIGHT, args.device)[0]
        rows[f"P = N(1.3, 0.8^2), least {name}"] = {"mean": mean, "std": std, name: abs(value)}
    return rows, {"likelihood": figure}


def nll(q: Params, x: Array) -> tuple[Array, Pullback]:
    """-(1/N) sum_n log q(x_n) of each of S Gaussians (S,), and its pullback to q."""
    log_q, backward = gaussian_on_grid(q, x)  #                           (S, N)
    value = -log_q.mean(axis=1)

    def dq(d: Array) -> Params:
        dlog_q = namespace(x).broadcast_to(-d[:, None] / len(x), log_q.shape)
        return backward.dp(dlog_q)

    return value, Pullback(dq, lambda d: (), value)


def by_likelihood(draws: np.ndarray, grid: Grid, device: str) -> dict[str, float]:
    """Where the likelihood of these draws leads, and KL(P||Q) there."""
    x, q = to_device(draws, device), gaussians(0.0, 1.0, device)
    optimiser = adam(cosine(LR, STEPS), beta2=0.9)
    state = optimiser.init(q)
    for _ in range(STEPS):
        value, backward = nll(q, x)
        optimiser.update(q, backward.dp(namespace(value).ones_like(value)), state)
    at = host(q)
    return numbers(
        float(at["mean"][0]),
        float(np.exp(at["log_var"][0] / 2)),
        float(nll(q, x)[0][0]),
        float(to_host(objective(FORWARD, q, grid)[0])[0]),
    )


def numbers(mean: float, std: float, cross_entropy: float, kl: float) -> dict[str, float]:
    """One row of the table."""
    return {"mean": mean, "std": std, "-E[log q]": cross_entropy, FORWARD: kl}


def above(draws: np.ndarray) -> float:
    """KL(P||Q) less the least one, where Q has the mean and variance of the draws: by (17)."""
    second = P.std**2 + (P.mean - draws.mean()) ** 2
    return float(0.5 * (second / draws.var() - 1 + np.log(draws.var() / P.std**2)))


def entropy(grid: Grid) -> float:
    """H(P) = -int p log p dx."""
    log_p = to_host(grid.log_p)[0]
    return float(-(to_host(grid.w) * np.exp(log_p) * log_p).sum())


def picture(rows: dict[str, Any]) -> Any:
    """How far the fits by likelihood are from the least KL(P||Q), over the number of draws."""
    figure = new_figure(5.6, 3.4)
    axes = figure.add_subplot()
    sizes = [int(name.split()[2]) for name in rows]
    axes.loglog(sizes, [row[ABOVE] for row in rows.values()], "o-", color=LINES[0], label="one fit")
    rng = np.random.default_rng(0)
    means = [np.mean([above(P.sample(rng, n)) for _ in range(50)]) for n in sizes]
    axes.loglog(sizes, means, "--", color=FAINT, label="mean of 50 such fits, in closed form")
    dress(
        axes, "maximum likelihood approaches the least KL(P||Q)", "draws of P", "KL(P||Q) above it"
    )
    axes.legend(frameon=False, fontsize=8)
    return figure
