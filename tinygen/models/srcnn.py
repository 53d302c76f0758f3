"""SRCNN: three convolutions that sharpen a picture which was enlarged bicubically.

    h_1 = max(W_1 * x + b_1, 0),    h_2 = max(W_2 * h_1 + b_2, 0),    F(x) = W_3 * h_2 + b_3
    L = mean_n |F(x_n) - y_n|^2

9x9 windows are described by 64 numbers, these mapped one by one to 32, and 5x5 of those averaged
to a pixel. The least squared error is that of the mean of all pictures that may lie behind a
small one: E[y|x], which is blurred where they differ.
C. Dong, C. C. Loy, K. He and X. Tang 2014, arXiv 1501.00092.  docs/questions/conditional_images.md
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Bicubic2d, Conv2d, Layer, Sequential
from tinygen.layers.base import check_array, check_sizes
from tinygen.likelihoods.base import check_beside, sum_examples
from tinygen.models.nets import RELU
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class SRCNN:
    """Small pictures (N, h, w, C) -> pictures (N, h s, w s, C)

    scale      : s
    channels   : C
    filters    : n_1, n_2
    kernels    : f_1, f_2, f_3, odd
    activation : behind the first two

    p = {"extract", "map", "paint"}: W and b of each convolution.

    NOTE: zeros around the picture keep its size, where the paper's nets lose a border and are
    compared inside it; the paper's first weights are N(0, 0.001^2), here they are by `weights`.

    Raises ValueError for sizes below 1, even kernels, and other than two filters or three kernels.
    """

    scale: int = 4
    channels: int = 1
    filters: tuple[int, int] = (64, 32)
    kernels: tuple[int, int, int] = (9, 1, 5)
    activation: Layer = RELU

    def __post_init__(self) -> None:
        check_sizes(self, scale=self.scale, channels=self.channels)
        for name, given, count in (("filters", self.filters, 2), ("kernels", self.kernels, 3)):
            if not isinstance(given, tuple) or len(given) != count:
                raise ValueError(f"SRCNN: {name} must be {count} whole numbers, got {given!r}")
            for size in given:
                check_sizes(self, **{name: size})
        if not all(size % 2 for size in self.kernels):
            raise ValueError(f"SRCNN: kernels must be odd, got {self.kernels}")

    @cached_property
    def net(self) -> Sequential:
        """From the small picture to the large one."""
        (n1, n2), (f1, f2, f3), C = self.filters, self.kernels, self.channels
        return Sequential(
            enlarge=Bicubic2d(self.scale),
            extract=Conv2d(C, n1, f1, 1, f1 // 2),
            f1=self.activation,
            map=Conv2d(n1, n2, f2, 1, f2 // 2),
            f2=self.activation,
            paint=Conv2d(n2, C, f3, 1, f3 // 2),
        )

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`; `weights` names the rule (`initialisers`)."""
        return self.net.init(rng, dtype, weights)

    def draw_noise(self, rng: np.random.Generator, x: Any) -> None:
        """None: the loss holds no noise."""

    def enlarge(self, p: Params, small: Array) -> Array:
        """F of small pictures (N, h, w, C): pictures (N, h s, w s, C), of any range."""
        return self.net.forward(p, small)[0]

    def loss(self, p: Params, x: Any, noise: Any = None) -> tuple[Array, Pullback]:
        """The squared error, summed over a picture, a mean over the batch; its pullback.

        x : (pictures (N, h s, w s, C), small pictures (N, h, w, C))

        Raises ValueError for shapes that do not fit, TypeError for what is no such pair.
        """
        if not isinstance(x, tuple) or len(x) != 2:
            raise TypeError("SRCNN: expected x as a tuple (pictures, small pictures)")
        truth, small = x
        drawn, net_backward = self.net.forward(p, small)
        check_array("SRCNN pictures", truth, *drawn.shape)
        check_beside("SRCNN", "pictures", truth, drawn)
        error = drawn - truth  #                                         (N, H, W, C)
        value = sum_examples(error * error).mean()

        def derror(d: Array) -> Array:
            return error * namespace(error).asarray(2 * d / len(error), error.dtype)

        def both(d: Array) -> tuple[Params, Any]:
            dp, dsmall = net_backward(derror(d))
            return dp, (-derror(d), dsmall)

        return value, Pullback(
            lambda d: net_backward.dp(derror(d)),
            lambda d: both(d)[1],
            value,
            both,
            terms={"squared error": value},
        )
