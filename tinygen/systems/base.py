"""A system: a model with what a command needs to train it, draw from it and measure it.

The taxonomy is that of I. Goodfellow, NIPS 2016 tutorial, arXiv 1701.00160, figure 9: does the
model write a density down, and can it be computed?
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.data.dataset import Dataset
from tinygen.game import Game
from tinygen.optim import Optimiser, adam, momentum, rmsprop, sgd

GROUPS = {
    "tractable": "explicit density, tractable: log p(x) is computed exactly",
    "approximate": "explicit density, approximate: log p(x) is bounded or estimated",
    "implicit": "implicit density: the model can be drawn from, and no more",
    "none": "no density: codes and reconstructions",
}

OPTIMISERS: dict[str, Callable[[float], Optimiser]] = {
    "adam": adam,
    "rmsprop": rmsprop,
    "momentum": momentum,
    "sgd": sgd,
}


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    where: tuple[str, str] | None = None,
) -> Any:
    """A field of a system's options: its default, what it does, and what it may be.

    where : (another option, its value), without which this one has no effect
    """
    known = {"help": help, "choices": choices, "least": least, "where": where}
    return field(default=default, metadata=known)


@dataclass(frozen=True)
class Options:
    """What every system can be told; a system's own options come on top."""

    optimiser: str = option("adam", "the rule of the steps", tuple(OPTIMISERS))
    lr: float = option(1e-3, "its step size")

    def step_rule(self) -> Optimiser:
        """The optimiser."""
        return OPTIMISERS[self.optimiser](self.lr)

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            allowed, least = f.metadata["choices"], f.metadata["least"]
            given = getattr(self, f.name)
            if allowed and given not in allowed:
                raise ValueError(
                    f"option {f.name}: unknown value {given!r}: choose one of {', '.join(allowed)}"
                )
            numbers = given if isinstance(given, tuple) else (given,)
            if least is not None and not all(number >= least for number in numbers):
                raise ValueError(f"option {f.name}: must be >= {least}, got {given}")
            other, value = f.metadata["where"] or ("", "")
            if other and given != f.default and getattr(self, other) != value:
                raise ValueError(
                    f"option {f.name} has no effect with {other} {getattr(self, other)}: leave it "
                    f"out, or choose {other} {value}"
                )


@dataclass(frozen=True)
class System:
    """What the commands know of a system.

    name, title : as in `train NAME`, and in words
    group       : a key of GROUPS
    idea        : one sentence
    paper       : authors, year, arXiv number
    demo        : the script that shows it
    options     : a dataclass of Options
    data        : the default data set
    epochs      : the default length of a training
    choose_data : (name of a data set, options) -> the name of the one that fits: a decoder of
                  black and white pixels takes "mnist-dynamic" where "mnist" was asked for
    build       : (options, shape of one example) -> model, with init, loss and draw_noise
    game        : (model, options, steps an epoch) -> Game
    codes       : (model, p, x) -> (N, Z), one point an example; None where there are none
    decode      : (model, p, z) -> images, means
    sample      : (model, p, rng, n, mean) -> (n, ...); `drawn` says in words what that is
    reconstruct : (model, p, x, rng, mean) -> (N, ...)
    measure     : (model, p, x, rng, samples) -> {"name": (value, standard error or None)}, in the
                  units that the name says
    """

    name: str
    title: str
    group: str
    idea: str
    paper: str
    demo: str
    options: type[Options]
    data: str
    epochs: int
    choose_data: Callable[[str, Any], str]
    build: Callable[[Any, Any], Any]
    game: Callable[[Any, Any, int], Game]
    codes: Callable[[Any, Params, Array], Array]
    decode: Callable[[Any, Params, Array], Array]
    sample: Callable[[Any, Params, np.random.Generator, int, bool], Array]
    reconstruct: Callable[[Any, Params, Array, np.random.Generator, bool], Array]
    measure: Callable[
        [Any, Params, Array, np.random.Generator, int], dict[str, tuple[float, float | None]]
    ]
    drawn: str = ""


def in_batches(f: Callable[[Array], Array], x: Array, rows: int = 500) -> Array:
    """f over x, some rows at a time: one number an example (N,)."""
    return namespace(x).concatenate([f(x[i : i + rows]) for i in range(0, len(x), rows)])


def check_images(system: str, dataset: Dataset) -> None:
    """Refuse data that are no images. Raises ValueError."""
    if dataset.kind not in ("binary", "grey", "colour"):
        raise ValueError(
            f"{system} is trained on images, and {dataset.name} holds {dataset.kind}: "
            "`tinygen data` lists the sets of images"
        )
