"""AdaGrad: each weight's step is divided by the root of the sum of its squared gradients.

v <- v + g^2,  w <- w - lr g / (sqrt(v) + eps)

J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011), the diagonal case.
                                                           docs/derivations/optimisers.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array
from tinygen.kernels.updates import Rule
from tinygen.optim.optimiser import Optimiser
from tinygen.schedules import Schedule


def adagrad(
    lr: float | Schedule, eps: float = 1e-10, l2: float = 0.0, weight_decay: float = 0.0
) -> "AdaGrad":
    """w <- w - lr g / (sqrt(v) + eps). Raises ValueError for numbers out of their range.

    NOTE: the paper adds its delta to sqrt(v) as here, and starts v at zero.
    """
    return AdaGrad(lr=lr, eps=eps, l2=l2, weight_decay=weight_decay)


def adagrad_block(xp: Any, w: Array, d: Array, v: Array, s: Array, lr: float, eps: float) -> None:
    """(9) and (8), in place."""
    xp.multiply(d, d, out=s)
    v += s  # v = v + d^2                       (9)
    xp.sqrt(v, out=s)
    s += eps
    xp.divide(d, s, out=s)
    s *= lr
    w -= s  # w = w - lr d / (sqrt(v) + eps)    (8)


ADAGRAD = Rule(
    "adagrad",
    ("v",),
    ("lr", "eps"),
    adagrad_block,
    "v += d * d; w -= lr * d / (sqrt(v) + eps);",
)


@dataclass(frozen=True, kw_only=True)
class AdaGrad(Optimiser):
    """The description that `adagrad` returns."""

    eps: float = 1e-10

    rule = ADAGRAD

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("eps", self.eps, above=0.0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step."""
        return {"lr": lr, "eps": self.eps}
