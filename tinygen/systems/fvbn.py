"""The fully visible belief net as the commands know it; the model is models/fvbn.py."""

from dataclasses import dataclass

from tinygen.models.fvbn import FullyVisibleBeliefNet
from tinygen.models.place_params import COMPONENTS
from tinygen.systems.base import System, Task
from tinygen.systems.options import option
from tinygen.systems.visible import SHARED, VisibleOptions


@dataclass(frozen=True)
class FVBNOptions(VisibleOptions):
    """What `train fvbn` can be told.

    The loss is convex: large steps that shrink come nearest to its minimum.
    """

    lr: float = option(0.03, "its step size", above=0)
    decay: float = option(
        0.5, "factor of the step size, after each step or as decay-every says", least=0
    )
    decay_every: int = option(7, "epochs between two uses of that factor; 0: a step", least=0)
    components: int = option(
        COMPONENTS, "logistics in the mixture of a pixel", least=1, where=("likelihood", "mixture")
    )


def build(o: FVBNOptions, task: Task) -> FullyVisibleBeliefNet:
    """The model of these options for examples of this shape."""
    return FullyVisibleBeliefNet(tuple(task.shape), likelihood=o.pixel(), components=o.components)


SYSTEM = System(
    name="fvbn",
    title="fully visible belief net",
    idea="A logistic regression for each pixel, on all pixels before it.",
    paper="Frey 1998; Neal 1992",
    demo="demos/belief_nets.py",
    options=FVBNOptions,
    data="mnist",
    epochs=50,
    uses={"--data digits --epochs 50": "without files, in seconds"},
    batch=512,
    build=build,
    **SHARED,
)
