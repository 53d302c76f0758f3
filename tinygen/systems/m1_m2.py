"""M1+M2 as the commands know it; the model is models/m1_m2.py.

    tinygen train vae --hidden 500,500 --latent 50 --out runs/m1
    tinygen train m1-m2 --m1 runs/m1 --labels 100

The folder of the second run holds all of both models.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params
from tinygen.checkpoint import restore
from tinygen.data.binarise import binarise
from tinygen.data.dataset import Dataset
from tinygen.game import Game, Turn
from tinygen.layers import Softplus
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.likelihoods.base import normal
from tinygen.models.m1_m2 import M1M2, informative, pruned
from tinygen.models.semi_supervised_vae import dense_semi_supervised_vae
from tinygen.models.vae import VAE
from tinygen.runs import Run
from tinygen.systems import vae
from tinygen.systems.base import System, Task, check_classes, in_batches
from tinygen.systems.conditional_vae import CAPTIONS, analogies
from tinygen.systems.labels import IN_TURN, every_class, with_labels
from tinygen.systems.options import GradientOptions, option
from tinygen.systems.semi_supervised import (
    ROWS,
    error_rate,
    few_labelled,
    order,
    share_of,
    without_labels,
)

LOOKED_AT = 1000  # training examples by which the dimensions of M1 are chosen


@dataclass(frozen=True)
class M1M2Options(GradientOptions):
    """What `train m1-m2` can be told."""

    lr: float = option(5e-3, "its step size", above=0)
    m1: str = option("", "the folder of a trained VAE, M1, whose codes are M2's data")
    labels: int = option(
        100, "how many training examples keep their label, as many of each class", least=2
    )
    hidden: tuple[int, ...] = option((300,), "widths of the hidden layers of M2's nets", least=1)
    latent: int = option(50, "latent dimensions of M2", least=1)
    alpha: float = option(0.1, "weight of the classification term", least=0)
    kept: tuple[int, ...] = option(
        (), "dimensions of M1's code that M2 sees; by default those that say something", least=0
    )
    m1_options: str = option("", "filled in: the options of M1, as JSON")


@dataclass(frozen=True)
class OfRun(M1M2):
    """M1+M2 whose M1 is that of a run.

    folder : of that run, read when the training begins and never again
    kept   : the dimensions of its code
    """

    folder: str
    kept: tuple[int, ...]

    def start(self, rng: np.random.Generator) -> Params:
        """M1's weights, without the dimensions that are not kept, and new ones for M2."""
        p = self.init(rng)
        return p | {"m1": pruned(opened(self.folder)[1], np.array(self.kept))}


def opened(folder: str) -> tuple[VAE, Params, vae.VAEOptions]:
    """Model, weights and options of M1's run. Raises ValueError for one that cannot serve."""
    run = Run.open(folder)
    config = run.config
    if config.get("system") != vae.SYSTEM.name or not run.checkpoint.exists():
        raise ValueError(
            f"option m1: {folder} holds no trained run of {vae.SYSTEM.name} (system: "
            f"{config.get('system')}): `tinygen train vae --hidden 500,500 --latent 50 --out "
            "runs/m1` makes one"
        )
    try:
        options, task = of_json(config["options"]), Task(tuple(config["shape"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"option m1: {run.path / 'config.json'} cannot be read by this version of tinygen "
            f"({type(error).__name__}: {error}): restore it from a copy, or train another VAE"
        ) from error
    if options.prior != 1 or options.posterior != "diagonal":
        raise ValueError(
            f"option m1: the VAE of {folder} has a prior of {options.prior} components and a "
            f"{options.posterior} posterior: M1 needs --prior 1 --posterior diagonal"
        )
    model, flat = vae.build(options, task), run.load()[0]
    best = "best" if any(name.startswith("best.") for name in flat) else "p"
    like = model.init(np.random.default_rng(0))
    return model, restore(flat, best, like, run.checkpoint), options


def of_json(known: dict[str, Any]) -> vae.VAEOptions:
    """A VAE's options, whose tuples JSON has made lists."""
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
    return vae.VAEOptions(**given)


def settle(o: M1M2Options, dataset: Dataset) -> M1M2Options:
    """The options with those of M1, and with the dimensions of its code that M2 sees."""
    if not o.m1:
        raise ValueError(
            "option m1: M2 needs a trained VAE: make one with `tinygen train vae --hidden 500,500 "
            "--latent 50 --out runs/m1`, then give --m1 runs/m1"
        )
    model, p, options = opened(o.m1)
    if dataset.shape != tuple(Run.open(o.m1).config["shape"]):
        raise ValueError(
            f"option m1: the VAE of {o.m1} is one of other data, {Run.open(o.m1).config['data']}, "
            f"than {dataset.name}: train both on examples of one shape"
        )
    x = dataset.train.x[:LOOKED_AT]
    mean = model.encode(p, x)["mean"]
    kept = o.kept or tuple(int(j) for j in informative(mean))
    if max(kept) >= mean.shape[1] or len(set(kept)) < len(kept):
        raise ValueError(
            f"option kept: expected dimensions of M1's code, each once, 0..{mean.shape[1] - 1}, "
            f"got {','.join(map(str, kept))}"
        )
    text = json.dumps(dataclasses.asdict(options))
    if o.m1_options not in ("", text):
        raise ValueError(
            f"option m1_options is filled in from the run of {o.m1}, whose options differ: leave "
            "it out"
        )
    return dataclasses.replace(o, kept=kept, m1_options=text)


def build(o: M1M2Options, task: Task) -> OfRun:
    """The model of these options, which `settle` has filled in."""
    known = json.loads(o.m1_options)
    m1 = vae.build(of_json(known | {"latent": len(o.kept)}), task)
    classes, share = check_classes(task), share_of(o.labels, task)
    m2 = dense_semi_supervised_vae(
        len(o.kept), o.hidden, o.latent, classes, share, o.alpha, Gaussian(), "pixel", Softplus()
    )
    return OfRun(m1, m2, o.m1, o.kept)


def game(model: OfRun, o: M1M2Options, epoch_steps: int) -> Game:
    """M2 moves, M1 stays."""
    return Game(Turn("m1-m2", model.loss, model.draw_noise, o.step_rule(), player="m2"))


def codes(model: OfRun, p: Params, batch: tuple[Array, Array]) -> Array:
    """The means of q(z2|z1,y) at the means of q(z1|x)."""
    x, y = batch
    return model.m2.vae.encode(p["m2"]["vae"], model.features(p, x), y)["mean"]


def measure(
    model: OfRun,
    p: Params,
    batch: tuple[Array, Array],
    rng: np.random.Generator,
    samples: int,
) -> dict[str, tuple[float, float | None]]:
    """Classification error in per cent; bounds in nats of M1 alone and of both.

    Classes come from grey levels; a bound with a Bernoulli decoder is one of drawn pixels.
    """
    x = batch[0]
    x = binarise(rng, x) if isinstance(model.m1.likelihood, Bernoulli) else x

    def first(x: Array) -> Array:
        return model.m1.elbo(p["m1"], x, model.m1.draw_noise(rng, x))

    def both(x: Array) -> Array:
        eps = normal(rng, (len(x) * model.m2.classes, model.m2.vae.n_latent), x)
        return model.elbo(p, x, {"m1": model.m1.draw_noise(rng, x), "m2": eps})

    return {
        "classification error, %": error_rate(model, p, batch),
        "ELBO of log p(x), nats, M1": metrics.mean_and_error(in_batches(first, x, ROWS)),
        "ELBO of log p(x), nats, M1+M2": metrics.mean_and_error(in_batches(both, x, ROWS)),
    }


SYSTEM = System(
    name="m1-m2",
    title="semi-supervised VAE on the codes of a VAE (M1+M2)",
    group="approximate",
    idea="A VAE learns features without labels; a semi-supervised VAE of them learns the classes.",
    paper="Kingma et al. 2014, arXiv 1406.5298",
    demo="demos/semi_supervised.py",
    options=M1M2Options,
    data="mnist",
    epochs=50,
    uses={"--m1 runs/vae-mnist --labels 100": "on the codes of that VAE"},
    build=build,
    game=game,
    codes=codes,
    sample=lambda model, p, rng, n, mean: model.sample(
        p, rng, n, mean, every_class(n, model.m2.classes)
    ),
    sample_class=lambda model, p, rng, y, mean: model.sample(p, rng, len(y), mean, y),
    told=lambda model: model.m2.classes,
    reconstruct=lambda model, p, x, rng, mean: model.m1.reconstruct(p["m1"], x[0], rng, mean),
    measure=measure,
    drawn=f"with {IN_TURN}, z2 ~ p(z2), z1 ~ p(z1|y,z2), decoded by M1",
    density="p(x|z1)",
    encoding="q(z2|z1,y)",
    decoded="z1 ~ q(z1|x)",
    settle=settle,
    examples=with_labels,
    training_set=few_labelled,
    validation_set=without_labels,
    start=lambda model, rng, x: model.start(rng),
    order=order,
    rehearsal=None,
    figures=lambda gallery: analogies(
        gallery, lambda rows: gallery.trained.model.analogies(gallery.trained.p, rows)
    ),
    captions=CAPTIONS,
)
