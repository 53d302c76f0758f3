"""The transposed convolution: the adjoint of Conv2d, made a layer of its own.

With the same W, <conv(x), y> = <x, conv_transpose(y)>. So its forward is the convolution's
gradient in x, and its gradient in x is the convolution.   docs/derivations/conv_transpose.md

    y[n, i s + u - p, j s + v - p, o] += sum_c x[n,i,j,c] W[u,v,o,c]     (then + b[o])
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.kernels import windows
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, Pair, check_input, check_pairs, check_sizes, pair
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class ConvTranspose2d(Layer):
    """x (N, H, W, C)   W (kh, kw, O, C)   b (O,)   y (N, H', W', O)

    c_in, c_out : C and O
    kernel, stride, padding : of the convolution whose adjoint this is; a number or a pair
    output_padding : rows and columns added at the end, for a convolution with stride s maps s
                  input sizes to one: H' = (H - 1) stride - 2 padding + kernel + output_padding
    bias        : False leaves b out

    Raises ValueError for sizes below 1, output_padding >= stride, and an output below one pixel.
    """

    c_in: int
    c_out: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: int | Pair = 0
    output_padding: int | Pair = 0
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, c_out=self.c_out)
        check_pairs(self, kernel=self.kernel, stride=self.stride)
        check_pairs(self, 0, padding=self.padding, output_padding=self.output_padding)
        if any(e >= s for e, s in zip(pair(self.output_padding), pair(self.stride), strict=True)):
            raise ValueError(
                f"ConvTranspose2d: output_padding {self.output_padding} must be smaller than "
                f"stride {self.stride}: no convolution has this one as its adjoint"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        b = {"b": (self.c_out,)} if self.bias else {}
        return {"W": (*pair(self.kernel), self.c_out, self.c_in), **b}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        # An output pixel sees kh kw / (sh sw) input pixels: the taps that its phase meets.
        taps, phases = prod(pair(self.kernel)), prod(pair(self.stride))
        fan_in = max(1, taps * self.c_in // phases)
        W = initialisers.draw(weights, rng, self.shapes["W"], fan_in, taps * self.c_out, dtype)
        return {"W": W, "b": np.zeros(self.c_out, dtype)} if self.bias else {"W": W}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        W, kernel, stride, padding = p["W"], *map(pair, (self.kernel, self.stride, self.padding))
        size = self.output_size(x.shape[1:3])
        y = windows.correlate_input_grad(x, W, size, stride, padding)  # (N, H', W', O)    (1)
        if self.bias:
            y += p["b"]

        def dp(dy: Array) -> Params:  # dy (N, H', W', O)
            dW = windows.correlate_weight_grad(dy, x, kernel, stride, padding)  # (3)
            if not self.bias:
                return {"W": dW}
            return {"W": dW, "b": sum_rows(dy.reshape(-1, self.c_out))}  # (4)

        def dx(dy: Array) -> Array:
            return windows.correlate(dy, W, stride, padding)  # the convolution   (N, H, W, C)  (2)

        return y, Pullback(dp, dx, y)

    def output_size(self, size: tuple[int, ...]) -> Pair:
        """(H', W') for an input of (H, W). Raises ValueError where nothing would be left."""
        s, p, k, extra = map(pair, (self.stride, self.padding, self.kernel, self.output_padding))
        height, width = ((size[a] - 1) * s[a] - 2 * p[a] + k[a] + extra[a] for a in (0, 1))
        if min(height, width) < 1:
            raise ValueError(
                f"ConvTranspose2d: input {tuple(size)} with kernel {k}, stride {s}, padding {p} "
                f"gives an output of {height, width}: use less padding or a larger input"
            )
        return height, width

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return prod(x_shape) * prod(pair(self.kernel)) * self.c_out
