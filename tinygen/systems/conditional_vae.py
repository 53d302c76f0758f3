"""The conditional VAE as the commands know it; the model is models/conditional_vae.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import examples
from tinygen.arrays import Array, Params
from tinygen.game import Game, Turn
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.systems import vae
from tinygen.systems.base import System, Task, check_classes
from tinygen.systems.labels import IN_TURN, SHOWN_CLASSES, every_class, with_labels
from tinygen.systems.options import GradientOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 8  # styles in the picture of analogies


@dataclass(frozen=True)
class ConditionalVAEOptions(GradientOptions):
    """What `train conditional-vae` can be told."""

    hidden: tuple[int, ...] = option(
        (400,), "widths of the hidden layers, one or more, as in 256,256", least=1
    )
    latent: int = option(20, "latent dimensions Z", least=1)
    likelihood: str = option(
        "bernoulli",
        "p(x|y,z): bernoulli for black and white pixels, drawn anew from the grey levels each "
        "time; gaussian for grey levels",
        ("bernoulli", "gaussian"),
    )


def build(o: ConditionalVAEOptions, task: Task) -> ConditionalVAE:
    """The model of these options for examples of this shape and number of classes."""
    likelihood = Bernoulli() if o.likelihood == "bernoulli" else Gaussian()
    return dense_conditional_vae(
        task.shape, o.hidden, o.latent, check_classes(task), likelihood, variance="one"
    )


def game(model: ConditionalVAE, o: ConditionalVAEOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("conditional-vae", model.loss, model.draw_noise, o.step_rule()))


def codes(model: ConditionalVAE, p: Params, batch: tuple[Array, Array]) -> Array:
    """The means of q(z|x,y)."""
    return model.encode(p, *batch)["mean"]


def measure(
    model: ConditionalVAE,
    p: Params,
    batch: tuple[Array, Array],
    rng: np.random.Generator,
    samples: int,
) -> dict[str, tuple[float, float | None]]:
    """Nats an example, with the standard errors over the examples."""
    names = ("ELBO of log p(x|y), nats", "log p(x|y)")
    return vae.measure(model, p, batch, rng, samples, *names)


def figures(gallery: Any) -> dict[str, "Figure"]:
    """One style, inferred from a test example, in every class."""
    t = gallery.trained
    return analogies(gallery, lambda rows: t.model.analogies(t.p, rows))


def analogies(gallery: Any, drawn: Any) -> dict[str, "Figure"]:
    """Test examples, each beside its style in every class; drawn: (x, y) -> (N, K, ...).

    Nothing where the data are not to be had.
    """
    from tinygen import plots

    if gallery.seen is None:
        return {}
    rows = examples.rows(gallery.seen, slice(SHOWN))
    x = gallery.ink(rows[0])
    styles = np.stack([gallery.ink(row[:SHOWN_CLASSES]) for row in drawn(rows)])
    sheet = np.concatenate([x[:, None], styles], axis=1)  # (N, 1 + K, H, W, C)
    title = "left: a test example; beside it its style in every class"
    images = sheet.reshape(-1, *x.shape[1:])
    return {"analogies": plots.sample_grid(images, columns=sheet.shape[1], title=title)}


CAPTIONS = {
    "analogies.png": (
        "Analogies",
        "Each row takes the style z from the example on its left, as the mean of q(z|x,y), and "
        "decodes it with every label in turn: what the label says changes, the style stays.",
    ),
    "latent.png": (
        "Latent space",
        "A point for each test example. The encoder was told the class, and the decoder is told "
        "it too, so the code need not hold it: it is style that lies here. Where classes lie apart "
        "none the less, the encoder made use of the label.",
    ),
    "samples.png": (
        "Samples",
        "New examples of every class, made without a look at the data; the title says how. A draw "
        "takes each pixel at random and so looks grainy; the mean shows what code and class "
        "decide.",
    ),
}

SYSTEM = System(
    name="conditional-vae",
    title="conditional variational auto-encoder",
    group="approximate",
    idea="A VAE whose nets are told the class: the code holds what is left, the style.",
    paper="Kingma et al. 2014, arXiv 1406.5298; Sohn et al. 2015",
    demo="demos/conditional_vae.py",
    options=ConditionalVAEOptions,
    data="mnist",
    epochs=50,
    uses={"--data digits --epochs 100": "without files"},
    choose_data=vae.choose_data,
    build=build,
    game=game,
    codes=codes,
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, every_class(n, model.classes), mean),
    sample_class=lambda model, p, rng, y, mean: model.sample(p, rng, y, mean),
    reconstruct=lambda model, p, x, rng, mean: model.reconstruct(p, x, rng, mean),
    measure=measure,
    drawn=f"z ~ p(z), decoded with {IN_TURN}",
    density="p(x|y,z)",
    encoding="q(z|x,y)",
    decoded="z ~ q(z|x,y)",
    examples=with_labels,
    figures=figures,
    captions=CAPTIONS,
)
