"""The beta-TCVAE as the commands know it; the model is models/tc_vae.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import metrics, plots
from tinygen.arrays import Array, Params
from tinygen.game import Game, Turn
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.collapse import remarks
from tinygen.models.tc_vae import TCVAE, tc_vae
from tinygen.models.vae import VAE, conv_vae, dense_vae
from tinygen.systems import vae
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.options import GradientOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = dict[str, tuple[float, float | None]]


@dataclass(frozen=True)
class CodedOptions(GradientOptions):
    """What systems can be told that charge for the total correlation of a VAE's codes."""

    net: str = option("dense", "dense layers, or convolutions", ("dense", "conv"))
    hidden: tuple[int, ...] = option(
        (400,), "widths of the hidden layers, as in 256,256", least=1, where=("net", "dense")
    )
    latent: int = option(10, "latent dimensions Z", least=1)
    likelihood: str = option(
        "gaussian",
        "p(x|z): gaussian for grey levels, of one learned variance; bernoulli for black and white "
        "pixels",
        ("bernoulli", "gaussian"),
    )


@dataclass(frozen=True)
class TCVAEOptions(CodedOptions):
    """What `train tc-vae` can be told."""

    beta: float = option(6.0, "weight of the total correlation of the codes", least=0)
    alpha: float = option(1.0, "weight of what codes tell of their example", least=0)
    gamma: float = option(1.0, "weight of each dimension's KL to the prior", least=0)
    sampling: str = option(
        "weighted",
        "how q(z) is estimated from a batch, weighted as in the paper, or stratified",
        ("weighted", "stratified"),
    )


def plain_vae(o: CodedOptions, task: Task) -> VAE:
    """The VAE of these options, its loss the bound."""
    likelihood = Bernoulli() if o.likelihood == "bernoulli" else Gaussian()
    if o.net == "conv":
        return conv_vae(task.shape, o.latent, likelihood=likelihood, variance="one")
    return dense_vae(task.shape, o.hidden, o.latent, likelihood, "one")


def build(o: TCVAEOptions, task: Task) -> TCVAE:
    """The model of these options; it knows how many examples there are."""
    return tc_vae(
        plain_vae(o, task), task.examples, o.beta, alpha=o.alpha, gamma=o.gamma, sampling=o.sampling
    )


def game(model: TCVAE, o: TCVAEOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("tc-vae", model.loss, model.draw_noise, o.step_rule()))


def measure(model: VAE, p: Params, x: Array, rng: np.random.Generator, samples: int) -> Numbers:
    """A VAE's numbers, and the total correlation of the codes of x in two ways, in nats."""
    q = in_batches(lambda rows: model.encode(p, rows), x)
    return vae.measure(model, p, x, rng, samples) | {
        f"total correlation of {len(x)} codes, nats": metrics.total_correlation(q, rng),
        "the same, of a Gaussian of their covariance": (
            metrics.gaussian_total_correlation(q["mean"], q["log_var"]),
            None,
        ),
    }


def figures(gallery: Any) -> dict[str, "Figure"]:
    """The plane of the two dimensions that are used most, where there are more than two."""
    if not gallery.can_walk or len(gallery.walk().code) < 3:
        return {}
    walk = gallery.walk()
    i, j = (int(k) for k in walk.order()[0][:2])
    return {"plane": plots.plane(walk, (i, j), title="the two dimensions that are used most")}


CAPTIONS = {
    "plane.png": (
        "Two dimensions at once",
        "The two latent dimensions that are used most, from -3 to 3 each, the others at 0. Where "
        "each holds one thing, a row changes one, and a column the other.",
    )
}

SYSTEM = System(
    name="tc-vae",
    title="beta-TCVAE: a VAE that pays for codes whose dimensions depend on each other",
    group="approximate",
    idea="Of the three parts of the KL, the total correlation alone weighs more.",
    paper="Chen et al. 2018, arXiv 1802.04942",
    demo="demos/disentangling.py",
    options=TCVAEOptions,
    data="sprites",
    epochs=50,
    uses={"--beta 1": "a plain VAE, to compare"},
    choose_data=vae.choose_data,
    build=build,
    game=game,
    codes=vae.codes,
    decode=vae.decode,
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n, mean=mean),
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x, rng, mean=mean),
    measure=measure,
    drawn="z ~ p(z), decoded",
    remarks=lambda model, p, x: remarks(model, p, x, "lower beta, alpha or gamma"),
    figures=figures,
    captions=CAPTIONS,
)
