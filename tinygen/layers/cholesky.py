"""Numbers that a net puts out, as the Cholesky factor of a covariance matrix.

L_ij = a_ij / Z below the diagonal,  L_ii = exp(c tanh(a_ii / c) / 2)

                                                           docs/derivations/cholesky.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Cholesky(Layer):
    """a (N, Z (Z + 1) / 2) -> L (N, Z, Z), lower-triangular, its diagonal positive

    n     : Z. The numbers fill the lower triangle row by row: a_11, a_21, a_22, a_31, ...
            Those below the diagonal are divided by Z: a row of them then begins, and moves with
            a step, no farther than one number would.
    limit : c. A number of the diagonal is the log of a variance, bounded as by `Bounded`; so
            a = 0 gives the identity, and L_ii lies in e^(-c/2) .. e^(c/2).

    L L^T is positive definite for every a, and each such matrix within the bound has one a.
    Raises ValueError for n < 1 or a limit that is not a finite number above 0.
    """

    n: int
    limit: float = 10.0

    def __post_init__(self) -> None:
        check_sizes(self, n=self.n)
        if not 0 < self.limit < float("inf"):
            raise ValueError(f"Cholesky: limit must be a finite number > 0, got {self.limit!r}")

    @property
    def n_in(self) -> int:
        """Z (Z + 1) / 2, the width that the layer before it must have."""
        return self.n * (self.n + 1) // 2

    def forward(self, p: Params, a: Array) -> tuple[Array, Pullback]:
        check_input(self, p, a, "N", self.n_in)
        xp = namespace(a)
        c = float(self.limit)
        i, j = (xp.asarray(index) for index in np.tril_indices(self.n))  # where a_ij goes
        d = xp.arange(self.n)
        on_diagonal = d * (d + 3) // 2  # where a_ii stands in a          (Z,)
        t = xp.tanh(a[:, on_diagonal] / c)  #                             (N, Z)
        std = xp.exp(0.5 * c * t)  # L_ii                                 (N, Z)
        L = xp.zeros((len(a), self.n, self.n), a.dtype)
        L[:, i, j] = a / self.n  # below the diagonal                     (N, Z, Z)  (1)
        L[:, d, d] = std  # on it                                         (N, Z)     (2)

        def da(dL: Array) -> Array:
            da = dL[:, i, j] / self.n  # what stands above the diagonal is dropped           (3)
            da[:, on_diagonal] = dL[:, d, d] * (0.5 * std * (1 - t * t))  # (N, Z)   (4)
            return da

        return L, Pullback(no_params, da, L)
