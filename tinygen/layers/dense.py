"""The dense layer: every output sees every input.

y = x W + b                                                docs/derivations/dense.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b        x (..., I)   W (I, O)   b (O,)   y (..., O)

    n_in, n_out : I and O
    bias        : False leaves b out, as before a norm, which would subtract it again

    Raises ValueError for sizes below 1, and on input of another width than I.
    """

    n_in: int
    n_out: int
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_out=self.n_out)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        b = {"b": (self.n_out,)} if self.bias else {}
        return {"W": (self.n_in, self.n_out), **b}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        W = initialisers.draw(weights, rng, self.shapes["W"], self.n_in, self.n_out, dtype)
        return {"W": W, "b": np.zeros(self.n_out, dtype)} if self.bias else {"W": W}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", self.n_in)
        W = p["W"]
        y = x @ W  # x W        (..., O)    (1)
        if self.bias:
            y += p["b"]  # + b

        def dp(dy: Array) -> Params:  # dy = dL/dy (..., O)
            x_rows = x.reshape(-1, self.n_in)  # leading axes as one (N, I)
            dy_rows = dy.reshape(-1, self.n_out)  #                     (N, O)
            dW = x_rows.T @ dy_rows  # sum_n x_n dy_n^T (I, O) (2)
            if not self.bias:
                return {"W": dW}
            return {"W": dW, "b": sum_rows(dy_rows)}  # sum_n dy_n      (O,)   (3)

        def dx(dy: Array) -> Array:
            return dy @ W.T  # dy W^T     (..., I)    (4)

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return int(np.prod(y_shape)) * self.n_in
