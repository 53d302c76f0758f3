"""The convolution of Gated PixelCNN's vertical stack: an output sees its own row and those above.

    y[n,i,j,o] = sum_{u,v,c} x[n, i + u - q, j + v - q, c] W[u,v,c,o] + b[o]

with u = 0 .. q, v = 0 .. 2 q, q = (k - 1) / 2: the upper half of a k x k kernel, its middle row
with it. Nothing is masked: to both sides all is seen, so that what is seen widens in a rectangle.
van den Oord et al. 2016, arXiv 1606.05328, section 2.2.
                                                               docs/derivations/vertical_conv.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels import row_windows, windows
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class VerticalConv2d(Layer):
    """x (N, H, W, C)   W ((k+1)/2, k, C, O)   b (O,)   y (N, H, W, O)

    c_in, c_out : C and O
    kernel      : k, odd; zeros above and beside the image keep its size

    Row i of y sees the rows up to i of x. What is to see the rows before i alone takes y shifted
    down by one row. Raises ValueError for an even kernel.
    """

    c_in: int
    c_out: int
    kernel: int

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, c_out=self.c_out, kernel=self.kernel)
        if self.kernel % 2 == 0:
            raise ValueError(f"VerticalConv2d: the kernel must be odd, got {self.kernel}")

    @property
    def rows(self) -> int:
        """The rows of W: (k + 1) / 2."""
        return (self.kernel + 1) // 2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.rows, self.kernel, self.c_in, self.c_out), "b": (self.c_out,)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        taps = self.rows * self.kernel
        fans = taps * self.c_in, taps * self.c_out
        W = initialisers.draw(weights, rng, self.shapes["W"], *fans, dtype)
        return {"W": W, "b": np.zeros(self.c_out, dtype)}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        xp, W, k, q = namespace(x), p["W"], self.kernel, self.kernel // 2
        if on_cpu := device_of(x) == "cpu":
            y = row_windows.correlate(x, W, p["b"], q)  # W * x + b         (N, H, W, O)   (1)
        else:  # W is the first run of taps of a k x k kernel; the rest is never read
            geometry = (1, 1), (q, q), (0, self.rows * k)
            whole = xp.concatenate([W, xp.zeros((q, *W.shape[1:]), W.dtype)])
            y = windows.correlate(x, whole, *geometry) + p["b"]

        def dp(dy: Array) -> Params:  # dy (N, H, W, O)
            if on_cpu:
                dW = row_windows.weight_grad(x, dy, (self.rows, k), q)  #                  (3)
            else:
                dW = windows.correlate_weight_grad(x, dy, (k, k), *geometry)[: self.rows]
            return {"W": dW, "b": sum_rows(dy.reshape(-1, self.c_out))}  #                 (4)

        def dx(dy: Array) -> Array:
            if on_cpu:
                return row_windows.input_grad(dy, W, q)  #                                 (2)
            return windows.correlate_input_grad(dy, whole, x.shape[1:3], *geometry)

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return int(np.prod(y_shape)) * self.rows * self.kernel * self.c_in
