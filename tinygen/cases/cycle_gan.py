"""Cases of CycleGAN: the generators' loss with both cycles, each discriminator's, the nets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.adversarial import NonSaturating
from tinygen.cases.common import Case, beside, jittered, layer_case
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import (
    conv_cycle_gan,
    generator_net,
    patch_discriminator,
    residual_generator,
    wave_discriminator,
    wave_generator,
)
from tinygen.models.fake_history import exchange
from tinygen.pullback import Pullback

N, B = 3, 5  # examples, fakes in a history


def small(**options: Any) -> CycleGAN:
    """Generators of one convolution and a bend, discriminators with a score for each patch."""

    def net(c_in: int, c_out: int) -> L.Sequential:
        return L.Sequential(L.Conv2d(c_in, c_out, 3, padding=1), L.Tanh())

    def critic(c: int) -> L.Sequential:
        return L.Sequential(L.Conv2d(c, 2, 2, stride=2), L.Tanh(), L.Conv2d(2, 1, 1))

    a, b = (4, 6, 1), (4, 6, 1 if options.get("identity", 0.5) else 2)
    nets = (net(a[2], b[2]), net(b[2], a[2]), critic(a[2]), critic(b[2]))
    return CycleGAN(*nets, a, b, **{"history": B, "cycle": 3.0} | options)


def residual(**options: Any) -> CycleGAN:
    """The paper's kinds of nets, narrow: instance norms, halvings, residual blocks, patches."""
    return conv_cycle_gan((6, 8, 1), (6, 8, 2), 1, 1, 1, (2, 3), 3, identity=0.0, history=B)


def point(rng: np.random.Generator, model: CycleGAN) -> tuple[Any, Any, Any]:
    """Parameters, with histories that are half full, a batch of other sizes, and noise."""
    p = jittered(rng, model.init(rng, "float64"))
    x = tuple(
        rng.uniform(0.1, 0.9, (N + i, *s)) for i, s in enumerate((model.shape_a, model.shape_b))
    )
    for to in ("a", "b"):
        if model.history:
            stored = p[f"history_{to}"]["fakes"]
            p[f"history_{to}"] = {
                "fakes": rng.uniform(-1, 1, stored.shape),
                "held": (np.arange(B) < 3).astype(float),
            }
    return p, x, model.draw_noise(rng, x)


def turn_case(
    name: str, player: str, build: Callable[..., CycleGAN] = small, **options: Any
) -> Case:
    """One player's loss; what is not its own stands still, histories included."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = build(**options)
        p, x, noise = point(rng, model)

        def f(own: Any, x: Any) -> Any:
            everything = {**beside(p, x), player: own}
            value, backward = getattr(model, f"{player}_loss")(everything, x, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)[player], backward.dx, value)

        return f, p[player], x

    return Case(f"CycleGAN, {name}", make, wrt_x=False, of=(CycleGAN, exchange))


CASES = [
    turn_case("generators", "generators"),
    turn_case("generators, other channels", "generators", identity=0.0, signed=True),
    turn_case("generators, logits", "generators", objective=NonSaturating(), history=0),
    turn_case("generators, residual nets", "generators", residual),
    turn_case("discriminator of a, residual nets", "discriminator_a", residual),
    turn_case("discriminator of a", "discriminator_a"),
    turn_case("discriminator of b", "discriminator_b", identity=0.0),
    layer_case(
        "residual generator",
        residual_generator(1, 2, width=1, blocks=1, downs=1, kernel=3),
        *(1, 4, 6, 1),
        of=(residual_generator, generator_net, conv_cycle_gan),
    ),
    layer_case(
        "PatchGAN", patch_discriminator(1, (2, 3)), *(2, 8, 9, 1), of=(patch_discriminator,)
    ),
    layer_case(
        "residual generator without norm",
        residual_generator(1, 1, width=2, blocks=1, downs=0, kernel=3, norm=False),
        *(2, 4, 5, 1),
        of=(residual_generator,),
    ),
    layer_case(
        "PatchGAN without norm",
        patch_discriminator(1, (2, 3), norm=False),
        *(1, 6, 7, 1),
        of=(patch_discriminator,),
    ),
    layer_case("wave generator", wave_generator(2, 1, 3), *(2, 7, 1), of=(wave_generator,)),
    layer_case(
        "wave discriminator", wave_discriminator((2, 3), 3), *(2, 9, 1), of=(wave_discriminator,)
    ),
]
