"""The generative adversarial net as the commands know it; the model is models/gan.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import adversarial
from tinygen.arrays import Array, Params
from tinygen.game import Game
from tinygen.metrics.parzen import WARNING, parzen
from tinygen.models import gan_diagnosis
from tinygen.models.gan import GAN, PRIORS
from tinygen.models.gan_nets import dense_discriminator, dense_generator
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.optim import ClipWeights, Ema, Optimiser, adam
from tinygen.systems.base import IMAGES, System, Task
from tinygen.systems.duel import CAPTIONS, duel, verdicts
from tinygen.systems.options import OPTIMISERS, GradientOptions, option

ADAM = ("optimiser", "adam")
OBJECTIVES: dict[str, adversarial.Objective] = {
    "non-saturating": adversarial.NonSaturating(),
    "minimax": adversarial.Minimax(),
    "least-squares": adversarial.LeastSquares(),
    "hinge": adversarial.Hinge(),
    "wasserstein": adversarial.Wasserstein(),
}
PENALTIES: dict[str, Any] = {"none": lambda weight: None, "gp": GradientPenalty, "r1": R1}
FAKES, CHOOSING = 10_000, 1000  # of the Parzen estimate: samples, and examples that choose sigma


@dataclass(frozen=True)
class DuelOptions(GradientOptions):
    """What every game of a generator and a discriminator can be told."""

    lr: float = option(2e-4, "the generator's step size", above=0)
    discriminator_lr: float = option(2e-4, "the discriminator's step size", above=0)
    beta1: float = option(
        0.5, "of Adam: how long it remembers gradients", least=0, below=1, where=ADAM
    )
    objective: str = option("non-saturating", "what the players are paid", tuple(OBJECTIVES))
    k: int = option(1, "moves of the discriminator before each one of the generator", least=1)
    penalty: str = option(
        "none",
        "on the slope of the discriminator: gp, towards 1 between data and fakes (Gulrajani et al. "
        "2017); r1, towards 0 on data (Mescheder et al. 2018)",
        tuple(PENALTIES),
    )
    penalty_weight: float = option(10.0, "the penalty's weight", least=0)
    clip: float = option(
        0.0, "clips the discriminator's weights to so much after each step; 0: not", least=0
    )
    ema: float = option(
        0.0,
        "decay of a running mean of the generator's weights, which samples are drawn from; 0: the "
        "weights themselves",
        least=0,
        below=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective == "wasserstein" and self.penalty == "none" and not self.clip:
            raise ValueError(
                "option objective wasserstein needs a critic of bounded slope: choose "
                "--penalty gp, or --clip 0.01"
            )
        if self.penalty == "none" and self.penalty_weight != 10.0:
            raise ValueError(
                "option penalty_weight has no effect with penalty none: leave it out, or choose "
                "penalty gp or r1"
            )

    def rule(self, lr: float) -> Optimiser:
        """The optimiser of either player, at its step size."""
        return adam(lr, self.beta1) if self.optimiser == "adam" else OPTIMISERS[self.optimiser](lr)

    def slope_penalty(self) -> Any:
        """The penalty, or None."""
        return PENALTIES[self.penalty](self.penalty_weight)


@dataclass(frozen=True)
class GANOptions(DuelOptions):
    """What `train gan` can be told."""

    generator: tuple[int, ...] = option(
        (600, 600),
        "widths of the generator's hidden layers; the paper's: 1200,1200",
        least=1,
        fewest=1,
    )
    discriminator: tuple[int, ...] = option(
        (400, 200), "widths of the discriminator's hidden layers", least=1, fewest=1
    )
    pieces: int = option(
        0, "of each unit of the discriminator, the largest of so many; 0: LeakyReLU", least=0
    )
    dropout: float = option(0.3, "of the discriminator's hidden units", least=0, below=1)
    input_dropout: float = option(0.0, "of the pixels that it sees", least=0, below=1)
    latent: int = option(100, "numbers of noise Z that a fake is made from", least=1)
    prior: str = option("normal", "their law: N(0, I), or uniform in -1..1", PRIORS)


def build(o: GANOptions, task: Task) -> GAN:
    """The model of these options for examples of this shape, pixels in 0..1."""
    shape: Any = task.shape
    D = dense_discriminator(
        shape, o.discriminator, o.dropout, pieces=o.pieces, input_dropout=o.input_dropout
    )
    return GAN(
        dense_generator(o.latent, o.generator, shape),
        D,
        o.latent,
        OBJECTIVES[o.objective],
        o.slope_penalty(),
        o.prior,
        average=o.ema > 0,
    )


def game(model: GAN, o: DuelOptions, epoch_steps: int) -> Game:
    """k moves of the discriminator, one of the generator."""
    return duel(
        model,
        o.rule(o.discriminator_lr),
        o.rule(o.lr),
        o.k,
        project=ClipWeights(o.clip) if o.clip else None,
        ema=Ema(o.ema) if o.ema else None,
    )


def measure(
    model: GAN, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """How well D tells test examples from fakes, and the Parzen estimate, which ranks no models.

    NOTE: the first 1000 examples, or half of them where they are fewer, choose the width of the
    Parzen window; the estimate is that of the others.
    """
    noise = model.draw_noise(rng, x)
    noise = {key: noise[key] for key in noise if key not in ("real", "fake")}  # no dropout here
    numbers = verdicts(model, p, x, noise)
    if len(x) < 3:
        return numbers  # too few to choose a width, and have a spread
    choosing = min(CHOOSING, len(x) // 2, len(x) - 2)
    found = parzen(model.sample(p, rng, FAKES), x[:choosing], x[choosing:])
    name = f"Parzen window of {FAKES} fakes, sigma {found.sigma:.3f}, nats (ranks no models)"
    return numbers | {name: (found.mean, found.error)}


SYSTEM = System(
    name="gan",
    title="generative adversarial net",
    group="implicit",
    idea="A generator makes fakes of noise; a discriminator learns to tell them from data.",
    paper="Goodfellow et al. 2014, arXiv 1406.2661",
    demo="demos/gan.py",
    options=GANOptions,
    data="mnist",
    epochs=50,
    uses={
        "--objective wasserstein --penalty gp --k 5": "WGAN-GP",
        "--data digits --epochs 200": "without files",
    },
    build=build,
    game=game,
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n),
    measure=measure,
    drawn="z ~ p(z), through the generator",
    density="p(x)",
    has_means=False,
    takes=IMAGES,
    remarks=gan_diagnosis.remarks,
    look=gan_diagnosis.remarks,
    caution=WARNING + ".",
    captions=CAPTIONS,
)
