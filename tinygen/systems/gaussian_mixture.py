"""The mixture of Gaussians as the commands know it; the model is models/gaussian_mixture.py."""

from dataclasses import dataclass

from tinygen.models.covariances import KINDS
from tinygen.models.gaussian_mixture import GaussianMixture
from tinygen.systems.base import IMAGES, System, Task
from tinygen.systems.mixture import SHARED, MixtureOptions
from tinygen.systems.options import option


@dataclass(frozen=True)
class GaussianMixtureOptions(MixtureOptions):
    """What `train gaussian-mixture` can be told."""

    covariance: str = option("full", "the covariances of the components", tuple(KINDS))
    floor: float = option(
        1e-3,
        "least variance in any direction, in squared units of the data: of pixels 0..1 the default "
        "is a standard deviation of 0.03; for points that lie closer, such as those of ring, give "
        "less",
        above=0,
    )


def build(o: GaussianMixtureOptions, task: Task) -> GaussianMixture:
    """The model of these options."""
    return GaussianMixture(
        o.components, o.covariance, o.floor, n_init=o.starts, shape=tuple(task.shape)
    )


SYSTEM = System(
    name="gaussian-mixture",
    title="mixture of Gaussians",
    idea="A hidden choice of one of K Gaussians, fitted by expectation maximisation.",
    paper="Dempster, Laird and Rubin 1977",
    options=GaussianMixtureOptions,
    data="digits",
    build=build,
    uses={"--data grid --components 25 --starts 5": "the best of five starts, on points"},
    start=lambda model, rng, x: model.start(rng, x),
    takes=(*IMAGES, "points"),
    **SHARED,
)
