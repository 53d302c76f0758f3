"""The aggregate posterior and its marginals, estimated from one batch, with their gradients.

    q(z) = (1/D) sum_n q(z|x_n)   over D examples,    log q(z) and sum_j log q(z_j)

A batch holds N of the D. With weights w_nm of the density of code n under example m,

    log q(z_n) ~ log sum_m w_nm prod_j q(z_nj|x_m),   log q(z_nj) ~ log sum_m w_nm q(z_nj|x_m)

R. T. Q. Chen, X. Li, R. Grosse and D. Duvenaud, Isolating Sources of Disentanglement in VAEs,
NeurIPS 2018, arXiv 1802.04942, appendix C.                docs/derivations/tc_vae.md
"""

import math

from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import check_diagonal
from tinygen.kernels.elementwise import sum_rows
from tinygen.kernels.pairwise import pair_log_density
from tinygen.likelihoods.base import check_beside
from tinygen.pullback import Pullback

Both = tuple[Array, Array]

SAMPLING = ("weighted", "stratified")


def batch_weights(sampling: str, n: int, examples: int) -> tuple[float, float]:
    """(w_nn, w_nm): the weight of a code's own example, and of each other one of the batch.

    weighted   : 1 / (N D) each. Biased; of log q(z) the gradient is that of equal weights.
    stratified : 1 / D, and (D - 1) / (D (N - 1)) of each other: right on average for q(z), and
                 exact where the batch is the whole set

    NOTE: Chen et al. give one example of the others, the last one, a weight of its own; this is
    the mean of their weights over the order of the batch.
    """
    if examples < n:
        raise ValueError(
            f"TCVAE: a batch of {n} out of n_examples={examples}: give the number of training "
            "examples"
        )
    if sampling == "weighted":
        return 1 / (n * examples), 1 / (n * examples)  #                            (5)
    return 1 / examples, (examples - 1) / (examples * max(n - 1, 1))  #             (6)


def log_aggregate(q: Params, z: Array, own: float, other: float) -> tuple[Both, Pullback]:
    """log q(z_n) and sum_j log q(z_nj), both (N,), in nats; the pullback maps them to (dq, dz).

    q          : {"mean", "log_var"} (N, Z), of the batch that the codes z (N, Z) are drawn from
    own, other : the weights, from `batch_weights`

    Both logarithms are functions of all rows of q at once. Raises ValueError for shapes, NaN, or
    a full covariance, TypeError for dtypes and devices.
    """
    mean, log_var = check_diagonal("log_aggregate", q)
    check_beside("log_aggregate", "z", z, mean)
    xp, n = namespace(z), len(z)
    log_w = xp.full((n, n), math.log(other) if n > 1 else 0.0, z.dtype)  # (N, N)
    log_w = log_w + (math.log(own) - log_w) * xp.eye(n, dtype=z.dtype)
    log_pair, e = pair_log_density(z, mean, log_var)  #                   (Z, N, M)
    log_q, s = shares(log_pair.sum(axis=0) + log_w)  #                    (N,) (N, M)     (7)
    log_qj, r = shares(log_pair + log_w)  #                               (Z, N) (Z, N, M) (8)
    precision = xp.exp(-log_var)  # 1 / sigma^2                           (M, Z)

    def both(dy: Both) -> tuple[Params, Array]:
        da, db = dy  # of log q(z_n), and of sum_j log q(z_nj)            (N,) each
        g = da[:, None] * s + db[:, None] * r  # of log q(z_nj|x_m)       (Z, N, M)       (9)
        ge = g * e
        dz = -(ge @ precision.T[:, :, None])[..., 0].T  #                 (N, Z)         (10)
        dmean = sum_middle(ge).T * precision  #                           (M, Z)         (11)
        dlog_var = 0.5 * (sum_middle(ge * e).T * precision - sum_middle(g).T)  #         (12)
        return {"mean": dmean, "log_var": dlog_var}, dz

    y = (log_q, log_qj.sum(axis=0))
    return y, Pullback.whole(both, y)


def shares(log_terms: Array) -> tuple[Array, Array]:
    """log sum_m exp(a_m) over the last axis, and each term's share of that sum."""
    xp = namespace(log_terms)
    top = log_terms.max(axis=-1, keepdims=True)
    w = xp.exp(log_terms - top)
    total = w.sum(axis=-1, keepdims=True)  # >= 1
    return (top + xp.log(total))[..., 0], w / total


def sum_middle(a: Array) -> Array:
    """sum_n a_jnm: (Z, N, M) -> (Z, M)."""
    return namespace(a).stack([sum_rows(rows) for rows in a])
