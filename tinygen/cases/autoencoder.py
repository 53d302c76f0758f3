"""Cases of the autoencoder's loss, of its corruptions and of the Jacobian's norm."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.layers import Conv2d, Dense, Flatten, LayerNorm, Relu, Sequential, Tanh
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    conv_autoencoder,
    deep_contractive_autoencoder,
    dense_autoencoder,
    linear_autoencoder,
    tied_autoencoder,
)
from tinygen.models.contractive import SigmoidEncoder
from tinygen.models.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper
from tinygen.models.deep_contractive import code_and_norm
from tinygen.models.deep_tied import DeepTiedAutoencoder
from tinygen.models.tied import TiedAutoencoder

N, SHAPE, Z = 3, (4, 3, 2), 5


def model_case(
    name: str,
    model: Autoencoder,
    *of: Any,
    shape: tuple[int, int, int] = SHAPE,
    zero: tuple[str, ...] = (),
) -> Case:
    """A case of the loss at given noise, on images inside (0, 1): no step leaves the bounds."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, model.init(rng, np.float64))
        x = rng.uniform(0.1, 0.9, size=(N, *shape))
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, fixed(noise, x)), p, x

    return Case(name, make, zero, of=(Autoencoder, *of))


def fixed(noise: Any, x: Any) -> Any:
    """The noise beside x; None where there is none."""
    return None if noise is None else beside(noise, x)


def corruption_case(corruption: Corruption) -> Case:
    """A case of a corruption alone."""
    name = type(corruption).__name__
    return layer_case(name, corruption, *(2, 3, 5), extra=lambda rng: drawn(corruption, rng))


def drawn(corruption: Corruption, rng: np.random.Generator) -> Any:
    """Noise for the input of `corruption_case`."""
    return corruption.draw(rng, np.zeros((2, 3, 5)))


def norm_case() -> Case:
    """|dh/dx|^2 in the weights and in the code."""
    encoder = SigmoidEncoder(6, Z)

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, encoder.init(rng, np.float64))
        return encoder.jacobian_norm, p, rng.uniform(0.1, 0.9, size=(N, Z))

    return Case("Jacobian norm of a sigmoid layer", make, ("b",), of=(SigmoidEncoder,))


def deep_norm_case(name: str, encoder: Any, *shape: int, zero: tuple[str, ...] = ()) -> Case:
    """A code and its Jacobian's norm by tangents, in the weights and in x."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p = jittered(rng, encoder.init(rng, np.float64))
        return lambda p, x: code_and_norm(encoder, p, x), p, rng.normal(size=shape)

    return Case(f"Jacobian norm of {name}", make, zero, of=(code_and_norm,))


def dense(**options: Any) -> Autoencoder:
    """A small one; tanh has no kinks."""
    return dense_autoencoder(SHAPE, (7,), Z, activation=Tanh(), **options)


CASES = [
    layer_case("SigmoidEncoder", SigmoidEncoder(6, Z), 3, 2, 3, 1),
    norm_case(),
    deep_norm_case(
        "two tanh layers", Sequential(Dense(6, 5), Tanh(), Dense(5, 4), Tanh()), *(3, 6)
    ),
    deep_norm_case(
        "a convolution and a norm",
        Sequential(Conv2d(2, 3, 3, 2, 1), LayerNorm(3), Relu(), Flatten(), Dense(12, 3)),
        *(2, 4, 3, 2),
    ),
    corruption_case(Masking(0.4)),
    corruption_case(GaussianNoise(0.4)),
    corruption_case(SaltAndPepper(0.5)),
    model_case("autoencoder, dense", dense(), dense_autoencoder),
    model_case("autoencoder, sigmoid head", dense(head="sigmoid"), dense_autoencoder),
    model_case("autoencoder, linear", linear_autoencoder(SHAPE, Z), linear_autoencoder),
    model_case("autoencoder, conv", conv_autoencoder(SHAPE, Z, (4, 3)), conv_autoencoder),
    model_case(
        "autoencoder, conv of odd images",
        conv_autoencoder((5, 7, 1), 2, (3, 4), activation=Tanh(), head="sigmoid"),
        conv_autoencoder,
        shape=(5, 7, 1),
    ),
    model_case("autoencoder, masked", dense(corruption=Masking(0.4)), Masking),
    model_case("autoencoder, noise added", dense(corruption=GaussianNoise(0.4)), GaussianNoise),
    model_case("autoencoder, salt and pepper", dense(corruption=SaltAndPepper(0.5))),
    model_case("autoencoder, tied", tied_autoencoder(SHAPE, Z), tied_autoencoder, TiedAutoencoder),
    model_case(
        "autoencoder, contractive",
        contractive_autoencoder(SHAPE, Z, 0.7),
        contractive_autoencoder,
        TiedAutoencoder,
    ),
    model_case(
        "autoencoder, contractive, untied, masked",
        Autoencoder(SigmoidEncoder(24, Z), dense().decoder, Z, Masking(0.4), 0.7),
    ),
    model_case(
        "autoencoder, deep and contractive",
        deep_contractive_autoencoder(SHAPE, (7, 6), 4, 0.7),
        deep_contractive_autoencoder,
        DeepTiedAutoencoder,
    ),
    model_case(
        "autoencoder, deep, contractive, masked",
        deep_contractive_autoencoder(SHAPE, (7,), 4, 0.7, corruption=Masking(0.4), head="sigmoid"),
    ),
    model_case("autoencoder, contractive, untied", dense(contraction=0.7)),
]
