"""A system: a model with what a command needs to train it, draw from it and measure it.

The taxonomy is that of I. Goodfellow, NIPS 2016 tutorial, arXiv 1701.00160, figure 9: does the
model write a density down, and can it be computed?
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import examples
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset, Part
from tinygen.game import Game
from tinygen.loop import Order
from tinygen.systems.labels import NO_LABELS, with_labels
from tinygen.systems.options import Options

GROUPS = {
    "tractable": "explicit density, tractable: log p(x) is computed exactly",
    "approximate": "explicit density, approximate: log p(x) is bounded or estimated",
    "implicit": "implicit density: the model can be drawn from, and no more",
    "none": "no density: codes and reconstructions",
}

IMAGES = ("binary", "grey", "colour")


@dataclass(frozen=True)
class Task:
    """What a system is built for.

    shape    : of one example, such as (28, 28, 1)
    classes  : of the labels; 0 where there are none
    examples : in the training part
    """

    shape: tuple[int, ...]
    classes: int = 0
    examples: int = 0

    @classmethod
    def of(cls, dataset: Dataset) -> "Task":
        """The task that a data set gives."""
        return cls(dataset.shape, len(dataset.classes), len(dataset.train))

    def epoch_steps(self, batch: int) -> int:
        """Batches of an epoch; training refuses a batch below 1."""
        return -(-self.examples // max(batch, 1))


def the_data(part: Part, options: Any) -> Array:
    """What most systems see of a part: x."""
    return part.x


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
    uses        : {options as they are typed: what they give}, the examples of its --help
    build       : (options, Task) -> model, with init, loss and draw_noise
    game        : (model, options, steps an epoch) -> Game; of several players, it is trained
                  without a validation loss
    sample      : (model, p, rng, n, mean) -> (n, ...); `drawn` says in words what that is, or
                  (options) -> words, where it hangs on them
    measure     : (model, p, x, rng, samples) -> {"name": (value, standard error or None)}, in the
                  units that the name says

    And where a system has it, or is not as most of them are:

    choose_data  : (name of a data set, options) -> the name of the one that fits: a decoder of
                   black and white pixels takes "mnist-dynamic" where "mnist" was asked for
    sample_class : (model, p, rng, y, mean) -> (n, ...), of the labels y (n,), where the model is
                   told the class
    told         : model -> the number of classes that it is told; 0 where these options tell none
    codes        : (model, p, x) -> (N, Z), one point an example
    decode       : (model, p, z) -> images, means
    reconstruct  : (model, p, x, rng, mean) -> (N, ...)
    density      : what `sample` draws the data from, given what it drew before
    has_means    : whether `sample` has means to give beside draws; False where each place is drawn
                   given those before it
    encoding     : whose means `codes` are
    decoded      : what `reconstruct` decodes
    examples     : (part, options) -> what the model sees of a part: x, or (x, y) with labels; as
                   x of the functions above
    settle       : (options, data set) -> options in which everything is filled in that the
                   folder of a run must hold, such as what was read from the folder of another run
    training_set : (examples, options, rng) -> the examples to train on, such as with few labels
    validation_set : (examples, options) -> those to validate on, such as without labels
    start        : (model, rng, examples) -> p, where the first weights hang on the data
    after        : (model, options, steps done, steps an epoch) -> the model as such a run leaves
                   it, where that hangs on its length
    order        : (model, options, examples) -> the `order` of `training.train`
    batch        : the default batch; None for all examples at once
    rehearsal    : of how many examples one step is tried before a folder is made; None for a batch
    takes        : the kinds of data
    remarks      : (model, p, some examples) -> lines to print after a training and with the
                   numbers, of what should not be overlooked, such as latent dimensions that died
    look         : (model, p, some examples) -> those of them that are worth saying while a game is
                   trained: a player that has won, fakes that are all alike
    caution      : a line to print with the numbers of `measure`, of what they do not say
    figures      : (gallery, see pictures.py) -> {name: figure}, pictures of its own, each with a
    captions     : {"name.png": (title, what is to be seen)}
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
    uses: dict[str, str]
    build: Callable[[Any, Any], Any]
    game: Callable[[Any, Any, int], Game]
    sample: Callable[[Any, Params, np.random.Generator, int, bool], Array]
    measure: Callable[
        [Any, Params, Any, np.random.Generator, int], dict[str, tuple[float, float | None]]
    ]
    choose_data: Callable[[str, Any], str] = lambda name, options: name
    sample_class: Callable[[Any, Params, np.random.Generator, Array, bool], Array] | None = None
    told: Callable[[Any], int] = lambda model: int(model.classes)
    codes: Callable[[Any, Params, Any], Array] | None = None
    decode: Callable[[Any, Params, Array], Array] | None = None
    reconstruct: Callable[[Any, Params, Any, np.random.Generator, bool], Array] | None = None
    drawn: str | Callable[[Any], str] = ""
    density: str = "p(x|z)"
    has_means: bool = True
    encoding: str = "q(z|x)"
    decoded: str = "z ~ q(z|x)"
    examples: Callable[[Part, Any], Any] = the_data
    settle: Callable[[Any, Dataset], Any] = lambda options, dataset: options
    training_set: Callable[[Any, Any, np.random.Generator], Any] = lambda x, options, rng: x
    validation_set: Callable[[Any, Any], Any] = lambda x, options: x
    start: Callable[[Any, np.random.Generator, Any], Params] = lambda model, rng, x: model.init(rng)
    after: Callable[[Any, Any, int, int], Any] = lambda model, options, step, epoch_steps: model
    order: Callable[[Any, Any, Any], Order | None] = lambda model, options, x: None
    batch: int | None = 128
    rehearsal: int | None = 4
    takes: tuple[str, ...] = IMAGES
    remarks: Callable[[Any, Params, Any], list[str]] = lambda model, p, x: []
    look: Callable[[Any, Params, Any], list[str]] | None = None
    caution: str = ""
    figures: Callable[[Any], dict[str, Any]] = lambda gallery: {}
    captions: dict[str, tuple[str, str]] = field(default_factory=dict)


def in_batches(f: Callable[[Any], Array], x: Any, rows: int = 500) -> Array:
    """f over the examples x, some rows at a time: one number or row an example (N, ...)."""
    parts = range(0, examples.count(x), rows)
    return examples.join([f(examples.rows(x, slice(i, i + rows))) for i in parts])


def check_classes(task: Task) -> int:
    """The number of classes. Raises ValueError where there are none to learn."""
    if task.classes < 2:
        raise ValueError(NO_LABELS)
    return task.classes


def check_kind(system: System, dataset: Dataset) -> None:
    """Refuse data that the system does not take, by kind or for lack of labels. ValueError."""
    if system.examples is with_labels and len(dataset.classes) < 2:
        raise ValueError(
            f"{system.name} learns from labels, and {dataset.name} has none: choose another set "
            "with --data, such as digits or mnist"
        )
    if dataset.kind not in system.takes:
        what = "images" if set(system.takes) <= set(IMAGES) else " or ".join(system.takes)
        raise ValueError(
            f"{system.name} is trained on {what}, and {dataset.name} holds {dataset.kind}: "
            f"`tinygen data` lists the sets of {what}"
        )
