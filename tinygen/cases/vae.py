"""Cases of the whole model: the loss of a VAE, noise given, in its parameters and its data."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.vae import VAE, dense_vae

N, D, H, Z = 3, 7, 5, 2


def model_case(name: str, model: VAE, wrt_x: bool = True) -> Case:
    """A case of the loss of a dense VAE at given noise."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, "float64"))
        x = rng.uniform(0.1, 0.9, size=(N, D))  # interior: no step leaves the pixels' range
        if not wrt_x:
            x = (x > 0.5).astype(float)
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, beside(noise, x)), p, x

    return Case(name, make, wrt_x=wrt_x, of=(VAE, dense_vae))


def image_vae() -> VAE:
    """Images in, images out: the data of a VAE need not be rows."""
    encoder = L.Sequential(
        L.Flatten(), q=L.Fork(mean=L.Dense(12, 2), log_var=L.Sequential(L.Dense(12, 2), L.Tanh()))
    )
    decoder = L.Sequential(L.Dense(2, 12), L.Reshape((4, 3, 1)))
    return VAE(encoder, decoder, 2, Bernoulli(grey=True))


def image_case() -> Case:
    """A case of the loss of a VAE of images."""
    model = image_vae()

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, "float64")), rng.uniform(0.1, 0.9, size=(3, 4, 3, 1))
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, beside(noise, x)), p, x

    return Case("VAE of images", make, of=(VAE,))


CASES = [
    layer_case("Shared", L.Shared(3), 2, 4, zero=("x",)),
    model_case("VAE, binary pixels", dense_vae(D, H, Z), wrt_x=False),
    model_case("VAE, grey pixels", dense_vae(D, H, Z, Bernoulli(grey=True))),
    model_case("VAE, Gaussian of fixed variance", dense_vae(D, H, Z, Gaussian(std=0.7))),
    model_case("VAE, Gaussian of shared variance", dense_vae(D, H, Z, Gaussian(), "shared")),
    model_case("VAE, Gaussian of a variance a pixel", dense_vae(D, H, Z, Gaussian(), "pixel")),
    image_case(),
]
