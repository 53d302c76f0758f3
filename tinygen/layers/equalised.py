"""Equalised learning rate: weights of variance 1, scaled by He's constant each time they are used.

y = f(c W, b; x),   c = gain / sqrt(fan_in)                docs/derivations/equalised.md

T. Karras, T. Aila, S. Laine and J. Lehtinen, arXiv 1710.10196, section 4.1. Adam's steps are of
one size whatever the gradient's scale; with weights of one scale all of them learn at one speed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_input
from tinygen.layers.conv import Conv1d, Conv2d
from tinygen.layers.dense import Dense
from tinygen.pullback import Pullback

KINDS = (Dense, Conv1d, Conv2d)  # whose weights W (..., I, O) have the fan-in of all axes but O


@dataclass(frozen=True)
class Equalised(Layer):
    """The layer with c W in the place of W.     p is that of the layer: W ~ N(0, 1), b = 0

    layer : a Dense, Conv1d or Conv2d
    gain  : sqrt(2) before ReLUs, which halve the variance (He et al. 2015); 1 at a net's end

    Raises TypeError for another layer, ValueError for a gain that is not above 0.
    """

    layer: Layer
    gain: float = sqrt(2)

    def __post_init__(self) -> None:
        if not isinstance(self.layer, KINDS):
            raise TypeError(
                f"Equalised: expected a Dense, Conv1d or Conv2d, got {type(self.layer).__name__}: "
                "of other layers it does not know the fan-in"
            )
        check_number("Equalised", "gain", self.gain, above=0)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return self.layer.shapes

    @property
    def scale(self) -> float:
        """c = gain / sqrt(fan_in)                                             (1)"""
        return float(self.gain) / sqrt(prod(self.shapes["W"][:-1]))

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """W ~ N(0, 1) by whatever rule `weights` names, but for "zeros"; b = 0."""
        p = self.layer.init(rng, dtype, "zeros")
        if weights == "zeros":
            return p
        return p | {"W": rng.normal(size=self.shapes["W"]).astype(dtype)}

    def scaled(self, p: Params, x: Array) -> Params:
        """{"W": c W, "b": b}. Raises ValueError or TypeError for other parameters, or a bad x."""
        check_input(self, p, x, "...", self.shapes["W"][-2])
        return p | {"W": p["W"] * self.scale}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        y, backward = self.layer.forward(self.scaled(p, x), x)  # f(c W, b; x)           (2)
        return y, Pullback(*self.halves(backward), y)

    def halves(self, backward: Pullback) -> tuple[Callable[[Any], Params], Callable[[Any], Any]]:
        """d -> dp and d -> dx, of a pullback of the layer at c W."""

        def dp(d: Any) -> Params:
            inner = backward.dp(d)
            return inner | {"W": inner["W"] * self.scale}  # dW = c d(c W)          (3)

        return dp, backward.dx

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return self.layer.multiply_adds(x_shape, y_shape)
