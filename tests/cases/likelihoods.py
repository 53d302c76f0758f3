"""Cases of the likelihoods."""

import numpy as np

from cases.common import Case
from tinygen.likelihoods import Bernoulli, Gaussian


def case(name, likelihood, draw_params, draw_x):
    return Case(name, lambda rng: (likelihood.nll, draw_params(rng), draw_x(rng)))


def normal(*shape):
    return lambda rng: rng.normal(size=shape)


def diagonal(shape, log_var_shape):
    return lambda rng: {"mean": rng.normal(size=shape), "log_var": rng.normal(size=log_var_shape)}


def levels(rng, shape, n):
    return rng.integers(n, size=shape).astype(np.int64)


CASES = [
    case(
        "Bernoulli, grey", Bernoulli(grey=True), normal(2, 5), lambda r: r.uniform(0.1, 0.9, (2, 5))
    ),
    case("Gaussian, fixed", Gaussian(std=0.7), normal(2, 3, 4), normal(2, 3, 4)),
    case("Gaussian, per pixel", Gaussian(), diagonal((2, 5), (2, 5)), normal(2, 5)),
    case("Gaussian, per column", Gaussian(), diagonal((2, 5), (5,)), normal(2, 5)),
    case("Gaussian, shared", Gaussian(), diagonal((2, 3, 4), ()), normal(2, 3, 4)),
    case("Gaussian, per channel", Gaussian(), diagonal((2, 3, 4), (3, 1)), normal(2, 3, 4)),
]
