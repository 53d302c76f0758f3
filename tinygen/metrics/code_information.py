"""What each dimension of a code tells of each known factor: I(z_j; v_k), in nats.

    I(z_j; v_k) = E[log q(z_j|v_k) - log q(z_j)],   q(z_j|v) = the mean of q(z_j|x_n), v_k(n) = v

The densities are known, so the information is a mean over draws of z and needs no bins. For codes
without a density, such as an autoencoder's, it is counted in bins.
R. T. Q. Chen et al., arXiv 1802.04942, section 4 and appendix B.
                                              docs/derivations/disentanglement_metrics.md
"""

from collections.abc import Mapping

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.kernels.pairwise import pair_log_density
from tinygen.layers.base import check_array
from tinygen.metrics.code_draws import blocks, check_codes, draw_codes
from tinygen.metrics.factors import checked_factors

Factors = Mapping[str, np.ndarray]


def code_information(
    q: Params, factors: Factors, rng: np.random.Generator, draws: int = 2000
) -> dict[str, np.ndarray]:
    """Factor -> I(z_j; v_k) of each dimension (Z,), in nats, by `draws` draws of z.

    q       : {"mean", "log_var"} (N, Z) of all examples: z ~ q(z) is one of them, then its code
    factors : name -> whole numbers (N,); cut continuous ones with `metrics.levels`

    A mean over draws may lie a little below 0. Where an example's q is so narrow that no other
    reaches it, a dimension tells all of every factor; q(z) is that of these N examples.
    Raises ValueError for other shapes, NaN, factors of one value, TypeError for dtypes.
    """
    mean, log_var = check_codes("code_information", q)
    level = checked_factors("code_information", factors, len(mean))
    counts = [np.bincount(v) for v in level.values()]
    columns = [np.eye(len(c))[v] for v, c in zip(level.values(), counts, strict=True)]
    ends = np.cumsum([len(c) for c in counts])
    xp, n = namespace(mean), len(mean)
    member = xp.asarray(np.concatenate(columns, axis=1).astype(mean.dtype.name))  # (N, sum C_k)
    total = np.zeros((len(level), mean.shape[1]))
    chosen, z = draw_codes("code_information", q, rng, draws)
    for rows in blocks(len(z), mean.size):
        log_pair, _ = pair_log_density(z[rows], mean, log_var)  #      (Z, S, N)
        density = xp.exp(log_pair - log_pair.max(axis=2, keepdims=True))
        sums = to_host(density @ member).astype(np.float64)  # by value (Z, S, sum C_k)
        for k, (v, c, end) in enumerate(zip(level.values(), counts, ends, strict=True)):
            own = v[chosen[rows]]  # the value of the example drawn     (S,)
            part = sums[:, :, end - len(c) : end]
            given = part[:, np.arange(len(own)), own] / c[own]  # q(z_j|v_k)   (Z, S)
            log_ratio = np.log(given) - np.log(part.sum(axis=2) / n)  #            (2)
            total[k] += log_ratio.sum(axis=1)
    return dict(zip(level, total / len(z), strict=True))


def binned_information(codes: Array, factors: Factors, bins: int = 20) -> dict[str, np.ndarray]:
    """Factor -> I(z_j; v_k) (Z,) in nats, with each code (N, Z) cut into `bins` of one width.

    For codes without a density. Biased upwards by about (bins - 1)(C - 1) / 2N, C the number of
    values. Raises as `code_information`.
    """
    check_array("binned_information: codes", codes, "N", "Z")
    check_whole("binned_information", "bins", bins)
    codes = to_host(codes).astype(np.float64)
    level = checked_factors("binned_information", factors, len(codes))
    low, high = codes.min(axis=0), codes.max(axis=0)
    width = np.where(high > low, high - low, 1)
    cell = np.minimum((codes - low) / width * bins, bins - 1).astype(int)  #   (N, Z)
    found = {}
    for name, v in level.items():
        tables = [
            np.bincount(c * (v.max() + 1) + v, minlength=bins * (v.max() + 1)).reshape(bins, -1)
            for c in cell.T
        ]
        found[name] = np.array([table_information(t / len(codes)) for t in tables])  #  (3)
    return found


def table_information(joint: np.ndarray) -> float:
    """I of two discrete variables from their joint probabilities."""
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / product[seen])).sum())
