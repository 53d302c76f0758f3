"""First values of the weights, by name.

glorot      U(-a, a), a = sqrt(6 / (fan_in + fan_out))     Glorot and Bengio 2010, eq. 16
he          N(0, 2 / fan_in)                               He et al. 2015, arXiv 1502.01852, eq. 10
dcgan       N(0, 0.02^2)                                   Radford et al. 2016, arXiv 1511.06434
orthogonal  rows or columns orthonormal                    Saxe et al. 2014, arXiv 1312.6120
zeros       0

They are drawn on the host in float64 and rounded, so that all devices and dtypes start alike.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.layers.base import check_rng

Shape = tuple[int, ...]
Rule = Callable[[np.random.Generator, Shape, int, int], np.ndarray]


def glorot(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform, with variance 2 / (fan_in + fan_out): keeps the scale forwards and backwards."""
    a = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, shape)


def he(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal, with variance 2 / fan_in: keeps the scale through ReLUs, which halve it."""
    return rng.normal(0, math.sqrt(2 / fan_in), shape)


def dcgan(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal, with standard deviation 0.02, whatever the fans."""
    return rng.normal(0, 0.02, shape)


def orthogonal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """A matrix (all axes but the last, last) with orthonormal rows or columns."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    normal = rng.normal(size=(max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(normal)
    Q *= np.sign(np.diag(R))  # makes the distribution uniform over orthogonal matrices
    return (Q if rows >= columns else Q.T).reshape(shape)


def zeros(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """All zero."""
    return np.zeros(shape)


RULES: dict[str, Rule] = {
    "glorot": glorot,
    "he": he,
    "dcgan": dcgan,
    "orthogonal": orthogonal,
    "zeros": zeros,
}


def draw(
    weights: str, rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int, dtype: Any
) -> np.ndarray:
    """Weights by the rule of that name.

    ValueError for no such rule, TypeError for no float and for a seed in the place of `rng`.
    """
    check_rng("weights", rng)
    if weights not in RULES:
        raise ValueError(f"unknown initialiser {weights!r}: choose one of {', '.join(RULES)}")
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"weights are floats, got the dtype {np.dtype(dtype)}: use np.float32")
    return RULES[weights](rng, shape, fan_in, fan_out).astype(dtype)
