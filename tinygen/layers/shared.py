"""A learned vector that does not look at the input, such as one variance a pixel for all images.

y = c                                                      docs/derivations/shared.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Shared(Layer):
    """y = c        x any shape, c (n,), y (n,): without a batch axis; it broadcasts

    n : the length of c, or a tuple for a c of that shape, such as (28, 28, 1): one a pixel

    Starts at zero, whatever the initialiser: a log-variance of zero is a variance of one.
    """

    n: int | tuple[int, ...]

    def __post_init__(self) -> None:
        for size in self.shapes["c"]:
            check_sizes(self, n=size)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"c": self.n if isinstance(self.n, tuple) else (self.n,)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        return {"c": np.zeros(self.shapes["c"], dtype)}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = p["c"]  #                                      (n,)  (1)

        def dp(dy: Array) -> Params:
            return {"c": dy}  #                            (n,)  (2)

        def dx(dy: Array) -> Array:
            return namespace(x).zeros_like(x)  # y does not depend on x      (3)

        return y, Pullback(dp, dx, y)
