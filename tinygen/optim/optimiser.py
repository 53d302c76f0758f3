"""What all optimisers share: the state, the checks, the walk over the leaves.

    state = optimiser.init(p)             moments, zero, one a weight; and "step"
    optimiser.update(p, dp, state)        w <- w - step, in place

Optimisers are the only code of the library that writes to arrays: between two steps, and only
into the weights and the moments.                          docs/derivations/optimisers.md
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from tinygen import tree
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.kernels import updates
from tinygen.schedules import Schedule

FLUSH_EVERY = 64  # steps between two searches for denormal moments
FLUSH_BELOW = {"m": 1e-30, "v": 1e-37}  # v holds squares: sqrt(1e-37) is far below any eps


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """A frozen description; what changes lies in the state.

    lr           : step size, or a schedule (step -> step size; the first step is step 0)
    l2           : adds l2 w to the gradient, as the penalty l2 |w|^2 / 2 on the loss would
    weight_decay : decoupled: takes lr weight_decay w off the weight itself (arXiv 1711.05101)
    """

    lr: float | Schedule
    l2: float = 0.0
    weight_decay: float = 0.0

    rule: ClassVar[updates.Rule]

    def __post_init__(self) -> None:
        if not callable(self.lr):
            self.check("lr", self.lr, above=0.0)
        self.check("l2", self.l2, least=0.0)
        self.check("weight_decay", self.weight_decay, least=0.0)

    def numbers(self, step: int, lr: float) -> dict[str, float]:
        """The scalars of the rule at this step (1, 2, ...)."""
        raise NotImplementedError(f"{type(self).__name__} defines no numbers")

    def init(self, p: Params) -> dict[str, Any]:
        """{"step": 0, and one tree of zeros a moment}, on the device of p."""
        zeros = {
            name: tree.map(lambda w: namespace(w).zeros(w.shape, w.dtype), p)
            for name in self.rule.moments
        }
        return {"step": 0, **zeros}

    def update(self, p: Params, dp: Params, state: dict[str, Any]) -> None:
        """One step: writes into the arrays of `p` and of `state`, and counts the step.

        Raises ValueError where dp, or the state, has not the structure and shapes of p, where a
        weight is read-only or the schedule's lr is not a finite number >= 0; TypeError for
        another dtype. Nothing is written before all checks have passed.
        """
        moments = [state[name] for name in self.rule.moments if name in state]
        leaves = self.checked_leaves(p, dp, moments)
        step = int(state["step"]) + 1
        lr = float(self.lr(step - 1) if callable(self.lr) else self.lr)
        self.check("the schedule's lr", lr, least=0.0)
        # Python floats: a float64 scalar of NumPy would draw float32 arrays up to float64
        numbers = {name: float(value) for name, value in self.numbers(step, lr).items()}
        l2, shrink = float(self.l2), float(lr * self.weight_decay)
        scratch = updates.Scratch()
        for w, g, *m in leaves:
            updates.apply(self.rule, w, g, tuple(m), numbers, l2, shrink, scratch)
            if step % FLUSH_EVERY == 0:
                for name, moment in zip(self.rule.moments, m, strict=True):
                    updates.flush(moment, FLUSH_BELOW[name], scratch)
        state["step"] = step

    def checked_leaves(self, p: Params, dp: Params, moments: list[Params]) -> list[tuple[Any, ...]]:
        """(w, g, *moments) of each leaf, after refusing what would broadcast or promote."""
        if len(moments) < len(self.rule.moments):
            raise ValueError(
                f"{self.rule.name}: the state lacks one of {self.rule.moments}: "
                "pass the dict that this optimiser's init(p) returned"
            )
        leaves: list[tuple[Any, ...]] = []
        try:
            tree.map(lambda *leaf: leaves.append(leaf), p, dp, *moments)
        except ValueError as error:
            raise ValueError(
                f"{self.rule.name}: p, dp and the state are not of one structure ({error}): "
                "pass the gradient of every weight; to freeze a part, update only the subtree "
                "of p that is trained, with a state made for it"
            ) from error
        for (name, w), arrays in zip(tree.leaves(p), leaves, strict=True):
            self.check_leaf(name, w, arrays[1:])
        return leaves

    def check_leaf(self, name: str, w: Array, others: tuple[Array, ...]) -> None:
        """Refuse a weight that cannot be written, and arrays that are not like it."""
        if not is_array(w) or w.dtype.name not in ("float32", "float64"):
            # float16 holds neither eps = 1e-8 nor the square of a small gradient: 0 / 0 there
            raise TypeError(
                f"{self.rule.name}: weight {name!r} is {getattr(w, 'dtype', type(w).__name__)}: "
                "weights are arrays of floats, use float32 or float64"
            )
        if not getattr(w.flags, "writeable", True):
            raise ValueError(f"{self.rule.name}: weight {name!r} is read-only: use w.copy()")
        for what, a in zip(("gradient", *self.rule.moments), others, strict=True):
            if getattr(a, "shape", None) != w.shape:
                raise ValueError(
                    f"{self.rule.name}: the {what} of {name!r} must have the weight's shape "
                    f"{w.shape}, got {getattr(a, 'shape', type(a).__name__)}"
                )
            if a.dtype != w.dtype or namespace(a) is not namespace(w):
                raise TypeError(
                    f"{self.rule.name}: the {what} of {name!r} is {a.dtype} of "
                    f"{namespace(a).__name__}, the weight is {w.dtype} of "
                    f"{namespace(w).__name__}: convert it with astype or tinygen.to_device"
                )

    def check(
        self,
        name: str,
        value: float,
        above: float = -math.inf,
        least: float = -math.inf,
        below: float = math.inf,
    ) -> None:
        """Refuse a number that is not finite, or out of its range. Raises ValueError."""
        check_number(self.rule.name, name, value, above, least, below)
