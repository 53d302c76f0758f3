"""Bicubic enlargement: between pixels runs a cubic through them, in both directions.

    y = R_H x R_W^T        R[i, j] = k(u_i - j),   u_i = (i + 1/2) / s - 1/2

R. G. Keys, Cubic convolution interpolation for digital image processing, IEEE Trans. Acoust.
Speech Signal Process. 29, 1981.                              docs/derivations/bicubic.md
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input, check_pairs, pair
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Bicubic2d(Layer):
    """x (N, H, W, C)   y (N, H sh, W sw, C)

    scale : sh = sw, or (sh, sw)
    a     : the slope of the kernel at 1. -1/2 is Keys's, which reproduces parabolas; -3/4 is in
            wide use too.

    Beyond the border the nearest pixel is repeated. Values can leave the range of x: a cubic
    overshoots at an edge. Raises ValueError for a scale below 1 and an a that is not finite.
    """

    scale: int | tuple[int, int]
    a: float = -0.5

    def __post_init__(self) -> None:
        check_pairs(self, scale=self.scale)
        if not math.isfinite(self.a):
            raise ValueError(f"Bicubic2d: a must be a finite number, got {self.a!r}")

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", "C")
        xp, (sh, sw) = namespace(x), pair(self.scale)
        N, H, W, C = x.shape
        R_H, R_W = (
            xp.asarray(matrix(size, s, self.a), dtype=x.dtype) for size, s in ((H, sh), (W, sw))
        )
        rows = R_H @ x.reshape(N, H, W * C)  #                      (N, H sh, W C)
        y = R_W @ rows.reshape(N * H * sh, W, C)  # R_H x R_W^T     (N H sh, W sw, C)     (2)

        def dx(dy: Array) -> Array:  # dy (N, H sh, W sw, C)
            drows = R_W.T @ dy.reshape(N * H * sh, W * sw, C)  #    (N H sh, W, C)
            d = R_H.T @ drows.reshape(N, H * sh, W * C)  # R_H^T dy R_W                   (3)
            return d.reshape(x.shape)

        y = y.reshape(N, H * sh, W * sw, C)
        return y, Pullback(no_params, dx, y)

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        (N, H, W, C), (_, H_y, W_y, _) = x_shape, y_shape
        return N * C * H_y * (H * W + W * W_y)


def kernel(t: np.ndarray, a: float) -> np.ndarray:
    """k(t) of Keys: two cubics that join smoothly at 1 and end at 2; 1 at 0, 0 at 1 and at 2."""
    t = np.abs(t)
    inner = ((a + 2) * t - (a + 3)) * t * t + 1  #                         |t| <= 1       (1)
    outer = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a  #               1 < |t| < 2        (1)
    return np.where(t <= 1, inner, np.where(t < 2, outer, 0.0))


@lru_cache(maxsize=32)
def matrix(size: int, scale: int, a: float) -> np.ndarray:
    """R (size scale, size): each row the weights of the four pixels around, which sum to 1."""
    u = (np.arange(size * scale) + 0.5) / scale - 0.5  # places of the new pixels among the old
    R = np.zeros((len(u), size))
    for tap in range(-1, 3):
        j = np.floor(u).astype(int) + tap
        np.add.at(R, (np.arange(len(u)), j.clip(0, size - 1)), kernel(u - j, a))
    R.flags.writeable = False
    return R
