"""Cases of the remedies against mode collapse that are a loss of the generator."""

from typing import Any

from tinygen.adversarial import Hinge, LeastSquares, Minimax, Objective, Wasserstein
from tinygen.cases.common import Case
from tinygen.cases.gan import D, Z, gan_case
from tinygen.layers import (
    Dense,
    Layer,
    LeakyRelu,
    Maxout,
    MinibatchDiscrimination,
    Pack,
    Sequential,
    Softplus,
    Tanh,
)
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import dense_generator
from tinygen.models.unrolled_gan import UnrolledGAN


def generator() -> Layer:
    """z (N, Z) -> (N, D)"""
    return dense_generator(Z, (5, 4), D, Tanh())


def tanh_critic() -> Sequential:
    """Smooth, with a chain inside the chain."""
    return Sequential(
        features=Sequential(Dense(D, 6), Tanh(), Dense(6, 4), Tanh()), score=Dense(4, 1)
    )


def packed_critic() -> Sequential:
    """Pairs, maxout, a smooth layer that is not odd, a dense layer without bias."""
    return Sequential(
        Pack(2), Dense(2 * D, 6), Maxout(2), Dense(3, 4, bias=False), Softplus(), Dense(4, 1)
    )


def linear_critic() -> Sequential:
    """Piecewise linear: of the second derivatives the mixed ones are left."""
    return Sequential(Dense(D, 6), LeakyRelu(0.2), Dense(6, 1))


def neighbours() -> Sequential:
    """A discriminator that sees how near the others of the batch are."""
    return Sequential(
        Dense(D, 6), Tanh(), MinibatchDiscrimination(6, 3, 2), LeakyRelu(0.2), Dense(9, 1)
    )


def unrolled_case(
    name: str, critic: Any, objective: Objective, steps: int = 3, lr: float = 0.7
) -> Case:
    """G's turn, through all inner steps; a loss that has no bound needs them small."""
    return gan_case(
        f"unrolled, {name}",
        "generator",
        lambda: UnrolledGAN(generator(), critic(), Z, objective, steps=steps, lr=lr),
        of=(UnrolledGAN,),
    )


def matching() -> GAN:
    """Features of two layers."""
    return FeatureMatching(generator(), tanh_critic(), Z)


def matching_packs() -> GAN:
    """Fewer rows of features than fakes."""
    f = Sequential(Pack(2), Dense(2 * D, 4), Tanh())
    return FeatureMatching(generator(), Sequential(features=f, score=Dense(4, 1)), Z)


CASES = [
    unrolled_case("tanh", tanh_critic, Minimax()),
    unrolled_case("no steps", tanh_critic, Minimax(), steps=0),
    unrolled_case("pairs, maxout, softplus", packed_critic, LeastSquares(), lr=0.1),
    unrolled_case("piecewise linear", linear_critic, Minimax()),
    unrolled_case("Wasserstein", tanh_critic, Wasserstein(drift=0.3)),
    unrolled_case("hinge", tanh_critic, Hinge(), lr=0.1),
    gan_case("feature matching", "generator", matching, of=(FeatureMatching,)),
    gan_case("feature matching of packs", "generator", matching_packs, of=(FeatureMatching,)),
    gan_case("packed", "discriminator", lambda: GAN(generator(), packed_critic(), Z)),
    gan_case("packed", "generator", lambda: GAN(generator(), packed_critic(), Z)),
    gan_case(
        "minibatch discrimination", "discriminator", lambda: GAN(generator(), neighbours(), Z)
    ),
    gan_case("minibatch discrimination", "generator", lambda: GAN(generator(), neighbours(), Z)),
]
