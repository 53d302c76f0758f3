"""The four kinds of covariance of a mixture of Gaussians, under scikit-learn's names.

    Sigma_k = L_k L_k^T,        L = p["L"]

full        L (K, D, D)  lower triangular: each component has an ellipse of its own
tied        L (D, D)     lower triangular: one ellipse for all components
diag        L (K, D)     standard deviations along the axes
spherical   L (K,)       one standard deviation a component

The factor is kept, not Sigma: its condition number is the root of Sigma's, which float32 holds.
The small matrices are inverted and factorised in float64.         docs/derivations/em.md
"""

from typing import Any

import numpy as np

from tinygen.arrays import Array, namespace


class Covariance:
    """What one kind of covariance knows; S are second moments, A = L^-1, e (N, D) differences"""

    def of(self, L: Array, k: int) -> Array:
        """What belongs to component k."""
        return L[k]

    def gather(self, parts: list[Array]) -> Array:
        """One array of what each component gave."""
        return namespace(parts[0]).stack(parts)

    def lower(self, L: Array) -> Array:
        """What the formulas read of L."""
        return L


class Full(Covariance):
    """A lower triangular factor for each component"""

    def shape(self, K: int, D: int) -> tuple[int, ...]:
        """Of p["L"]."""
        return (K, D, D)

    def free(self, K: int, D: int) -> int:
        """How many numbers may be chosen."""
        return K * D * (D + 1) // 2

    def identity(self, K: int, D: int) -> np.ndarray:
        """The factors of unit covariances."""
        return np.broadcast_to(np.eye(D), self.shape(K, D)).copy()

    def lower(self, L: Array) -> Array:
        """L without what stands above its diagonal, which no formula reads."""
        return namespace(L).tril(L)

    def diagonal(self, L: Array) -> Array:
        """The diagonals of matrices (..., D, D): (..., D)."""
        return namespace(L).diagonal(L, axis1=-2, axis2=-1)

    def log_det(self, L: Array, D: int) -> Array:
        """log |det L_k| (K,), or () of one for all."""
        xp = namespace(L)
        return xp.log(xp.abs(self.diagonal(L))).sum(axis=-1)

    def inverse(self, L: Array) -> Array:
        """A = L^-1, of the shape of L."""
        xp = namespace(L)
        return xp.linalg.inv(self.lower(L).astype(np.float64)).astype(L.dtype)

    def apply(self, A: Array, e: Array) -> Array:
        """A e_n for each row, A (D, D): (N, D)."""
        return e @ A.T

    def adjoint(self, A: Array, y: Array) -> Array:
        """A^T y_n for each row, A (D, D): (N, D)."""
        return y @ A

    def scatter(self, e: Array, w: Array) -> Array:
        """sum_n w_n e_n e_n^T, w (N,): (D, D)."""
        return (e * w[:, None]).T @ e

    def gradient(self, A: Array, scatter: Array, total: Array, D: int) -> Array:
        """dL_k from the scatter of y = A e under the weights w, whose sum is total."""
        xp = namespace(A)
        return xp.tril(A.T @ (scatter - total * xp.eye(D, dtype=A.dtype)))  #       (20)

    def moments(self, scatter: Array, count: Array, shift: Array) -> Array:
        """S about the new means, from the scatter about the old ones; shift = new - old."""
        outer = shift[:, :, None] * shift[:, None, :]
        return scatter / count[:, None, None] - outer  #                (K, D, D)   (10)

    def pooled(self, S: Array, weights: Array) -> Array:
        """sum_k pi_k S_k, the covariance within components."""
        return (weights[:, None, None] * S).sum(axis=0)  #              (D, D)

    def variances(self, S: Array) -> Array:
        """The variances along the axes, the axes last."""
        return self.diagonal(S)

    def add(self, S: Array, variance: float) -> Array:
        """S + variance I."""
        return S + variance * namespace(S).eye(S.shape[-1])

    def factor(self, S: Array, floor: float) -> Array:
        """L with L L^T = S, after the eigenvalues of S were raised to the floor.

        With S = V diag(s) V^T, L^T is the R of a QR decomposition of diag(sqrt s) V^T: unlike
        Cholesky's factor it exists however far the eigenvalues lie apart.
        """
        xp = namespace(S)
        s, V = xp.linalg.eigh(S)  #                                     (..., D), (..., D, D)
        root = V * xp.sqrt(xp.maximum(s, floor))[..., None, :]  #                   (11)
        L = xp.tril(xp.linalg.qr(root.swapaxes(-1, -2))[1].swapaxes(-1, -2))
        return L * xp.where(self.diagonal(L) < 0, -1.0, 1.0)[..., None, :]

    def covariances(self, L: Array) -> Array:
        """L L^T."""
        return self.lower(L) @ self.lower(L).swapaxes(-1, -2)


class Tied(Full):
    """One lower triangular factor for all components"""

    def shape(self, K: int, D: int) -> tuple[int, ...]:
        """Of p["L"]."""
        return (D, D)

    def free(self, K: int, D: int) -> int:
        """How many numbers may be chosen."""
        return D * (D + 1) // 2

    def of(self, L: Array, k: int) -> Array:
        """The one factor."""
        return L

    def gather(self, parts: list[Array]) -> Array:
        """The sum over the components."""
        return sum(parts[1:], parts[0])

    def moments(self, scatter: Array, count: Array, shift: Array) -> Array:
        """S about the new means, pooled over the components."""
        between = (shift * count[:, None]).T @ shift
        return (scatter - between) / count.sum()  #                     (D, D)      (12)

    def pooled(self, S: Array, weights: Array) -> Array:
        """S, which is pooled already."""
        return S


class Diag(Covariance):
    """Standard deviations along the axes, for each component"""

    def shape(self, K: int, D: int) -> tuple[int, ...]:
        """Of p["L"]."""
        return (K, D)

    def free(self, K: int, D: int) -> int:
        """How many numbers may be chosen."""
        return K * D

    def identity(self, K: int, D: int) -> np.ndarray:
        """Unit standard deviations."""
        return np.ones(self.shape(K, D))

    def log_det(self, L: Array, D: int) -> Array:
        """log |det L_k| (K,)."""
        xp = namespace(L)
        return xp.log(xp.abs(L)).sum(axis=-1)

    def inverse(self, L: Array) -> Array:
        """A = L^-1, of the shape of L."""
        return 1 / L

    def apply(self, A: Array, e: Array) -> Array:
        """A e_n for each row, A (D,) or (): (N, D)."""
        return e * A

    def adjoint(self, A: Array, y: Array) -> Array:
        """A^T y_n for each row, the same."""
        return y * A

    def scatter(self, e: Array, w: Array) -> Array:
        """sum_n w_n e_nd^2, w (N,): (D,)."""
        return w @ (e * e)

    def gradient(self, A: Array, scatter: Array, total: Array, D: int) -> Array:
        """dL_k from the scatter of y = A e under the weights w, whose sum is total."""
        return A * (scatter - total)  #                                             (21)

    def moments(self, scatter: Array, count: Array, shift: Array) -> Array:
        """S about the new means, from the scatter about the old ones; shift = new - old."""
        return scatter / count[:, None] - shift * shift  #              (K, D)      (13)

    def pooled(self, S: Array, weights: Array) -> Array:
        """sum_k pi_k S_k, the variances within components."""
        return weights @ S

    def variances(self, S: Array) -> Array:
        """The variances along the axes, the axes last."""
        return S

    def add(self, S: Array, variance: float) -> Array:
        """S + variance."""
        return S + variance

    def factor(self, S: Array, floor: float) -> Array:
        """Standard deviations, after the variances were raised to the floor."""
        xp = namespace(S)
        return xp.sqrt(xp.maximum(S, floor))

    def covariances(self, L: Array) -> Array:
        """The variances L^2."""
        return L * L


class Spherical(Diag):
    """One standard deviation for each component"""

    def shape(self, K: int, D: int) -> tuple[int, ...]:
        """Of p["L"]."""
        return (K,)

    def free(self, K: int, D: int) -> int:
        """How many numbers may be chosen."""
        return K

    def log_det(self, L: Array, D: int) -> Array:
        """log |det L_k| (K,): the same for each of D axes."""
        xp = namespace(L)
        return D * xp.log(xp.abs(L))

    def scatter(self, e: Array, w: Array) -> Array:
        """sum_n w_n |e_n|^2, w (N,): ()."""
        return (w @ (e * e)).sum()

    def gradient(self, A: Array, scatter: Array, total: Array, D: int) -> Array:
        """dL_k from the scatter of y = A e under the weights w, whose sum is total."""
        return A * (scatter - D * total)  #                                         (21)

    def moments(self, scatter: Array, count: Array, shift: Array) -> Array:
        """S about the new means: the mean over the axes."""
        return scatter / (count * shift.shape[1]) - (shift * shift).mean(axis=1)  # (14)

    def variances(self, S: Array) -> Array:
        """The one variance of all axes, with an axis of its own."""
        return S[..., None]


KINDS: dict[str, Any] = {"full": Full(), "tied": Tied(), "diag": Diag(), "spherical": Spherical()}
