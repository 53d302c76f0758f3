"""Instance normalisation: each channel of each image has mean 0 and variance 1 over its pixels.

y_n = gamma (x_n - mean_n) / sqrt(var_n + eps) + beta      docs/derivations/norms.md

Mean and variance are over H and W of one example, in training and afterwards alike. The map is
a batch norm with as many groups as examples, and so is its pullback.

Ulyanov et al. 2016, arXiv 1607.08022
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params
from tinygen.layers.base import check_input
from tinygen.layers.norm import ScaledNorm, normalise
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class InstanceNorm(ScaledNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta        x, y (N, H, W, C)   gamma, beta (C,)

    n : C

    Raises ValueError for images of one pixel, whose variance is zero whatever the pixel is.
    """

    n: int
    eps: float = 1e-5

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.n)
        if x.shape[1] * x.shape[2] == 1:
            raise ValueError(
                f"InstanceNorm: x of shape {x.shape} has one pixel an image, so no variance: "
                "leave the norm out where the image is 1x1"
            )
        return normalise("InstanceNorm", p, x, x.shape[0], self.eps)  # norms.md (1)-(3)
