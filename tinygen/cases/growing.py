"""Cases of the layers that a growing game brings, and of both its players' losses."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.progressive_gan_nets import GrowingDiscriminator, GrowingGenerator
from tinygen.pullback import Pullback

OTHER = {"generator": "discriminator", "discriminator": "generator"}
NETS = (ProgressiveGAN, GrowingDiscriminator, GrowingGenerator, progressive_gan)


def fade_in_case(name: str, alpha: float) -> Case:
    """Both paths have a gradient, but for the one whose share is nothing."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        old, new = rng.normal(size=(2, 3, 4, 2))
        return L.FadeIn(alpha).forward, {}, {"old": old, "new": new}

    return Case(name, make, {0.0: ("x.new",), 1.0: ("x.old",)}.get(alpha, ()), of=(L.FadeIn,))


def tiny(shape: tuple[int, int, int] = (8, 6, 2), channels: tuple[int, ...] = (2, 2)) -> Any:
    """Two stages, 4 and 8 pixels, of images that are padded; a spread over groups of two."""
    return progressive_gan(shape, channels, n_latent=2, group=2)


def leaves(*layers: str) -> tuple[str, ...]:
    """The weights and biases of these layers."""
    return tuple(f"{layer}.{leaf}" for layer in layers for leaf in "Wb")


def of_blocks(size: int, rgb: str) -> tuple[str, ...]:
    """The leaves of a stage that takes no part."""
    return leaves(f"block{size}.conv0", f"block{size}.conv1", rgb)


def growing_case(name: str, player: str, level: float, zero: tuple[str, ...] = ()) -> Case:
    """A player's turn at a level, as a function of that player's parameters of all stages."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = tiny()
        p = jittered(rng, model.init(rng, np.float64))
        x = rng.uniform(0.1, 0.9, size=(4, *model.shape))
        noise, still = model.draw_noise(rng, x), p[OTHER[player]]

        def f(own: Any, x: Any) -> Any:
            both = {player: own, OTHER[player]: beside(still, x)}
            loss = getattr(model, f"{player}_loss")
            value, backward = loss(both, x, beside(noise, x), level=level)
            return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

        return f, p[player], x

    return Case(f"ProgressiveGAN, {name}", make, zero, wrt_x=False, of=NETS)


CASES = [
    layer_case("MinibatchStd of groups", L.MinibatchStd(2), 6, 5),
    layer_case("MinibatchStd of a batch of images", L.MinibatchStd(), 3, 5, 4, 2),
    layer_case("Equalised, dense", L.Equalised(L.Dense(4, 6)), 2, 4),
    layer_case("Equalised, conv", L.Equalised(L.Conv2d(3, 4, 3, 1, 1), 1.0), 2, 5, 4, 3),
    layer_case("Equalised, conv of sequences", L.Equalised(L.Conv1d(3, 4, 3)), 2, 5, 3),
    fade_in_case("FadeIn, on the way", 0.3),
    fade_in_case("FadeIn, at its beginning", 0.0),
    fade_in_case("FadeIn, at its end", 1.0),
    growing_case("the first stage, D's turn", "discriminator", 0.0, of_blocks(8, "rgb8.conv")),
    growing_case("the first stage, G's turn", "generator", 0.0, of_blocks(8, "rgb8")),
    growing_case("the last stage, D's turn", "discriminator", 1.0, leaves("rgb4.conv")),
    growing_case("the last stage, G's turn", "generator", 1.0, leaves("rgb4")),
    growing_case("within a fade, D's turn", "discriminator", 0.4),
    growing_case("within a fade, G's turn", "generator", 0.4),
]
