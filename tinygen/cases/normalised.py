"""Claims that the probabilities of everything that can happen sum to one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import Claim, jittered
from tinygen.check import Report, all_images, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture
from tinygen.models.vae import VAE

Draw = Callable[[np.random.Generator], Any]


def sums_to_one(
    name: str, likelihood: Likelihood, draw: Draw, points: Any, weights: Any = None
) -> Claim:
    """exp(-nll) over all points (M, ...), under the one row of parameters that `draw` draws."""

    def check(rng: np.random.Generator) -> Report:
        params = draw(rng)

        def log_prob(x: Any) -> Any:
            rows = tree.map(lambda a: np.repeat(a[None], len(x), axis=0), params)
            return -likelihood.nll(rows, x)[0]

        return check_normalised(log_prob, points, weights, tolerance=1e-11)

    return Claim(name, "sums to one", check, of=(type(likelihood),))


def vae(rng: np.random.Generator) -> Report:
    """The importance-sampled p(x) of each of the 2^4 images: each is unbiased, so is their sum.

    q(z|x) is wider than the prior, so that the weights are bounded and the standard error of the
    sum is about 0.001; a wrong q(z|x) in the weights moves it by a half.
    """
    model = VAE(L.Fork(mean=L.Dense(4, 2), log_var=L.Dense(4, 2)), L.Dense(2, 4), 2, Bernoulli())
    p = jittered(rng, model.init(rng, np.float64))
    p = tree.map(lambda a: 0.3 * a, p)
    p["encoder"]["log_var"]["b"] += 0.7
    points = all_images((4,))
    return check_normalised(lambda x: model.log_prob(p, x, rng, 4000)[0], points, tolerance=0.02)


def normal(*shape: int) -> Draw:
    """Logits."""
    return lambda rng: 2 * rng.normal(size=shape)


def mixture(*shape: int) -> Draw:
    """Logistic components narrower than the range of the pixels."""

    def draw(rng: np.random.Generator) -> Any:
        logits, mean, log_scale = rng.normal(size=(3, *shape))
        return {"logits": logits, "mean": 0.7 * mean, "log_scale": log_scale - 1.5}

    return draw


def gaussian(rng: np.random.Generator) -> Any:
    """The mean and log-variance of one pixel, well inside -20..20."""
    return {"mean": rng.normal(size=1), "log_var": rng.uniform(-1, 1, size=1)}


nodes, weights = np.polynomial.legendre.leggauss(200)  # a quadrature on -1..1
levels = all_images((2, 2), levels=4, dtype=int)

CLAIMS = [
    sums_to_one("Bernoulli, all 3x3 images", Bernoulli(), normal(3, 3, 1), all_images((3, 3, 1))),
    sums_to_one("Categorical, all 2x2 images of 4 levels", Categorical(4), normal(2, 2, 4), levels),
    sums_to_one("Categorical, 256 levels", Categorical(256), normal(256), np.arange(256)),
    sums_to_one("LogisticMixture, 256 levels", LogisticMixture(256), mixture(4), np.arange(256)),
    sums_to_one(
        "LogisticMixture, all 2x2 images of 4 levels", LogisticMixture(4), mixture(2, 2, 3), levels
    ),
    sums_to_one("Gaussian, by quadrature", Gaussian(), gaussian, 20 * nodes[:, None], 20 * weights),
    Claim("VAE, importance-sampled p(x)", "sums to one", vae, of=(VAE,)),
]
