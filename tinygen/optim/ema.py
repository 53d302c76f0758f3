"""A running mean of the weights, for sampling and evaluation.

e <- e + (1 - decay) / (1 - decay^t) (w - e)     docs/derivations/optimisers.md, (18)

After step t, e is the mean of the weights that the steps 1 ... t made, each forgotten by `decay` a
step: the first weights, drawn at random, have no share in it, however few the steps; but where a
weight stands still at first, as of a stage that waits, each step makes them anew.

The mean is a tree of its own, so the averaged model is `model.forward(average, z)`. Known as Polyak
averaging; generators use it since ProGAN (arXiv 1710.10196, appendix A). NOTE: there it is not
divided by 1 - decay^t, as Adam's m^ is and this one.
"""

from dataclasses import dataclass
from typing import Any

from tinygen import tree
from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, Params
from tinygen.kernels import updates


def ema(decay: float = 0.999) -> "Ema":
    """A mean over the last 1 / (1 - decay) steps or so. Raises ValueError unless 0 <= decay < 1."""
    return Ema(decay)


def ema_block(xp: Any, e: Array, w: Array, s: Array, share: float) -> None:
    """(18), in place."""
    updates.lerp(xp, e, w, share, s)  # e = e + share (w - e)          (18)


# In `apply` the array that is written comes first and the one that is read second: e, then w.
EMA = updates.Rule("ema", (), ("share",), ema_block, "w += share * (d - w);")


@dataclass(frozen=True)
class Ema:
    """The description that `ema` returns."""

    decay: float = 0.999

    def __post_init__(self) -> None:
        check_number("ema", "decay", self.decay, least=0.0, below=1.0)

    def init(self, p: Params) -> Params:
        """The average before the first step: a copy of p."""
        return tree.map(lambda w: w.copy(), p)

    def update(self, average: Params, p: Params, step: int) -> None:
        """Move the average towards p, in place; step: t, the steps that led to p: 1, 2, ...

        Raises ValueError where the two trees differ, and for a step below 1.
        """
        check_whole("ema", "step", step)
        leaves: list[tuple[Array, Array]] = []
        tree.map(lambda e, w: leaves.append((e, w)), average, p)
        for e, w in leaves:
            if e.shape != w.shape or e.dtype != w.dtype:
                raise ValueError(
                    f"ema: the average is {e.dtype} {e.shape}, the weight {w.dtype} {w.shape}: "
                    "use the tree that init(p) returned for these weights"
                )
            if not getattr(e.flags, "writeable", True):
                raise ValueError("ema: the average is read-only: use the tree of init(p)")
        decay, scratch = float(self.decay), updates.Scratch()
        share = (1 - decay) / (1 - decay**step)
        for e, w in leaves:
            updates.apply(EMA, e, w, (), {"share": share}, 0.0, 0.0, scratch)
