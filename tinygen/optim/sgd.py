"""Stochastic gradient descent, and its heavy ball.

sgd        w <- w - lr g
momentum   m <- beta m + g,  w <- w - lr m       (Polyak 1964; Nesterov's form: lr (g + beta m))

                                                           docs/derivations/optimisers.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array
from tinygen.kernels.updates import Rule
from tinygen.optim.optimiser import Optimiser
from tinygen.schedules import Schedule


def sgd(lr: float | Schedule, l2: float = 0.0, weight_decay: float = 0.0) -> "Sgd":
    """w <- w - lr g. Raises ValueError for lr <= 0 or a decay < 0 or not finite."""
    return Sgd(lr=lr, l2=l2, weight_decay=weight_decay)


def momentum(
    lr: float | Schedule,
    beta: float = 0.9,
    nesterov: bool = False,
    l2: float = 0.0,
    weight_decay: float = 0.0,
) -> "Optimiser":
    """m <- beta m + g, w <- w - lr m; with nesterov, w <- w - lr (g + beta m).

    m is a sum of gradients, so a long run of one gradient g moves w by lr g / (1 - beta) a step.
    NOTE: nesterov=True is the form of Sutskever et al. (2013), section 2, rewritten for the weights
    at the point that it looks ahead to.
    Raises ValueError for lr <= 0, beta outside 0..1, or a decay < 0 or not finite.
    """
    kind = Nesterov if nesterov else Momentum
    return kind(lr=lr, beta=beta, l2=l2, weight_decay=weight_decay)


def sgd_block(xp: Any, w: Array, d: Array, s: Array, lr: float) -> None:
    """(3), in place."""
    xp.multiply(d, lr, out=s)
    w -= s  # w = w - lr d              (3)


def momentum_block(xp: Any, w: Array, d: Array, m: Array, s: Array, lr: float, beta: float) -> None:
    """(4) and (5), in place."""
    m *= beta
    m += d  # m = beta m + d             (4)
    xp.multiply(m, lr, out=s)
    w -= s  # w = w - lr m               (5)


def nesterov_block(xp: Any, w: Array, d: Array, m: Array, s: Array, lr: float, beta: float) -> None:
    """(4) and (6), in place."""
    m *= beta
    m += d  # m = beta m + d             (4)
    xp.multiply(m, beta, out=s)
    s += d
    s *= lr
    w -= s  # w = w - lr (d + beta m)    (6)


SGD = Rule("sgd", (), ("lr",), sgd_block, "w -= lr * d;")
MOMENTUM = Rule(
    "momentum", ("m",), ("lr", "beta"), momentum_block, "m = beta * m + d; w -= lr * m;"
)
NESTEROV = Rule(
    "nesterov",
    ("m",),
    ("lr", "beta"),
    nesterov_block,
    "m = beta * m + d; w -= lr * (d + beta * m);",
)


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimiser):
    """The description that `sgd` returns."""

    rule = SGD

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step."""
        return {"lr": lr}


@dataclass(frozen=True, kw_only=True)
class Momentum(Optimiser):
    """The description that `momentum` returns."""

    beta: float = 0.9

    rule = MOMENTUM

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("beta", self.beta, least=0.0, below=1.0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step."""
        return {"lr": lr, "beta": self.beta}


@dataclass(frozen=True, kw_only=True)
class Nesterov(Momentum):
    """The description that `momentum(nesterov=True)` returns."""

    rule = NESTEROV
