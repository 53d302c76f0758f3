"""Cases of the VAE: the loss of the whole model, noise given, in its parameters and its data."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior, StandardNormal
from tinygen.models.iwae import importance_weighted_loss
from tinygen.models.vae import VAE, conv_vae, dense_vae
from tinygen.models.vae_kl import free_bits
from tinygen.pullback import Pullback

N, D, H, Z = 3, 7, 5, 2
GREY, IMAGE = Bernoulli(grey=True), (4, 3, 2)


def model_case(
    name: str, model: VAE, *shape: int, wrt_x: bool = True, of: tuple[Any, ...] = (dense_vae,)
) -> Case:
    """A case of the loss of a VAE at given noise, for x (N, *shape); rows of D without a shape."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, "float64"))
        x = rng.uniform(0.1, 0.9, size=(N, *(shape or (D,))))  # a step stays in the pixels' range
        if not wrt_x:
            x = (x > 0.5).astype(float)
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, beside(noise, x)), p, x

    return Case(name, make, wrt_x=wrt_x, of=(VAE, *of))


def image_vae() -> VAE:
    """Images in, images out, by nets of one's own."""
    encoder = L.Sequential(
        L.Flatten(), q=L.Fork(mean=L.Dense(12, 2), log_var=L.Sequential(L.Dense(12, 2), L.Tanh()))
    )
    decoder = L.Sequential(L.Dense(2, 12), L.Reshape((4, 3, 1)))
    return VAE(encoder, decoder, 2, GREY)


def dense(likelihood: Any = GREY, variance: str = "pixel", **options: Any) -> VAE:
    """Rows of D numbers."""
    return dense_vae(D, H, Z, likelihood, variance, **options)


def conv(likelihood: Any = GREY, variance: str = "pixel", **options: Any) -> VAE:
    """Small images; tanh, so that no point lies on a kink."""
    return conv_vae(IMAGE, Z, (3, 2), likelihood, variance, activation=L.Tanh(), **options)


def conv_case(name: str, model: VAE) -> Case:
    """A case of a convolutional VAE."""
    return model_case(f"VAE of convolutions, {name}", model, *IMAGE, of=(conv_vae,))


def importance_case(name: str, model: VAE, samples: int) -> Case:
    """The importance-weighted loss itself, with any number of draws."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, "float64")), rng.uniform(0.1, 0.9, size=(N, D))
        noise = rng.normal(size=(N, samples, Z))

        def f(p: Any, x: Any) -> Any:
            return importance_weighted_loss(model, p, x, beside(noise, x), beta=0.7)

        return f, p, x

    return Case(name, make, of=(importance_weighted_loss,))


def free_bits_case(name: str, nats: float, zero: tuple[str, ...] = ()) -> Case:
    """The clamped rate alone, of two dimensions with rates of about 0.2 and 2."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        scale = np.array([0.3, 2.0])
        q = {"mean": scale * rng.normal(size=(N, Z)), "log_var": 0.5 * rng.normal(size=(N, Z))}
        return lambda q, _: swapped(*free_bits(q, nats)), q, ()

    return Case(name, make, zero, of=(free_bits,))


def swapped(y: Any, backward: Any) -> tuple[Any, Any]:
    """The same pullback with its halves exchanged: q stands as p in a case of one input."""
    return y, Pullback(backward.dx, lambda dy: (), y)


def prior_case(name: str, prior: Any) -> Case:
    """log p(z)."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return prior.log_prob, jittered(rng, prior.init(rng, Z, "float64")), rng.normal(size=(N, Z))

    return Case(name, make, of=(type(prior),))


CASES = [
    layer_case("Shared", L.Shared(3), 2, 4, zero=("x",)),
    layer_case("Shared, an image", L.Shared((3, 2, 4)), 2, 5, zero=("x",)),
    layer_case("Cholesky", L.Cholesky(3, limit=2.0), 2, 6),
    prior_case("log density of the standard normal", StandardNormal()),
    prior_case("log density of a mixture", MixturePrior(4)),
    free_bits_case("free bits, all dimensions charged", 0.01),
    free_bits_case("free bits, one dimension free", 0.8),
    free_bits_case("free bits, all dimensions free", 50.0, zero=("mean", "log_var")),
    model_case("VAE, binary pixels", dense(Bernoulli()), wrt_x=False),
    model_case("VAE, grey pixels", dense()),
    model_case("VAE, Gaussian of fixed variance", dense(Gaussian(std=0.7))),
    model_case("VAE, Gaussian of shared variance", dense(Gaussian(), "shared")),
    model_case("VAE, Gaussian of a variance a pixel", dense(Gaussian(), "pixel")),
    model_case("VAE, Gaussian of one variance", dense(Gaussian(), "one")),
    model_case("VAE of images", image_vae(), 4, 3, 1),
    model_case("VAE of images, two hidden layers", dense_vae(IMAGE, (5, 6), Z, GREY), *IMAGE),
    conv_case("grey pixels", conv()),
    conv_case("Gaussian of a variance a pixel", conv(Gaussian(), "pixel")),
    conv_case("Gaussian of shared variance", conv(Gaussian(), "shared")),
    conv_case("full covariance, three draws", conv(posterior="full", samples=3)),
    model_case("VAE, full covariance", dense(posterior="full")),
    model_case("VAE, beta of 4", dense(beta=4.0)),
    model_case("VAE, free bits", dense(free_bits=0.3)),
    model_case("VAE, a mixture as its prior", dense(prior=MixturePrior(4))),
    model_case(
        "VAE, a mixture as its prior, full covariance",
        dense(prior=MixturePrior(4), posterior="full"),
    ),
    model_case("VAE, four draws", dense(samples=4)),
    importance_case("importance-weighted loss, one draw", dense(), 1),
    importance_case(
        "importance-weighted loss, mixture, full covariance",
        dense(prior=MixturePrior(4), posterior="full"),
        3,
    ),
]
