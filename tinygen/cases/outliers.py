"""Cases of outlier exposure: the loss over pairs, in the parameters and in both of the pair.

And of the local model: its loss, that it sees no later pixel, and that it is a density.
"""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import Case, Claim, beside, jittered
from tinygen.check import Report, all_images, check_causal, check_normalised
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior
from tinygen.models.local_model import LocalModel, conv_local_model
from tinygen.models.outlier_exposure import OutlierExposure
from tinygen.models.vae import dense_vae

N, D, H, Z = 4, 7, 5, 2
GREY = Bernoulli(grey=True)


def exposure_case(name: str, vae: Any, margin: float, zero: tuple[str, ...] = ()) -> Case:
    """The loss at given noise."""
    model = OutlierExposure(vae, margin, weight=0.7)

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, "float64"))
        x = rng.uniform(0.1, 0.9, size=(N, D)), rng.uniform(0.1, 0.9, size=(N, D))
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, beside(noise, p)), p, x

    return Case(name, make, zero, of=(OutlierExposure,))


def local_case(name: str, model: LocalModel, channels: int = 1) -> Case:
    """The loss of images inside (0, 1); tanh, so that no point lies on a kink."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, np.float64))
        return model.loss, p, rng.uniform(0.1, 0.9, size=(2, 5, 4, channels))

    return Case(name, make, of=(LocalModel, conv_local_model))


def local(channels: int, hidden: int, likelihood: Any) -> LocalModel:
    """With a window of 3."""
    return conv_local_model(channels, 3, hidden, likelihood, activation=L.Tanh())


def sees_the_past_alone(rng: np.random.Generator) -> Report:
    """The logits of colour images."""
    net = local(3, 6, GREY).net
    p = jittered(rng, net.init(rng, np.float64))
    return check_causal(net, p, rng.uniform(0.1, 0.9, size=(1, 5, 4, 3)), channels=3)


def sums_to_one(rng: np.random.Generator) -> Report:
    """p(x) over all 2^9 black and white images of 3x3 pixels."""
    model = local(1, 4, Bernoulli())
    p = tree.map(lambda a: 3 * a, jittered(rng, model.init(rng, np.float64)))  # far from a coin
    points = all_images((3, 3, 1))
    return check_normalised(lambda x: model.log_prob(p, x)[0], points, tolerance=1e-11)


CASES = [
    exposure_case("outlier exposure, some pairs ranked", dense_vae(D, H, Z, GREY), 0.0),
    exposure_case("outlier exposure, all pairs pushed", dense_vae(D, H, Z, GREY), 50.0),
    exposure_case(
        "outlier exposure, a mixture as its prior",
        dense_vae(D, H, Z, Gaussian(), "shared", prior=MixturePrior(3)),
        1.0,
    ),
    local_case("local model, grey pixels", local(1, 4, GREY)),
    local_case("local model, colours", local(3, 6, Gaussian(std=0.7)), 3),
    local_case("local model, a variance a pixel", local(1, 4, Gaussian())),
]

CLAIMS = [
    Claim("local model", "causal", sees_the_past_alone, of=(LocalModel,)),
    Claim("local model", "sums to one", sums_to_one, of=(LocalModel,)),
]
