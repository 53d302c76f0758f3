"""The encoder of the contractive autoencoder, and the norm of its Jacobian in closed form.

    h = sigmoid(x W + b)        |dh/dx|^2 = sum_j (h_j (1 - h_j))^2 |W_j|^2,    W_j the j-th column

S. Rifai, P. Vincent, X. Muller, X. Glorot and Y. Bengio, Contractive Auto-Encoders: Explicit
Invariance During Feature Extraction, ICML 2011.           docs/derivations/contractive.md

Of one layer the norm costs about as much as its output; of more layers it is a product of matrices
an example, for which there is no such sum: models/deep_contractive.py.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Dense, Layer, Sigmoid
from tinygen.layers.base import check_array, check_params, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class SigmoidEncoder(Layer):
    """h = sigmoid(x W + b)        x (N, ...) of I numbers each   W (I, Z)   b (Z,)   h (N, Z)

    n_in, n_latent : I and Z

    Raises ValueError for sizes below 1, and for examples of another number of pixels.
    """

    n_in: int
    n_latent: int

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_latent=self.n_latent)

    @property
    def dense(self) -> Dense:
        """a = x W + b."""
        return Dense(self.n_in, self.n_latent)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """W and b."""
        return self.dense.shapes

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """W and b, as of a dense layer."""
        return self.dense.init(rng, dtype, weights)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        """h and its pullback."""
        check_array("SigmoidEncoder", x, "...")
        a, dense_backward = self.dense.forward(p, x.reshape(len(x), -1))  # x W + b    (N, Z)
        h, sigmoid_backward = Sigmoid().forward({}, a)  #                              (N, Z)   (1)

        def dp(dh: Array) -> Params:
            return dense_backward.dp(sigmoid_backward.dx(dh))

        def dx(dh: Array) -> Array:
            return dense_backward.dx(sigmoid_backward.dx(dh)).reshape(x.shape)

        return h, Pullback(dp, dx, h)

    def jacobian_norm(self, p: Params, h: Array) -> tuple[Array, Pullback]:
        """|dh/dx|^2 of each example (N,), the squared Frobenius norm, as a function of p and h.

        The pullback gives dp at a fixed h, and dh: both reach p and x through `forward`'s pullback
        of dh, for h itself depends on them.
        """
        check_params(self, p, self.shapes)
        check_array("SigmoidEncoder codes", h, "N", self.n_latent)
        W = p["W"]
        slope = h * (1 - h)  # sigmoid'(a)                            (N, Z)
        lengths = (W * W).sum(axis=0)  # |W_j|^2                      (Z,)
        norm = (slope * slope) @ lengths  # sum_j slope_j^2 |W_j|^2   (N,)      (3)

        def dp(dnorm: Array) -> Params:  # (N,)
            dW = 2 * W * (dnorm @ (slope * slope))  #                 (I, Z)    (4)
            return {"W": dW, "b": namespace(h).zeros_like(p["b"])}

        def dh(dnorm: Array) -> Array:
            return 2 * dnorm[:, None] * slope * (1 - 2 * h) * lengths  # (N, Z)   (5)

        return norm, Pullback(dp, dh, norm)
