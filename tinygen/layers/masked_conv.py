"""The masked convolution of PixelCNN: an output sees only the pixels before it.

    y[n,i,j,o] = sum_{u,v,c} x[n, i + u - p, j + v - p, c] (M W)[u,v,c,o] + b[o]

M is 1 on the taps before the centre in raster order, 0 after it. At the centre mask A hides the
pixel itself (the first layer), mask B shows it (the later ones, whose input holds no pixel that
the output may not see). van den Oord et al. 2016, arXiv 1601.06759, section 3.4.
                                                               docs/derivations/masked_conv.md
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels import row_windows, windows
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, Pair, check_input, check_pairs, check_sizes, pair
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class MaskedConv2d(Layer):
    """x (N, H, W, C)   W (k, k, C, O)   b (O,)   y (N, H, W, O)

    c_in, c_out : C and O
    kernel      : k, or (k_rows, k_columns); odd, so that there is a centre; zeros around the
                  image keep its size. (1, k) looks along the row alone
    mask        : "A" or "B"
    channels    : 3 orders R < G < B inside a pixel: the features, in and out, are contiguous
                  thirds that belong to R, G and B, and an output's third sees the thirds before
                  it (and its own, with mask B). 1: all features belong to the one channel.

    W has its full shape; what M hides is never read, and its gradient is zero.
    Raises ValueError for an even kernel, another mask, features that `channels` does not divide.
    """

    c_in: int
    c_out: int
    kernel: int | Pair
    mask: str
    channels: int = 1

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, c_out=self.c_out, channels=self.channels)
        check_pairs(self, kernel=self.kernel)
        if not all(k % 2 for k in pair(self.kernel)):
            raise ValueError(f"MaskedConv2d: the kernel must be odd, got {self.kernel}")
        if self.mask not in ("A", "B"):
            raise ValueError(f"MaskedConv2d: mask must be 'A' or 'B', got {self.mask!r}")
        if self.c_in % self.channels or self.c_out % self.channels:
            raise ValueError(
                f"MaskedConv2d: {self.channels} channels must divide c_in = {self.c_in} and "
                f"c_out = {self.c_out}: each channel owns an equal part of the features"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (*pair(self.kernel), self.c_in, self.c_out), "b": (self.c_out,)}

    @property
    def taps(self) -> tuple[int, int]:
        """The run of taps, in raster order, that M does not hide whole: up to the centre."""
        centre = prod(pair(self.kernel)) // 2
        sees_centre = self.mask == "B" or self.channels > 1
        return 0, centre + 1 if sees_centre else centre

    def centre_mask(self) -> np.ndarray:
        """M at the centre tap (C, O): block-triangular in the channels' order."""
        channel_in = np.arange(self.c_in) // (self.c_in // self.channels)
        channel_out = np.arange(self.c_out) // (self.c_out // self.channels)
        before = np.less if self.mask == "A" else np.less_equal
        return before.outer(channel_in, channel_out)

    def full_mask(self) -> np.ndarray:
        """M (k, k, C, O) in 0 and 1, for reading and tests; forward never forms it."""
        taps = prod(pair(self.kernel))
        M = np.zeros((taps, self.c_in, self.c_out))
        M[: taps // 2] = 1
        M[taps // 2] = self.centre_mask()
        return M.reshape(self.shapes["W"])

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        taps = self.taps[1] or 1
        W = initialisers.draw(
            weights, rng, self.shapes["W"], taps * self.c_in, taps * self.c_out, dtype
        )
        return {"W": W, "b": np.zeros(self.c_out, dtype)}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        (kh, kw), taps = pair(self.kernel), self.taps
        geometry = (1, 1), (kh // 2, kw // 2), taps
        W = masked_centre(p["W"], self) if self.channels > 1 else p["W"]
        # along a row, the pixel itself with it, there is a way with less copying
        if row := device_of(x) == "cpu" and kh == 1 < kw and taps[1] == kw // 2 + 1:
            seen = W[:, : taps[1]]
            y = row_windows.correlate(x, seen, p["b"], kw // 2)  # (M W) * x + b (N, H, W, O) (1)
        else:
            y = windows.correlate(x, W, *geometry)
            y += p["b"]

        def dp(dy: Array) -> Params:  # dy (N, H, W, O)
            if row:
                dW = namespace(x).zeros_like(W)
                dW[:, : taps[1]] = row_windows.weight_grad(x, dy, seen.shape[:2], kw // 2)
            else:
                dW = windows.correlate_weight_grad(x, dy, (kh, kw), *geometry)
            # zero off the taps                                                           (3)
            if self.channels > 1:
                dW = masked_centre(dW, self)
            return {"W": dW, "b": sum_rows(dy.reshape(-1, self.c_out))}  # (4)

        def dx(dy: Array) -> Array:
            if row:
                return row_windows.input_grad(dy, seen, kw // 2)
            return windows.correlate_input_grad(dy, W, x.shape[1:3], *geometry)  # (2)

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return int(np.prod(y_shape)) * self.taps[1] * self.c_in


def masked_centre(W: Array, layer: MaskedConv2d) -> Array:
    """A copy of W whose centre tap is multiplied by M."""
    W = W.copy()
    kh, kw = pair(layer.kernel)
    W[kh // 2, kw // 2] *= namespace(W).asarray(layer.centre_mask())
    return W
