"""Divergences of densities that are known on a grid, by quadrature, in nats, a pair a row.

KL(P || Q) = int p (log p - log q) dx  ~  sum_i w_i p_i (log p_i - log q_i)
JS(P, Q)   = KL(P || M) / 2 + KL(Q || M) / 2,    M = (P + Q) / 2

A density is an array log_p (N, M): N densities at the same M nodes x_i, whose weights w_i (M,)
are the lengths (areas, volumes) that the nodes stand for; -inf where it is zero. Unlike the
closed forms of `divergences` this asks of neither density to be Gaussian; it serves one or two
dimensions, where a grid can hold all that there is.

The pullback's dp half is the gradient with respect to the first log-density, its dx half that of
the second, each entry for itself. KL(Q || P) is `kl_on_grid` with the two exchanged.
J. Lin, Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf. Theory 37 (1991).
                                                           docs/derivations/kl.md
"""

import math
from typing import Any

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import FLOATS, Array, Params, device_of, is_array, namespace
from tinygen.layers.base import check_array, check_device, check_nonempty
from tinygen.likelihoods.base import check_beside, check_dict
from tinygen.likelihoods.gaussian import LOG_2PI
from tinygen.pullback import Pullback

LOG_2 = math.log(2.0)
MASS = 1e-3  # how far sum_i w_i p_i may be from 1


def midpoints(low: float, high: float, n: int, dtype: Any = np.float64) -> tuple[Array, Array]:
    """(x, w): the middles of n equal cells of [low, high], and the cells' lengths, (n,) both.

    Exact for densities that are constant on each cell; for smooth ones that vanish at both ends
    the error falls faster than any power of the step. Raises ValueError for n < 1, low >= high.
    """
    check_whole("midpoints", "n", n)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"midpoints: expected finite numbers low < high, got {low} and {high}")
    step = (high - low) / n
    x = low + step * (np.arange(n) + 0.5)
    return x.astype(dtype), np.full(n, step, dtype)


def gaussian_on_grid(q: Params, x: Array) -> tuple[Array, Pullback]:
    """log N(x_i; mean_n, exp(log_var_n)) (N, M) of q = {"mean" (N,), "log_var" (N,)}, x (M,).

    Raises ValueError for keys, shapes, NaN, an empty batch; TypeError for dtypes and devices.
    """
    name = "gaussian_on_grid"
    check_dict(f"{name}: q", q, "mean", "log_var")
    mean, log_var = q["mean"], q["log_var"]
    check_array(f"{name}: q's mean", mean, "N")
    check_beside(f"{name}: q", "log_var", log_var, mean)
    check_array(f"{name}: the nodes", x, "M")
    check_one_kind(name, "x", x, "q's mean", mean)
    precision = namespace(x).exp(-log_var)[:, None]  # 1 / sigma^2             (N, 1)
    e = x - mean[:, None]  #                                                   (N, M)
    square = e * e * precision
    log_q = -0.5 * (square + log_var[:, None] + LOG_2PI)  #                    (N, M)   (11)

    def dq(d: Array) -> Params:
        dmean = (d * e).sum(axis=1) * precision[:, 0]  #                       (N,)
        return {"mean": dmean, "log_var": 0.5 * (d * (square - 1)).sum(axis=1)}  #      (12)

    def dx(d: Array) -> Array:
        return -(d * e * precision).sum(axis=0)  #                             (M,)

    return log_q, Pullback(dq, dx, log_q)


def kl_on_grid(log_p: Array, log_q: Array, weights: Array) -> tuple[Array, Pullback]:
    """KL(P || Q) (N,), in nats; infinite where a node has p > 0 = q, 0 log 0 = 0.

    Raises ValueError for other shapes, NaN, +inf, weights that are not finite and positive, and
    a density that does not sum to 1 on the grid, within 1e-3; TypeError for dtypes and devices.
    """
    p, _ = densities("kl_on_grid", log_p, log_q, weights)
    terms = weights * p  #                                                     (N, M)
    ratio = log_ratio(terms, log_p, log_q)  # log p - log q, 0 where p = 0     (N, M)
    kl = (terms * ratio).sum(axis=1)  #                                        (N,)     (13)

    def dlog_p(d: Array) -> Array:
        return terms * (ratio + 1) * d[:, None]  #                             (N, M)   (14)

    def dlog_q(d: Array) -> Array:
        return -terms * d[:, None]  #                                          (N, M)   (14)

    return kl, Pullback(dlog_p, dlog_q, kl)


def js_on_grid(log_p: Array, log_q: Array, weights: Array) -> tuple[Array, Pullback]:
    """JS(P, Q) (N,), in nats, between 0 and log 2. Raises as `kl_on_grid` does."""
    p, q = densities("js_on_grid", log_p, log_q, weights)
    log_m = namespace(p).logaddexp(log_p, log_q) - LOG_2  # log (p + q) / 2    (N, M)
    share_p, share_q = weights * p, weights * q  #                             (N, M)
    from_p = share_p * log_ratio(share_p, log_p, log_m)  # each term <= w p log 2
    from_q = share_q * log_ratio(share_q, log_q, log_m)
    js = 0.5 * (from_p + from_q).sum(axis=1)  #                                (N,)     (15)

    # what M gains by a larger p is taken off again by the two terms -w log m   (16)
    def dlog_p(d: Array) -> Array:
        return 0.5 * from_p * d[:, None]  #                                    (N, M)

    def dlog_q(d: Array) -> Array:
        return 0.5 * from_q * d[:, None]  #                                    (N, M)

    return js, Pullback(dlog_p, dlog_q, js)


def log_ratio(share: Array, log_p: Array, log_q: Array) -> Array:
    """log p - log q where P has a share, else 0: +inf where q alone is zero."""
    xp = namespace(share)
    there = share > 0
    return xp.where(there, log_p, 0) - xp.where(there, log_q, 0)


def densities(name: str, log_p: Array, log_q: Array, weights: Array) -> tuple[Array, Array]:
    """p and q (N, M), after refusing what is no pair of densities on one grid.

    The values are looked at on the CPU only, for a GPU would have to wait.
    """
    for what, a in (("log_p", log_p), ("log_q", log_q), ("weights", weights)):
        if not is_array(a):
            raise TypeError(
                f"{name}: expected {what} as a NumPy or CuPy array, got {type(a).__name__}: "
                f"use np.asarray({what}, dtype=np.float64)"
            )
        if a.dtype.name not in FLOATS:
            raise TypeError(f"{name}: expected floats, {what} is {a.dtype}: use astype")
        check_one_kind(name, what, a, "log_p", log_p)
    if log_p.ndim != 2 or log_q.shape != log_p.shape or weights.shape != log_p.shape[1:]:
        raise ValueError(
            f"{name}: expected log_p and log_q (N, M) and weights (M,) on one grid of M nodes, got "
            f"{log_p.shape}, {log_q.shape} and {weights.shape}: evaluate both densities at the "
            "nodes that the weights belong to; one density is a row, log_p[None]"
        )
    check_nonempty(name, log_p)
    xp = namespace(log_p)
    with np.errstate(over="ignore"):  # what is no logarithm is said below
        p, q = xp.exp(log_p), xp.exp(log_q)
    if device_of(log_p) != "cuda":
        check_values(name, {"log_p": (log_p, p), "log_q": (log_q, q)}, weights)
    return p, q


def check_values(name: str, pairs: dict[str, tuple[Array, Array]], weights: Array) -> None:
    """Refuse NaN, +inf, weights that are no lengths, and what does not sum to one."""
    xp = namespace(weights)
    if not (xp.isfinite(weights) & (weights > 0)).all():
        raise ValueError(
            f"{name}: weights must be finite and > 0, the smallest is {float(weights.min()):g}: "
            "they are the lengths of the grid's cells, as `midpoints` gives them"
        )
    for what, (log_density, density) in pairs.items():
        bad = xp.isnan(log_density) | (log_density == math.inf)
        if bad.any():
            n, i = (int(k) for k in xp.argwhere(bad)[0])
            raise ValueError(
                f"{name}: {what} holds NaN or +inf, the first at row {n}, node {i}: a "
                "log-density is finite, or -inf where the density is zero"
            )
        with np.errstate(over="ignore"):
            mass = (weights * density).sum(axis=1)  # int p dx, should be 1   (N,)
        wrong = xp.abs(mass - 1)
        if not bool((wrong <= MASS).all()):
            n = int(wrong.argmax())
            raise ValueError(
                f"{name}: row {n} of {what} sums to {float(mass[n]):.6g} on the grid, expected 1 "
                f"within {MASS:g}: give the logarithm of a normalised density, on a grid that is "
                "wide enough to hold it and fine enough to resolve it"
            )


def check_one_kind(name: str, what: str, a: Array, other_name: str, other: Array) -> None:
    """Refuse arrays of two devices or dtypes. Raises TypeError."""
    check_device(name, a, other)
    if a.dtype != other.dtype:
        raise TypeError(
            f"{name}: {what} is {a.dtype}, {other_name} is {other.dtype}: "
            f"use {what}.astype({str(other.dtype)!r})"
        )
