"""The semi-supervised VAE, M2, as the commands know it; the model is
models/semi_supervised_vae.py.

The labels of all but a few training examples are hidden, and those of the validation part too:
the best weights are those of the least bound on examples without labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params, to_host
from tinygen.data.few_labels import few_labels
from tinygen.game import Game, Turn
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.likelihoods.base import normal
from tinygen.loop import Order
from tinygen.models.labels import NONE, stratified_order
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.systems.base import System, Task, check_classes, in_batches
from tinygen.systems.conditional_vae import CAPTIONS, analogies
from tinygen.systems.labels import IN_TURN, every_class, with_labels
from tinygen.systems.options import GradientOptions, option
from tinygen.systems.vae import choose_data

ROWS = 50  # examples beside every class at once
BLOCK = 20  # examples of which at least one has a label


@dataclass(frozen=True)
class SemiSupervisedOptions(GradientOptions):
    """What `train semi-supervised-vae` can be told."""

    labels: int = option(
        100, "how many training examples keep their label, as many of each class", least=2
    )
    hidden: tuple[int, ...] = option(
        (500,), "widths of the hidden layers of all three nets, one or more", least=1
    )
    latent: int = option(50, "latent dimensions Z", least=1)
    alpha: float = option(0.1, "weight of the classification term", least=0)
    likelihood: str = option(
        "bernoulli",
        "p(x|y,z): bernoulli for black and white pixels, drawn anew from the grey levels each "
        "time; gaussian for grey levels",
        ("bernoulli", "gaussian"),
    )


def build(o: SemiSupervisedOptions, task: Task) -> SemiSupervisedVAE:
    """The model of these options for examples of this shape, number of classes and of examples."""
    return dense_semi_supervised_vae(
        task.shape,
        o.hidden,
        o.latent,
        check_classes(task),
        share_of(o.labels, task),
        o.alpha,
        Bernoulli() if o.likelihood == "bernoulli" else Gaussian(),
        "one",
    )


def share_of(labels: int, task: Task) -> float:
    """N_labelled / N < 1, for (1 - share) weighs the bound that chooses the weights.

    Raises ValueError for as many labels as examples, or more.
    """
    if labels >= task.examples:
        raise ValueError(
            f"option labels: {labels} labels were asked for, and the training part has "
            f"{task.examples} examples: ask for fewer"
        )
    return labels / task.examples


def few_labelled(batch: tuple[Array, Array], o: Any, rng: np.random.Generator) -> Any:
    """The training examples, with the labels of all but a few hidden."""
    x, y = batch
    kept = few_labels(rng, y, o.labels, int(y.max()) + 1)
    hidden = np.full_like(y, NONE)
    hidden[kept] = y[kept]
    return x, hidden


def without_labels(batch: tuple[Array, Array], o: Any) -> tuple[Array, Array]:
    """The validation examples, with all labels hidden."""
    x, y = batch
    return x, np.full_like(y, NONE)


def order(model: Any, o: Any, batch: tuple[Array, Array]) -> Order:
    """Of every 20 examples one or more has a label, so that no batch above that lacks one."""
    labels = to_host(batch[1])
    return stratified_order(labels, BLOCK, int(labels.max()) + 1)


def game(model: SemiSupervisedVAE, o: SemiSupervisedOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("semi-supervised-vae", model.loss, model.draw_noise, o.step_rule()))


def codes(model: SemiSupervisedVAE, p: Params, batch: tuple[Array, Array]) -> Array:
    """The means of q(z|x,y)."""
    return model.vae.encode(p["vae"], *batch)["mean"]


def error_rate(model: Any, p: Params, batch: tuple[Array, Array]) -> tuple[float, float]:
    """The share of the examples that are classed wrongly, in per cent, and its standard error."""
    return metrics.mean_and_error(100 * in_batches(lambda rows: model.errors(p, *rows), batch))


def measure(
    model: SemiSupervisedVAE,
    p: Params,
    batch: tuple[Array, Array],
    rng: np.random.Generator,
    samples: int,
) -> dict[str, tuple[float, float | None]]:
    """Classification error in per cent, and the bound in nats; `samples` is not looked at."""

    def elbo(x: Array) -> Array:
        return model.elbo(p, x, normal(rng, (len(x) * model.classes, model.vae.n_latent), x))

    return {
        "classification error, %": error_rate(model, p, batch),
        "ELBO of log p(x), nats": metrics.mean_and_error(in_batches(elbo, batch[0], ROWS)),
    }


SYSTEM = System(
    name="semi-supervised-vae",
    title="semi-supervised variational auto-encoder (M2)",
    group="approximate",
    idea="A conditional VAE with a classifier; where the label lacks, all classes are summed over.",
    paper="Kingma et al. 2014, arXiv 1406.5298",
    demo="demos/semi_supervised.py",
    options=SemiSupervisedOptions,
    data="mnist",
    epochs=50,
    uses={"--labels 1000": "ten times as many labels"},
    choose_data=choose_data,
    build=build,
    game=game,
    codes=codes,
    sample=lambda model, p, rng, n, mean: model.vae.sample(
        p["vae"], rng, every_class(n, model.classes), mean
    ),
    sample_class=lambda model, p, rng, y, mean: model.vae.sample(p["vae"], rng, y, mean),
    reconstruct=lambda model, p, x, rng, mean: model.vae.reconstruct(p["vae"], x, rng, mean),
    measure=measure,
    drawn=f"z ~ p(z), decoded with {IN_TURN}",
    density="p(x|y,z)",
    encoding="q(z|x,y)",
    decoded="z ~ q(z|x,y)",
    examples=with_labels,
    training_set=few_labelled,
    validation_set=without_labels,
    order=order,
    rehearsal=None,  # of a few examples no class need have a label
    figures=lambda gallery: analogies(
        gallery, lambda rows: gallery.trained.model.vae.analogies(gallery.trained.p["vae"], rows)
    ),
    captions=CAPTIONS,
)
