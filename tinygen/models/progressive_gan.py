"""ProgressiveGAN: both nets grow, stage by stage, from images of 4 x 4 pixels to the data's.

T. Karras, T. Aila, S. Laine and J. Lehtinen, Progressive growing of GANs for improved quality,
stability, and variation, ICLR 2018, arXiv 1710.10196.     docs/derivations/progressive_gan.md

    level l = s - 1 + alpha,  0 < alpha <= 1     stage s, of images of 4 2^s pixels a side
    alpha < 1                                    it fades in beside stage s - 1
    alpha = 1                                    it stands alone: l = s

The level is a keyword of both losses, given by a schedule: a stage is a number that rises with the
steps, and a run is saved and resumed as any other. At one level the game is that of a `GAN` whose
nets are those of the level, and whose data are shown at its size.
"""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import Objective, Wasserstein
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import FadeIn, Upsample2d
from tinygen.layers.base import check_array
from tinygen.models.adversary_input import check_paid, within
from tinygen.models.gan import GAN
from tinygen.models.nets import Shape
from tinygen.models.penalties import GradientPenalty
from tinygen.models.progressive_gan_nets import GrowingDiscriminator, GrowingGenerator
from tinygen.models.progressive_gan_stages import BASE, padded, pooled, stages
from tinygen.pullback import Pullback

KINDS = {"generator": GrowingGenerator, "discriminator": GrowingDiscriminator}


@dataclass(frozen=True)
class ProgressiveGAN:
    """A growing generator against a growing discriminator.

    shape     : (H, W, C) of the data, pixels in 0..1. Images below the last stage's size are
                padded with zeros, alike on both sides: 28 x 28 digits become 32 x 32, in black;
                samples are cropped again
    generator, discriminator : nets of as many stages, which the data's size asks for
    objective : Wasserstein with the drift term 0.001 E D(x)^2 (appendix A.1)
    penalty   : on the critic's slope, weight 10
    average   : whether a running mean of the generator is kept, which samples are drawn from
    level     : where a model stands whose training ended before the last stage: it is drawn from
                and measured there where no other level is given; None: at the last stage

    p = {"generator": ..., "discriminator": ...} of all stages, and "average" where it is kept.

    Raises ValueError for nets that do not fit each other, and for data that no stage fits;
    TypeError for what are no such nets.
    """

    shape: Shape
    generator: GrowingGenerator
    discriminator: GrowingDiscriminator
    objective: Objective = field(default_factory=lambda: Wasserstein(drift=0.001))
    penalty: Any = field(default_factory=GradientPenalty)
    average: bool = False
    level: float | None = None

    def __post_init__(self) -> None:
        check_paid("ProgressiveGAN", self.objective, self.penalty)
        for player, kind in KINDS.items():
            if not isinstance(net := getattr(self, player), kind):
                raise TypeError(
                    f"ProgressiveGAN: the {player} must be a {kind.__name__}, got "
                    f"{type(net).__name__}: `progressive_gan` makes both nets for a shape"
                )
        of_G, of_D = (
            (len(net.channels), net.colours) for net in (self.generator, self.discriminator)
        )
        if of_G != of_D:
            raise ValueError(
                f"ProgressiveGAN: the generator has {of_G[0]} stages of {of_G[1]} colours, the "
                f"discriminator {of_D[0]} of {of_D[1]}: give both as many"
            )
        needed, C = stages(self.shape), self.shape[2]
        if of_G != (needed, C):
            raise ValueError(
                f"ProgressiveGAN: data of shape {self.shape} need {needed} stages (4 to "
                f"{BASE * 2 ** (needed - 1)} pixels) of {C} colours, the nets have {of_G[0]} of "
                f"{of_G[1]}: give channels of {needed} numbers, one a stage, and {C} colours"
            )

    @property
    def top(self) -> int:
        """S, the last stage, and the level at which nothing grows any more."""
        return len(self.generator.channels) - 1

    @property
    def size(self) -> int:
        """Pixels a side at the last stage."""
        return BASE * 2**self.top

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both players and of all stages; "average" begins as the generator."""
        p = {
            "generator": self.generator.init(rng, dtype, weights),
            "discriminator": self.discriminator.init(rng, dtype, weights),
        }
        return p | {"average": tree.map(np.copy, p["generator"])} if self.average else p

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Params:
        """{"z": (N, Z)}, and what the penalty draws: of one law at all levels."""
        return self.at(0).draw_noise(rng, x)

    def discriminator_loss(
        self, p: Params, x: Array, noise: Params, level: float | None = None
    ) -> tuple[Array, Pullback]:
        """D's loss at a level, the model's own where none is given; pullback d -> (dp, ()).

        x : data (N, *shape);  terms as those of `GAN`. The gradient of what takes no part is zero.
        """
        return self.turn("discriminator", p, x, noise, level)

    def generator_loss(
        self, p: Params, x: Array, noise: Params, level: float | None = None
    ) -> tuple[Array, Pullback]:
        """G's loss at a level; pullback d -> (dp, ())."""
        return self.turn("generator", p, x, noise, level)

    def turn(
        self, player: str, p: Params, x: Array, noise: Params, level: float | None
    ) -> tuple[Array, Pullback]:
        """The player's loss, that of the level's `GAN` on the data at the level's size."""
        stage, alpha = self.split(level)
        own = self.generator if player == "generator" else self.discriminator
        check_array("ProgressiveGAN", x, "N", *self.shape)
        x = within("ProgressiveGAN", x)  # a mean of pixels would hide one that is out of range
        real = self.shown(x, level)  #                                    (N, R, R, C)
        loss = getattr(self.at(level), f"{player}_loss")
        value, backward = loss(self.taken(p, level), real, noise)

        def dp(d: Array) -> Params:
            inner = backward.dp(d)[player]
            return {player: own.spread(inner, p[player], stage, alpha)}

        return value, Pullback(dp, lambda d: (), value, terms=backward.terms)

    def at(self, level: float | None = None) -> GAN:
        """The game of a level, over the parameters that `taken` gives."""
        stage, alpha = self.split(level)
        return GAN(
            self.generator.at(stage, alpha),
            self.discriminator.at(stage, alpha),
            self.generator.n_latent,
            self.objective,
            self.penalty,
            signed=True,
        )

    def taken(self, p: Params, level: float | None = None) -> Params:
        """The parameters of the nets of a level, nested as they are."""
        stage, alpha = self.split(level)
        of = {"generator": self.generator, "average": self.generator}
        return {
            player: of.get(player, self.discriminator).taken(p[player], stage, alpha)
            for player in p
        }

    def shown(self, x: Array, level: float | None = None) -> Array:
        """Data (N, *shape) as the level sees them (N, R, R, C): pooled, and faded as the nets are.

        While stage s fades in, the details that only it can see do too: (1 - alpha) parts of
        the picture are that of stage s - 1, its pixels repeated.
        """
        check_array("ProgressiveGAN", x, "N", *self.shape)
        stage, alpha = self.split(level)
        x = pooled(padded(x, self.size), self.top - stage)  #             (1)
        if alpha == 1:
            return x
        coarse = Upsample2d(2).forward({}, pooled(x, 1))[0]
        return FadeIn(alpha).forward({}, {"old": coarse, "new": x})[0]  # (6)

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        level: float | None = None,
        z: Array | None = None,
    ) -> Array:
        """n fakes (n, *shape), pixels clipped to 0..1; of a lower level with their pixels repeated.

        z : (n, Z), the noise, where it is not to be drawn
        """
        stage, _ = self.split(level)
        weights = {k: w for k, w in p.items() if k != "discriminator"}
        game, taken = self.at(level), self.taken(weights, level)
        fake = game.sample(taken, rng, n, z=z)  # (n, R, R, C)
        if stage < self.top:
            fake = Upsample2d(2 ** (self.top - stage)).forward({}, fake)[0]
        H, W, _ = self.shape
        top, left = (self.size - H) // 2, (self.size - W) // 2
        return namespace(fake).clip(fake, 0, 1)[:, top : top + H, left : left + W]

    def draw_z(self, rng: np.random.Generator, n: int, p: Params) -> Array:
        """z ~ N(0, I) (n, Z), on the device and of the dtype of p."""
        return self.at(0).draw_z(rng, n, next(leaf for _, leaf in tree.leaves(p)))

    def split(self, level: float | None) -> tuple[int, float]:
        """(stage, alpha) of a level; None is the model's own, or the last. Raises ValueError."""
        level = self.level if level is None else level
        if level is None:
            return self.top, 1.0
        number = isinstance(level, int | float | np.number) and not isinstance(level, bool)
        if not number or not 0 <= level <= self.top:
            raise ValueError(
                f"ProgressiveGAN: level must lie in 0..{self.top}, got {level!r}: 0 is {BASE} "
                f"pixels a side, {self.top} is {self.size}, and between two whole numbers the "
                "higher stage fades in"
            )
        stage = ceil(level)
        return stage, 1.0 if stage == level else float(level - (stage - 1))


def progressive_gan(
    shape: Shape,
    channels: tuple[int, ...] | None = None,
    n_latent: int = 64,
    group: int | None = 4,
    **options: Any,
) -> ProgressiveGAN:
    """Nets of these channels, at 4 x 4, 8 x 8, ... pixels, for data of a shape (H, W, C).

    channels : where not given 16 at the last stage, twice as many at each before, at most 64:
               (64, 64, 32, 16) for 28 x 28 or 32 x 32
    group    : of the minibatch standard deviation; None for the whole batch
    options  : of `ProgressiveGAN`
    """
    last = stages(shape) - 1
    if channels is None:
        channels = tuple(min(64, 16 * 2 ** (last - s)) for s in range(last + 1))
    C = shape[2]
    G = GrowingGenerator(channels, C, n_latent)
    return ProgressiveGAN(shape, G, GrowingDiscriminator(channels, C, group), **options)
