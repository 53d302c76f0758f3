"""The games of benchmarks/modes.py: each remedy against mode collapse, on one set-up of nets.

Set-up "tanh" (ring, grid): the authors' 2-D example of the unrolled GAN, github.com/poolio/
unrolled_gan: G 256-128-128-2, D 2-128-128-1, tanh, orthogonal weights times 1.4, batch 512, Adam
with beta1 .5, step 1e-4 for D and 1e-3 for G, 25000 rounds, data drawn anew for each batch.

Set-up "pacgan" (ring, grid): Z. Lin et al., arXiv 1712.04086, and the authors' code,
github.com/fjxmlzn/PacGAN: z N(0, I_2), G 2-400-400-400-400-2, ReLU, batch norm; D 200-200-200-1,
maxout of 5; weights N(0, 0.02^2), Adam 1e-4 with beta1 .8; 100000 points, 400 epochs. A batch
holds 100 packs, so that an epoch has 1000 rounds, or 500 with packs of two: for as many steps as
theirs, who draw the second point of a pack from a second pass over the points, packs of m are
trained for 400 m epochs. NOTE: they move both players at once, here D goes first.

Set-up "conv" (stacked digits): DCGANs, batch 64 packs, Adam 2e-4 with beta1 .5.

NOTE: unrolled here means plain inner steps of gradient descent (the paper's equation 7); the
example unrolls Adam. In every game G is judged by the fakes that D has just seen, as theirs is;
the papers on WGAN and WGAN-GP draw others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import Hinge, LeastSquares, Minimax, Wasserstein
from tinygen.arrays import Params
from tinygen.game import Game
from tinygen.layers import (
    Dense,
    Layer,
    Maxout,
    MinibatchDiscrimination,
    Pack,
    Sequential,
    Tanh,
)
from tinygen.models.dcgan import DCGAN, discriminator, generator
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import dense_generator
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.optim import ClipWeights, Optimiser, adam, rmsprop
from tinygen.systems.duel import duel

Make = Callable[["SetUp"], tuple[Any, Game, int]]  # (model, game, batch)
INNER = 0.1  # step of the unrolled discriminator


@dataclass(frozen=True)
class SetUp:
    """Nets, step sizes and lengths that all methods share.

    name      : "tanh", "pacgan" or "conv"
    shape     : of one example
    batch     : examples in a batch, or packs of them where `packs`
    steps     : rounds of the game
    lr        : (D's, G's);  beta1 : of Adam
    weights   : the rule of the first weights, times `gain`
    """

    name: str
    shape: tuple[int, ...]
    batch: int
    steps: int
    lr: tuple[float, float]
    beta1: float
    weights: str
    gain: float = 1.0
    packs: bool = False
    n_latent: int = 256
    features: tuple[int, ...] = field(default=())

    def nets(self, m: int = 1, before: Layer | None = None, wide: int = 0) -> tuple[Layer, Layer]:
        """G and D. D packs m examples; `before` stands before its score, and adds `wide` numbers.

        D is {"features", "score"}, but in the conv set-up.
        """
        if self.name == "conv":
            return self.conv_nets(m)
        pack: list[Layer] = [Pack(m)] if m > 1 else []
        if self.name == "pacgan":
            G: Layer = dense_generator(2, (400,) * 4, 2, Sequential(), batch_norm=True)
            widths, units = (2 * m, 200, 200, 200), 5
            hidden: list[Layer] = []
            for a, b in pairwise(widths):
                hidden += [Dense(a, units * b), Maxout(units)]
            last = 200
        else:
            G = Sequential(Dense(256, 128), Tanh(), Dense(128, 128), Tanh(), Dense(128, 2))
            hidden = [Dense(2 * m, 128), Tanh(), Dense(128, 128), Tanh()]
            last = 128
        more = [before] if before is not None else []
        D = Sequential(features=Sequential(*pack, *hidden, *more), score=Dense(last + wide, 1))
        return G, D

    def conv_nets(self, m: int) -> tuple[Layer, Layer]:
        """Those of a DCGAN, the discriminator's for m images side by side."""
        H, W, C = self.shape
        D = discriminator((H, W, m * C), self.features)
        D = Sequential(pack=Pack(m), **D.layers) if m > 1 else D
        return generator(self.shape, self.n_latent, self.features), D

    def init(self, model: Any, rng: np.random.Generator) -> Params:
        """First weights."""
        return tree.map(
            lambda w: w * np.float32(self.gain), model.init(rng, np.float32, self.weights)
        )

    def examples(self, m: int) -> int:
        """Of a batch."""
        return self.batch * m if self.packs else self.batch

    def rules(
        self, D: Params | None = None, G: Params | None = None
    ) -> tuple[Optimiser, Optimiser]:
        """Adam for D and for G, with more options for either."""
        lr_D, lr_G = self.lr
        return (
            adam(lr_D, beta1=self.beta1, **(D or {})),
            adam(lr_G, beta1=self.beta1, **(G or {})),
        )


TANH = SetUp("tanh", (2,), 512, 25_000, (1e-4, 1e-3), 0.5, "orthogonal", gain=1.4)
PAC = SetUp("pacgan", (2,), 100, 400_000, (1e-4, 1e-4), 0.8, "dcgan", packs=True, n_latent=2)
SMALL = SetUp(
    "conv", (8, 8, 3), 64, 20_000, (2e-4, 2e-4), 0.5, "dcgan", packs=True, n_latent=100,
    features=(32, 64),
)  # fmt: skip
LARGE = SetUp(
    "conv", (28, 28, 3), 64, 50_000, (2e-4, 2e-4), 0.5, "dcgan", packs=True, n_latent=100,
    features=(64, 128),
)  # fmt: skip


def plain(m: int = 1, **given: Any) -> Make:
    """A GAN, packed where m > 1; given: its objective, its penalty."""

    def make(s: SetUp) -> tuple[Any, Game, int]:
        kind = DCGAN if s.name == "conv" else GAN
        options = given | ({"signed": True, "prior": "uniform"} if s.name == "conv" else {})
        G, D = s.nets(m)
        model = kind(generator=G, discriminator=D, n_latent=s.n_latent, **options)
        return model, duel(model, *s.rules(), shares=True), s.examples(m)

    return make


def decayed(**rules: Params) -> Make:
    """A GAN with more in an optimiser: D={"l2": 1e-3}."""

    def make(s: SetUp) -> tuple[Any, Game, int]:
        model, _, batch = plain()(s)
        return model, duel(model, *s.rules(**rules), shares=True), batch

    return make


def unrolled(steps: int, first_order: bool = False) -> Make:
    """The generator looks `steps` ahead."""

    def make(s: SetUp) -> tuple[Any, Game, int]:
        model = UnrolledGAN(
            *s.nets(), s.n_latent, Minimax(), steps=steps, lr=INNER, first_order=first_order
        )
        return model, duel(model, *s.rules(), shares=True), s.examples(1)

    return make


def discriminated(s: SetUp) -> tuple[Any, Game, int]:
    """Minibatch discrimination of 5 kernels of 3 dimensions, less than a tenth of the paper's."""
    layer = MinibatchDiscrimination(200 if s.name == "pacgan" else 128, 5, 3)
    model = GAN(*s.nets(before=layer, wide=5), s.n_latent)
    return model, duel(model, *s.rules(), shares=True), s.examples(1)


def matched(s: SetUp) -> tuple[Any, Game, int]:
    """Feature matching, on the last hidden layer."""
    model = FeatureMatching(*s.nets(), s.n_latent)
    return model, duel(model, *s.rules(), shares=True), s.examples(1)


def clipped(s: SetUp) -> tuple[Any, Game, int]:
    """WGAN: 5 moves of the critic, RMSProp 5e-5, weights within .01; arXiv 1701.07875, alg. 1."""
    model = GAN(*s.nets(), s.n_latent, Wasserstein())
    rule = rmsprop(5e-5, beta=0.9)
    return model, duel(model, rule, rule, 5, project=ClipWeights(0.01), shares=True), s.examples(1)


def penalised(s: SetUp) -> tuple[Any, Game, int]:
    """WGAN-GP: 5 moves, weight .1, Adam 1e-4 (.5, .9), those of the authors' toys; 1704.00028."""
    model = GAN(*s.nets(), s.n_latent, Wasserstein(), GradientPenalty(0.1))
    rule = adam(1e-4, 0.5, 0.9)
    return model, duel(model, rule, rule, 5, shares=True), s.examples(1)


METHODS: dict[str, Make] = {
    "gan": plain(),
    "minimax": plain(objective=Minimax()),
    "pacgan2": plain(2),
    "pacgan4": plain(4),
    "unrolled5": unrolled(5),
    "unrolled5-first": unrolled(5, first_order=True),
    "minibatch": discriminated,
    "features": matched,
    "l2-g": decayed(G={"l2": 1e-4}),
    "l2-d": decayed(D={"l2": 1e-4}),
    "decay-g": decayed(G={"weight_decay": 0.1}),
    "decay-d": decayed(D={"weight_decay": 0.1}),
    "wgan": clipped,
    "wgan-gp": penalised,
    "lsgan": plain(objective=LeastSquares()),
    "hinge": plain(objective=Hinge()),
    "r1": plain(penalty=R1(1.0)),
}
BESIDE: dict[str, dict[str, Make]] = {  # of a set-up, where they are asked for by name
    "pacgan": {"pacgan3": plain(3)},
    "tanh": {
        "l2-g-strong": decayed(G={"l2": 1e-3}),
        "l2-d-strong": decayed(D={"l2": 1e-3}),
    },
}
ANY = METHODS | BESIDE["pacgan"] | BESIDE["tanh"]
CONV = ("gan", "minimax", "pacgan2", "pacgan3", "pacgan4", "l2-g", "l2-d", "lsgan", "hinge")
