"""Densities of all pairs: each code under the Gaussian of each example, dimension by dimension.

    log q(z_sj | x_m) = -((z_sj - mean_mj)^2 / sigma_mj^2 + log sigma_mj^2 + log 2 pi) / 2

The pairs stand last, (Z, S, M): long rows, which NumPy passes through at the speed of memory.
"""

from math import log, pi

from tinygen.arrays import Array, namespace

LOG_2PI = log(2 * pi)


def pair_log_density(z: Array, mean: Array, log_var: Array) -> tuple[Array, Array]:
    """log q(z_sj | x_m) and z_sj - mean_mj, both (Z, S, M), of z (S, Z), mean, log_var (M, Z)."""
    precision = namespace(z).exp(-log_var).T[:, None]  # 1 / sigma^2      (Z, 1, M)
    e = z.T[:, :, None] - mean.T[:, None]  #                              (Z, S, M)
    return -0.5 * (e * e * precision + (log_var.T + LOG_2PI)[:, None]), e
