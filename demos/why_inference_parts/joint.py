"""log p(x|z) of many codes for many images at once, of a decoder of black and white pixels.

    log p(x|z) = x . l(z) - sum_d softplus(l_d(z)),    l the logits

The sum does not depend on x, and the rest is a matrix product: a grid of codes is decoded once.
"""

import numpy as np

from tinygen import to_host, tree
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import softplus
from tinygen.models.vae import VAE

AT_ONCE = 4000  # codes


def log_likelihoods(model: VAE, p: Params, x: Array, z: Array) -> np.ndarray:
    """log p(x_n|z_m) (N, M), in the precision of x, z and p."""
    pixels, columns = x.reshape(len(x), -1), []
    for i in range(0, len(z), AT_ONCE):
        logits = model.decode(p, z[i : i + AT_ONCE])
        logits = logits.reshape(len(logits), -1)  #                       (M, D)
        columns.append(to_host(pixels @ logits.T - softplus(logits).sum(axis=1)))
    return np.concatenate(columns, axis=1)


def log_normal(z: np.ndarray, mean: np.ndarray, log_var: np.ndarray) -> np.ndarray:
    """log N(z; mean, exp(log_var)), of a diagonal covariance, summed over the last axis."""
    square = (z - mean) ** 2 * np.exp(-log_var)
    return -0.5 * (square + log_var + np.log(2 * np.pi)).sum(axis=-1)


def double(p: Params, x: Array) -> tuple[Params, Array]:
    """Parameters and images in double precision, where the device has it."""
    return tree.map(lambda a: a.astype("float64"), p), namespace(x).asarray(x, "float64")
