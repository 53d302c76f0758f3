"""Series whose density is known, so that a model can be told how far it is from the truth.

    AR(p)    x_t = sum_k phi_k x_{t-k} + 0.5 eps_t                        tinygen/data/ar.py
    fork     x_t = 0.6 x_{t-1} + s_t + 0.2 eps_t,    s_t = -1 or +1, a coin

At each step the fork goes up or down by one, and a Gaussian has to cover both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinygen.data import ar

PULL, SIGMA = 0.6, 0.2


@dataclass(frozen=True)
class Process:
    """A process, and log p(x_t | past) of it.

    draw     : (rng, n, steps) -> (n, steps)
    log_prob : (N, T) -> (N, T - first), of every step but the first ones
    alone    : nats a step of the best Gaussian that knows no past
    """

    name: str
    first: int
    draw: Callable[[np.random.Generator, int, int], np.ndarray]
    log_prob: Callable[[np.ndarray], np.ndarray]
    alone: float


def autoregression(name: str, phi: tuple[float, ...]) -> Process:
    """AR(p) with these coefficients."""
    variance = ar.autocovariance(phi, lags=0)[0]
    return Process(
        name,
        len(phi),
        lambda rng, n, steps: ar.ar(rng, n, steps, phi).x,
        partial(ar.log_prob, coefficients=phi),
        entropy(variance),
    )


def entropy(variance: float) -> float:
    """Of a Gaussian: log(2 pi e sigma^2) / 2, in nats."""
    return math.log(2 * math.pi * math.e * variance) / 2


def fork(rng: np.random.Generator, n: int, steps: int, settle: int = 30) -> np.ndarray:
    """(n, steps); the first `settle` steps are thrown away, after which 0.6^30 of them is left."""
    moves = rng.choice([-1.0, 1.0], (n, settle + steps))
    moves += SIGMA * rng.standard_normal(moves.shape)
    x = np.zeros_like(moves)
    for t in range(1, moves.shape[1]):
        x[:, t] = PULL * x[:, t - 1] + moves[:, t]
    return x[:, settle:].astype(np.float32)


def fork_log_prob(x: np.ndarray) -> np.ndarray:
    """log (N(x_t; 0.6 x_{t-1} - 1, 0.2^2) / 2 + N(x_t; 0.6 x_{t-1} + 1, 0.2^2) / 2)."""
    x = np.asarray(x, np.float64)
    rest = x[:, 1:] - PULL * x[:, :-1]
    both = [-(((rest - s) / SIGMA) ** 2) / 2 for s in (-1, 1)]
    return np.logaddexp(*both) - math.log(2 * SIGMA * math.sqrt(2 * math.pi))


AR1 = autoregression("AR(1)", ar.AR1)
AR2 = autoregression("AR(2)", ar.AR2)
FORK = Process("fork", 1, fork, fork_log_prob, entropy((1 + SIGMA**2) / (1 - PULL**2)))


def ar_forecast(
    past: np.ndarray, phi: tuple[float, ...], steps: int, std: float = ar.STD
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of x_{t+1} .. x_{t+steps} given the past (T,), exactly.

    The mean goes on without noise; the variance is std^2 (psi_0^2 + ... + psi_{h-1}^2), psi the
    process's answer to a single 1.
    """
    mean, psi = list(past[-len(phi) :].astype(np.float64)), [0.0] * (len(phi) - 1) + [1.0]
    for _ in range(steps):
        mean.append(float(np.dot(phi, mean[: -len(phi) - 1 : -1])))
        psi.append(float(np.dot(phi, psi[: -len(phi) - 1 : -1])))
    variance = np.cumsum(np.square(psi[len(phi) - 1 :]))[:steps]
    return np.array(mean[len(phi) :]), std * np.sqrt(variance)
