"""The parts of a training: a step, the end of an epoch, its line in the log, a checkpoint.

`training.train` puts them together.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import examples
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.game import Game, Turn
from tinygen.runs import Run
from tinygen.state import Average, State, copy, fingerprint

Transform = Callable[[np.random.Generator, Any], Any]
Order = Callable[[np.random.Generator, Params], Array]


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
    x: Any
    batch: int
    validation: Any
    transform: Transform | None
    run: Run | None
    drawn_order: Order | None = None

    def __post_init__(self) -> None:
        self.done = Trained(copy(self.state.p), {})
        self.began = self.saved = time.monotonic()
        if self.run:
            self.signature = {
                "game": repr(self.game),
                "batch size": self.batch,
                "training set": fingerprint(self.x),
                "validation set": fingerprint(self.validation),
                "order": None if self.drawn_order is None else "drawn by a function",
            }

    def take_up(self) -> None:
        """Go on from the folder's checkpoint, if there is one; the log goes back to its step.

        Else write the first one, so that what cannot be saved is refused before hours of work.
        """
        known = bool(self.run and self.run.checkpoint.exists())
        if self.run and known:
            self.state.resume(self.run, self.signature)
            self.began -= self.state.seconds
        self.begin_epoch()
        if not self.run:
            return
        if not known:
            self.save()
        self.done.p, log = copy(self.state.p), self.run.rewind(self.state.step)
        self.done.log = [{k: v for k, v in line.items() if k != "seconds"} for line in log]

    def begin_epoch(self) -> None:
        """The order of the examples in this epoch: a permutation, or what was asked for.

        A permutation can be drawn again. An order that hangs on the weights of the epoch's
        beginning cannot, and so is a part of the state until the epoch ends.
        """
        state, n = self.state, examples.count(self.x)
        rng = np.random.default_rng([state.order_seed, state.epoch])
        if self.drawn_order is None:
            order = rng.permutation(n)
        elif state.order is None:
            state.order = order = checked_order(self.drawn_order(rng, state.p), n)
        else:
            order = state.order
        self.epoch, self.epoch_batches = state.epoch, -(-len(order) // self.batch)
        self.order = namespace(examples.first(self.x)).asarray(order)

    def step(self) -> None:
        """One round, on the next batches of this epoch's order."""
        state = self.state
        if self.epoch != state.epoch:
            self.begin_epoch()
        parts = []
        for i in range(state.batch, min(state.batch + self.game.batches, self.epoch_batches)):
            rows = examples.rows(self.x, self.order[i * self.batch : (i + 1) * self.batch])
            parts.append(self.transform(state.rng, rows) if self.transform else rows)
        terms = self.game.play(state.p, state.moments, parts, state.rng, state.step)
        state.sums.add(terms, examples.count(parts[0]))
        state.step, state.batch = state.step + 1, state.batch + len(parts)

    def close_epoch(self) -> None:
        """Record the epoch, and remember the weights of the least validation loss."""
        line, state = self.record(), self.state
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, Average()
        state.order = None
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
    x: Any,
    rng: np.random.Generator,
    batch: int = 128,
    transform: Transform | None = None,
) -> dict[str, float]:
    """The loss and its terms over all of x, in order, without a step. Raises NonFinite."""
    game = Game(game) if isinstance(game, Turn) else game
    sums = Average()
    for i in range(0, examples.count(x), batch):
        rows = examples.rows(x, slice(i, i + batch))
        x_b = transform(rng, rows) if transform else rows
        sums.add(game.measure(p, x_b, rng), examples.count(x_b))
    return sums.mean()


def checked_order(order: Any, n: int) -> np.ndarray:
    """The indices of an epoch's examples, on the host. Raises ValueError for what are none.

    Checked here, for CuPy wraps an index out of range where NumPy refuses it.
    """
    order = np.asarray(to_host(order))
    if order.ndim != 1 or len(order) == 0 or order.dtype.kind not in "iu":
        raise ValueError(
            "train: order must give whole numbers (M,), the indices of an epoch's examples, got "
            f"{order.dtype} of shape {order.shape}"
        )
    if order.min() < 0 or order.max() >= n:
        raise ValueError(
            f"train: order gave indices from {order.min()} to {order.max()}, of {n} examples"
        )
    return order.astype(np.int64)
