"""What is trained on what: a system's model and game, and a data set as the system sees it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import examples
from tinygen.data.dataset import Dataset, Part, Transform
from tinygen.game import Game
from tinygen.systems.base import System, Task
from tinygen.systems.options import Options

REMARKED = 1000  # examples that a system's remarks look at


@dataclass(frozen=True)
class Job:
    """A training, but for its weights. `validation` is None where no one loss can be validated."""

    model: Any
    game: Game
    x: Any
    validation: Any
    transform: Transform | None

    @classmethod
    def of(cls, kind: System, options: Options, dataset: Dataset, config: dict[str, Any]) -> "Job":
        """From a run's config, of which the seed also says which examples keep their labels."""
        task = Task.of(dataset)
        model = kind.build(options, task)
        game = kind.game(model, options, task.epoch_steps(config["batch"]))
        rng = np.random.default_rng([config["seed"], 1])  # a stream of its own
        x = kind.training_set(kind.examples(dataset.train, options), options, rng)
        one_loss = len(game.turns) == 1
        held_out = kind.examples(dataset.validation, options)
        validation = kind.validation_set(held_out, options) if one_loss else None
        return cls(model, game, x, validation, transform_of(dataset, x))


def transform_of(dataset: Dataset, x: Any) -> Transform | None:
    """The data set's transform for examples like x; of a tuple it changes the data alone."""
    change = dataset.transform
    if change is None or not isinstance(x, tuple):
        return change
    return lambda rng, batch: (change(rng, batch[0]), *batch[1:])


def seen(
    kind: System, options: Options, dataset: Dataset, part: Part, rng: np.random.Generator
) -> Any:
    """The examples of a part as the model sees them, such as black and white pixels, and labels."""
    x = kind.examples(part, options)
    transform = transform_of(dataset, x)
    return transform(rng, x) if transform else x


def cut(part: Part, rows: Any) -> Part:
    """Some examples of a part, with all that is known of them."""
    labels = None if part.labels is None else part.labels[rows]
    return Part(part.x[rows], labels, examples.rows(part.factors, rows), part.name)
