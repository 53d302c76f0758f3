"""Closed-form Kullback-Leibler divergences between Gaussians, in nats, an example a row.

KL(q || p) = E_q[log q(z) - log p(z)]                      docs/derivations/kl.md
"""

from tinygen.arrays import Array, Params, namespace
from tinygen.likelihoods.base import check_beside, check_dict
from tinygen.pullback import Pullback


def kl_diagonal_standard(q: Params) -> tuple[Array, Pullback]:
    """KL(N(mean, diag exp(log_var)) || N(0, I)) (N,), in nats, and its pullback.

    q = {"mean": (N, Z), "log_var": (N, Z)}; its gradient is the pullback's dp, and dx is empty.
    Raises ValueError for other keys, shapes, NaN or an empty batch, TypeError for dtypes.
    """
    mean, log_var = check_diagonal("q", q)
    xp = namespace(mean)
    growth = xp.expm1(log_var)  # sigma^2 - 1, exact near the prior                (N, Z)
    kl = 0.5 * (mean * mean + (growth - log_var)).sum(axis=1)  #                   (N,)   (1)

    def dq(dkl: Array) -> Params:
        d = dkl[:, None]
        return {"mean": mean * d, "log_var": 0.5 * growth * d}  # mean, (sigma^2 - 1) / 2  (2)

    return kl, Pullback(dq, lambda dkl: (), kl)


kl_to_standard_normal = kl_diagonal_standard


def check_diagonal(name: str, q: Params) -> tuple[Array, Array]:
    """(mean, log_var) of a diagonal Gaussian, after refusing anything else."""
    check_dict(name, q, "mean", "log_var")
    check_beside(name, "log_var", q["log_var"], q["mean"])
    return q["mean"], q["log_var"]
