"""Cases of the likelihoods and of the bound that log-variances get."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.cases.common import Case, layer_case
from tinygen.layers import Bounded
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture

Draw = Callable[[np.random.Generator], Any]


def case(name: str, likelihood: Any, draw_params: Draw, draw_x: Draw, wrt_x: bool = True) -> Case:
    """A case of the NLL of a likelihood."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return likelihood.nll, draw_params(rng), draw_x(rng)

    return Case(name, make, wrt_x=wrt_x, of=(type(likelihood),))


def normal(*shape: int) -> Draw:
    """Normal numbers."""
    return lambda rng: rng.normal(size=shape)


def normals(**shapes: tuple[int, ...]) -> Draw:
    """Normal numbers by name."""
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


def levels(n: int, *shape: int) -> Draw:
    """Whole numbers below n."""
    return lambda rng: rng.integers(n, size=shape)


def mixture(*shape: int) -> Draw:
    """Components narrow enough that the tails and the bins between them all matter."""

    def draw(rng: np.random.Generator) -> Any:
        p = normals(logits=shape, mean=shape, log_scale=shape)(rng)
        return {**p, "mean": 0.5 * p["mean"], "log_scale": p["log_scale"] - 1.5}

    return draw


def every_level(rng: np.random.Generator) -> np.ndarray:
    """(3, 5) pixels over 5 levels, both ends among them."""
    return rng.permuted(np.tile(np.arange(5), (3, 1)), axis=1)


CASES = [
    layer_case("Bounded", Bounded(limit=1.5), 2, 5),
    case(
        "Bernoulli, grey",
        Bernoulli(grey=True),
        normal(2, 5),
        lambda rng: rng.uniform(0.1, 0.9, (2, 5)),
    ),
    case(
        "Bernoulli", Bernoulli(), normal(2, 3, 4), lambda rng: 1.0 * levels(2, 2, 3, 4)(rng), False
    ),
    case("Gaussian, fixed", Gaussian(std=0.7), normal(2, 3, 4), normal(2, 3, 4)),
    case("Gaussian, per pixel", Gaussian(), normals(mean=(2, 5), log_var=(2, 5)), normal(2, 5)),
    case("Gaussian, per column", Gaussian(), normals(mean=(2, 5), log_var=(5,)), normal(2, 5)),
    case("Gaussian, shared", Gaussian(), normals(mean=(2, 3, 4), log_var=()), normal(2, 3, 4)),
    case("Gaussian, per row", Gaussian(), normals(mean=(2, 3, 4), log_var=(3, 1)), normal(2, 3, 4)),
    case(
        "Gaussian, per example",
        Gaussian(),
        normals(mean=(2, 3, 4), log_var=(2, 1, 1)),
        normal(2, 3, 4),
    ),
    case("Categorical", Categorical(5), normal(2, 3, 4, 5), levels(5, 2, 3, 4), False),
    case("Categorical, one label an example", Categorical(4), normal(3, 4), levels(4, 3), False),
    case("LogisticMixture", LogisticMixture(5), mixture(3, 5, 2), every_level, False),
    case(
        "LogisticMixture near its floor",
        LogisticMixture(5, floor=-1.0),
        mixture(3, 5, 4),
        every_level,
        False,
    ),
]
