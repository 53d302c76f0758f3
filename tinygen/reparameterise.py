"""A draw from a Gaussian as a differentiable function of its parameters (Kingma and Welling 2014,
arXiv 1312.6114, section 2.4).

z = mean + sigma eps,  eps ~ N(0, I)                       docs/derivations/reparameterisation.md
"""

from tinygen.arrays import Array, Params, namespace
from tinygen.likelihoods.base import check_beside, check_dict
from tinygen.pullback import Pullback


def reparameterise(q: Params, eps: Array) -> tuple[Array, Pullback]:
    """z = mean + exp(log_var / 2) eps (N, Z), and its pullback dz -> (dq, deps).

    q   : {"mean": (N, Z), "log_var": (N, Z)}
    eps : standard normal noise (N, Z), drawn by the caller
    """
    check_dict("reparameterise", q, "mean", "log_var")
    mean, log_var = q["mean"], q["log_var"]
    check_beside("reparameterise", "log_var", log_var, mean)
    check_beside("reparameterise", "eps", eps, mean)
    std = namespace(mean).exp(0.5 * log_var)  # sigma = e^(log_var / 2)           (N, Z)
    noise = std * eps  #                                                          (N, Z)
    z = mean + noise  #                                                           (N, Z) (1)

    def dq(dz: Array) -> Params:
        return {"mean": dz, "log_var": 0.5 * noise * dz}  # dz, sigma eps dz / 2  (N, Z) (2)

    def deps(dz: Array) -> Array:
        return std * dz  #                                                        (N, Z) (3)

    return z, Pullback(dq, deps, z)
