"""Training: a game of turns over shuffled minibatches, that can be stopped and taken up again.

Each epoch shows every example once, in an order drawn from (order_seed, epoch). What the steps
draw comes from one generator, whose state is saved with the weights: a run that was killed goes
on, on one machine with one number of BLAS threads, to the same bits.
"""

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.game import Game, Turn
from tinygen.interrupt import Interrupted, requests
from tinygen.kernels.memory import keep_memory
from tinygen.layers.base import NonFinite, check_array
from tinygen.loop import Loop, Order, Trained, Transform, evaluate
from tinygen.runs import Run
from tinygen.state import State

__all__ = ["Diverged", "Game", "Interrupted", "Trained", "Turn", "evaluate", "train"]

Look = Callable[[Params, int], Iterable[str]]  # (p, step) -> lines


class Diverged(FloatingPointError):
    """A loss became NaN or infinite. `trained` holds the parameters of the last good epoch."""

    def __init__(self, message: str, trained: Trained):
        super().__init__(message)
        self.trained = trained


def train(
    game: Game | Turn,
    p: Params,
    x: Any,
    *,
    rng: np.random.Generator,
    epochs: int | None = None,
    steps: int | None = None,
    batch: int = 128,
    validation: Any = None,
    transform: Transform | None = None,
    order: Order | None = None,
    patience: int | None = None,
    progress: bool = True,
    run: Run | None = None,
    save_every: float = 30.0,
    look: Look | None = None,
) -> Trained:
    """Play `game` on the batches of x, until `epochs` or `steps` are done. p is copied.

    x, validation : data on the device of p, the examples first, or a tuple of such arrays, as in
                    (x, y) with labels y; the last batch may be smaller
    epochs, steps : in all, one of the two; a run that is continued counts what it has done
    transform     : (rng, x) -> x on each batch, such as `data.binarise`: drawn anew each epoch.
                    Validation gets one draw of it and of the noise, the same at each epoch.
    order         : (rng, p) -> indices of the examples that the coming epoch takes, in their order:
                    some may come twice or not at all. A permutation where not given.
    patience      : stop after so many epochs without a lower validation loss
    progress      : show a bar with the terms
    run           : a folder for log and checkpoints; where it holds a checkpoint, training goes on
                    from there: p is only its pattern then, and `rng` takes up the saved state
    save_every    : seconds between two checkpoints; one is always written at the end
    look          : (p, step) -> lines to print after an epoch, such as warnings; it changes nothing

    Raises ValueError or TypeError for bad data, Diverged at the step where the loss is not finite,
    Interrupted at the first Ctrl-C, after the step is done and the run saved; RunError where the
    folder cannot be used, CheckpointError where its checkpoint is damaged or of another run.
    """
    game = Game(game) if isinstance(game, Turn) else game
    check_asked(game, epochs, steps, batch, validation, patience)
    check_number("train", "save_every", save_every, least=0.0)
    for name, data in {"x": x, "validation": validation}.items():
        if data is not None:
            check_examples(f"train: {name}", data)
    for name, w in tree.leaves(p):
        if is_array(w) and not bool(namespace(w).isfinite(w).all()):
            raise NonFinite(f"train: parameter {name} holds NaN or infinite values: draw it anew")
    keep_memory()
    loop = Loop(game, State.start(game, p, rng), x, batch, validation, transform, run, order)
    with run.locked() if run else nullcontext(), requests() as request:
        loop.take_up()
        state = loop.state

        def over() -> bool:
            reached = state.epoch >= epochs if epochs is not None else state.step >= (steps or 0)
            return reached or (patience is not None and state.epoch - state.best_epoch >= patience)

        total = steps if epochs is None else epochs * -(-loop.epoch_batches // game.batches)
        with progress_bar(game.name, total, state.step, progress) as bar:
            try:
                while not over() and not request.asked:
                    loop.step()
                    bar.update()
                    if state.step % 10 == 0:
                        bar.set_postfix_str(describe("train", state.sums.mean()), refresh=False)
                    if state.batch >= loop.epoch_batches:
                        loop.close_epoch()
                        part = "train" if validation is None else "validation"
                        bar.set_postfix_str(describe(part, loop.done.log[-1][part]), refresh=False)
                        for line in look(state.p, state.step) if look else ():
                            bar.write(f"epoch {state.epoch}: {line}", file=sys.stderr)
                    if time.monotonic() - loop.saved >= save_every:
                        loop.save()
                loop.save()
                if state.batch and not request.asked:
                    loop.record(unfinished=True)
            except NonFinite as error:
                kept = f"; the last good checkpoint is in {run.path}" if run else ""
                raise Diverged(f"epoch {state.epoch + 1}: {error}{kept}", loop.left()) from error
    if not over():
        where = f"saved in {run.path}, continue with --resume" if run else "there is no run to save"
        raise Interrupted(f"stopped after step {state.step}: {where}")
    return loop.left()


def check_asked(
    game: Game,
    epochs: int | None,
    steps: int | None,
    batch: int,
    validation: Any,
    patience: int | None,
) -> None:
    """Refuse what cannot be asked for. Raises ValueError."""
    if (epochs is None) == (steps is None):
        raise ValueError("train: give epochs= or steps=, one of the two")
    counts = {"epochs": epochs, "steps": steps, "batch": batch, "patience": patience}
    for name, count in counts.items():
        if count is not None:
            check_whole("train", name, count)
    if patience is not None and validation is None:
        raise ValueError(
            "train: patience needs validation data: give validation=, or leave patience out"
        )
    if validation is not None and len(game.turns) > 1:
        raise ValueError(
            f"train: the game {game.name} has no one loss to validate: leave validation= out, and "
            "measure its samples with tinygen.metrics"
        )


def check_examples(name: str, x: Any) -> None:
    """Refuse what is neither data nor a tuple of data and whole numbers, such as labels.

    Data alone may be whole numbers too, such as the levels of a softmax. Bytes may not: they are
    images that nobody has scaled yet.
    """
    if not isinstance(x, tuple):
        if is_array(x) and x.dtype.kind == "i" and x.ndim and len(x):
            return None
        return check_data(name, x)
    for leaf, a in tree.leaves(x):
        if not is_array(a) or a.dtype.kind not in ("i", "u") or not a.ndim or len(a) == 0:
            check_data(f"{name}[{leaf}]", a)
    if len({len(a) for _, a in tree.leaves(x)}) != 1:
        raise ValueError(
            f"{name}: the arrays of a tuple must hold as many examples each, got "
            f"{[len(a) for _, a in tree.leaves(x)]}"
        )


def check_data(name: str, x: Array) -> None:
    """Refuse what is no array of floats, empty or not finite, on any device."""
    check_array(name, x, "...")  # (N,), (N, D), (N, H, W, C): any rank
    if not bool(namespace(x).isfinite(x).all()):
        raise NonFinite(f"{name} holds NaN or infinite values: clean the data first")


def describe(part: str, terms: dict[str, float]) -> str:
    """The terms of training or validation in one line."""
    return f"{part} " + " ".join(f"{name} {value:.2f}" for name, value in terms.items())


def progress_bar(name: str, total: int | None, done: int, shown: bool) -> Any:
    """A tqdm bar over the steps, on the error stream."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        initial=done,
        desc=name,
        unit="step",
        disable=not shown,
        dynamic_ncols=True,
        mininterval=0.1 if sys.stderr.isatty() else 10,  # a file keeps every line that is shown
    )
