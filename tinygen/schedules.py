"""Step sizes that change with time: step (0, 1, 2, ...) -> lr.

Every schedule is a value that an optimiser takes for its lr, and that `warm_up` wraps:

    adam(warm_up(cosine(1e-3, steps=10_000), steps=500))

                                                           docs/derivations/optimisers.md
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tinygen.arguments import check_number, check_whole


@dataclass(frozen=True)
class Schedule:
    """lr = f(step); `text` is how it was built, for logs."""

    text: str
    f: Callable[[int], float]

    def __call__(self, step: int) -> float:
        """lr at this step."""
        return self.f(step)

    def __repr__(self) -> str:
        return self.text


def constant(lr: float) -> Schedule:
    """lr at every step. Raises ValueError unless lr > 0."""
    check_number("constant", "lr", lr, above=0.0)
    return Schedule(f"constant({lr})", lambda step: lr)


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """lr factor^floor(step / every): a drop each `every` steps. Raises ValueError."""
    check_number("step_decay", "lr", lr, above=0.0)
    check_whole("step_decay", "every", every)
    check_number("step_decay", "factor", factor, above=0.0)
    return Schedule(
        f"step_decay({lr}, every={every}, factor={factor})",
        lambda step: lr * factor ** (step // every),  # (12)
    )


def exponential(lr: float, factor: float) -> Schedule:
    """lr factor^step. Raises ValueError unless lr and factor are > 0."""
    check_number("exponential", "lr", lr, above=0.0)
    check_number("exponential", "factor", factor, above=0.0)
    return Schedule(f"exponential({lr}, factor={factor})", lambda step: lr * factor**step)  # (13)


def cosine(lr: float, steps: int, minimum: float = 0.0) -> Schedule:
    """Half a cosine from lr down to `minimum` in `steps` steps (arXiv 1608.03983, eq. 5).

    After that it stays at the minimum. Raises ValueError.
    """
    check_number("cosine", "lr", lr, above=0.0)
    check_whole("cosine", "steps", steps)
    check_number("cosine", "minimum", minimum, least=0.0)
    if minimum > lr:
        raise ValueError(f"cosine: minimum {minimum} lies above lr {lr}: exchange them")

    def f(step: int) -> float:
        # minimum + (lr - minimum) (1 + cos(pi t / T)) / 2                (14)
        return minimum + (lr - minimum) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2

    return Schedule(f"cosine({lr}, steps={steps}, minimum={minimum})", f)


def warm_up(then: float | Schedule, steps: int, start: float | None = None) -> Schedule:
    """A straight rise in `steps` steps to the first value of `then`, which follows.

    then  : a step size or a schedule; its step 0 is the step after the rise
    start : the share of then(0) at step 0; by default 1 / (steps + 1), one rise before the first,
            for a step of size 0 would be wasted

    Raises ValueError for steps < 1 or a start outside 0..1.
    """
    check_whole("warm_up", "steps", steps)
    follow = then if callable(then) else constant(then)
    low = 1 / (steps + 1) if start is None else start
    check_number("warm_up", "start", low, least=0.0, below=1.0)

    def f(step: int) -> float:
        if step >= steps:
            return follow(step - steps)
        return follow(0) * (low + (1 - low) * step / steps)  # (15)

    return Schedule(f"warm_up({follow}, steps={steps}, start={low})", f)
