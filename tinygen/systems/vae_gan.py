"""VAE-GAN as the commands know it; the model is models/vae_gan.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params
from tinygen.game import Game, Turn
from tinygen.metrics.sharpness import sharpness
from tinygen.models.gan_diagnosis import LEAST, compared, in_words
from tinygen.models.vae_gan import VAEGAN
from tinygen.models.vae_gan_nets import conv_vae_gan, dense_vae_gan
from tinygen.optim import Optimiser, adam
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.duel import CAPTIONS
from tinygen.systems.options import OPTIMISERS, GradientOptions, option

DRAWN = 1000  # images whose sharpness is measured, and examples of which D tells
Numbers = dict[str, tuple[float, float | None]]


@dataclass(frozen=True)
class VAEGANOptions(GradientOptions):
    """What `train vae-gan` can be told."""

    lr: float = option(3e-4, "the step size of encoder and decoder", above=0)
    discriminator_lr: float = option(3e-4, "the discriminator's step size", above=0)
    beta1: float = option(
        0.5,
        "of Adam: how long it remembers gradients",
        least=0,
        below=1,
        where=("optimiser", "adam"),
    )
    net: str = option("conv", "convolutions, or dense layers", ("conv", "dense"))
    channels: tuple[int, ...] = option(
        (16, 32), "of the convolutions of all three nets", least=1, fewest=1, where=("net", "conv")
    )
    hidden: tuple[int, ...] = option(
        (400,), "widths of the dense layers of all three nets", least=1, where=("net", "dense")
    )
    latent: int = option(20, "latent dimensions Z", least=1)
    gamma: float = option(
        1.0, "weight of the reconstruction, against fooling D, in the decoder's loss", least=0
    )
    precision: float = option(
        1.0, "of the features in which images are compared, 1 / sigma^2", least=0
    )

    def rule(self, lr: float) -> Optimiser:
        """The optimiser of a player, at its step size."""
        return adam(lr, self.beta1) if self.optimiser == "adam" else OPTIMISERS[self.optimiser](lr)


def three_players(
    model: VAEGAN, encoder: Optimiser, decoder: Optimiser, discriminator: Optimiser
) -> Game:
    """A round: the encoder moves, then the decoder, then the discriminator, on one batch."""
    rules = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
    return Game(
        *(
            Turn(name, getattr(model, f"{name}_loss"), model.draw_noise, rule, name, watch=True)
            for name, rule in rules.items()
        )
    )


def build(o: VAEGANOptions, task: Task) -> VAEGAN:
    """The model of these options for images of this shape, pixels in 0..1."""
    shape = (task.shape[0], task.shape[1], task.shape[2])
    weights: dict[str, Any] = {"gamma": o.gamma, "precision": o.precision}
    if o.net == "dense":
        return dense_vae_gan(shape, o.hidden, o.latent, o.hidden, **weights)
    return conv_vae_gan(shape, o.latent, o.channels, **weights)


def game(model: VAEGAN, o: VAEGANOptions, epoch_steps: int) -> Game:
    """Three players."""
    return three_players(model, o.rule(o.lr), o.rule(o.lr), o.rule(o.discriminator_lr))


def measure(model: VAEGAN, p: Params, x: Array, rng: np.random.Generator, samples: int) -> Numbers:
    """Reconstructions in pixels, what D tells, and the sharpness of samples beside the data's."""
    recovered, few = in_batches(lambda rows: model.reconstruct(p, rows), x), x[:DRAWN]
    wrong = ((recovered - x) ** 2).reshape(len(x), -1).sum(axis=1)
    terms = model.discriminator_loss(p, few, model.draw_noise(rng, few))[1].terms
    drawn = model.sample(p, rng, DRAWN)
    numbers: Numbers = {
        "squared error, sum over the pixels": metrics.mean_and_error(wrong),
        "share of data that D tells rightly": (float(terms["real"]), None),
        "share of reconstructions that D tells rightly": (float(terms["recovered"]), None),
        "share of samples that D tells rightly": (float(terms["fake"]), None),
    }
    for name, images in {"samples": drawn, "reconstructions": recovered}.items():
        ratio = sharpness(images).mean() / sharpness(x).mean()
        numbers[f"sharpness of {name}, relative to the data's"] = (float(ratio), None)
    return numbers


def remarks(model: VAEGAN, p: Params, x: Array) -> list[str]:
    """Where the discriminator has won, or samples are all alike."""
    if len(x) < LEAST:
        return []
    rng = np.random.default_rng(0)
    told = model.discriminator_loss(p, x, model.draw_noise(rng, x))[1].terms
    accuracy = float(told["real"] + (told["recovered"] + told["fake"]) / 2) / 2
    found = compared(x, model.sample(p, rng, len(x)), accuracy)
    return in_words(found, "lower --discriminator-lr, or raise --lr", "train on, or lower --gamma")


SYSTEM = System(
    name="vae-gan",
    title="VAE-GAN: a VAE whose images are compared by a discriminator's features",
    group="implicit",
    idea="A VAE's decoder is also a generator; its error is measured in what a discriminator sees.",
    paper="Larsen et al. 2016, arXiv 1512.09300",
    demo="demos/vae_gan.py",
    options=VAEGANOptions,
    data="mnist",
    epochs=10,
    uses={"--data digits --net dense": "without files"},
    build=build,
    game=game,
    codes=lambda model, p, x: model.encode(p, x)["mean"],
    decode=lambda model, p, z: model.decode(p, z),
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n),
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x),
    remarks=remarks,
    look=remarks,
    measure=measure,
    drawn="z ~ N(0, I), decoded",
    decoded="the mean of q(z|x)",
    has_means=False,
    captions=CAPTIONS,
)
