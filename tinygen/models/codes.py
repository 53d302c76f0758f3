"""A Gaussian fitted to codes, so that an autoencoder can be sampled from.

    mean = (1/N) sum_n z_n        L L^T = (1/N) sum_n (z_n - mean)(z_n - mean)^T

the maximum likelihood fit; new codes are mean + L eps.    docs/derivations/autoencoder.md
"""

from math import sqrt

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import normal


def gaussian_of_codes(z: Array) -> Params:
    """{"mean" (Z,), "L" (Z, Z)} of codes z (N, Z); L is lower triangular, its diagonal >= 0.

    L is the Cholesky factor of the covariance, taken from the codes by a QR factorisation: so it
    exists where the covariance is singular too, as when a code never moves or N <= Z.

    Raises ValueError for another shape, no codes and NaN, TypeError for what is no float array.
    """
    check_array("gaussian_of_codes", z, "N", "Z")
    xp, (N, Z) = namespace(z), z.shape
    mean = z.mean(axis=0)  #                                          (Z,)
    rows = xp.concatenate([z - mean, xp.zeros((Z, Z), z.dtype)])  # Z rows at least
    R = xp.linalg.qr(rows, mode="r") / sqrt(N)  # rows = Q R          (Z, Z)
    sign = xp.where(xp.diag(R) < 0, -1, 1).astype(z.dtype)
    L = (R * sign[:, None]).T  # L L^T = R^T R = the covariance       (Z, Z)    (11)
    return {"mean": mean, "L": L}


def sample_codes(gaussian: Params, rng: np.random.Generator, n: int) -> Array:
    """n codes mean + L eps (n, Z), with eps drawn on the host, on the device of the mean."""
    mean, L = gaussian["mean"], gaussian["L"]
    check_whole("sample_codes", "n", n)
    return mean + normal(rng, (n, len(mean)), mean) @ L.T  #                     (12)
