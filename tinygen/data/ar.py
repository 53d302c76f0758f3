"""Autoregressive processes with known coefficients, and the likelihood of a series under them.

x_t = sum_k phi_k x_{t-k} + std eps_t        eps_t ~ N(0, 1)        k = 1, ..., p

log p(x_t | x_{t-1}, ..., x_{t-p}) = log N(x_t; sum_k phi_k x_{t-k}, std^2)

In the mean over all series, no model's NLL is below `entropy_rate`, log(2 pi e std^2) / 2 nats a
step. P. Brockwell and R. Davis, Time Series: Theory and Methods, 1991, chapters 3 and 8.
"""

from collections.abc import Sequence

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part

Coefficients = Sequence[float] | np.ndarray

STD = 0.5
AR1 = (0.9,)
AR2 = (1.5, -0.75)  # roots of modulus 0.87 at 30 degrees: waves of about 12 steps


def ar(
    rng: np.random.Generator,
    n: int,
    steps: int = 128,
    coefficients: Coefficients = AR1,
    std: float = STD,
) -> Part:
    """n series (N, T) of the AR(p) process with phi_1, ..., phi_p, from its stationary state on.

    The first p values come from their joint normal distribution, so that every window of a series
    has the same one. No labels, no factors: the coefficients are those given.

    Raises ValueError for n < 1, steps < 1, std outside [1e-6, 1e6], and a process that is not
    stationary.
    """
    check_counts("ar", n=n, steps=steps)
    phi = stationary(coefficients, std)
    p = len(phi)
    lags = abs(np.arange(p) - np.arange(p)[:, None])
    cholesky = np.linalg.cholesky(autocovariance(phi, std, p - 1)[lags])  # of (x_0, ..., x_{p-1})
    eps = rng.standard_normal((n, max(steps, p)))
    x = std * eps  # (N, T)
    x[:, :p] = eps[:, :p] @ cholesky.T
    for t in range(p, steps):
        x[:, t] += x[:, t - p : t] @ phi[::-1]  # sum_k phi_k x_{t-k}
    return Part(x[:, :steps].astype(np.float32))


def log_prob(x: np.ndarray, coefficients: Coefficients = AR1, std: float = STD) -> np.ndarray:
    """log p(x_t | the p steps before), in nats, of every step but the first p.

    x (N, T) -> float64 (N, T - p); minus its mean is the NLL in nats a step, given the first p.
    Raises ValueError for series of p steps or fewer, std outside [1e-6, 1e6], and a process that
    is not stationary.
    """
    phi = stationary(coefficients, std)
    x, p = np.asarray(x, np.float64), len(phi)
    if x.ndim != 2 or x.shape[1] <= p:
        raise ValueError(f"log_prob: x must be of shape (N, T) with T > {p}, got {x.shape}")
    past = np.lib.stride_tricks.sliding_window_view(x[:, :-1], p, axis=1)  # (N, T - p, p)
    eps = (x[:, p:] - past @ phi[::-1]) / std
    return -(eps**2) / 2 - np.log(2 * np.pi * std**2) / 2


def entropy_rate(std: float = STD) -> float:
    """What the true model pays a step in the mean, in nats: log(2 pi e std^2) / 2."""
    return float(np.log(2 * np.pi * np.e * std**2) / 2)


def autocovariance(
    coefficients: Coefficients = AR1, std: float = STD, lags: int = 20
) -> np.ndarray:
    """gamma_h = E x_t x_{t-h} for h = 0, ..., lags, by the equations of Yule and Walker.

    gamma_h = sum_k phi_k gamma_|h-k| + (std^2 where h = 0)

    for h = 0, ..., p is linear in gamma_0, ..., gamma_p; higher lags follow one by one.
    Raises ValueError for lags < 0, std outside [1e-6, 1e6], a process that is not stationary.
    """
    check_counts("autocovariance", 0, lags=lags)
    phi = stationary(coefficients, std)
    p = len(phi)
    equations = np.eye(p + 1)
    for h in range(p + 1):
        for k in range(1, p + 1):
            equations[h, abs(h - k)] -= phi[k - 1]
    gamma = list(np.linalg.solve(equations, std**2 * np.eye(p + 1)[0]))
    for _ in range(p, lags):
        gamma.append(phi @ gamma[: -p - 1 : -1])  # sum_k phi_k gamma_{h-k}
    return np.array(gamma[: lags + 1])


def stationary(coefficients: Coefficients, std: float) -> np.ndarray:
    """The coefficients as an array, of a process that settles. Raises ValueError elsewise.

    It does where every root of z^p - phi_1 z^{p-1} - ... - phi_p lies within the unit circle.
    """
    check_range("ar", 1e-6, 1e6, std=std)
    phi = np.asarray(coefficients, np.float64)
    if phi.ndim != 1 or phi.size == 0 or not np.isfinite(phi).all():
        raise ValueError(f"ar: coefficients must be p finite numbers, p >= 1, got {coefficients}")
    largest = abs(np.roots([1, *-phi])).max(initial=0)
    if largest >= 1:
        raise ValueError(
            f"ar: coefficients {coefficients} give no stationary process: a root has modulus "
            f"{largest:.3g}, it must be below 1 (for p = 1 that is |phi| < 1)"
        )
    return phi
