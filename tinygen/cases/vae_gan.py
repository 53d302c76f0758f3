"""Cases of VAE-GAN: each player's whole loss, while the other two stand still."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.adversarial import Minimax
from tinygen.cases.common import Case, beside, jittered
from tinygen.layers import Conv2d, Dense, Flatten, LeakyRelu, Sequential
from tinygen.models.vae_gan import PLAYERS, VAEGAN
from tinygen.models.vae_gan_nets import conv_vae_gan, dense_vae_gan
from tinygen.pullback import Pullback

N, SHAPE = 5, (4, 3, 2)


def dense() -> VAEGAN:
    """Dense nets; gamma and precision are not 1, so that neither stands for nothing."""
    return dense_vae_gan(SHAPE, (7,), 3, (6,), 4, gamma=0.7, precision=1.6)


def conv() -> VAEGAN:
    """Convolutions, and the objective of the paper."""
    return conv_vae_gan(SHAPE, 3, (4, 5), (3, 4), 6, gamma=0.4, objective=Minimax())


def maps() -> VAEGAN:
    """Images are compared in feature maps, as in the paper; the score flattens them."""
    like = dense()
    features = Sequential(Conv2d(2, 3, 3, 1, 1), LeakyRelu(0.2))
    score = Sequential(Flatten(), Dense(36, 1))
    return VAEGAN(like.encoder, like.decoder, features, score, 3, 0.6, 1.3)


def player_case(name: str, player: str, build: Callable[[], VAEGAN]) -> Case:
    """A player's turn as a function of that player's parameters: all else is fixed."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = build()
        p = jittered(rng, model.init(rng, np.float64))
        x = rng.uniform(0.1, 0.9, size=(N, *SHAPE))
        noise = model.draw_noise(rng, x)
        still = {other: p[other] for other in PLAYERS if other != player}

        def f(own: Any, x: Any) -> Any:
            loss = getattr(model, f"{player}_loss")
            value, backward = loss(beside(still, x) | {player: own}, x, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

        return f, p[player], x

    of = (VAEGAN, {dense: dense_vae_gan, conv: conv_vae_gan}.get(build, VAEGAN))
    return Case(f"VAE-GAN, {name}, the {player}'s turn", make, wrt_x=False, of=of)


CASES = [player_case(b.__name__, player, b) for b in (dense, conv, maps) for player in PLAYERS]
