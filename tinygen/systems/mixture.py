"""What mixtures of both kinds are to the commands: fitted by EM, a step an epoch.

The turn is em.py here; the systems are gaussian_mixture.py and bernoulli_mixture.py.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import metrics
from tinygen.arrays import Array, Params, to_host
from tinygen.game import Game
from tinygen.models.gaussian_mixture import GaussianMixture
from tinygen.models.mixture import Mixture
from tinygen.systems.base import in_batches
from tinygen.systems.em import em_turn
from tinygen.systems.options import Options, option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 100  # components in the picture


@dataclass(frozen=True)
class MixtureOptions(Options):
    """What both kinds of mixture can be told."""

    components: int = option(10, "components K", least=1)
    starts: int = option(
        1, "k-means starts that are tried for ten steps each; the best goes on", least=1
    )


def game(model: Mixture, o: MixtureOptions, epoch_steps: int) -> Game:
    """EM. Raises ValueError where an epoch is cut into batches."""
    if epoch_steps > 1:
        raise ValueError(
            f"a step of EM sees all examples, and --batch cuts them into {epoch_steps} parts: "
            "leave --batch out"
        )
    return Game(em_turn(model))


def measure(
    model: Mixture, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """The exact log-likelihood, with its standard error over the examples."""
    log_p = in_batches(lambda rows: model.score_samples(p, rows), x)
    density = ", a density" if isinstance(model, GaussianMixture) else ""
    bits = metrics.bits_per_dim(-log_p, x[0].size)
    return {
        f"log p(x), nats{density}": metrics.mean_and_error(log_p),
        f"bits per dimension{density}": metrics.mean_and_error(bits),
    }


def remarks(model: Mixture, p: Params, x: Array) -> list[str]:
    """Components that hardly count."""
    weights, K = to_host(model.weights(p)), model.n_components
    light = int((weights < 0.1 / K).sum())
    if not light:
        return []
    return [
        f"{light} of {K} components hold less than a tenth of an even share: try fewer "
        "--components, or more --starts"
    ]


def figures(gallery: Any) -> dict[str, "Figure"]:
    """The components: means as images, or ellipses on points in the plane."""
    from tinygen import plots

    model, p = gallery.trained.model, gallery.trained.p
    weights, means = to_host(model.weights(p)), to_host(model.means(p))
    order = np.argsort(-weights)[:SHOWN]
    if len(gallery.trained.shape) == 3:
        title = "means of the components, the heaviest first"
        return {"components": plots.sample_grid(gallery.ink(means[order]), title=title)}
    if gallery.x is None or gallery.trained.shape != (2,):
        return {}
    Sigma = to_host(model.matrices(p))
    title = "test examples, and each component at one and two standard deviations"
    return {"ellipses": plots.ellipses(gallery.x, weights, means, Sigma, title)}


CAPTIONS = {
    "samples.png": (
        "Samples",
        "New examples, made without a look at the data: a component by its weight, then a draw "
        "from it; and beside each its component's mean, of which there are as many as components.",
    ),
    "components.png": (
        "Components",
        "The mean of each component, the heaviest first: a mixture explains an example by one of "
        "these and noise that is independent of the rest.",
    ),
    "ellipses.png": (
        "Components",
        "Test examples, and each Gaussian at one and two standard deviations; the wider its line, "
        "the more it weighs.",
    ),
}

SHARED: dict[str, Any] = {
    "group": "tractable",
    "demo": "demos/mixtures.py",
    "epochs": 50,
    "game": game,
    "sample": lambda model, p, rng, n, mean: model.sample(p, rng, n, mean),
    "measure": measure,
    "drawn": "a component k by its weight",
    "density": "p(x|k)",
    "batch": None,
    "rehearsal": None,
    "remarks": remarks,
    "figures": figures,
    "captions": CAPTIONS,
}
