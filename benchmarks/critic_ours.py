"""The critic's move of WGAN-GP, on given fakes: what `GAN.discriminator_loss` does without G."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import Wasserstein
from tinygen.layers import Conv2d, Dense, Flatten, LeakyRelu, Sequential, Tanh
from tinygen.models.penalties import GradientPenalty
from tinygen.optim import adam

ACTIVATIONS: dict[str, Any] = {"LeakyReLU": LeakyRelu(0.2), "tanh": Tanh()}


def critic(size: int, features: tuple[int, ...], activation: str) -> Sequential:
    """Convolutions that halve grey images size x size, and a score."""
    layers: list[Any] = []
    for c_in, c_out in pairwise((1, *features)):
        layers += [Conv2d(c_in, c_out, 4, 2, 1), ACTIVATIONS[activation]]
    smallest = size // 2 ** len(features)
    return Sequential(*layers, Flatten(), Dense(features[-1] * smallest**2, 1))


def loss(D: Sequential, p: Any, x: Any, fake: Any, t: Any) -> tuple[Any, Callable[[], Any]]:
    """E D(fake) - E D(x) + 10 E (|g(x_hat)| - 1)^2,  t (N,), and its gradient."""
    real_scores, of_real = D.forward(p, x)
    fake_scores, of_fake = D.forward(p, fake)
    value, backward = Wasserstein().discriminator(real_scores, fake_scores)
    penalty, of_penalty = GradientPenalty(10.0).value(D, p, x, fake, t)

    def dp() -> Any:
        dreal, dfake = backward.dx(1.0)
        return tree.add(tree.add(of_real.dp(dreal), of_fake.dp(dfake)), of_penalty.dp(1.0))

    return value + penalty, dp


def step(D: Sequential, p: Any, x: Any, fake: Any, rng: np.random.Generator) -> Callable[[], float]:
    """One move of the critic, with Adam."""
    optimiser = adam(1e-4, beta1=0.5, beta2=0.9)
    state = optimiser.init(p)

    def play() -> float:
        value, dp = loss(D, p, x, fake, GradientPenalty().draw_noise(rng, x))
        optimiser.update(p, dp(), state)
        return float(value)

    return play
