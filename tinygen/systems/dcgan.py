"""DCGAN as the commands know it, told labels or not; the model is models/dcgan.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import examples
from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.data.dataset import Part
from tinygen.game import Game
from tinygen.metrics.sharpness import sharpness
from tinygen.metrics.units import mean_and_error
from tinygen.models.dcgan import DCGAN, dcgan
from tinygen.models.gan import PRIORS
from tinygen.models.gan_diagnosis import remarks
from tinygen.models.interpolation import slerp
from tinygen.optim import Ema, Optimiser, adam
from tinygen.systems.base import System, Task, check_classes
from tinygen.systems.duel import CAPTIONS, duel, verdicts
from tinygen.systems.gan import OBJECTIVES
from tinygen.systems.labels import IN_TURN, SHOWN_CLASSES, every_class, with_labels
from tinygen.systems.options import OPTIMISERS, GradientOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAID = tuple(name for name in OBJECTIVES if name != "wasserstein")
COMPARED = 1000  # fakes, and as many examples, whose sharpness and spread are compared
ROWS, STEPS = 8, 10  # of the picture of walks


@dataclass(frozen=True)
class DCGANOptions(GradientOptions):
    """What `train dcgan` can be told. There is no penalty: batch norm couples the examples."""

    lr: float = option(2e-4, "the generator's step size", above=0)
    discriminator_lr: float = option(2e-4, "the discriminator's step size", above=0)
    beta1: float = option(
        0.5,
        "of Adam: how long it remembers gradients",
        least=0,
        below=1,
        where=("optimiser", "adam"),
    )
    objective: str = option("non-saturating", "what the players are paid", PAID)
    k: int = option(1, "moves of the discriminator before each one of the generator", least=1)
    ema: float = option(
        0.0,
        "decay of a running mean of the generator's weights, which samples are drawn from; 0: the "
        "weights themselves",
        least=0,
        below=1,
    )
    told: str = option(
        "nothing", "what both players are told beside the image: the class", ("nothing", "class")
    )
    features: tuple[int, ...] = option(
        (),
        "of the discriminator's convolutions, each of which halves the image; the generator has "
        "them in a mirror (default: 64,128,... down to 4 pixels or more)",
        least=1,
    )
    hidden: int = option(
        0,
        "units of one dense layer more in either player, with batch norm; 1024 in the authors' "
        "code for digits, 0 for none",
        least=0,
    )
    latent: int = option(100, "numbers of noise Z that a fake is made from", least=1)
    prior: str = option("uniform", "their law: uniform in -1..1, or normal, N(0, I)", PRIORS)

    def rule(self, lr: float) -> Optimiser:
        """The optimiser of either player, at its step size."""
        return adam(lr, self.beta1) if self.optimiser == "adam" else OPTIMISERS[self.optimiser](lr)


def build(o: DCGANOptions, task: Task) -> DCGAN:
    """The model of these options for images of this shape, pixels in 0..1."""
    return dcgan(
        task.shape,
        o.latent,
        o.features or None,
        check_classes(task) if o.told == "class" else 0,
        hidden=o.hidden,
        objective=OBJECTIVES[o.objective],
        prior=o.prior,
        average=o.ema > 0,
    )


def game(model: DCGAN, o: DCGANOptions, epoch_steps: int) -> Game:
    """k moves of the discriminator, one of the generator."""
    ema = Ema(o.ema) if o.ema else None
    return duel(model, o.rule(o.discriminator_lr), o.rule(o.lr), o.k, ema=ema, shares=True)


def seen(part: Part, o: DCGANOptions) -> Any:
    """Images, with their labels where the players are told the class."""
    return with_labels(part, o) if o.told == "class" else part.x


def sample(model: DCGAN, p: Params, rng: np.random.Generator, n: int, mean: bool = False) -> Array:
    """n fakes, of each class in turn where the model is told one; there is no mean."""
    return model.sample(p, rng, n, every_class(n, model.classes) if model.classes else None)


def drawn(o: DCGANOptions) -> str:
    """What `sample` gives, in words."""
    return f"z ~ p(z), through the generator{f', with {IN_TURN}' * (o.told == 'class')}"


def spread(images: Array) -> float:
    """sqrt E |x - E x|^2: 0 where all images are alike."""
    flat = images.reshape(len(images), -1)
    return float(((flat - flat.mean(axis=0)) ** 2).sum(axis=1).mean()) ** 0.5


def sharp(images: Array) -> tuple[float, float | None]:
    """The mean sharpness with its standard error, over images that are not of one colour."""
    flat = images.reshape(len(images), -1)
    kept = images[flat.max(axis=1) > flat.min(axis=1)]
    return mean_and_error(sharpness(kept)) if len(kept) > 1 else (0.0, None)


def measure(
    model: DCGAN, p: Params, x: Any, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """How well D tells test examples from fakes, and fakes beside data: sharpness and spread.

    Neither number says how good the fakes are; each says when they are bad.
    """
    few = examples.rows(x, slice(COMPARED))
    data = examples.first(few)
    numbers = verdicts(model, p, few, model.draw_noise(rng, few))
    fakes = sample(model, p, rng, len(data))
    return numbers | {
        "sharpness of fakes": sharp(fakes),
        "sharpness of data, for comparison": sharp(data),
        "spread of fakes, as a share of that of data": (spread(fakes) / spread(data), None),
    }


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Of a conditional model the same codes in every class, of another one walks between codes."""
    from tinygen import plots

    t = gallery.trained
    model, p = t.model, t.p
    like = p["generator"]["project"]["W"]
    if model.classes:
        K = min(model.classes, SHOWN_CLASSES)
        z = model.draw_z(gallery.rng, STEPS, like)
        labels = to_device(np.repeat(np.arange(K), STEPS), device_of(like))
        tiled = namespace(like).concatenate([z] * K)
        sheet = gallery.ink(model.sample(p, gallery.rng, len(tiled), labels, tiled))
        title = "each row one class, each column one z"
        return {"classes": plots.sample_grid(sheet, STEPS, title)}
    ends = model.draw_z(gallery.rng, 2 * ROWS, like)
    arcs = [slerp(ends[2 * i], ends[2 * i + 1], STEPS) for i in range(ROWS)]
    walks = namespace(like).concatenate(arcs)
    sheet = gallery.ink(model.sample(p, gallery.rng, len(walks), z=walks))
    return {"walks": plots.sample_grid(sheet, STEPS, "rows: from one z to another along the arc")}


SYSTEM = System(
    name="dcgan",
    title="deep convolutional GAN",
    group="implicit",
    idea="A GAN whose players are stacks of convolutions with strides, batch norm between them.",
    paper="Radford, Metz and Chintala 2016, arXiv 1511.06434",
    demo="demos/dcgan.py",
    options=DCGANOptions,
    data="mnist",
    epochs=20,
    uses={
        "--told class --ema 0.999": "to draw of a class that is asked for",
        "--data cifar10": "small pictures in colour",
    },
    build=build,
    game=game,
    sample=sample,
    sample_class=lambda model, p, rng, y, mean: model.sample(p, rng, len(y), y),
    measure=measure,
    drawn=drawn,
    density="p(x)",
    has_means=False,
    examples=seen,
    remarks=remarks,
    look=remarks,
    figures=figures,
    captions=CAPTIONS
    | {
        "walks.png": (
            "Walks",
            "Each row goes from one code to another. Where every picture on the way could be one "
            "of the data, the generator has not merely stored them.",
        ),
        "classes.png": (
            "Classes",
            "Each row is drawn with one label, each column with one code: what the label says "
            "changes, what the code says stays.",
        ),
    },
)
