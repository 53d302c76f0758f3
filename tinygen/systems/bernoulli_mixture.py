"""The mixture of Bernoullis as the commands know it; the model is models/bernoulli_mixture.py."""

from dataclasses import dataclass

from tinygen.data import binarise, black_and_white, entry
from tinygen.models.bernoulli_mixture import BernoulliMixture
from tinygen.systems.base import System, Task
from tinygen.systems.mixture import SHARED, MixtureOptions
from tinygen.systems.options import option


@dataclass(frozen=True)
class BernoulliMixtureOptions(MixtureOptions):
    """What `train bernoulli-mixture` can be told."""

    floor: float = option(
        1e-3, "a pixel is black with a probability within floor .. 1 - floor", above=0, below=0.5
    )


def build(o: BernoulliMixtureOptions, task: Task) -> BernoulliMixture:
    """The model of these options."""
    return BernoulliMixture(o.components, o.floor, n_init=o.starts, shape=tuple(task.shape))


def choose_data(name: str, o: BernoulliMixtureOptions) -> str:
    """A set of black and white pixels: those of `name`, or drawn from its grey ones."""
    name = black_and_white(name)
    kind = entry(name).kind
    if kind != "binary":
        raise ValueError(
            f"{name} holds {kind}, and a mixture of Bernoullis takes black and white pixels: "
            "choose a set of those, or the system gaussian-mixture"
        )
    return name


SYSTEM = System(
    name="bernoulli-mixture",
    title="mixture of Bernoullis",
    idea="A hidden choice of one of K pictures of pixel probabilities, fitted by EM.",
    paper="Dempster, Laird and Rubin 1977",
    options=BernoulliMixtureOptions,
    data="mnist-static",
    choose_data=choose_data,
    build=build,
    uses={"--components 30 --starts 3": "the best of three starts"},
    start=lambda model, rng, x: model.start(rng, binarise(rng, x)),  # as it is, if it is binary
    takes=("binary",),
    **SHARED,
)
