"""The variational auto-encoder as the commands know it; the model is models/vae.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import examples, metrics
from tinygen.arrays import Array, Params
from tinygen.data import black_and_white, entry
from tinygen.game import Game, Turn
from tinygen.layers import Relu, Softplus, Tanh
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.collapse import remarks
from tinygen.models.priors import MixturePrior, StandardNormal
from tinygen.models.vae import VAE, conv_vae, dense_vae
from tinygen.schedules import warm_up
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.options import GradientOptions, option

ACTIVATIONS = {"relu": Relu(), "softplus": Softplus(), "tanh": Tanh()}


@dataclass(frozen=True)
class VAEOptions(GradientOptions):
    """What `train vae` can be told."""

    net: str = option("dense", "dense layers, or convolutions", ("dense", "conv"))
    hidden: tuple[int, ...] = option(
        (400,), "widths of the hidden layers, as in 256,256", least=1, where=("net", "dense")
    )
    latent: int = option(20, "latent dimensions Z", least=1)
    activation: str = option("relu", "of the hidden layers", tuple(ACTIVATIONS))
    likelihood: str = option(
        "bernoulli",
        "p(x|z): bernoulli for black and white pixels, drawn anew from the grey levels each "
        "time; gaussian for grey levels",
        ("bernoulli", "gaussian"),
    )
    variance: str = option(
        "one",
        "gaussian: the learned variance is one number, one a pixel (shared by all images), or "
        "the decoder's, one a pixel and image",
        ("one", "shared", "pixel"),
        where=("likelihood", "gaussian"),
    )
    posterior: str = option("diagonal", "the covariance of q(z|x)", ("diagonal", "full"))
    prior: int = option(
        1, "components of a learned mixture of Gaussians as the prior p(z); 1: N(0, I)", least=1
    )
    beta: float = option(1.0, "weight of the KL term (Higgins et al. 2017); 1 is the ELBO", least=0)
    warm_up: int = option(
        0,
        "epochs in which the weight of the KL term rises from 0 to beta; the validation loss has "
        "the whole weight and may rise meanwhile, so let --patience be longer",
        least=0,
    )
    free_bits: float = option(
        0.0, "nats a latent dimension that the KL term does not charge for", least=0
    )
    importance: int = option(
        1, "draws k of the importance-weighted bound (IWAE); 1: the ELBO", least=1
    )


def build(o: VAEOptions, task: Task) -> VAE:
    """The model of these options for examples of this shape."""
    shape: Any = task.shape
    shared: dict[str, Any] = {
        "likelihood": Bernoulli() if o.likelihood == "bernoulli" else Gaussian(),
        "variance": o.variance,
        "posterior": o.posterior,
        "activation": ACTIVATIONS[o.activation],
        "prior": StandardNormal() if o.prior == 1 else MixturePrior(o.prior),
        "beta": o.beta,
        "free_bits": o.free_bits,
        "samples": o.importance,
    }
    if o.net == "conv":
        return conv_vae(shape, o.latent, **shared)
    return dense_vae(shape, o.hidden, o.latent, **shared)


def game(model: VAE, o: VAEOptions, epoch_steps: int) -> Game:
    """One player; where asked for, the weight of the KL term rises step by step."""
    if o.warm_up and not o.beta:
        raise ValueError(
            "option warm_up has no effect with beta 0, for the weight rises from 0 to beta: leave "
            "it out, or choose beta above 0"
        )
    rise = {"beta": warm_up(o.beta, o.warm_up * epoch_steps, start=0.0)} if o.warm_up else {}
    return Game(Turn("vae", model.loss, model.draw_noise, o.step_rule(), schedules=rise))


def choose_data(name: str, o: VAEOptions) -> str:
    """For a Bernoulli decoder black and white pixels: drawn from the grey ones, where they are."""
    if o.likelihood != "bernoulli":
        return name
    name = black_and_white(name)
    kind = entry(name).kind
    if kind in ("grey", "colour"):
        raise ValueError(
            f"{name} holds {kind} pixels, and a Bernoulli decoder takes black and white ones: "
            "choose --likelihood gaussian, or a set of black and white pixels"
        )
    return name


def codes(model: VAE, p: Params, x: Array) -> Array:
    """The means of q(z|x)."""
    return model.encode(p, x)["mean"]


def decode(model: VAE, p: Params, z: Array) -> Array:
    """The means of p(x|z)."""
    return model.likelihood.mean(model.decode(p, z))


def measure(
    model: Any,
    p: Params,
    x: Any,
    rng: np.random.Generator,
    samples: int,
    elbo: str = "ELBO, nats",
    of: str = "log p(x)",
) -> dict[str, tuple[float, float | None]]:
    """Nats an example, with the standard errors over the examples.

    elbo, of : the names of the bound and of what it bounds

    NOTE: the bits of a Gaussian are those of a density of pixels in 0..1, and can be negative.
    Published ones are of whole numbers 0..255, log2(255), about 8 bits, above these.
    """
    bound = in_batches(lambda rows: model.elbo(p, rows, model.draw_noise(rng, rows)), x)
    log_p = in_batches(lambda rows: model.log_prob(p, rows, rng, samples)[0], x)
    given = ", given y" if "|y" in of else ""
    density = ", a density of pixels in 0..1" if isinstance(model.likelihood, Gaussian) else ""
    return {
        elbo: metrics.mean_and_error(bound),
        f"{of}, nats, {samples} importance samples": metrics.mean_and_error(log_p),
        f"bits per dimension{given}{density}": metrics.mean_and_error(
            metrics.bits_per_dim(-log_p, examples.first(x)[0].size)
        ),
    }


SYSTEM = System(
    name="vae",
    title="variational auto-encoder",
    group="approximate",
    idea="An encoder q(z|x) and a decoder p(x|z), fitted by raising a lower bound of log p(x).",
    paper="Kingma and Welling 2014, arXiv 1312.6114",
    demo="demos/vae.py",
    options=VAEOptions,
    data="mnist",
    epochs=50,
    uses={
        "--data digits --epochs 100": "on the digits that come with the package",
        "--net conv --latent 5": "convolutions, a small code",
    },
    choose_data=choose_data,
    build=build,
    game=game,
    codes=codes,
    decode=decode,
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n, mean=mean),
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x, rng, mean=mean),
    measure=measure,
    drawn="z ~ p(z), decoded",
    remarks=remarks,
)
