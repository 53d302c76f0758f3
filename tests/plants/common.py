"""What a plant is, and the checks with a point to run them at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.check import check_contract, check_gradients
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Plant:
    """check(wrong) must fail in exactly these rows; check(right) must pass."""

    name: str
    check: Callable[[Any], Any]
    wrong: Any
    right: Any
    rows: tuple[str, ...]


class Elementwise:
    """A layer without parameters, by value(x) and slope(x, y, dy)."""

    def forward(self, p, x):
        y = self.value(x)
        return y, Pullback(no_params, lambda dy: self.slope(x, y, dy), y)


def gradients(*shape, **shapes):
    """check_gradients at normal numbers: shape of x, shapes of the parameters."""

    def check(f):
        rng = np.random.default_rng(0)
        p = {name: rng.normal(size=s) for name, s in shapes.items()}
        return check_gradients(f, p, rng.normal(size=shape), rng=rng)

    return check


def contract(*shape, dtype=np.float64, **shapes):
    """check_contract at normal numbers of a dtype."""

    def check(f):
        rng = np.random.default_rng(0)
        p = {name: rng.normal(size=s).astype(dtype) for name, s in shapes.items()}
        return check_contract(f, p, rng.normal(size=shape).astype(dtype), rng=rng)

    return check
