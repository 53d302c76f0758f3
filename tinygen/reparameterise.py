"""A draw from a Gaussian and its log density, as differentiable functions of its parameters.

z = mean + sigma eps  or  z = mean + L eps,  eps ~ N(0, I)
Kingma and Welling 2014 (arXiv 1312.6114), section 2.4.    docs/derivations/reparameterisation.md
"""

from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import check_diagonal, check_full, diagonal, on_diagonal
from tinygen.likelihoods.base import check_beside, per_example, sum_examples
from tinygen.likelihoods.gaussian import LOG_2PI
from tinygen.pullback import Pullback


def reparameterise(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """z ~ q from standard normal noise; its pullback maps dz to (dq, deps).

    q   : {"mean", "log_var"}, both (N, ...), or {"mean" (N, Z), "L" (N, Z, Z)} as in divergences
    eps : noise of the shape of the mean, drawn by the caller

    Raises ValueError for keys, shapes, NaN or an empty batch, TypeError for dtypes and devices.
    """
    return reparameterise_full(q, eps) if "L" in q else reparameterise_diagonal(q, eps)


def reparameterise_diagonal(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """z = mean + exp(log_var / 2) eps        all (N, ...)"""
    mean, log_var = check_diagonal("reparameterise", q)
    check_beside("reparameterise", "eps", eps, mean)
    std = namespace(mean).exp(0.5 * log_var)  # sigma = e^(log_var / 2)   (N, ...)
    noise = std * eps
    z = mean + noise  #                                                   (N, ...)  (1)

    def dq(dz: Array) -> Params:
        return {"mean": dz, "log_var": 0.5 * noise * dz}  #               (N, ...)  (2)

    def deps(dz: Array) -> Array:
        return std * dz  #                                                (N, ...)  (3)

    return z, Pullback(dq, deps, z)


def reparameterise_full(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """z = mean + L eps        mean, eps, z (N, Z)   L (N, Z, Z)"""
    mean, L = check_full("reparameterise", q)
    check_beside("reparameterise", "eps", eps, mean)
    xp = namespace(mean)
    z = mean + (L @ eps[..., None])[..., 0]  #                            (N, Z)    (4)

    def dq(dz: Array) -> Params:
        dL = xp.tril(dz[:, :, None] * eps[:, None, :])  # tril(dz eps^T)  (N, Z, Z) (5)
        return {"mean": dz, "L": dL}

    def deps(dz: Array) -> Array:
        return (L.swapaxes(1, 2) @ dz[..., None])[..., 0]  # L^T dz       (N, Z)    (6)

    return z, Pullback(dq, deps, z)


def log_density(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """log q(z) (N,), in nats, at the draw z of `reparameterise`; its pullback gives (dq, deps).

    z moves with q, so this is the total derivative: that of the mean is zero.
    q, eps, and what is raised: as for `reparameterise`.
    """
    return log_density_full(q, eps) if "L" in q else log_density_diagonal(q, eps)


def log_density_diagonal(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """-sum_j (eps_j^2 + log_var_j + log 2 pi) / 2          all (N, ...), the sum (N,)"""
    mean, log_var = check_diagonal("log_density", q)
    check_beside("log_density", "eps", eps, mean)
    log_q = -0.5 * sum_examples(eps * eps + (log_var + LOG_2PI))  #       (N,)      (7)

    def dq(d: Array) -> Params:
        still = namespace(mean).zeros_like(mean)
        return {"mean": still, "log_var": still - 0.5 * per_example(d, mean)}  #    (8)

    def deps(d: Array) -> Array:
        return -eps * per_example(d, eps)  #                              (N, ...)  (9)

    return log_q, Pullback(dq, deps, log_q)


def log_density_full(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """-sum_j (eps_j^2 + log 2 pi) / 2 - sum_j log L_jj     mean, eps (N, Z)   L (N, Z, Z)"""
    mean, L = check_full("log_density", q)
    check_beside("log_density", "eps", eps, mean)
    xp = namespace(mean)
    log_q = -0.5 * (eps * eps + LOG_2PI).sum(axis=1) - xp.log(diagonal(L)).sum(axis=1)  # (10)

    def dq(d: Array) -> Params:
        dL = on_diagonal(-d[:, None] / diagonal(L))  #                    (N, Z, Z) (11)
        return {"mean": xp.zeros_like(mean), "L": dL}

    def deps(d: Array) -> Array:
        return -eps * d[:, None]  #                                       (N, Z)    (9)

    return log_q, Pullback(dq, deps, log_q)
