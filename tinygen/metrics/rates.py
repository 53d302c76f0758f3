"""What each latent dimension carries: the KL of one dimension at a time, in nats.

R_j = (1/N) sum_n KL(q(z_j|x_n) || N(0, 1)),  a dimension is dead where R_j < 0.01

J. Lucas, G. Tucker, R. Grosse and M. Norouzi, Don't Blame the ELBO!, NeurIPS 2019, arXiv
1911.02469, define a collapsed dimension by the share of examples with a KL below a bound; here
their mean is looked at.                                   docs/derivations/vae.md
"""

import math

from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.divergences import check_full, kl_diagonal_standard
from tinygen.layers.base import check_nonempty

DEAD = 0.01  # nats


def kl_per_dimension(q: Params) -> Array:
    """R_j (Z,): the mean over the examples of KL(q(z_j|x) || N(0, 1)), in nats.

    q : {"mean", "log_var"} (N, Z), such as `vae.encode(p, x)`: the sum over j is the KL to N(0, I).
        Or {"mean" (N, Z), "L" (N, Z, Z)} of full covariance: R_j is that of the marginal
        N(mean_j, sum_k L_jk^2); their sum lies below the KL by what ties the dimensions together.

    Raises ValueError and TypeError for bad q as the divergences do, and for no examples.
    """
    if "L" in q:
        mean, L = check_full("kl_per_dimension: q", q)
        variance = (L * L).sum(axis=2)  # Sigma_jj                        (N, Z)
        q = {"mean": mean, "log_var": namespace(L).log(variance)}
    check_nonempty("kl_per_dimension: mean", q["mean"])
    columns = {key: a.reshape(-1, 1) for key, a in q.items()}  # each number as an example
    kl, _ = kl_diagonal_standard(columns)  # KL_nj                        (N Z,)
    return kl.reshape(q["mean"].shape).mean(axis=0)  #                    (Z,)      (18)


def dead_units(q: Params, nats: float = DEAD) -> list[int]:
    """The dimensions j with R_j below so many nats, in order; q as in `kl_per_dimension`.

    Raises ValueError unless nats > 0 is finite.
    """
    if isinstance(nats, bool) or not 0 < nats < math.inf:
        raise ValueError(f"dead_units: nats must be a finite number > 0, got {nats!r}")
    return [j for j, rate in enumerate(to_host(kl_per_dimension(q))) if rate < nats]
