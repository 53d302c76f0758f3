"""Cases of outlier exposure: the loss over pairs, in the parameters and in both of the pair."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, beside, jittered
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior
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


CASES = [
    exposure_case("outlier exposure, some pairs ranked", dense_vae(D, H, Z, GREY), 0.0),
    exposure_case("outlier exposure, all pairs pushed", dense_vae(D, H, Z, GREY), 50.0),
    exposure_case(
        "outlier exposure, a mixture as its prior",
        dense_vae(D, H, Z, Gaussian(), "shared", prior=MixturePrior(3)),
        1.0,
    ),
]
