"""What fully visible models are to the commands: exact likelihoods, samples place by place.

The systems are fvbn.py, nade.py, made.py, pixelcnn.py, gated_pixelcnn.py and pixel_rnn.py here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import examples, metrics
from tinygen.arrays import Array, Params, to_host
from tinygen.data import black_and_white, entry
from tinygen.data.dataset import Part
from tinygen.game import Game, Turn
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture
from tinygen.models.autoregressive import Autoregressive
from tinygen.optim import Optimiser
from tinygen.schedules import exponential, step_decay
from tinygen.systems.labels import with_labels
from tinygen.systems.options import OPTIMISERS, GradientOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.25, 0.5, 0.75)  # of the places that completions are given
COMPLETED = 8  # images in the picture of completions
STAGES = 8  # moments in the picture of a sample that grows


@dataclass(frozen=True)
class VisibleOptions(GradientOptions):
    """What every fully visible system can be told; its own options come on top."""

    decay: float = option(
        1.0, "factor of the step size, after each step or as decay-every says", least=0
    )
    decay_every: int = option(0, "epochs between two uses of that factor; 0: a step", least=0)
    l2: float = option(0.0, "weight w of (w / 2) |p|^2 in the loss of a step", least=0)
    likelihood: str = option(
        "bernoulli",
        "of a pixel given those before it: bernoulli for black and white ones, drawn anew from "
        "the grey levels each time; categorical, a softmax over levels; mixture, of logistics "
        "over levels; gaussian",
        ("bernoulli", "categorical", "mixture", "gaussian"),
    )
    levels: int = option(256, "of a categorical or mixture pixel", least=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.levels != 256 and self.likelihood not in ("categorical", "mixture"):
            raise ValueError(
                f"option levels has no effect with likelihood {self.likelihood}: leave it out, "
                "or choose likelihood categorical or mixture"
            )
        if self.decay == 0:
            raise ValueError("option decay: must be above 0, got 0: 1 leaves the step size alone")
        if self.decay_every and self.decay == 1:
            raise ValueError(
                "option decay_every has no effect with decay 1: choose a decay below 1"
            )

    def pixel(self) -> Likelihood:
        """The likelihood of a pixel."""
        if self.likelihood == "categorical":
            return Categorical(self.levels)
        if self.likelihood == "mixture":
            return LogisticMixture(self.levels)
        return Gaussian() if self.likelihood == "gaussian" else Bernoulli()

    def decaying(self, epoch_steps: int) -> Optimiser:
        """The optimiser, with the step size's decay."""
        lr: Any = self.lr
        if self.decay_every:
            lr = step_decay(self.lr, self.decay_every * epoch_steps, self.decay)
        elif self.decay != 1:
            lr = exponential(self.lr, self.decay)
        rule: Any = OPTIMISERS[self.optimiser]
        return rule(lr, l2=self.l2)


def game(model: Any, o: VisibleOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("model", model.loss, model.draw_noise, o.decaying(epoch_steps)))


def choose_data(name: str, o: VisibleOptions) -> str:
    """For Bernoulli pixels a black and white set, drawn from the grey one where there is one."""
    wants_bits = o.likelihood == "bernoulli"
    name = black_and_white(name) if wants_bits else name
    kind = entry(name).kind
    if wants_bits and kind in ("grey", "colour"):
        raise ValueError(
            f"{name} holds {kind} pixels, and a Bernoulli pixel is black or white: choose "
            "--likelihood categorical, mixture or gaussian, or a set of black and white pixels"
        )
    if not wants_bits and kind == "binary":
        raise ValueError(
            f"{name} holds black and white pixels: choose --likelihood bernoulli, or a set of "
            "grey or coloured ones"
        )
    return name


def pixels(part: Part, o: VisibleOptions) -> Array:
    """x as the likelihood takes it: pixels in [0, 1], or their levels 0 .. K - 1, rounded."""
    if o.likelihood in ("categorical", "mixture"):
        return np.rint(part.x * (o.levels - 1)).astype(np.int64)
    return part.x


def with_classes(part: Part, o: VisibleOptions) -> tuple[Array, Array]:
    """(x, y), for models that are told the class. Raises ValueError where there are none."""
    return pixels(part, o), with_labels(part, o)[1]


def shades(model: Autoregressive, x: Array) -> Array:
    """Data of the model as pixels in [0, 1]."""
    return x / (model.levels - 1) if model.levels else x


def sample(model: Autoregressive, p: Params, rng: np.random.Generator, n: int, mean: bool) -> Array:
    """n draws x ~ p(x); there is no mean that could be shown instead (has_means)."""
    return shades(model, model.sample(p, rng, n))


def measure(
    model: Autoregressive, p: Params, x: Any, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """The exact log-likelihood, with its standard error over the examples."""
    log_p = model.log_prob(p, x, rng, samples)[0].astype(np.float64)
    given = "|y" if isinstance(x, tuple) else ""
    density = ", a density of pixels in 0..1" if isinstance(model.likelihood, Gaussian) else ""
    bits = metrics.bits_per_dim(-log_p, model.size)
    return {
        f"log p(x{given}), nats{density}": metrics.mean_and_error(log_p),
        f"bits per dimension{', given y' * bool(given)}{density}": metrics.mean_and_error(bits),
    }


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Test images completed from their first rows, and a sample as it grows."""
    from tinygen import plots

    t, rng = gallery.trained, gallery.rng
    model, p = t.model, t.p
    found: dict[str, Any] = {}
    if len(model.shape) != 3:
        return found
    stages = growth(model, p, rng, 6)
    title = "samples as they grow, place by place"
    found["growth"] = plots.sample_grid(gallery.ink(stages), STAGES, title)
    if gallery.seen is None or isinstance(gallery.seen, tuple):
        return found
    x = examples.rows(gallery.seen, slice(COMPLETED))
    rows = [gallery.ink(shades(model, x))]
    for share in SHARES:
        known = int(share * model.shape[0]) * model.size // model.shape[0]
        if known:
            done = model.complete(p, rng, x, known)
            rows.append(gallery.ink(shades(model, done)))
    title = "rows, from above: test images; completed from their first 1/4, 1/2, 3/4"
    found["completions"] = plots.reconstructions(*rows, columns=COMPLETED, title=title)
    return found


def growth(model: Autoregressive, p: Params, rng: np.random.Generator, n: int) -> np.ndarray:
    """n samples at STAGES moments of their drawing, example by example (n STAGES, *shape)."""
    moments = set(np.linspace(model.size / STAGES, model.size, STAGES).astype(int) - 1)
    kept: list[np.ndarray] = []

    def keep(i: int, x: Array) -> None:
        if i in moments:
            kept.append(to_host(shades(model, x)).copy())

    model.sample(p, rng, n, each=keep)
    return np.stack(kept, axis=1).reshape(-1, *model.shape)  # (n, STAGES) ...


CAPTIONS = {
    "samples.png": (
        "Samples",
        "New examples, made without a look at the data: each is one draw x ~ p(x), place by place, "
        "each given those before it. There is no code behind them, and no mean to show; of a model "
        "that is told the class, each class comes in turn.",
    ),
    "growth.png": (
        "Samples as they grow",
        "A row is one draw x ~ p(x), each place drawn given those before it, in reading order.",
    ),
    "completions.png": (
        "Completions",
        "Below each test image, the rest is drawn anew given its first rows.",
    ),
}

SHARED: dict[str, Any] = {
    "group": "tractable",
    "game": game,
    "choose_data": choose_data,
    "sample": sample,
    "has_means": False,
    "measure": measure,
    "drawn": "ancestral samples: x_1 ~ p(x_1), x_2 ~ p(x_2|x_1), ...",
    "examples": pixels,
    "figures": figures,
    "captions": CAPTIONS,
}
