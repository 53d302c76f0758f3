"""Probabilities from scores.

y_k = e^(x_k) / sum_j e^(x_j)                              docs/derivations/softmax.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import row_blocks
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Softmax(Layer):
    """y_k = e^(x_k) / sum_j e^(x_j) over the last axis        x, y (..., K)

    For attention and mixtures of features. Losses take logits: see likelihoods.Categorical.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp, K = namespace(x), x.shape[-1]
        rows = x.reshape(-1, K)  # leading axes as one (N, K)
        y_rows, ones = xp.empty_like(rows), xp.ones((K, 1), x.dtype)
        for n in row_blocks(rows):  # blocks that stay in the cache
            top = rows[n].max(axis=1, keepdims=True)
            e = xp.exp(rows[n] - top)  # the shift cancels in (1); no e^x overflows
            xp.divide(e, e @ ones, out=y_rows[n])  # e^(x_k) / sum_j e^(x_j)   (N, K)   (1)

        def dx(dy: Array) -> Array:
            dx, dy_rows = xp.empty_like(rows), dy.reshape(-1, K)
            for n in row_blocks(rows):
                ydy = y_rows[n] * dy_rows[n]
                # dx_k = y_k dy_k - y_k sum_j y_j dy_j   (N, K)   (3)
                xp.subtract(ydy, y_rows[n] * (ydy @ ones), out=dx[n])
            return dx.reshape(x.shape)

        y = y_rows.reshape(x.shape)
        return y, Pullback(no_params, dx, y)
