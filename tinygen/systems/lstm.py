"""The density of sequences as the commands know it; the model is models/lstm_density.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params, to_host
from tinygen.contact_sheet import lines
from tinygen.data.dataset import Part
from tinygen.game import Game, Turn
from tinygen.likelihoods import Gaussian, MixtureDensity
from tinygen.models.lstm_density import LSTMDensity
from tinygen.systems.base import System, Task
from tinygen.systems.options import GradientOptions, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12  # series in a picture


@dataclass(frozen=True)
class LSTMOptions(GradientOptions):
    """What `train lstm` can be told."""

    hidden: tuple[int, ...] = option((64,), "widths of the LSTM layers, as in 64,64", least=1)
    likelihood: str = option(
        "gaussian",
        "of a step given those before it: gaussian, or mixture of Gaussians, where it may be here "
        "or there",
        ("gaussian", "mixture"),
    )
    components: int = option(5, "of the mixture", least=1, where=("likelihood", "mixture"))


@dataclass(frozen=True)
class Series(LSTMDensity):
    """An LSTMDensity of the series of one data set, which knows their shape: (T,) or (T, C)."""

    shape: tuple[int, ...] = (1,)

    def series(self, p: Params, rng: np.random.Generator, n: int, mean: bool) -> Array:
        """n series (n, *shape): draws, or from step to step the mean, which is one series."""
        return self.sample(p, rng, n, self.shape[0], mean=mean).reshape(n, *self.shape)


def build(o: LSTMOptions, task: Task) -> Series:
    """The model of these options for series of this shape."""
    likelihood = MixtureDensity(o.components) if o.likelihood == "mixture" else Gaussian()
    channels = task.shape[1] if len(task.shape) == 2 else 1
    return Series(channels, o.hidden, likelihood=likelihood, shape=task.shape)


def game(model: Series, o: LSTMOptions, epoch_steps: int) -> Game:
    """One player."""
    return Game(Turn("lstm", model.loss, model.draw_noise, o.step_rule()))


def with_channels(part: Part, o: LSTMOptions) -> Array:
    """x (N, T, C): series (N, T) have one channel."""
    return part.x if part.x.ndim == 3 else part.x[..., None]


def measure(
    model: Series, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """The exact log-likelihood in nats, a density in the units of the data: series, and a step."""
    log_p = to_host(model.log_prob(p, x)[0]).astype(np.float64)
    return {
        "log p(x), nats, a density": metrics.mean_and_error(log_p),
        "-log p(x) / T, nats a step, a density": metrics.mean_and_error(-log_p / x.shape[1]),
    }


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Series drawn from nothing; real ones of which the second half is drawn anew."""
    t, rng = gallery.trained, gallery.rng
    model, p = t.model, t.p
    drawn = to_host(model.series(p, rng, SHOWN, False))
    found = {"series": lines(Part(drawn), (), f"drawn: {t.drawn}")}
    T = model.shape[0]
    if gallery.seen is None or T < 2:
        return found
    x = gallery.seen[: SHOWN // 2]
    state = model.log_probs(p, x[:, : T // 2])[1]
    rest = to_host(model.sample(p, rng, len(x), T - T // 2, state=state))
    real = to_host(x)
    both = np.concatenate([real, np.concatenate([real[:, : T // 2], rest], axis=1)], axis=-1)
    title = f"real, and drawn on behind {T // 2} steps of {T} (the later colours)"
    return found | {"continued": lines(Part(both), (), title)}


SYSTEM = System(
    name="lstm",
    title="density of series",
    group="tractable",
    idea="An LSTM reads the past of a series and puts out the distribution of its next step.",
    paper="Graves 2013, arXiv 1308.0850",
    demo="demos/time_series.py",
    options=LSTMOptions,
    data="ar2",
    epochs=50,
    uses={"--data sines": "another series; `tinygen data` lists them"},
    build=build,
    game=game,
    sample=lambda model, p, rng, n, mean: model.series(p, rng, n, mean),
    measure=measure,
    drawn="step by step, each given those before it",
    density="p(x_t|x_<t)",
    examples=with_channels,
    takes=("series",),
    figures=figures,
    captions={
        "series.png": (
            "Series from nothing",
            "New series, each step drawn given those before it; a line a channel.",
        ),
        "continued.png": (
            "Series drawn on",
            "The model reads the first half of test series and draws the second. Where the two "
            "part at once, it has not understood; where they part slowly, the future is open.",
        ),
    },
)
