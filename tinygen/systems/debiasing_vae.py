"""The debiasing VAE as the commands know it; the model is models/debiasing_vae.py."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.game import Game, Turn
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian
from tinygen.loop import Order
from tinygen.models.debiasing_nets import conv_debiasing_vae, dense_debiasing_vae
from tinygen.models.debiasing_vae import DebiasingVAE
from tinygen.models.resampling import debiasing_order
from tinygen.systems.base import System, Task, check_classes, in_batches
from tinygen.systems.labels import with_labels
from tinygen.systems.options import GradientOptions, option
from tinygen.systems.vae import choose_data

Examples = tuple[Array, Array]


@dataclass(frozen=True)
class DebiasingVAEOptions(GradientOptions):
    """What `train debiasing-vae` can be told."""

    net: str = option("dense", "dense layers, or convolutions", ("dense", "conv"))
    hidden: tuple[int, ...] = option(
        (128,), "widths of the hidden layers, as in 256,256", least=1, where=("net", "dense")
    )
    latent: int = option(8, "latent dimensions Z", least=1)
    likelihood: str = option(
        "gaussian",
        "p(x|z): gaussian for grey levels; bernoulli for black and white pixels, drawn anew from "
        "the grey levels each time",
        ("gaussian", "bernoulli"),
    )
    std: float = option(0.2, "of a pixel given the code", above=0, where=("likelihood", "gaussian"))
    debias: int = option(1, "the class to be debiased, by its number", least=0)
    weight: float = option(30.0, "of the classification, beside the sum over the pixels", least=0)
    beta: float = option(1.0, "weight of the KL term", least=0)
    resample: str = option(
        "maximum",
        "how the histograms of the codes make a weight: their product, as in the paper, or the "
        "rarest of them; or none",
        ("maximum", "product", "none"),
    )
    alpha: float = option(
        0.01, "the smaller, the oftener rare codes; the paper tries 0.001 to 0.1", least=0
    )
    bins: int = option(10, "of each histogram", least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for f in dataclasses.fields(self):
            given = f.name in ("alpha", "bins") and getattr(self, f.name) != f.default
            if given and self.resample == "none":
                raise ValueError(
                    f"option {f.name} has no effect with resample none: leave it out, or choose "
                    "resample maximum or product"
                )


def build(o: DebiasingVAEOptions, task: Task) -> DebiasingVAE:
    """The model of these options for examples of this shape and number of classes."""
    classes = check_classes(task)
    if o.debias >= classes:
        raise ValueError(
            f"option debias: must be one of the classes 0..{classes - 1}, got {o.debias}"
        )
    shared: dict[str, Any] = {
        "likelihood": Bernoulli() if o.likelihood == "bernoulli" else Gaussian(std=o.std),
        "classes": classes,
        "debiased": o.debias,
        "weight": o.weight,
        "beta": o.beta,
    }
    if o.net == "conv":
        return conv_debiasing_vae(task.shape, o.latent, **shared)
    return dense_debiasing_vae(task.shape, o.hidden, o.latent, **shared)


def game(model: DebiasingVAE, o: DebiasingVAEOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("debiasing-vae", model.loss, model.draw_noise, o.step_rule()))


def order(model: DebiasingVAE, o: DebiasingVAEOptions, batch: Examples) -> Order | None:
    """Rare codes oftener, where it is asked for."""
    if o.resample == "none":
        return None
    return debiasing_order(model, *batch, alpha=o.alpha, bins=o.bins, combine=o.resample)


def codes(model: DebiasingVAE, p: Params, batch: Examples) -> Array:
    """The means of q(z|x)."""
    return model.encode(p, batch[0])["mean"]


def measure(
    model: DebiasingVAE, p: Params, batch: Examples, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """Of the classes, and of the density of the one to be debiased, with standard errors."""
    logits = in_batches(lambda rows: model.logits(p, rows[0]), batch)
    nll, _ = Categorical(model.classes).nll(logits, batch[1])
    right = 100.0 * to_host(logits.argmax(axis=1) == batch[1])
    found: dict[str, tuple[float, float | None]] = {
        "-log p(y|x), nats": metrics.mean_and_error(nll),
        "accuracy, %": metrics.mean_and_error(right),
    }
    own = to_host(batch[1]) == model.debiased
    c = model.debiased
    if own.sum() < 2:  # one example has no standard error
        return found
    x = batch[0][namespace(batch[0]).asarray(np.flatnonzero(own))]
    elbo = in_batches(lambda rows: model.elbo(p, rows, model.noise_for(rng, rows)), x)
    log_p = in_batches(lambda rows: model.log_prob(p, rows, rng, samples)[0], x)
    return found | {
        f"recall of class {c}, %": metrics.mean_and_error(right[own]),
        f"ELBO of class {c}, nats": metrics.mean_and_error(elbo),
        f"log p(x|y={c}), nats, {samples} importance samples": metrics.mean_and_error(log_p),
    }


CAPTIONS = {
    "reconstructions.png": (
        "Reconstructions",
        "Test examples of every class, and what comes back after they went through the code. The "
        "decoder was shown the class to be debiased alone, and makes something like it of the "
        "others.",
    ),
    "latent.png": (
        "Latent space",
        "A point for each test example. The encoder was shown the labels, for it is the classifier "
        "too; of the codes only those of the class to be debiased were asked to follow the prior.",
    ),
}

SYSTEM = System(
    name="debiasing-vae",
    title="debiasing variational auto-encoder",
    group="approximate",
    idea="A classifier that learns what varies within a class, and sees rare members oftener.",
    paper="Amini et al. 2019, AIES, doi 10.1145/3306618.3314243",
    demo="demos/debiasing_vae.py",
    options=DebiasingVAEOptions,
    data="dark-faces",
    epochs=20,
    uses={"--resample none": "without the remedy, to compare"},
    choose_data=choose_data,
    build=build,
    game=game,
    codes=codes,
    decode=lambda model, p, z: model.likelihood.mean(model.decode(p, z)),
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n, mean=mean),
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x[0], rng, mean=mean),
    measure=measure,
    drawn="z ~ p(z), decoded; of the class to be debiased alone",
    examples=with_labels,
    order=order,
    rehearsal=None,
    captions=CAPTIONS,
)
