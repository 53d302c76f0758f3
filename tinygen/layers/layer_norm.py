"""Layer normalisation: the features of each example have mean 0 and variance 1.

y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var over the last axis

Ba, Kiros and Hinton 2016, arXiv 1607.06450                docs/derivations/norms.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers.base import check_input, check_sizes
from tinygen.layers.norm import ScaledNorm, check_variance
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class LayerNorm(ScaledNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta        x, y (..., C)   gamma, beta (C,)

    n : C, at least 2: the variance of one feature is zero
    """

    n: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        check_sizes(self, 2, n=self.n)
        super().__post_init__()

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", self.n)
        xp, gamma = namespace(x), p["gamma"]
        mean = average(x)  # (1/C) sum_c x_c                        (..., 1)  (4)
        centred = x - mean
        var = average(centred * centred)  # (1/C) sum_c (x_c - mean)^2        (5)
        check_variance("LayerNorm", var)
        inv_std = 1 / xp.sqrt(var + self.eps)
        x_hat = centred * inv_std  # (x - mean) / sqrt(var + eps)   (..., C)  (6)
        y = gamma * x_hat + p["beta"]  #                                      (7)

        def dp(dy: Array) -> Params:
            dy_rows, x_hat_rows = dy.reshape(-1, self.n), x_hat.reshape(-1, self.n)
            dgamma = sum_rows(dy_rows * x_hat_rows)  # sum_n dy_n x_hat_n (C,) (8)
            return {"gamma": dgamma, "beta": sum_rows(dy_rows)}  # sum_n dy_n  (9)

        def dx(dy: Array) -> Array:
            g = gamma * dy  # dL/dx_hat                             (..., C)  (10)
            return inv_std * (g - average(g) - x_hat * average(g * x_hat))  # (11)

        return y, Pullback(dp, dx, y)


def average(a: Array) -> Array:
    """(1/C) sum_c a[..., c]: (..., C) -> (..., 1), as a product with a constant vector."""
    C = a.shape[-1]
    return a @ namespace(a).full((C, 1), 1 / C, a.dtype)
