"""The autoencoder as the commands know it; the model is models/autoencoder.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics, tree
from tinygen.arrays import Array, Params
from tinygen.game import Game, Turn
from tinygen.likelihoods.base import normal
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    conv_autoencoder,
    deep_contractive_autoencoder,
    dense_autoencoder,
    linear_autoencoder,
)
from tinygen.models.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.options import GradientOptions, option

CORRUPTIONS = {"masking": Masking, "gaussian": GaussianNoise, "salt-and-pepper": SaltAndPepper}


@dataclass(frozen=True)
class AutoencoderOptions(GradientOptions):
    """What `train autoencoder` can be told."""

    net: str = option(
        "dense",
        "dense layers; convolutions; linear (as PCA); contractive (one sigmoid layer); "
        "deep-contractive (tanh layers, tied: each number of the code adds to a step's time)",
        ("dense", "conv", "linear", "contractive", "deep-contractive"),
    )
    hidden: tuple[int, ...] = option(
        (400,),
        "widths of the hidden layers, as in 512,128",
        least=1,
        where=("net", "dense", "deep-contractive"),
    )
    latent: int = option(20, "size of the code Z", least=1)
    corruption: str = option(
        "none",
        "denoising: what the encoder sees is damaged, and the whole image is to be recovered",
        ("none", *CORRUPTIONS),
    )
    amount: float = option(
        0.3, "share of damaged pixels; of gaussian noise, its standard deviation"
    )
    contraction: float = option(
        0.1,
        "weight of the squared Jacobian |dz/dx|^2",
        where=("net", "contractive", "deep-contractive"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.corruption == "none" and self.amount != type(self).amount:
            raise ValueError(
                "option amount has no effect with corruption none: leave it out, or choose "
                f"corruption {', '.join(CORRUPTIONS)}"
            )

    def damage(self) -> Corruption | None:
        """The corruption of these options."""
        return None if self.corruption == "none" else CORRUPTIONS[self.corruption](self.amount)


def build(o: AutoencoderOptions, task: Task) -> Autoencoder:
    """The model of these options for images of this shape."""
    shape: Any = task.shape
    if o.net == "conv":
        return conv_autoencoder(shape, o.latent, corruption=o.damage())
    if o.net == "contractive":
        return contractive_autoencoder(shape, o.latent, o.contraction, corruption=o.damage())
    if o.net == "deep-contractive":
        return deep_contractive_autoencoder(
            shape, o.hidden, o.latent, o.contraction, corruption=o.damage()
        )
    if o.net == "linear":
        if o.damage():
            raise ValueError("option net: a linear autoencoder takes no corruption: use net dense")
        return linear_autoencoder(shape, o.latent)
    return dense_autoencoder(shape, o.hidden, o.latent, corruption=o.damage())


def game(model: Autoencoder, o: AutoencoderOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("autoencoder", model.loss, model.draw_noise, o.step_rule()))


def sample(model: Autoencoder, p: Params, rng: np.random.Generator, n: int, mean: bool) -> Array:
    """Codes from N(0, I), decoded."""
    like = next(leaf for _, leaf in tree.leaves(p))
    return model.decode(p, normal(rng, (n, model.n_latent), like))


def measure(
    model: Autoencoder, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """Squared errors, with the standard errors over the images."""
    errors = in_batches(lambda rows: model.errors(p, rows), x)
    variance = float(((x - x.mean(axis=0)) ** 2).reshape(len(x), -1).sum(axis=1).mean())
    mean, error = metrics.mean_and_error(errors)
    return {
        "squared error, sum over the pixels": (mean, error),
        "squared error of the mean image, for comparison": (variance, None),
        "share of the variance that is explained": (1 - mean / variance, None),
    }


SYSTEM = System(
    name="autoencoder",
    title="autoencoder: dense, convolutional, denoising, contractive",
    group="none",
    idea="An encoder and a decoder with a narrow code between them, fitted by squared error.",
    paper="Hinton and Salakhutdinov 2006; Vincent et al. 2008; Rifai et al. 2011",
    demo="demos/autoencoder.py",
    options=AutoencoderOptions,
    data="mnist",
    epochs=20,
    uses={
        "--net conv --latent 5": "convolutions, a small code",
        "--corruption masking --amount 0.3": "denoising",
    },
    build=build,
    game=game,
    codes=lambda model, p, x: model.encode(p, x),
    decode=lambda model, p, z: model.decode(p, z),
    sample=sample,
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x),
    measure=measure,
    drawn="codes from N(0, I), decoded; nothing in the training asks these codes to mean anything",
)
