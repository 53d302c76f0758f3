"""NADE as the commands know it; the model is models/nade.py."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.models.nade import NADE
from tinygen.models.nade_passes import ACTIVATIONS
from tinygen.models.place_params import COMPONENTS
from tinygen.systems.base import System, Task
from tinygen.systems.options import option
from tinygen.systems.visible import SHARED, VisibleOptions


@dataclass(frozen=True)
class NADEOptions(VisibleOptions):
    """What `train nade` can be told."""

    hidden: int = option(500, "hidden units a pixel", least=1)
    activation: str = option("relu", "of the hidden units", tuple(ACTIVATIONS))
    components: int = option(
        COMPONENTS, "logistics in the mixture of a pixel", least=1, where=("likelihood", "mixture")
    )


def build(o: NADEOptions, task: Task) -> NADE:
    """The model of these options for examples of this shape."""
    return NADE(
        tuple(task.shape), o.hidden, o.activation, likelihood=o.pixel(), components=o.components
    )


def start(model: NADE, rng: np.random.Generator, x: Any) -> Params:
    """First weights: by He's rule for ReLUs, by Glorot's for sigmoids."""
    return model.init(rng, weights="he" if model.activation == "relu" else "glorot")


SYSTEM = System(
    name="nade",
    title="NADE",
    idea="A hidden layer for each pixel, all fed by the same weights, so that D cost as much as 1.",
    paper="Larochelle and Murray 2011; Uria et al. 2016, arXiv 1605.02226",
    demo="demos/belief_nets.py",
    options=NADEOptions,
    data="mnist",
    epochs=50,
    uses={
        "--data digits --epochs 50": "without files",
        "--likelihood mixture": "of the shades, not of black and white",
    },
    batch=512,
    build=build,
    start=start,
    **SHARED,
)
