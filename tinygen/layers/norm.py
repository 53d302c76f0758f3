"""The maths that batch norm and instance norm share: standardise each channel over a group of rows.

mean = (1/M) sum_m x_m,   var = (1/M) sum_m (x_m - mean)^2
x_hat_m = (x_m - mean) / sqrt(var + eps),   y_m = gamma x_hat_m + beta

The input is seen as G groups of M rows, (G, M, C). A batch norm has one group, all positions of
all examples; an instance norm has one group an example.

Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1      docs/derivations/batch_norm.md
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels.elementwise import BLOCK
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, NonFinite, check_sizes
from tinygen.pullback import Pullback


class ScaledNorm(Layer):
    """A norm with a scale and a shift a channel: gamma starts at 1, beta at 0.

    By the rule "dcgan" gamma ~ N(1, 0.02^2), as in the code of that paper's authors.
    """

    n: int
    eps: float

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)
        if not self.eps > 0:
            raise ValueError(f"{type(self).__name__}: eps must be > 0, got {self.eps!r}")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"gamma": (self.n,), "beta": (self.n,)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        gamma = np.ones(self.n, dtype)
        if weights == "dcgan":
            gamma += initialisers.draw(weights, rng, gamma.shape, 1, 1, dtype)
        return {"gamma": gamma, "beta": np.zeros(self.n, dtype)}


def normalise(owner: str, p: Params, x: Array, groups: int, eps: float) -> tuple[Array, Pullback]:
    """Each channel of each group gets mean 0 and variance 1, then gamma and beta.

    x (..., C), whose leading axes are `groups` G times M rows. A block of rows is carried through
    all lines of a loop while it is in the cache; x_hat = (x - mean) inv_std is not kept.
    """
    xp, gamma, beta = namespace(x), p["gamma"], p["beta"]
    rows = x.reshape(groups, -1, x.shape[-1])  #                       (G, M, C)
    M = rows.shape[1]
    mean, var = moments(rows)  #                                       (G, 1, C)  (1) (2)
    check_variance(owner, var)
    inv_std = 1 / xp.sqrt(var + eps)  # 1 / sqrt(var + eps)            (G, 1, C)  (3)
    scale = gamma * inv_std
    y = xp.empty_like(rows)
    for g, m in blocks(rows):
        # gamma x_hat + beta                                           (G, M, C)  (4) (5)
        centred = rows[g, m] - mean[g]
        centred *= scale[g]
        xp.add(centred, beta, out=y[g, m])
    y = y.reshape(x.shape)

    def sums(dy: Array) -> tuple[Array, Array]:
        """sum_m dy_m and sum_m dy_m x_hat_m, which both halves need: (G, 1, C)."""
        s_dy, s_dyx = xp.zeros_like(mean), xp.zeros_like(mean)
        for g, m in blocks(rows):
            centred = rows[g, m] - mean[g]
            centred *= dy[g, m]
            s_dy[g] += sum_over_rows(dy[g, m])
            s_dyx[g] += sum_over_rows(centred)
        return s_dy, s_dyx * inv_std

    def dp_of(s_dy: Array, s_dyx: Array) -> Params:
        dgamma = s_dyx.sum(axis=(0, 1))  # sum_m dy_m x_hat_m          (C,)       (6)
        dbeta = s_dy.sum(axis=(0, 1))  # sum_m dy_m                    (C,)       (7)
        return {"gamma": dgamma, "beta": dbeta}

    def dx_of(dy: Array, s_dy: Array, s_dyx: Array) -> Array:
        # gamma / std (dy - mean(dy) - x_hat mean(dy x_hat))           (G, M, C)  (14)
        by_constant, by_x = scale * s_dy / M, scale * inv_std * s_dyx / M
        dx = xp.empty_like(rows)
        for g, m in blocks(rows):
            centred = rows[g, m] - mean[g]
            centred *= by_x[g]
            centred += by_constant[g]
            xp.multiply(dy[g, m], scale[g], out=dx[g, m])
            dx[g, m] -= centred
        return dx.reshape(x.shape)

    def dp(dy: Array) -> Params:
        return dp_of(*sums(dy.reshape(rows.shape)))

    def dx(dy: Array) -> Array:
        dy = dy.reshape(rows.shape)
        return dx_of(dy, *sums(dy))

    def both(dy: Array) -> tuple[Params, Array]:
        dy = dy.reshape(rows.shape)
        s = sums(dy)
        return dp_of(*s), dx_of(dy, *s)

    return y, Pullback(dp, dx, y, both)


def moments(rows: Array) -> tuple[Array, Array]:
    """The mean and the (biased) variance of each channel over the rows of each group.

    rows (G, M, C); mean, var (G, 1, C). Two passes: the variance is a mean of squares of centred
    values, so that a large mean does not cancel it.
    """
    xp, M = namespace(rows), rows.shape[1]
    mean, var = xp.zeros_like(rows[:, :1]), xp.zeros_like(rows[:, :1])
    for g, m in blocks(rows):
        mean[g] += sum_over_rows(rows[g, m]) / M  # (1/M) sum_m x_m            (1)
    for g, m in blocks(rows):
        centred = rows[g, m] - mean[g]
        centred *= centred
        var[g] += sum_over_rows(centred) / M  # (1/M) sum_m (x_m - mean)^2     (2)
    return mean, var


def check_variance(name: str, var: Array) -> None:
    """Refuse a variance that overflowed: y would be silently 0. Raises NonFinite.

    On a GPU the look would stall the queue; there large inputs are the caller's care.
    """
    if device_of(var) != "cuda" and not bool(namespace(var).isfinite(var).all()):
        raise NonFinite(
            f"{name}: x is so large that its square overflows {var.dtype}: scale x down, or look "
            "before it for a diverged step"
        )


def sum_over_rows(a: Array) -> Array:
    """sum_m a[g, m]: (G, M, C) -> (G, 1, C), as the product 1^T a (see `sum_rows`)."""
    return namespace(a).ones((1, a.shape[1]), a.dtype) @ a


def blocks(rows: Array) -> Iterator[tuple[slice, slice]]:
    """(groups, rows) slices that cover (G, M, C) in pieces of about BLOCK entries.

    Small arrays, and arrays on a GPU, which has no such cache, are one piece.
    """
    G, M, C = rows.shape
    if rows.size <= BLOCK or hasattr(namespace(rows), "fuse"):
        yield slice(None), slice(None)
    elif M * C <= BLOCK:
        step = BLOCK // (M * C)
        for g in range(0, G, step):
            yield slice(g, g + step), slice(None)
    else:
        step = max(1, BLOCK // C)
        for g in range(G):
            for m in range(0, M, step):
                yield slice(g, g + 1), slice(m, m + step)
