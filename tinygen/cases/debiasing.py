"""Cases of the debiasing VAE: the loss of the whole model at given labels and noise."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, jittered, of_data
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.debiasing_nets import conv_debiasing_vae, dense_debiasing_vae
from tinygen.models.debiasing_vae import DebiasingVAE
from tinygen.models.priors import MixturePrior

D, H, Z, K, IMAGE = 7, 5, 2, 3, (4, 3, 2)
GREY, TANH = Bernoulli(grey=True), L.Tanh()
BOTH = np.array([1, 0, 2, 1])  # labels; class 1 is the one to be debiased
OTHERS = np.array([2, 0, 2, 0])
UNUSED = (
    *("encoder.out.mean.W", "encoder.out.mean.b"),
    *("encoder.out.log_var.0.W", "encoder.out.log_var.0.b"),
    *("decoder.0.W", "decoder.0.b", "decoder.out.W", "decoder.out.b"),
)  # without an example of the class to be debiased


def model_case(
    name: str,
    model: DebiasingVAE,
    *shape: int,
    y: np.ndarray = BOTH,
    zero: tuple[str, ...] = (),
) -> Case:
    """A case of the loss for x (N, *shape); rows of D without a shape."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, "float64"))
        x = rng.uniform(0.1, 0.9, size=(len(y), *(shape or (D,))))
        return of_data(model.loss, y, model.draw_noise(rng, (x, y))), p, x

    return Case(name, make, zero, of=(DebiasingVAE, dense_debiasing_vae, conv_debiasing_vae))


def dense(likelihood: Any = GREY, variance: str = "pixel", **objective: Any) -> DebiasingVAE:
    """Rows of D numbers; tanh, so that no point lies on a kink."""
    return dense_debiasing_vae(D, H, Z, likelihood, variance, TANH, K, **objective)


CASES = [
    model_case("debiasing VAE, grey pixels", dense(weight=3.0)),
    model_case("debiasing VAE, Gaussian of one variance, beta", dense(Gaussian(), "one", beta=2.0)),
    model_case("debiasing VAE, a mixture as its prior", dense(prior=MixturePrior(4), debiased=2)),
    model_case("debiasing VAE, no example to debias", dense(), y=OTHERS, zero=UNUSED),
    model_case(
        "debiasing VAE of convolutions",
        conv_debiasing_vae(IMAGE, Z, (3, 2), Gaussian(std=0.7), activation=TANH, classes=K),
        *IMAGE,
    ),
]
