"""A vector for each label.

y = W[x]: the dense layer on one-hot rows, without the rows    docs/derivations/embedding.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_device, check_nonempty, check_params, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Embedding(Layer):
    """y = W[x]        x (...) integers in 0 .. n-1   W (n, D)   y (..., D)

    n, dim : the number of labels, and D

    Integers have no derivative: `backward` gives dx = {}, absent rather than zero.
    Raises TypeError for an x that holds no integers, ValueError for labels outside 0 .. n-1.
    """

    n: int
    dim: int

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n, dim=self.dim)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.n, self.dim)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        # fan_in = 1: of a one-hot row one entry is active
        return {"W": initialisers.draw(weights, rng, self.shapes["W"], 1, self.dim, dtype)}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_params(self, p, self.shapes)
        self.check_labels(x)
        W, D = p["W"], self.dim
        check_device("Embedding", x, W)
        xp = namespace(W)
        y = W[x]  # (..., D)   (1)

        def dp(dy: Array) -> Params:
            # dW[k] = sum over the places with x = k of dy   (n, D)   (2)
            dW = xp.zeros(self.n * D, dy.dtype)
            entries = x.reshape(-1, 1).astype(np.int64) * D + xp.arange(D)  # of W, row by row
            xp.add.at(dW, entries.reshape(-1), dy.reshape(-1))  # flat: NumPy's fast path
            return {"W": dW.reshape(self.n, D)}

        def dx(dy: Array) -> dict[str, Array]:
            return {}

        return y, Pullback(dp, dx, y)

    def check_labels(self, x: Array) -> None:
        """Refuse what is no label; NumPy would wrap -1, CuPy any index. ValueError, TypeError."""
        if not is_array(x) or x.dtype.kind not in "iu":
            got = x.dtype if is_array(x) else type(x).__name__
            raise TypeError(
                f"Embedding: expected an array of integer labels, got {got}: use x.astype(np.int64)"
            )
        check_nonempty("Embedding", x)
        low, high = int(x.min()), int(x.max())
        if low < 0 or high >= self.n:
            raise ValueError(
                f"Embedding: labels must lie in 0 .. {self.n - 1}, got {low} .. {high} in x of "
                f"shape {x.shape}: renumber the labels, or build Embedding(n={high + 1}, ...)"
            )
