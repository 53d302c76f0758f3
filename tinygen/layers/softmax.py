"""Probabilities from scores.

y_k = e^(x_k) / sum_j e^(x_j)                              docs/derivations/softmax.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Softmax(Layer):
    """y_k = e^(x_k) / sum_j e^(x_j) over the last axis        x, y (..., K)

    For attention and mixtures of features. Losses take logits: see likelihoods.Categorical.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp = namespace(x)
        y = x - x.max(axis=-1, keepdims=True)  # the shift cancels; no e^x overflows
        xp.exp(y, out=y)
        y /= y.sum(axis=-1, keepdims=True)  # e^(x_k) / sum_j e^(x_j)   (..., K)   (1)

        def dx(dy: Array) -> Array:
            dx = y * dy
            dx -= y * dx.sum(axis=-1, keepdims=True)  # y_k (dy_k - sum_j y_j dy_j)   (3)
            return dx

        return y, Pullback(no_params, dx, y)
