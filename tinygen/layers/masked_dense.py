"""The masked dense layer of MADE: chosen outputs see chosen inputs only.

    y = x (M W) + b        M (I, O) of zeros and ones, M W elementwise

Germain et al. 2015, arXiv 1502.03509, section 3.          docs/derivations/masked_dense.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback


@dataclass(frozen=True, eq=False)
class MaskedDense(Layer):
    """x (..., I)   W (I, O)   b (O,)   y (..., O)

    mask : M (I, O), an array-like of zeros and ones; M[i, o] = 1 lets output o see input i
    bias : False leaves b out, as where another layer adds one to the same sum

    W has its full shape; what M hides is never read, and its gradient is zero.
    Raises ValueError for a mask that is not a matrix of zeros and ones.
    """

    mask: Any
    bias: bool = True

    def __post_init__(self) -> None:
        M = np.asarray(self.mask)
        if M.ndim != 2 or M.size == 0 or not np.isin(M, (0, 1)).all():
            raise ValueError(
                f"MaskedDense: the mask must be a matrix (I, O) of zeros and ones, got {M.dtype} "
                f"of shape {M.shape} with values {np.unique(M)[:5]}"
            )
        M = M.astype(bool)  # an own copy: later changes of the caller's array do not reach it
        M.flags.writeable = False
        object.__setattr__(self, "mask", M)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        b = {"b": self.mask.shape[1:]} if self.bias else {}
        return {"W": self.mask.shape, **b}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        n_in, n_out = self.mask.shape
        W = initialisers.draw(weights, rng, (n_in, n_out), n_in, n_out, dtype)
        return {"W": W, "b": np.zeros(n_out, dtype)} if self.bias else {"W": W}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        n_in, n_out = self.mask.shape
        check_input(self, p, x, "...", n_in)
        M = namespace(x).asarray(self.mask)
        MW = p["W"] * M
        y = x @ MW  # x (M W)    (..., O)    (1)
        if self.bias:
            y += p["b"]

        def dp(dy: Array) -> Params:  # dy (..., O)
            dy_rows = dy.reshape(-1, n_out)
            dW = M * (x.reshape(-1, n_in).T @ dy_rows)  # M sum_n x_n dy_n^T    (I, O)    (2)
            if not self.bias:
                return {"W": dW}
            return {"W": dW, "b": sum_rows(dy_rows)}  # sum_n dy_n    (O,)    (3)

        def dx(dy: Array) -> Array:
            return dy @ MW.T  # dy (M W)^T    (..., I)    (4)

        return y, Pullback(dp, dx, y)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return int(np.prod(y_shape)) * self.mask.shape[0]
