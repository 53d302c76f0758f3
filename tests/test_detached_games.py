"""Every game of nets: its gradients hold, and each half of one that is cut off is missed.

What is planted stands outside of the models, so that one plant serves all of them: a wall before
the discriminator that lets nothing back into the fakes, and an objective that pays D for data or
for fakes alone.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import LeastSquares
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.dcgan import DCGAN, dcgan
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.gan import GAN
from tinygen.models.progressive_gan import ProgressiveGAN
from tinygen.models.progressive_gan_nets import GrowingDiscriminator, GrowingGenerator
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.models.vae_gan import VAEGAN
from tinygen.pullback import Pullback, no_params
from tinygen.tangent import RULES
from tinygen.tangent.linear import without_parameters

N, Z, ROWS, IMAGES = 4, 2, (3,), (4, 4, 1)


class Wall(L.Layer):
    """y = x, and nothing comes back: what was made of x is detached from it."""

    def forward(self, p, x):
        return x, Pullback(no_params, lambda dy: 0 * dy, x)


@dataclass(frozen=True)
class Half(LeastSquares):
    """D's slopes, of which one half is forgotten."""

    kept: tuple[float, float] = (1.0, 1.0)

    def discriminator(self, real, fake):
        value, backward = super().discriminator(real, fake)
        slopes = lambda d: tuple(k * g for k, g in zip(self.kept, backward.dx(d), strict=True))  # noqa: E731
        return value, Pullback(no_params, slopes, value)


def walled(net, wall):
    """The net behind a wall, its parameters where they were."""
    return L.Sequential(wall=Wall(), **net.layers) if wall else net


class WalledGrowth(GrowingDiscriminator):
    """A growing discriminator behind a wall, at all stages."""

    def at(self, stage, alpha=1.0):
        return walled(super().at(stage, alpha), True)


def rows(kind, pay, wall, **options):
    G = L.Sequential(a=L.Dense(Z, 3), b=L.Tanh(), c=L.Dense(3, *ROWS))
    f = walled(L.Sequential(a=L.Dense(*ROWS, 4), b=L.Tanh()), wall)
    return kind(G, L.Sequential(features=f, score=L.Dense(4, 1)), Z, pay, **options)


def of_images(pay, wall):
    net = dcgan(IMAGES, Z, (2,))
    return DCGAN(net.generator, walled(net.discriminator, wall), Z, pay, signed=True)


def growing(pay, wall):
    D = (WalledGrowth if wall else GrowingDiscriminator)((1, 1), 1, 2)
    return ProgressiveGAN((8, 8, 1), GrowingGenerator((2, 2), 1, Z), D, pay, penalty=None)


def cycle(pay, wall):
    nets = [L.Sequential(a=L.Dense(3, 3), b=L.Tanh()) for _ in "GF"]
    critics = [walled(L.Sequential(a=L.Dense(3, 3), b=L.Tanh(), c=L.Dense(3, 1)), wall)] * 2
    return CycleGAN(*nets, *critics, ROWS, ROWS, objective=pay, history=0)


def vae_gan(pay, wall):
    encoder = L.Sequential(
        L.Dense(3, 3), L.Tanh(), L.Fork(mean=L.Dense(3, Z), log_var=L.Dense(3, Z))
    )
    decoder = L.Sequential(L.Dense(Z, 3), L.Tanh(), L.Dense(3, 3))
    f = walled(L.Sequential(a=L.Dense(3, 4), b=L.Tanh()), wall)
    return VAEGAN(encoder, decoder, f, L.Dense(4, 1), Z, 0.7, objective=pay)


TWO = ("discriminator", "generator")
GAMES = {  # what builds it, the shape of an example, and its players
    "GAN": (lambda *how: rows(GAN, *how), ROWS, TWO),
    "feature matching": (lambda *how: rows(FeatureMatching, *how), ROWS, TWO),
    "unrolled": (lambda *how: rows(UnrolledGAN, *how, steps=2, lr=0.3), ROWS, TWO),
    "DCGAN": (of_images, IMAGES, TWO),
    "progressive": (growing, (8, 8, 1), TWO),
    "CycleGAN": (cycle, ROWS, ("discriminator_a", "discriminator_b", "generators")),
    "VAE-GAN": (vae_gan, ROWS, ("discriminator", "encoder", "decoder")),
}
EVERY = [(name, player) for name, (_, _, players) in GAMES.items() for player in players]
PLANTS = {"": (None, False), "no data": ((0.0, 1.0), False), "no fakes": ((1.0, 0.0), False),
          "a wall": (None, True)}  # fmt: skip


def turn(name, player, plant=""):
    """own -> the player's loss and its pullback, all else fixed; and the player's parameters.

    Of those that grow, which are many, the layers of colours: tests/test_gradients.py has all.
    """
    rng, (build, shape, _) = np.random.default_rng(0), GAMES[name]
    kept, wall = PLANTS[plant]
    model = build(LeastSquares() if kept is None else Half(kept), wall)
    p, x = jittered(rng, model.init(rng, np.float64, "glorot")), rng.uniform(0.1, 0.9, (N, *shape))
    x = (x, rng.uniform(0.1, 0.9, (N, *shape))) if name == "CycleGAN" else x
    noise, level = model.draw_noise(rng, x), {"level": 0.4} if name == "progressive" else {}
    loss = getattr(model, f"{player}_loss")
    mine = {k: w for k, w in p[player].items() if not level or k.startswith("rgb")}
    return lambda own: loss(p | {player: p[player] | own}, x, noise, **level), mine


def holds(name, player, plant=""):
    """Whether the gradient passes the check."""
    loss, own = turn(name, player, plant)

    def f(own, _):
        value, backward = loss(own)
        dp = lambda d: {k: backward.dp(d)[player][k] for k in own}  # noqa: E731
        return value, Pullback(dp, lambda d: 0 * _, value)

    rng = np.random.default_rng(1)
    return check_gradients(f, own, np.zeros(1), rng=rng, wrt_x=False).passed


@pytest.fixture(autouse=True)
def wall_is_known(monkeypatch):
    monkeypatch.setitem(RULES, Wall, without_parameters)  # the unrolled GAN asks for one


@pytest.mark.parametrize(("name", "player"), EVERY)
def test_a_player_s_gradient_holds_and_is_its_own_alone(name, player):
    assert holds(name, player)
    loss, own = turn(name, player)
    backward = loss(own)[1]
    assert backward.dp().keys() == {player} and backward.dx() == ()


@pytest.mark.parametrize("plant", ["no data", "no fakes"])
@pytest.mark.parametrize(("name", "player"), [e for e in EVERY if "discriminator" in e[1]])
def test_a_discriminator_that_forgets_one_kind_is_caught(name, player, plant):
    assert not holds(name, player, plant)


@pytest.mark.parametrize(("name", "player"), [e for e in EVERY if "discriminator" not in e[1]])
def test_fakes_detached_before_the_discriminator_are_caught(name, player):
    assert not holds(name, player, "a wall")
    (whole, own), (cut, _) = (turn(name, player, plant) for plant in ("", "a wall"))
    assert cut(own)[0] == whole(own)[0]  # the plant is in the way back alone
    left = [abs(g).max() for _, g in tree.leaves(cut(own)[1].dp())]
    # cycles, and the KL of codes, reach their players by other ways
    assert (max(left) > 0) == (player in ("generators", "encoder"))
