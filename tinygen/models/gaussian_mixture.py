"""The mixture of Gaussians: K ellipses, each with its share of the data.

    p(x) = sum_k pi_k N(x; mean_k, Sigma_k),        Sigma_k = L_k L_k^T

C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 9.2. Names are those of
scikit-learn's GaussianMixture.                                    docs/derivations/em.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.likelihoods.base import normal
from tinygen.likelihoods.gaussian import LOG_2PI
from tinygen.models.covariances import KINDS
from tinygen.models.mixture import Mixture
from tinygen.pullback import Pullback

LEAST = 0.5  # examples that a component must hold
NARROW = 1e-3  # share of the variance within components that it must have, if it is at the floor


@dataclass(frozen=True)
class GaussianMixture(Mixture):
    """p(x) = sum_k softmax(logits)_k N(x; mean_k, L_k L_k^T)        x (N, *shape), D numbers each

    n_components    : K
    covariance_type : "full", "tied", "diag" or "spherical", see covariances.py
    floor           : least eigenvalue of a covariance, in squared units of x. EM then maximises
                      the likelihood among such covariances; without a floor it has no maximum,
                      for a component that shrinks onto one point makes it infinite.
    reg_covar       : added to the diagonals, as scikit-learn does. Each M-step is then a little
                      off its maximum, and the likelihood may fall by a little.
    n_init, shape   : see `Mixture`

    p = {"logits" (K,), "mean" (K, *shape), "L"}, L of the shape that covariances.py lists.

    A component has collapsed when it holds less than half an example, or when its variance along
    every axis is below the floor and below a thousandth of that within components: on one point,
    or on equal ones. EM lets it begin again (`em.em_step`). A feature that is constant is no
    collapse: its variance is the floor in every component.
    """

    covariance_type: str = "full"
    floor: float = 1e-6
    reg_covar: float = 0.0

    centre = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.covariance_type not in KINDS:
            raise ValueError(
                f"GaussianMixture: unknown covariance_type {self.covariance_type!r}: choose one of "
                f"{', '.join(KINDS)}"
            )
        check_number("GaussianMixture", "floor", self.floor, above=0.0)
        check_number("GaussianMixture", "reg_covar", self.reg_covar, least=0.0)

    @property
    def kind(self) -> Any:
        """The arithmetic of this kind of covariance."""
        return KINDS[self.covariance_type]

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Of the means and of the factors."""
        K, D = self.n_components, math.prod(shape)
        return {"mean": (K, *shape), "L": self.kind.shape(K, D)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Means from N(0, I), unit covariances, equal weights: no start for EM, see `em.begin`."""
        shape = self.needed_shape()
        return {
            "logits": np.zeros(self.n_components, dtype),
            "mean": rng.standard_normal((self.n_components, *shape)).astype(dtype),
            "L": self.kind.identity(self.n_components, math.prod(shape)).astype(dtype),
        }

    def log_components(self, p: Params, rows: Array) -> tuple[Array, Pullback]:
        """log N(x; mean_k, Sigma_k) (N, K) of rows (N, D), and its pullback."""
        xp, kind, D = namespace(rows), self.kind, rows.shape[1]
        mean = p["mean"].reshape(self.n_components, D)
        A = kind.inverse(p["L"])  #  L^-1
        columns = range(self.n_components)

        def white(k: int) -> Array:
            return kind.apply(kind.of(A, k), rows - mean[k])  # y_nk      (N, D)

        squares = [xp.einsum("nd,nd->n", y, y) for y in map(white, columns)]
        norm = kind.log_det(p["L"], D) + 0.5 * D * LOG_2PI
        log_x = -0.5 * xp.stack(squares, axis=1) - norm  #                (N, K)    (7)

        def dp(w: Array) -> Params:
            dmean, dL = [], []
            for k in columns:
                y, A_k, w_k = white(k), kind.of(A, k), w[:, k]
                dmean.append(kind.adjoint(A_k, w_k @ y))  #               (D,)      (19)
                dL.append(kind.gradient(A_k, kind.scatter(y, w_k), w_k.sum(), D))
            return {"mean": xp.stack(dmean).reshape(p["mean"].shape), "L": kind.gather(dL)}

        def dx(w: Array) -> Array:
            total = xp.zeros_like(rows)
            for k in columns:
                total = total - kind.adjoint(kind.of(A, k), white(k) * w[:, k : k + 1])
            return total  #                                               (N, D)    (19)

        return log_x, Pullback(dp, dx, log_x)

    def statistics(self, p: Params, rows: Array, r: Array) -> Params:
        """N_k, and the first and second moments about the means of p, weighted with r (N, K)."""
        kind, xp = self.kind, namespace(rows)
        mean = p["mean"].reshape(self.n_components, -1)
        first, second = [], []
        for k in range(self.n_components):
            e, r_k = rows - mean[k], r[:, k]  #                           (N, D), (N,)
            first.append(r_k @ e)
            second.append(kind.scatter(e, r_k))
        return {"count": r.sum(axis=0), "first": xp.stack(first), "second": kind.gather(second)}

    def maximise(self, p: Params, sums: Params) -> Params:
        """The weighted means, and the covariances about them with eigenvalues at least `floor`."""
        shift = sums["first"] / sums["count"][:, None]  #                 (K, D)
        mean = p["mean"].reshape(shift.shape).astype(np.float64) + shift  #         (8)
        S = self.moments(sums)
        if self.reg_covar:
            S = self.kind.add(S, self.reg_covar)
        return {"mean": mean, "L": self.kind.factor(S, self.floor)}

    def moments(self, sums: Params) -> Array:
        """S_k, the second moments about the new means."""
        shift = sums["first"] / sums["count"][:, None]
        return self.kind.moments(sums["second"], sums["count"], shift)

    def within(self, sums: Params) -> Array:
        """sum_k pi_k S_k, the covariance within components."""
        return self.kind.pooled(self.moments(sums), sums["count"] / sums["count"].sum())

    def collapsed(self, sums: Params) -> list[int]:
        """Components with less than half an example, or with no variance where others have one."""
        held = sums["count"] >= LEAST  #                                  (K,)
        own, others = (self.kind.variances(S) for S in (self.moments(sums), self.within(sums)))
        least = namespace(others).minimum(self.floor, NARROW * others)  # (D,)
        wide = (own > least).any(axis=-1)  #                              (K,) or ()
        alive = held & (wide if bool((others > self.floor).any()) else True)
        return [k for k, good in enumerate(alive.tolist()) if not good]

    def reseeded(self, new: Params, sums: Params, k: int, row: Array) -> Params:
        """Component k at the example `row`, with the covariance within components."""
        mean = new["mean"].copy()
        mean[k] = row
        if self.covariance_type == "tied":
            return new | {"mean": mean}
        L = new["L"].copy()
        L[k] = self.kind.factor(self.within(sums), self.floor)
        return new | {"mean": mean, "L": L}

    def draw(self, p: Params, rng: np.random.Generator, k: Array) -> Array:
        """mean_k + L_k eps, a row (n, D) for each component in k (n,)."""
        K, kind = self.n_components, self.kind
        mean, L = p["mean"].reshape(K, -1), kind.lower(p["L"])
        eps = normal(rng, (len(k), mean.shape[1]), mean)  #               (n, D)
        rows = mean[k]
        for j in range(K):
            of_j = k == j
            rows[of_j] = rows[of_j] + kind.apply(kind.of(L, j), eps[of_j])
        return rows

    def means(self, p: Params) -> Array:
        """The mean of each component (K, *shape)."""
        return p["mean"]

    def covariances(self, p: Params) -> Array:
        """Sigma, of scikit-learn's shapes: (K, D, D), tied (D, D), diag (K, D), spherical (K,)."""
        self.check(p)
        return self.kind.covariances(p["L"])

    def matrices(self, p: Params) -> Array:
        """Sigma_k as K matrices (K, D, D), whatever the kind."""
        K, D = self.n_components, math.prod(p["mean"].shape[1:])
        S, xp = self.covariances(p), namespace(p["mean"])
        eye = xp.eye(D, dtype=S.dtype)
        if self.covariance_type == "spherical":
            return S[:, None, None] * eye
        if self.covariance_type == "diag":
            return S[:, :, None] * eye
        return xp.broadcast_to(S, (K, D, D))

    def given(self, weights: Array, means: Array, covariances: Array) -> Params:
        """The parameters with these weights (K,), means (K, *shape) and covariances.

        Eigenvalues below the floor are raised to it. Raises ValueError for shapes, and for
        weights that are not above 0.
        """
        xp = namespace(means)
        if not bool((weights > 0).all()):
            raise ValueError(
                f"GaussianMixture: weights must be > 0, got {weights}: leave others out"
            )
        L = self.kind.factor(covariances.astype(np.float64), self.floor)
        logits, L = xp.log(weights).astype(means.dtype), L.astype(means.dtype)
        p = {"logits": logits, "mean": means, "L": L}
        self.check(p)
        return p

    def free(self, p: Params) -> int:
        """K - 1 weights, K D means, and the covariances."""
        K, D = self.n_components, math.prod(p["mean"].shape[1:])
        return K - 1 + K * D + int(self.kind.free(K, D))
