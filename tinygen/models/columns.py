"""Layers applied to one pixel after the other, in reading order, without computing anything twice.

    y_ij = sum_t x_kept[ij + t] W_t + b,        t over the causal taps

What a layer puts out at a pixel depends on pixels up to it. So each masked convolution keeps what
it was given, and a step costs one pixel's column of each layer instead of a pass over the image.
                                                           docs/derivations/pixelcnn.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import (
    Elu,
    GatedTanh,
    LeakyRelu,
    MaskedConv2d,
    Relu,
    Residual,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from tinygen.layers.base import Pair, pair
from tinygen.layers.masked_conv import masked_centre

# (i, j, x (C, n), the features of pixel i, j of n examples) -> y (O, n), there
Column = Callable[[int, int, Array], Array]

POINTWISE = (Relu, LeakyRelu, Elu, Tanh, Sigmoid, Softplus, GatedTanh)


def column(layer: Any, p: Params, n: int, size: Pair) -> Column:
    """The layer's columns for n examples of `size` = (H, W): what `forward` says, pixel by pixel.

    It is called for each pixel in reading order. A pixel may come again before the next one does
    (when its next channel is known): what it says last is kept. Features come first, (C, n): then
    neighbouring pixels are one matrix.

    Sequential, Residual, MaskedConv2d, layers that act on each pixel by themselves, and layers
    with a method `column(p, n, size)` of their own. Raises TypeError for others.
    """
    if hasattr(layer, "column"):
        return layer.column(p, n, size)
    if isinstance(layer, Sequential):
        return chain([column(f, p.get(name, {}), n, size) for name, f in layer.layers.items()])
    if isinstance(layer, Residual):
        inner = column(layer.layers["f"], p["f"], n, size)
        return lambda i, j, x: x + inner(i, j, x)
    if isinstance(layer, MaskedConv2d):
        return conv_column(layer, p, n, size)
    if isinstance(layer, Relu):
        return lambda i, j, x: namespace(x).maximum(x, 0)
    if isinstance(layer, POINTWISE):
        return lambda i, j, x: layer.forward({}, x.T)[0].T
    raise TypeError(
        f"column: {type(layer).__name__} is no layer that is known to act on pixels before alone: "
        "give it a method column(p, n, size)"
    )


def chain(columns: list[Column]) -> Column:
    """One after the other."""

    def step(i: int, j: int, x: Array) -> Array:
        for f in columns:
            x = f(i, j, x)
        return x

    return step


class Taps:
    """A masked convolution: its input is kept in a frame of zeros, its taps are one slice."""

    def __init__(self, layer: MaskedConv2d, p: Params, n: int, size: Pair):
        (kh, kw), C, O = pair(layer.kernel), layer.c_in, layer.c_out
        W = masked_centre(p["W"], layer) if layer.channels > 1 else p["W"]
        xp = namespace(W)
        self.rows, self.kw, self.ph, self.pw = kh // 2 + 1, kw, kh // 2, kw // 2
        causal = xp.zeros((self.rows * kw, C, O), W.dtype)
        causal[: layer.taps[1]] = W.reshape(-1, C, O)[: layer.taps[1]]  # zero on later taps
        self.W = xp.ascontiguousarray(causal.reshape(-1, O).T)  #         (O, rows kw C)
        self.b = p["b"][:, None]  #                                       (O, 1)
        self.kept = xp.zeros((size[0] + self.ph, size[1] + 2 * self.pw, C, n), W.dtype)
        self.window = xp.empty((self.rows, kw, C, n), W.dtype)
        self.taps = self.window.reshape(-1, n)  #                         (rows kw C, n)

    def keep(self, i: int, j: int, x: Array) -> None:
        """x (C, n) at pixel i, j, for the steps that come."""
        self.kept[i + self.ph, j + self.pw] = x

    def __call__(self, i: int, j: int, x: Array) -> Array:
        """y (O, n) at pixel i, j."""
        self.keep(i, j, x)
        self.window[...] = self.kept[i : i + self.rows, j : j + self.kw]
        return self.W.dot(self.taps) + self.b  #                          (O, n)    (5)


def conv_column(layer: MaskedConv2d, p: Params, n: int, size: Pair) -> Column:
    """A masked convolution; one of 1x1 keeps nothing."""
    if pair(layer.kernel) != (1, 1):
        return Taps(layer, p, n, size)
    W = masked_centre(p["W"], layer) if layer.channels > 1 else p["W"]
    xp, b, sees = namespace(W), p["b"][:, None], layer.taps[1] > 0
    pointwise = xp.ascontiguousarray(W[0, 0].T) * sees  #                 (O, C)
    return lambda i, j, x: pointwise.dot(x) + b
