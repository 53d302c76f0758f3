"""How far the dimensions of a code depend on each other: TC = KL(q(z) || prod_j q(z_j)), in nats.

Of a set of examples, with q(z) = (1/N) sum_n q(z|x_n); two numbers, to compare runs by:

    by draws       E log q(z) - sum_j log q(z_j), the densities known
    of a Gaussian  -(1/2) log det R, R the correlations of q(z): what a Gaussian of the same
                   covariance has, blind to all that is no correlation

S. Watanabe, IBM Journal 4:66, 1960.          docs/derivations/disentanglement_metrics.md
"""

import numpy as np

from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.kernels.pairwise import pair_log_density
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import check_beside
from tinygen.metrics.code_draws import blocks, check_codes, draw_codes
from tinygen.metrics.units import mean_and_error


def total_correlation(
    q: Params, rng: np.random.Generator, draws: int = 2000
) -> tuple[float, float]:
    """TC of q(z) by `draws` draws of z, and its standard error over them, in nats.

    q : {"mean", "log_var"} (N, Z) of all examples of a set

    It is that of the N examples given, not of more like them: where their posteriors no longer
    overlap, each code tells its example, and the value grows towards (Z - 1) log N.
    Raises ValueError for shapes, NaN, one example, draws < 2, TypeError for dtypes.
    """
    mean, log_var = check_codes("total_correlation", q)
    _, z = draw_codes("total_correlation", q, rng, draws)
    n, found = len(mean), []
    for rows in blocks(len(z), mean.size):
        log_pair, _ = pair_log_density(z[rows], mean, log_var)  #      (Z, S, N)
        log_q = log_sum_exp(log_pair.sum(axis=0)) - np.log(n)  #       (S,)
        log_qj = log_sum_exp(log_pair) - np.log(n)  #                  (Z, S)
        found.append(to_host(log_q - log_qj.sum(axis=0)))  #                            (7)
    return mean_and_error(np.concatenate(found).astype(np.float64))


def gaussian_total_correlation(mean: Array, log_var: Array | None = None) -> float:
    """-(1/2) log det R >= 0 in nats, R the correlations of codes.

    mean, log_var : (N, Z) of q(z|x) of all examples, whose q(z) has the covariance
                    Cov(mean) + the mean of diag(exp(log_var)); or codes alone, N > Z

    Raises ValueError for shapes, NaN, and a covariance that is singular, as where a dimension is
    the same for all examples, TypeError for dtypes.
    """
    check_array("gaussian_total_correlation: mean", mean, "N", "Z")
    xp = namespace(mean)
    rows = mean.astype("float64") - mean.astype("float64").mean(axis=0)
    covariance = rows.T @ rows / len(rows)  #                          (Z, Z)
    if log_var is not None:
        check_beside("gaussian_total_correlation", "log_var", log_var, mean)
        check_array("gaussian_total_correlation: log_var", log_var, "N", "Z")
        covariance = covariance + xp.diag(xp.exp(log_var.astype("float64")).mean(axis=0))
    covariance = to_host(covariance)
    variance = np.diag(covariance)
    sign, log_det = np.linalg.slogdet(covariance)
    singular = log_var is None and len(mean) <= len(variance)  # points span fewer dimensions
    if singular or sign <= 0 or (variance <= 0).any() or log_det < np.log(variance).sum() - 60:
        raise ValueError(
            f"gaussian_total_correlation: the covariance of {len(mean)} codes is singular: leave "
            "dimensions out that are the same for all, and give more examples than dimensions"
        )
    return max(0.0, 0.5 * float(np.log(variance).sum() - log_det))  #                  (8)
