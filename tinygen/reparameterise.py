"""A draw from a Gaussian as a differentiable function of its parameters.

z = mean + sigma eps  or  z = mean + L eps,  eps ~ N(0, I)
Kingma and Welling 2014 (arXiv 1312.6114), section 2.4.    docs/derivations/reparameterisation.md
"""

from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import check_diagonal, check_full
from tinygen.likelihoods.base import check_beside
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
