"""In-place update rules, one pass over the weights and their moments.

On the CPU a rule runs over blocks of 2^15 entries with one scratch, so that what lies between two
lines stays in the cache and no temporary has the size of the weights. On a GPU the same rule is
one kernel. The rules themselves stand beside their optimisers in tinygen/optim.

                                                           docs/derivations/optimisers.md
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, namespace

BLOCK = 1 << 15  # entries; w, g, two moments and two scratch blocks fit the second-level cache

# Both decays come before every rule: the L2 penalty adds to the gradient (1), the decoupled decay
# shrinks the weights and leaves the gradient alone (2).
PENALTIES = "T d = g + l2 * w; w -= shrink * w;"


@dataclass(frozen=True)
class Rule:
    """One elementwise update of a weight w and its moments from the gradient d.

    name    : what the kernel is called
    moments : the names of the arrays beside w, in the order that `block` takes them
    numbers : the names of the scalars, which `block` takes by name
    block   : (xp, w, d, *moments, s, **numbers), in place; s is scratch of the same shape
    kernel  : the same lines in C, on w, d, the moments and the numbers of one entry
    """

    name: str
    moments: tuple[str, ...]
    numbers: tuple[str, ...]
    block: Callable[..., None]
    kernel: str


class Scratch:
    """Two blocks a dtype, allocated at the first use and shared by all leaves of a step."""

    def __init__(self) -> None:
        self._blocks: dict[Any, Array] = {}

    def like(self, a: Array, size: int) -> tuple[Array, Array]:
        """Two flat arrays of `size` entries with the dtype and on the device of `a`."""
        if a.dtype not in self._blocks or self._blocks[a.dtype].shape[1] < size:
            self._blocks[a.dtype] = namespace(a).empty((2, max(size, BLOCK)), a.dtype)
        pair = self._blocks[a.dtype]
        return pair[0, :size], pair[1, :size]


def apply(
    rule: Rule,
    w: Array,
    g: Array,
    moments: tuple[Array, ...],
    numbers: dict[str, float],
    l2: float,
    shrink: float,
    scratch: Scratch,
) -> None:
    """One step of `rule`, in place in w and its moments. g is only read.

    shrink : lr * weight_decay, the share of w that the decoupled decay takes off
    """
    xp = namespace(w)
    if hasattr(xp, "ElementwiseKernel"):
        T = w.dtype.type
        values = [T(value) for value in (l2, shrink, *(numbers[key] for key in rule.numbers))]
        compiled(xp, rule)(g, *values, w, *moments)
        return
    for w_i, g_i, *moments_i in blocks(w, g, *moments):
        s, d = scratch.like(w, w_i.size)
        s, d = s.reshape(w_i.shape), d.reshape(w_i.shape)
        if l2:
            xp.multiply(w_i, l2, out=d)
            d += g_i  # d = g + l2 w             (1)
        if shrink:
            w_i *= 1 - shrink  # w = (1 - lr weight_decay) w             (2)
        rule.block(xp, w_i, d if l2 else g_i, *moments_i, s, **numbers)


@functools.cache
def compiled(xp: Any, rule: Rule) -> Any:
    """The rule as one GPU kernel. T is the dtype of the weights."""
    numbers = ", ".join(f"T {name}" for name in ("l2", "shrink", *rule.numbers))
    written = ", ".join(f"T {name}" for name in ("w", *rule.moments))
    return xp.ElementwiseKernel(f"T g, {numbers}", written, PENALTIES + rule.kernel, rule.name)


def blocks(*arrays: Array) -> Any:
    """Tuples of flat views, BLOCK entries each, of arrays of one shape; the first is written.

    Arrays that are not contiguous come whole: a flat view of them would be a copy, and what is
    written to a copy is lost.
    """
    if not all(a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    rows = [a.reshape(-1) for a in arrays]
    for start in range(0, rows[0].size, BLOCK):
        yield tuple(row[start : start + BLOCK] for row in rows)


def flush(a: Array, below: float, scratch: Scratch) -> None:
    """Set entries with |a| < below to zero, in place.

    A moment that decays without new gradient ends in the denormal floats, where each operation
    costs a hundred cycles, and stays there: 0.9 times the smallest of them rounds to itself. GPUs
    compute with denormals at full speed, so there nothing is done.
    """
    xp = namespace(a)
    if hasattr(xp, "ElementwiseKernel"):
        return
    for (a_i,) in blocks(a):
        s = scratch.like(a, a_i.size)[0].reshape(a_i.shape)
        xp.abs(a_i, out=s)
        xp.greater_equal(s, below, out=s)  # 1 where kept, 0 where flushed
        a_i *= s


def lerp(xp: Any, a: Array, b: Array, share: float, s: Array) -> None:
    """a = (1 - share) a + share b, in place, as a += share (b - a). b itself may be the scratch."""
    xp.subtract(b, a, out=s)
    s *= share
    a += s
