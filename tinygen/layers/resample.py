"""Images enlarged: pixels repeated, borders reflected. Images are NHWC.

docs/derivations/resampling.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.blocks import block_repeat, block_sum
from tinygen.layers.base import Layer, check_input, check_pairs, check_sizes, pair
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Upsample2d(Layer):
    """y[i, j] = x[i // sh, j // sw]        x (N, H, W, C)   y (N, H sh, W sw, C)

    scale : sh = sw, or (sh, sw); the nearest pixel is repeated

    Raises ValueError for a scale below 1.
    """

    scale: int | tuple[int, int]

    def __post_init__(self) -> None:
        check_pairs(self, scale=self.scale)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", "C")
        sh, sw = pair(self.scale)
        y = block_repeat(x, sh, sw)  # (N, H sh, W sw, C)   (1)

        def dx(dy: Array) -> Array:
            return block_sum(dy, sh, sw)  # sum_ab dy[i sh + a, j sw + b]   (2)

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class ReflectionPad2d(Layer):
    """y[i, j] = x[r(i - n), r(j - n)], r(i) = |i| at the top and left, 2 (H - 1) - i at the end

    x (N, H, W, C)   y (N, H + 2 n, W + 2 n, C)        The border pixel itself is not repeated.

    n : the width of the border, below H and W

    Raises ValueError for n below 1, and for images with H <= n or W <= n.
    """

    n: int

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", "C")
        xp, n = namespace(x), self.n
        N, H, W, C = x.shape
        if n >= min(H, W):
            raise ValueError(
                f"ReflectionPad2d: a border of {n} needs images of at least {n + 1} x {n + 1} "
                f"pixels, got x of shape {x.shape}: use n <= {min(H, W) - 1}"
            )
        y = xp.empty((N, H + 2 * n, W + 2 * n, C), x.dtype)
        y[:, n : n + H, n : n + W] = x  # (3)
        inner = y[:, :, n : n + W]  # rows first, then columns with the corners
        inner[:, :n] = inner[:, 2 * n : n : -1]  # top: rows n .. 1 of x   (4)
        inner[:, n + H :] = inner[:, n + H - 2 : H - 2 : -1]  # bottom: rows H-2 .. H-1-n
        y[:, :, :n] = y[:, :, 2 * n : n : -1]  # left
        y[:, :, n + W :] = y[:, :, n + W - 2 : W - 2 : -1]  # right

        def dx(dy: Array) -> Array:
            # the same steps in reverse: each copied column, then row, adds its gradient to its
            # source   (5)
            cols = dy[:, :, n : n + W].copy()  # (N, H + 2 n, W, C)
            cols[:, :, 1 : n + 1] += dy[:, :, n - 1 :: -1]
            cols[:, :, W - 1 - n : W - 1] += dy[:, :, : n + W - 1 : -1]
            dx = cols[:, n : n + H].copy()  # (N, H, W, C)
            dx[:, 1 : n + 1] += cols[:, n - 1 :: -1]
            dx[:, H - 1 - n : H - 1] += cols[:, : n + H - 1 : -1]
            return dx

        return y, Pullback(no_params, dx, y)
