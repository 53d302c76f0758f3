"""The parts of a training: a step, the end of an epoch, its line in the log, a checkpoint.

`training.train` puts them together.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.game import Game, Turn
from tinygen.runs import Run
from tinygen.state import Average, State, copy, fingerprint

Transform = Callable[[np.random.Generator, Array], Array]


@dataclass
class Trained:
    """What a run leaves: parameters and its record.

    p    : after the last step
    best : after the epoch `best_epoch` of least validation loss; p where nothing was validated.
           The loss is the one that is minimised, without schedules: at beta != 1 not -ELBO.
    log  : one dict an epoch: {"epoch": 1, "step", "train": {"loss", "nll", "kl"},
           "validation": {...}}. Train terms are means over the epoch, while the parameters moved.
           Where a number of steps ended within an epoch, the last one says "unfinished".
    """

    p: Params
    best: Params
    best_epoch: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Loop:
    """The parts of `train`: a step, the end of an epoch, a checkpoint."""

    game: Game
    state: State
    x: Array
    batch: int
    validation: Array | None
    transform: Transform | None
    run: Run | None

    def __post_init__(self) -> None:
        self.epoch_batches = -(-len(self.x) // self.batch)
        self.done = Trained(copy(self.state.p), {})
        self.order: tuple[int, Array] = (-1, None)
        self.began = self.saved = time.monotonic()
        if self.run:
            self.signature = {
                "game": repr(self.game),
                "batch size": self.batch,
                "training set": fingerprint(self.x),
                "validation set": fingerprint(self.validation),
            }

    def take_up(self) -> None:
        """Go on from the folder's checkpoint, if there is one; the log goes back to its step.

        Else write the first one, so that what cannot be saved is refused before hours of work.
        """
        if not self.run:
            return
        if self.run.checkpoint.exists():
            self.state.resume(self.run, self.signature)
            self.began -= self.state.seconds
        else:
            self.save()
        self.done.p, log = copy(self.state.p), self.run.rewind(self.state.step)
        self.done.log = [{k: v for k, v in line.items() if k != "seconds"} for line in log]

    def step(self) -> None:
        """One round, on the next batches of this epoch's order."""
        state = self.state
        epoch, order = self.order
        if epoch != state.epoch:
            order = np.random.default_rng([state.order_seed, state.epoch]).permutation(len(self.x))
            self.order = (state.epoch, order := namespace(self.x).asarray(order))
        parts = []
        for i in range(state.batch, min(state.batch + self.game.batches, self.epoch_batches)):
            rows = self.x[order[i * self.batch : (i + 1) * self.batch]]
            parts.append(self.transform(state.rng, rows) if self.transform else rows)
        terms = self.game.play(state.p, state.moments, parts, state.rng, state.step)
        state.sums.add(terms, len(parts[0]))
        state.step, state.batch = state.step + 1, state.batch + len(parts)

    def close_epoch(self) -> None:
        """Record the epoch, and remember the weights of the least validation loss."""
        line, state = self.record(), self.state
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, Average()
        loss = line["validation"]["loss"] if "validation" in line else math.inf
        if loss < state.least:
            state.least, state.best, state.best_epoch = loss, self.done.p, state.epoch

    def record(self, unfinished: bool = False) -> dict[str, Any]:
        """A line for the log, and a copy of the weights as they are. Raises NonFinite."""
        state = self.state
        line: dict[str, Any] = {"epoch": state.epoch + 1, "step": state.step}
        line["train"] = state.sums.mean()
        if self.validation is not None:
            again = np.random.default_rng(state.validation_seed)
            line["validation"] = evaluate(
                self.game, state.p, self.validation, again, self.batch, self.transform
            )
        self.game.check_weights(state.p)
        if unfinished:
            line["unfinished"] = True
        self.done.log.append(line)
        self.done.p = copy(state.p)
        if self.run:
            self.run.append(line | {"seconds": round(time.monotonic() - self.began, 2)})
        return line

    def left(self) -> Trained:
        """What the run leaves, were it to end here."""
        self.done.best = self.done.p if self.state.best is None else self.state.best
        self.done.best_epoch = self.state.best_epoch or self.state.epoch
        return self.done

    def save(self) -> None:
        """Write the checkpoint, if there is a folder. Raises NonFinite, and then writes nothing."""
        if self.run:
            self.game.check_weights(self.state.p)
            self.state.seconds = time.monotonic() - self.began
            self.state.save(self.run, self.signature)
        self.saved = time.monotonic()


def evaluate(
    game: Game | Turn,
    p: Params,
    x: Array,
    rng: np.random.Generator,
    batch: int = 128,
    transform: Transform | None = None,
) -> dict[str, float]:
    """The loss and its terms over all of x, in order, without a step. Raises NonFinite."""
    game = Game(game) if isinstance(game, Turn) else game
    sums = Average()
    for i in range(0, len(x), batch):
        rows = x[i : i + batch]
        x_b = transform(rng, rows) if transform else rows
        sums.add(game.measure(p, x_b, rng), len(x_b))
    return sums.mean()
