"""Pixelwise feature normalisation: each pixel's feature vector is scaled to unit mean square.

y = x / sqrt((1/C) sum_c x_c^2 + eps)                      docs/derivations/norms.md

Karras et al. 2018, arXiv 1710.10196, section 4.2
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input
from tinygen.layers.layer_norm import average
from tinygen.layers.norm import check_variance
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class PixelNorm(Layer):
    """y = x / sqrt(mean_c x_c^2 + eps)        x, y (..., C)

    eps : 1e-8, as in the paper; it keeps an all-zero pixel at zero, where dx = 1e4 dy
    """

    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not self.eps > 0:
            raise ValueError(f"PixelNorm: eps must be > 0, got {self.eps!r}")

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", "C")
        square = average(x * x)  # mean_c x_c^2                     (..., 1)
        check_variance("PixelNorm", square)
        r = 1 / namespace(x).sqrt(square + self.eps)  # (mean_c x_c^2 + eps)^(-1/2)  (12)
        y = x * r  # x r                                            (..., C)  (13)

        def dx(dy: Array) -> Array:
            return r * (dy - y * average(dy * y))  # r (dy - y mean_c(dy_c y_c))     (15)

        return y, Pullback(no_params, dx, y)
