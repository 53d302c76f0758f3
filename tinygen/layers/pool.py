"""Pooling: one value for each block of kh x kw pixels. Images are NHWC; stride = kernel.

AvgPool2d   y = mean over the block
MaxPool2d   y = the largest of the block                   docs/derivations/pooling.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.blocks import block_repeat, block_sum, taps
from tinygen.kernels.largest import largest, largest_pullback
from tinygen.layers.base import Layer, check_input, check_pairs, pair
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class AvgPool2d(Layer):
    """y[i, j] = mean over a, b of x[i kh + a, j kw + b]     x (N, H, W, C)  y (N, H/kh, W/kw, C)

    kernel : kh = kw, or (kh, kw); also the stride

    Raises ValueError for a kernel below 1, and for H or W that it does not divide.
    """

    kernel: int | tuple[int, int]

    def __post_init__(self) -> None:
        check_pairs(self, kernel=self.kernel)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", "C")
        kh, kw = pair(self.kernel)
        check_divides(self, x, kh, kw)
        y = block_sum(x, kh, kw)
        y *= 1 / (kh * kw)  # 1 / (kh kw) sum_ab x   (N, H / kh, W / kw, C)   (1)

        def dx(dy: Array) -> Array:
            return block_repeat(dy * (1 / (kh * kw)), kh, kw)  # dy / (kh kw) in each place  (2)

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """y[i, j] = max over a, b of x[i kh + a, j kw + b]     x (N, H, W, C)   y (N, H/kh, W/kw, C)

    kernel : kh = kw, or (kh, kw); also the stride

    At a tie the gradient goes to the first of the largest, row by row. Raises ValueError for a
    kernel below 1, and for H or W that it does not divide.
    """

    kernel: int | tuple[int, int]

    def __post_init__(self) -> None:
        check_pairs(self, kernel=self.kernel)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", "C")
        xp, (kh, kw) = namespace(x), pair(self.kernel)
        check_divides(self, x, kh, kw)
        parts = list(taps(x, kh, kw))  # kh kw views (N, H / kh, W / kw, C)
        y = largest(parts)  # max_ab x   (3)

        def dx(dy: Array) -> Array:
            dx = xp.empty_like(x)
            # dx_ab = [(a, b) is the first with x_ab = y] dy   (4)
            largest_pullback(parts, y, dy, list(taps(dx, kh, kw)))
            return dx

        return y, Pullback(no_params, dx, y)


def check_divides(layer: Layer, x: Array, kh: int, kw: int) -> None:
    """Refuse images that blocks of kh x kw do not tile. Raises ValueError."""
    _, H, W, _ = x.shape
    if H % kh or W % kw:
        raise ValueError(
            f"{type(layer).__name__}: blocks of {kh} x {kw} must tile the image, got x of shape "
            f"{x.shape}, {H} x {W} pixels: crop x to {H - H % kh} x {W - W % kw}, or pad it"
        )
