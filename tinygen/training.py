"""Training: turns over shuffled minibatches.

A turn draws noise, takes the loss, and moves its own player's parameters:

    theta <- update(theta, dL/dtheta),    L = loss(p, x, noise)

A VAE is a game with one player, and has one turn a batch.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.diagnosis import first_nonfinite
from tinygen.kernels.memory import keep_memory
from tinygen.layers.base import NonFinite, check_array
from tinygen.optim import Optimiser
from tinygen.pullback import Pullback
from tinygen.schedules import check_steps

Transform = Callable[[np.random.Generator, Array], Array]


@dataclass(frozen=True)
class Turn:
    """One player's move.

    name       : the player's, for messages and the progress bar
    loss       : (p, x, noise) -> value, Pullback, such as `vae.loss`
    draw_noise : (rng, x) -> noise, such as `vae.draw_noise`
    optimiser  : such as `adam(1e-3)`
    """

    name: str
    loss: Callable[[Params, Array, Any], tuple[Array, Any]]
    draw_noise: Callable[[np.random.Generator, Array], Any]
    optimiser: Optimiser

    def play(self, p: Params, state: Any, x: Array, rng: np.random.Generator) -> dict[str, float]:
        """One step, in place in p and state; the loss and its terms before the step.

        Raises NonFinite, before anything is written, where the loss is NaN or infinite.
        """
        terms, backward = self.measure(p, x, self.draw_noise(rng, x))
        self.optimiser.update(p, backward.dp(), state)
        return terms

    def measure(self, p: Params, x: Array, noise: Any) -> tuple[dict[str, float], Any]:
        """{"loss": ..., and its terms} as floats, and the pullback. Raises NonFinite."""
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                value, backward = self.loss(p, x, noise)
                if not hasattr(backward, "dp"):  # a plain function dy -> (dp, dx)
                    backward = Pullback.whole(backward, value)
            if not math.isfinite(float(value)):
                raise NonFinite(f"{self.name}: the loss is {float(value)}")
        except NonFinite as error:
            where = first_nonfinite(self.loss, p, x, noise)
            raise NonFinite(
                f"{self.name}: the loss is not finite; first not finite: {where}"
            ) from error
        return {"loss": float(value)} | {k: float(v) for k, v in backward.terms.items()}, backward


@dataclass
class Trained:
    """What a run leaves: parameters and its record.

    p    : after the last epoch
    best : after the epoch `best_epoch` of least validation loss; p where nothing was validated
    log  : one dict an epoch: {"epoch": 1, "train": {"loss", "nll", "kl"}, "validation": {...}}.
           Train terms are means over the epoch, while the parameters moved.
    """

    p: Params
    best: Params
    best_epoch: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)


class Diverged(FloatingPointError):
    """A loss became NaN or infinite. `trained` holds the parameters of the last good epoch."""

    def __init__(self, message: str, trained: Trained):
        super().__init__(message)
        self.trained = trained


def train(
    turn: Turn,
    p: Params,
    x: Array,
    *,
    rng: np.random.Generator,
    epochs: int,
    batch: int = 128,
    validation: Array | None = None,
    transform: Transform | None = None,
    patience: int | None = None,
    progress: bool = True,
) -> Trained:
    """Play `turn` on each batch of x, `epochs` times over. p is copied, not written.

    x, validation : data on the device of p, the examples first; the last batch may be smaller
    transform     : (rng, x) -> x on each batch, such as `data.binarise`: drawn anew each epoch.
                    Validation gets one draw of it and of the noise, the same at each epoch.
    patience      : stop after so many epochs without a lower validation loss
    progress      : show a bar with the terms

    Raises ValueError or TypeError for bad data, Diverged at the step where the loss is not finite.
    """
    check_counts(epochs=epochs, batch=batch, **({} if patience is None else {"patience": patience}))
    if patience is not None and validation is None:
        raise ValueError("train: patience needs validation data: give validation=")
    for name, data in {"x": x, "validation": validation}.items():
        if data is not None:
            check_data(f"train: {name}", data)
    keep_memory()
    validation_seed = int(rng.integers(2**63))
    p = copy(p)
    state = turn.optimiser.init(p)
    done = Trained(copy(p), copy(p))
    least = math.inf
    with progress_bar(turn.name, epochs * math.ceil(len(x) / batch), progress) as bar:
        for epoch in range(1, epochs + 1):
            record: dict[str, Any] = {"epoch": epoch}
            try:
                sums = Average()
                for rows in batches(rng, x, batch):
                    x_b = transform(rng, rows) if transform else rows
                    sums.add(turn.play(p, state, x_b, rng), len(x_b))
                    bar.update()
                record["train"] = sums.mean()
                if validation is not None:
                    again = np.random.default_rng(validation_seed)
                    record["validation"] = evaluate(turn, p, validation, again, batch, transform)
                check_weights(turn.name, p)
            except NonFinite as error:
                raise Diverged(f"epoch {epoch}: {error}", done) from error
            done.log.append(record)
            done.p = copy(p)
            loss = record["validation"]["loss"] if validation is not None else -math.inf
            if loss < least or validation is None:
                least, done.best, done.best_epoch = loss, done.p, epoch
            bar.set_postfix_str(describe(record), refresh=False)
            if patience is not None and epoch - done.best_epoch >= patience:
                break
    return done


def evaluate(
    turn: Turn,
    p: Params,
    x: Array,
    rng: np.random.Generator,
    batch: int = 128,
    transform: Transform | None = None,
) -> dict[str, float]:
    """The loss and its terms over all of x, in order, without a step. Raises NonFinite."""
    sums = Average()
    for i in range(0, len(x), batch):
        rows = x[i : i + batch]
        x_b = transform(rng, rows) if transform else rows
        sums.add(turn.measure(p, x_b, turn.draw_noise(rng, x_b))[0], len(x_b))
    return sums.mean()


def batches(rng: np.random.Generator, x: Array, batch: int) -> Iterator[Array]:
    """Each example once, in an order drawn from `rng`; the last batch may be smaller."""
    order = namespace(x).asarray(rng.permutation(len(x)))
    for i in range(0, len(x), batch):
        yield x[order[i : i + batch]]


class Average:
    """Means of named terms over batches, weighted by the batches' sizes."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.examples = 0

    def add(self, terms: dict[str, float], examples: int) -> None:
        """Count the means `terms` of a batch of so many examples."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * examples
        self.examples += examples

    def mean(self) -> dict[str, float]:
        """The means so far."""
        return {name: total / self.examples for name, total in self.sums.items()}


def check_counts(**counts: Any) -> None:
    """Refuse what is not a whole number >= 1. Raises ValueError."""
    for name, count in counts.items():
        check_steps("train", name, count)


def check_data(name: str, x: Array) -> None:
    """Refuse what is no array of floats, empty or not finite, on any device."""
    check_array(name, x, "...")  # (N,), (N, D), (N, H, W, C): any rank
    if not bool(namespace(x).isfinite(x).all()):
        raise NonFinite(f"{name} holds NaN or infinite values: clean the data first")


def check_weights(name: str, p: Params) -> None:
    """Refuse weights that a last, too long step made NaN or infinite. Raises NonFinite.

    No loss sees the weights after the last step, so without this look a run could end on them.
    """
    for leaf, w in tree.leaves(p):
        if not bool(namespace(w).isfinite(w).all()):
            raise NonFinite(
                f"{name}: parameter {leaf} is not finite after the step: lower lr, clip gradients"
            )


def copy(p: Params) -> Params:
    """A tree of arrays that shares no memory with `p`."""
    return tree.map(lambda a: a.copy(), p)


def describe(record: dict[str, Any]) -> str:
    """The terms of an epoch in one line; those of the validation part where there is one."""
    part = "validation" if "validation" in record else "train"
    return f"{part} " + " ".join(f"{k} {v:.2f}" for k, v in record[part].items())


def progress_bar(name: str, steps: int, shown: bool) -> Any:
    """A tqdm bar over the steps, on the error stream."""
    from tqdm import tqdm

    return tqdm(total=steps, desc=name, unit="step", disable=not shown, dynamic_ncols=True)
