"""What a system can be told: fields of a dataclass, each with a default, its help and limits."""

import dataclasses
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from tinygen.optim import Optimiser, adagrad, adam, momentum, rmsprop, sgd

OPTIMISERS: dict[str, Callable[[float], Optimiser]] = {
    "adam": adam,
    "rmsprop": rmsprop,
    "momentum": momentum,
    "adagrad": adagrad,
    "sgd": sgd,
}


LIMITS = {"least": (">=", operator.ge), "above": (">", operator.gt), "below": ("<", operator.lt)}


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    fewest: int = 0,
    where: tuple[str, ...] | None = None,
) -> Any:
    """A field of a system's options: its default, what it does, and what it may be.

    least, above, below : of each number, least <= number, above < number < below
    fewest : numbers of a tuple
    where : (another option, its value or values), without which this one has no effect
    """
    limits = {"least": least, "above": above, "below": below, "fewest": fewest}
    given = {"help": help, "choices": choices, "where": where}
    return field(default=default, metadata=given | limits)


@dataclass(frozen=True)
class Options:
    """What a system can be told: its fields, each made by `option`. Raises ValueError."""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            allowed, given = f.metadata["choices"], getattr(self, f.name)
            if allowed and given not in allowed:
                raise ValueError(
                    f"option {f.name}: unknown value {given!r}: choose one of {', '.join(allowed)}"
                )
            numbers = given if isinstance(given, tuple) else (given,)
            for limit, (sign, keeps) in LIMITS.items():
                bound = f.metadata[limit]
                if bound is not None and not all(keeps(number, bound) for number in numbers):
                    raise ValueError(f"option {f.name}: must be {sign} {bound}, got {given}")
            if any(isinstance(number, float) and not isfinite(number) for number in numbers):
                raise ValueError(f"option {f.name}: must be finite, got {given}")
            if len(numbers) < f.metadata["fewest"]:
                raise ValueError(f"option {f.name}: give at least {f.metadata['fewest']}, got none")
            other, *values = f.metadata["where"] or ("",)
            if other and given != f.default and getattr(self, other) not in values:
                raise ValueError(
                    f"option {f.name} has no effect with {other} {getattr(self, other)}: leave it "
                    f"out, or choose {other} {' or '.join(values)}"
                )


@dataclass(frozen=True)
class GradientOptions(Options):
    """What every system that is trained by gradients can be told; its own options come on top."""

    optimiser: str = option("adam", "the rule of the steps", tuple(OPTIMISERS))
    lr: float = option(1e-3, "its step size", above=0)

    def step_rule(self) -> Optimiser:
        """The optimiser."""
        return OPTIMISERS[self.optimiser](self.lr)
