"""Adam: a running mean of the gradient over the root of a running mean of its square.

m <- beta1 m + (1 - beta1) g,        m^ = m / (1 - beta1^t)
v <- beta2 v + (1 - beta2) g^2,      v^ = v / (1 - beta2^t)
w <- w - lr m^ / (sqrt(v^) + eps)

D. P. Kingma and J. Ba, arXiv 1412.6980, algorithm 1; with weight_decay it is AdamW, I. Loshchilov
and F. Hutter, arXiv 1711.05101, algorithm 2.              docs/derivations/optimisers.md
"""

import math
from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array
from tinygen.kernels.updates import Rule, lerp
from tinygen.optim.optimiser import Optimiser
from tinygen.schedules import Schedule


def adam(
    lr: float | Schedule,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    l2: float = 0.0,
    weight_decay: float = 0.0,
) -> "Adam":
    """w <- w - lr m^ / (sqrt(v^) + eps). Raises ValueError for numbers out of their range.

    lr is the paper's alpha. The same eps as the paper's, not its eps-hat.
    """
    return Adam(lr=lr, beta1=beta1, beta2=beta2, eps=eps, l2=l2, weight_decay=weight_decay)


def adam_block(
    xp: Any,
    w: Array,
    d: Array,
    m: Array,
    v: Array,
    s: Array,
    alpha: float,
    share1: float,
    share2: float,
    eps_hat: float,
) -> None:
    """(10), (7) and (11), in place."""
    lerp(xp, m, d, share1, s)  # m = beta1 m + (1 - beta1) d            (10)
    xp.multiply(d, d, out=s)
    lerp(xp, v, s, share2, s)  # v = beta2 v + (1 - beta2) d^2          (7)
    xp.sqrt(v, out=s)
    s += eps_hat
    xp.divide(m, s, out=s)
    s *= alpha
    w -= s  # w = w - alpha_t m / (sqrt(v) + eps^_t)                    (11)


ADAM = Rule(
    "adam",
    ("m", "v"),
    ("alpha", "share1", "share2", "eps_hat"),
    adam_block,
    """
    m += share1 * (d - m);
    v += share2 * (d * d - v);
    w -= alpha * m / (sqrt(v) + eps_hat);
    """,
)


@dataclass(frozen=True, kw_only=True)
class Adam(Optimiser):
    """The description that `adam` returns."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    rule = ADAM

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("beta1", self.beta1, least=0.0, below=1.0)
        self.check("beta2", self.beta2, least=0.0, below=1.0)
        self.check("eps", self.eps, above=0.0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step."""
        # With c = sqrt(1 - beta2^t), m^ / (sqrt(v^) + eps) = c m^ / (sqrt(v) + c eps): both
        # corrections become scalars, and the walk over the weights is two passes shorter.
        c = math.sqrt(1 - self.beta2**step)
        return {
            "alpha": lr * c / (1 - self.beta1**step),
            "share1": 1 - self.beta1,  # here, in float64: 1 - 0.999 has few digits in float32
            "share2": 1 - self.beta2,
            "eps_hat": self.eps * c,
        }
