"""RMSProp: each weight's step is divided by the root of a running mean of its squared gradient.

v <- beta v + (1 - beta) g^2,  w <- w - lr g / (sqrt(v) + eps)

T. Tieleman and G. Hinton, lecture 6.5 of "Neural networks for machine learning", 2012.
                                                           docs/derivations/optimisers.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array
from tinygen.kernels.updates import Rule, lerp
from tinygen.optim.optimiser import Optimiser
from tinygen.schedules import Schedule


def rmsprop(
    lr: float | Schedule,
    beta: float = 0.99,
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
) -> "RmsProp":
    """w <- w - lr g / (sqrt(v) + eps). Raises ValueError for numbers out of their range.

    NOTE: the lecture has no eps and beta = 0.9; the values here are the usual ones since.
    """
    return RmsProp(lr=lr, beta=beta, eps=eps, l2=l2, weight_decay=weight_decay)


def rmsprop_block(
    xp: Any, w: Array, d: Array, v: Array, s: Array, lr: float, share: float, eps: float
) -> None:
    """(7) and (8), in place."""
    xp.multiply(d, d, out=s)
    lerp(xp, v, s, share, s)  # v = beta v + (1 - beta) d^2       (7)
    xp.sqrt(v, out=s)
    s += eps
    xp.divide(d, s, out=s)
    s *= lr
    w -= s  # w = w - lr d / (sqrt(v) + eps)    (8)


RMSPROP = Rule(
    "rmsprop",
    ("v",),
    ("lr", "share", "eps"),
    rmsprop_block,
    "v += share * (d * d - v); w -= lr * d / (sqrt(v) + eps);",
)


@dataclass(frozen=True, kw_only=True)
class RmsProp(Optimiser):
    """The description that `rmsprop` returns."""

    beta: float = 0.99
    eps: float = 1e-8

    rule = RMSPROP

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("beta", self.beta, least=0.0, below=1.0)
        self.check("eps", self.eps, above=0.0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step."""
        return {"lr": lr, "share": 1 - self.beta, "eps": self.eps}
