"""The fully visible belief net as the commands know it; the model is models/fvbn.py."""

from dataclasses import dataclass

from tinygen.models.fvbn import FullyVisibleBeliefNet
from tinygen.systems.base import System, Task
from tinygen.systems.visible import SHARED, VisibleOptions


@dataclass(frozen=True)
class FVBNOptions(VisibleOptions):
    """What `train fvbn` can be told."""


def build(o: FVBNOptions, task: Task) -> FullyVisibleBeliefNet:
    """The model of these options for examples of this shape."""
    return FullyVisibleBeliefNet(tuple(task.shape), likelihood=o.pixel())


SYSTEM = System(
    name="fvbn",
    title="fully visible belief net",
    idea="A logistic regression for each pixel, on all pixels before it.",
    paper="Frey 1998; Neal 1992",
    demo="demos/belief_nets.py",
    options=FVBNOptions,
    data="mnist",
    epochs=50,
    batch=512,
    build=build,
    **SHARED,
)
