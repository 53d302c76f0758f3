"""Another shape for the same numbers. y = x, so dx = dy in the shape of x.

docs/derivations/shape.md
"""

import math
from dataclasses import dataclass

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Flatten(Layer):
    """x (N, ...) -> y (N, I), I the product of the other axes, the last one running fastest"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", "I")
        y = x.reshape(len(x), -1)  # (N, I)   (1)
        return y, Pullback(no_params, lambda dy: dy.reshape(x.shape), y)  # (2)


@dataclass(frozen=True)
class Reshape(Layer):
    """x (N, ...) -> y (N, *shape)

    shape : the sizes of one example, a tuple; their product is that of x's axes after the first

    Raises ValueError where the products differ, TypeError where shape is no tuple.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple):
            raise TypeError(
                f"Reshape: shape must be a tuple of sizes, got {self.shape!r}: "
                "Reshape((7, 7, 64)) makes (N, 7, 7, 64)"
            )
        check_sizes(self, **{f"shape[{i}]": size for i, size in enumerate(self.shape)})

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            raise ValueError(
                f"Reshape: one example must hold {math.prod(self.shape)} numbers to become "
                f"{self.shape}, got x of shape {x.shape}, which holds {math.prod(x.shape[1:])}: "
                "change the layer before, or the shape"
            )
        y = x.reshape(len(x), *self.shape)  # (N, *shape)   (1)
        return y, Pullback(no_params, lambda dy: dy.reshape(x.shape), y)  # (2)
