"""Kullback-Leibler divergences between Gaussians in closed form, in nats, an example a row.

KL(q || p) = E_q[log q(z) - log p(z)]                      docs/derivations/kl.md

A Gaussian is a dict: {"mean", "log_var"}, both (N, ...), with a diagonal covariance exp(log_var);
or {"mean" (N, Z), "L" (N, Z, Z)} with the covariance L L^T, L lower-triangular with a positive
diagonal (a Cholesky factor). The pullback's dp half is the gradient of q, its dx half that of p;
against the standard normal, dx is the empty tree (). Raised for bad input: ValueError for keys,
shapes, NaN, an empty batch, an L that is no Cholesky factor; TypeError for dtypes and devices.
"""

from typing import Any

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.likelihoods.base import check_beside, check_dict, per_example, sum_examples
from tinygen.pullback import Pullback


def kl_to_standard_normal(q: Params) -> tuple[Array, Pullback]:
    """KL(q || N(0, I)) (N,), in nats: `kl_diagonal_standard`, or `kl_full_standard` of an L."""
    return kl_full_standard(q) if "L" in q else kl_diagonal_standard(q)


def kl(q: Params, p: Params) -> tuple[Array, Pullback]:
    """KL(q || p) (N,), in nats: `kl_diagonal`, or `kl_full` where q has an L."""
    return kl_full(q, p) if "L" in q else kl_diagonal(q, p)


def kl_diagonal_standard(q: Params) -> tuple[Array, Pullback]:
    """KL(N(mean, diag exp(log_var)) || N(0, I)) (N,), in nats."""
    mean, log_var = check_diagonal("KL: q", q)
    # expm1 keeps what 1 + log_var - sigma^2 would cancel near the prior
    growth = namespace(mean).expm1(log_var)  # sigma^2 - 1                   (N, ...)
    kl = 0.5 * sum_examples(mean * mean + (growth - log_var))  #             (N,)     (1)

    def dq(dkl: Array) -> Params:
        d = per_example(dkl, mean)
        return {"mean": mean * d, "log_var": 0.5 * growth * d}  #                     (2)

    return kl, Pullback(dq, nothing, kl)


def kl_diagonal(q: Params, p: Params) -> tuple[Array, Pullback]:
    """KL(N(mean_q, diag exp(log_var_q)) || N(mean_p, diag exp(log_var_p))) (N,), in nats."""
    mean, log_var = check_diagonal("KL: q", q)
    mean_p, log_var_p = check_diagonal("KL: p", p)
    check_beside("KL", "p's mean", mean_p, mean)
    xp = namespace(mean)
    precision = xp.exp(-log_var_p)  # 1 / sigma_p^2                          (N, ...)
    shift = mean - mean_p
    ratio = log_var - log_var_p  # log sigma_q^2 / sigma_p^2                 (N, ...)
    growth = xp.expm1(ratio)  # sigma_q^2 / sigma_p^2 - 1
    distance = shift * shift * precision
    kl = 0.5 * sum_examples(distance + (growth - ratio))  #                  (N,)     (3)

    def dq(dkl: Array) -> Params:
        d = per_example(dkl, mean)
        return {"mean": shift * precision * d, "log_var": 0.5 * growth * d}  #        (4)

    def dp(dkl: Array) -> Params:
        d = per_example(dkl, mean)
        return {"mean": -shift * precision * d, "log_var": -0.5 * (growth + distance) * d}  # (5)

    return kl, Pullback(dq, dp, kl)


def kl_full_standard(q: Params) -> tuple[Array, Pullback]:
    """KL(N(mean, L L^T) || N(0, I)) (N,), in nats."""
    mean, L = check_full("KL: q", q)
    kl = 0.5 * ((mean * mean).sum(axis=1) + excess(L))  #                     (N,)     (6)

    def dq(dkl: Array) -> Params:
        dL = L - on_diagonal(1 / diagonal(L))  # L - diag(1 / L_ii)          (N, Z, Z) (7)
        return {"mean": mean * dkl[:, None], "L": dL * dkl[:, None, None]}

    return kl, Pullback(dq, nothing, kl)


def kl_full(q: Params, p: Params) -> tuple[Array, Pullback]:
    """KL(N(mean_q, L_q L_q^T) || N(mean_p, L_p L_p^T)) (N,), in nats."""
    mean, L = check_full("KL: q", q)
    mean_p, L_p = check_full("KL: p", p)
    check_beside("KL", "p's mean", mean_p, mean)
    xp = namespace(mean)
    M = xp.tril(xp.linalg.solve(L_p, L))  # L_p^-1 L_q, lower-triangular     (N, Z, Z)
    w = xp.linalg.solve(L_p, (mean - mean_p)[..., None])  #                  (N, Z, 1)
    kl = 0.5 * ((w * w).sum(axis=(1, 2)) + excess(M))  #                     (N,)     (8)

    def back(a: Array) -> Array:
        return xp.linalg.solve(L_p.swapaxes(1, 2), a)  # L_p^-T a

    def dq(dkl: Array) -> Params:
        dL = xp.tril(back(M)) - on_diagonal(1 / diagonal(L))  #              (N, Z, Z)
        return {"mean": back(w)[..., 0] * dkl[:, None], "L": dL * dkl[:, None, None]}  # (9)

    def dp(dkl: Array) -> Params:
        S = M @ M.swapaxes(1, 2) + w @ w.swapaxes(1, 2)  # M M^T + w w^T     (N, Z, Z)
        dL = on_diagonal(1 / diagonal(L_p)) - xp.tril(back(S))  #            (N, Z, Z)
        return {"mean": -back(w)[..., 0] * dkl[:, None], "L": dL * dkl[:, None, None]}  # (10)

    return kl, Pullback(dq, dp, kl)


def excess(L: Array) -> Array:
    """||L||^2 - Z - 2 sum_i log L_ii (N,), as a sum of terms that vanish each at L = I."""
    xp = namespace(L)
    off = L - on_diagonal(diagonal(L))  # below the diagonal                 (N, Z, Z)
    e = diagonal(L) - 1  #                                                   (N, Z)
    terms = e * e + 2 * (e - xp.log(diagonal(L)))  # L_ii^2 - 1 - 2 log L_ii (N, Z)
    return (off * off).sum(axis=(1, 2)) + terms.sum(axis=1)


def diagonal(L: Array) -> Array:
    """L_ii: (N, Z, Z) -> (N, Z)."""
    return L.diagonal(axis1=1, axis2=2)


def on_diagonal(d: Array) -> Array:
    """diag(d): (N, Z) -> (N, Z, Z)."""
    return d[:, :, None] * namespace(d).eye(d.shape[1], dtype=d.dtype)


def nothing(dkl: Any) -> tuple[()]:
    """The gradient of the standard normal, which has no parameters."""
    return ()


def check_diagonal(name: str, q: Params) -> tuple[Array, Array]:
    """(mean, log_var) of a diagonal Gaussian, after refusing anything else."""
    check_dict(name, q, "mean", "log_var")
    check_beside(name, "log_var", q["log_var"], q["mean"])
    return q["mean"], q["log_var"]


def check_full(name: str, q: Params) -> tuple[Array, Array]:
    """(mean, L) of a Gaussian of full covariance, after refusing anything else.

    The values of L are looked at on the CPU only, for a GPU would have to wait: there the
    logarithm of a diagonal that is not positive is NaN.
    """
    check_dict(name, q, "mean", "L")
    mean, L = q["mean"], q["L"]
    if mean.ndim != 2 or L.shape != (*mean.shape, mean.shape[1]):
        raise ValueError(
            f"{name}: expected mean (N, Z) and L (N, Z, Z), got {mean.shape} and {L.shape}"
        )
    if device_of(L) == "cuda":
        return mean, L
    if not (diagonal(L) > 0).all():
        raise ValueError(
            f"{name}: expected L with a positive diagonal, got {float(diagonal(L).min()):g} on it: "
            "put exp or softplus on the diagonal that the net puts out"
        )
    if namespace(L).triu(L, 1).any():
        raise ValueError(
            f"{name}: expected a lower-triangular L, got entries above the diagonal: "
            "give the Cholesky factor, np.linalg.cholesky of the covariance"
        )
    return mean, L
