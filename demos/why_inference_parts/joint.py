"""log p(x|z) of many codes for many images at once, of a decoder of black and white pixels.

    log p(x|z) = x . l(z) - sum_d softplus(l_d(z)),    l the logits

The sum does not depend on x, and the rest is a matrix product: a grid of codes is decoded once.
Of 2-D codes that gives p(x) = int p(x|z) p(z) dz ~ h^2 sum over a grid of spacing h, accurate far
beyond h as long as that is below the width of the peaks.
"""

from typing import Any

import numpy as np

from tinygen import to_host, tree
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import log_sum_exp, softplus
from tinygen.models.vae import VAE

AT_ONCE = 4000  # codes
SIDE, SPACING, QUICK_SPACING = 6.0, 0.025, 0.08  # the grid covers [-6, 6]^2


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


def grid(quick: bool) -> tuple[np.ndarray, float]:
    """Codes (M, 2) of spacing h, and h."""
    h = QUICK_SPACING if quick else SPACING
    side = np.arange(-SIDE, SIDE + h / 2, h)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), h


def on_grid(model: VAE, p: Params, x: Array, z: np.ndarray, h: float) -> tuple[Any, Any]:
    """log p(x, z) (N, M) on the grid, and log p(x) (N,), all in double precision."""
    p, x = double(p, x)
    log_joint = log_likelihoods(model, p, x, namespace(x).asarray(z))
    log_joint = log_joint + log_normal(z, np.zeros(2), np.zeros(2))
    return log_joint, log_sum_exp(log_joint) + 2 * np.log(h)
