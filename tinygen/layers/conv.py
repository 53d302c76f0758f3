"""Convolutions over images and sequences.

    y[n,i,j,o] = sum_{u,v,c} x[n, i s + u - p, j s + v - p, c] W[u,v,c,o] + b[o]
                                                               docs/derivations/conv.md

As everywhere in deep learning this is a correlation: the kernel is not turned.
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
class Conv2d(Layer):
    """y = W * x + b    x (N, H, W, C)   W (kh, kw, C, O)   b (O,)   y (N, H', W', O)

    c_in, c_out : C and O
    kernel, stride, padding : a whole number for both axes, or a pair for height and width;
                  H' = floor((H + 2 padding - kernel) / stride) + 1; the padding is zeros
    bias        : False leaves b out, as before a norm, which would subtract it again

    Raises ValueError for sizes below 1, and for a kernel larger than the padded image.
    NOTE: a wide 3 x 3 at stride 1 is computed by tiles (docs/derivations/winograd.md): its float32
    rounding is a few millionths of the largest output nearby, and reaches across the tile. Where
    that matters, as for causal kernels, use MaskedConv2d.
    """

    c_in: int
    c_out: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: int | Pair = 0
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, c_out=self.c_out)
        check_pairs(self, kernel=self.kernel, stride=self.stride)
        check_pairs(self, 0, padding=self.padding)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        b = {"b": (self.c_out,)} if self.bias else {}
        return {"W": (*pair(self.kernel), self.c_in, self.c_out), **b}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        taps = prod(pair(self.kernel))
        shape = self.shapes["W"]
        W = initialisers.draw(weights, rng, shape, taps * self.c_in, taps * self.c_out, dtype)
        return {"W": W, "b": np.zeros(self.c_out, dtype)} if self.bias else {"W": W}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        W, kernel, stride, padding = p["W"], *map(pair, (self.kernel, self.stride, self.padding))
        check_fit(self, x.shape[1:3], kernel, padding)
        y = windows.correlate(x, W, stride, padding)  # W * x    (N, H', W', O)    (1)
        if self.bias:
            y += p["b"]  # + b

        def dp(dy: Array) -> Params:  # dy (N, H', W', O)
            dW = windows.correlate_weight_grad(x, dy, kernel, stride, padding)  # (3)
            if not self.bias:
                return {"W": dW}
            return {"W": dW, "b": sum_rows(dy.reshape(-1, self.c_out))}  # (4)

        def dx(dy: Array) -> Array:
            return windows.correlate_input_grad(dy, W, x.shape[1:3], stride, padding)  # (2)

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return prod(y_shape) * prod(pair(self.kernel)) * self.c_in


@dataclass(frozen=True)
class Conv1d(Layer):
    """y = W * x + b    x (N, T, C)   W (k, C, O)   b (O,)   y (N, T', O)

    Conv2d over one axis, time: T' = floor((T + 2 padding - kernel) / stride) + 1.
    Raises ValueError for sizes below 1, and for a kernel longer than the padded sequence.
    """

    c_in: int
    c_out: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, c_out=self.c_out, kernel=self.kernel, stride=self.stride)
        check_sizes(self, 0, padding=self.padding)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        b = {"b": (self.c_out,)} if self.bias else {}
        return {"W": (self.kernel, self.c_in, self.c_out), **b}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        fans = self.kernel * self.c_in, self.kernel * self.c_out
        W = initialisers.draw(weights, rng, self.shapes["W"], *fans, dtype)
        return {"W": W, "b": np.zeros(self.c_out, dtype)} if self.bias else {"W": W}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "T", self.c_in)
        check_fit(self, x.shape[1:2], (self.kernel,), (self.padding,))
        kernel, stride, padding = (self.kernel, 1), (self.stride, 1), (self.padding, 0)
        W, image = p["W"][:, None], x[:, :, None]  # a sequence is an image one pixel wide
        y = windows.correlate(image, W, stride, padding)[:, :, 0]  # (N, T', O)    (1)
        if self.bias:
            y += p["b"]

        def dp(dy: Array) -> Params:  # dy (N, T', O)
            dW = windows.correlate_weight_grad(image, dy[:, :, None], kernel, stride, padding)[:, 0]
            if not self.bias:
                return {"W": dW}
            return {"W": dW, "b": sum_rows(dy.reshape(-1, self.c_out))}

        def dx(dy: Array) -> Array:
            size = image.shape[1:3]
            return windows.correlate_input_grad(dy[:, :, None], W, size, stride, padding)[:, :, 0]

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return prod(y_shape) * self.kernel * self.c_in


def check_fit(
    layer: Any, size: tuple[int, ...], kernel: tuple[int, ...], padding: tuple[int, ...]
) -> None:
    """Refuse a kernel that is larger than the padded image. Raises ValueError."""
    padded = tuple(n + 2 * p for n, p in zip(size, padding, strict=True))
    if any(k > n for k, n in zip(kernel, padded, strict=True)):
        raise ValueError(
            f"{type(layer).__name__}: the kernel {kernel} is larger than the padded input {padded} "
            f"(input {size}, padding {padding}): use a smaller kernel, more padding, larger input"
        )
