"""Cases of DCGAN: its label layer, and both players' losses through convolutions and norms."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.models.dcgan import DCGAN, dcgan
from tinygen.pullback import Pullback

N, K, SHAPE, FEATURES, Z = 3, 4, (8, 4, 2), (3, 5), 6


def point(rng: np.random.Generator, classes: int, hidden: int) -> tuple[DCGAN, Any, Any, Any]:
    """A tiny DCGAN, its parameters, images and labels (or None)."""
    model = dcgan(SHAPE, Z, FEATURES, classes, hidden=hidden)
    p = jittered(rng, model.init(rng, "float64", "glorot"))  # at 0.02 the scores hardly move
    return model, p, rng.uniform(size=(N, *SHAPE)), rng.integers(K, size=N) if classes else None


def player_case(player: str, classes: int = 0, hidden: int = 0) -> Case:
    """One player's loss at given noise; the other's parameters stand still."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model, p, x, y = point(rng, classes, hidden)
        other = "generator" if player == "discriminator" else "discriminator"
        noise, still = model.draw_noise(rng, x), p[other]
        loss = getattr(model, f"{player}_loss")

        def f(own: Any, x: Any) -> Any:
            data = x if y is None else (x, beside(y, x))
            both = {player: own, other: beside(still, x)}
            value, backward = loss(both, data, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

        return f, p[player], x

    name = f"{'conditional ' * bool(classes)}DCGAN, the {player}'s turn{', hidden' * bool(hidden)}"
    return Case(name, make, wrt_x=False, of=(DCGAN, dcgan))


def labels(n: int) -> Any:
    """rng -> labels."""
    return lambda rng: rng.integers(K, size=n)


CASES = [
    layer_case("LabelBias", L.LabelBias(K, 6), 3, 6, extra=labels(3)),
    layer_case("LabelBias of images", L.LabelBias(K, 6), 3, 5, 2, 6, extra=labels(3)),
    player_case("discriminator"),
    player_case("generator"),
    player_case("discriminator", K),
    player_case("generator", K),
    player_case("discriminator", K, 4),
    player_case("generator", K, 4),
]
