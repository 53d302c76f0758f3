"""Adam that begins anew at given steps: its moments become zero, and its count starts again.

m, v <- 0,  t <- 0        before each of those steps; else algorithm 1 of arXiv 1412.6980

The code of T. Karras et al. (arXiv 1710.10196) does so whenever a fade begins or ends: gradients of
other images, and of weights that took no part before, say little about each other.
                                                           docs/derivations/progressive_gan.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen import tree
from tinygen.arguments import check_number
from tinygen.arrays import Params
from tinygen.optim.adam import Adam
from tinygen.schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Renewed(Adam):
    """Adam, renewed before the steps `at` (the first step is step 0)."""

    at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for step in self.at:
            check_number("renewed", "a step", step, least=0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule, t counted from the last renewal."""
        last = max((at for at in self.at if at < step), default=0)
        return super().numbers(step - last, lr)

    def update(self, p: Params, dp: Params, state: dict[str, Any]) -> None:
        """One step, as `Optimiser.update`; moments are set to zero first where it is time."""
        if int(state["step"]) in self.at:
            for name in self.rule.moments:
                for _, moment in tree.leaves(state[name]):
                    moment[...] = 0
        super().update(p, dp, state)


def renewed(
    lr: float | Schedule,
    at: tuple[int, ...],
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> Renewed:
    """Adam that forgets its moments before the steps `at`. Raises ValueError for bad numbers."""
    return Renewed(lr=lr, at=at, beta1=beta1, beta2=beta2, eps=eps)
