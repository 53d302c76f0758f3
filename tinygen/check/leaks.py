"""What a causality check found: who sees whom, and every leak by its place.

A leak is a pair (k, j): output k sees input j, though j >= k (j > k where an output may see its
own input). Thousands of them are told by output, and by the way from output to input.
                                                           docs/derivations/check.md
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tinygen.check.report import Report
from tinygen.check.steps import place

OUTPUTS, INPUTS, OFFSETS = 8, 4, 6  # so many are told in words


@dataclass
class CausalReport(Report):
    """The report of `check_causal`, with who sees whom.

    sees     : (steps, steps) bool, sees[k, j]: output k sees input j, found by gradient or values
    grid     : the shape of the steps: positions, and the groups last where channels > 1
    channels : the groups inside a position
    strict   : whether to see one's own input is a leak
    """

    sees: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    grid: tuple[int, ...] = (0,)
    channels: int = 1
    strict: bool = True

    @property
    def leaking(self) -> np.ndarray:
        """(steps, steps) bool: which pairs of output k and input j are leaks."""
        return self.sees & ~allowed(len(self.sees), self.strict)

    @property
    def leaks(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Every leak as (place of the output, place of the input), in order."""
        return [(self.at(k), self.at(j)) for k, j in np.argwhere(self.leaking)]

    def at(self, k: int) -> tuple[int, ...]:
        """The place of step k: position, then group where there are several."""
        return tuple(int(i) for i in np.unravel_index(k, self.grid))

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {line}" for line in self.told())])

    def told(self, outputs: int | None = OUTPUTS, inputs: int | None = INPUTS) -> list[str]:
        """The leaks in words, an output a line, then by the way; no line where there is none.

        outputs, inputs : so many at most are named, an output's inputs a line; None: all
        """
        leaking = self.leaking
        who = np.flatnonzero(leaking.any(axis=1))
        if not len(who):
            return []
        lines = [f"{count(leaking.sum(), 'leak')}, of {count(len(who), 'output')}:"]
        for k in who[:outputs]:
            seen = np.flatnonzero(leaking[k])
            named = [place(int(j), self.grid, self.channels) for j in seen[:inputs]]
            if len(named) < len(seen):
                named[-1] = f"... {place(int(seen[-1]), self.grid, self.channels)}"
            at = place(int(k), self.grid, self.channels)
            lines.append(f"  output {at} sees {count(len(seen), 'input')}: {', '.join(named)}")
        if outputs is not None and len(who) > outputs:
            lines.append(f"  and {count(len(who) - outputs, 'more output')}")
        return [*lines, *self.ways()]

    def ways(self) -> list[str]:
        """The leaks counted by input place - output place: a wrong mask leaks one way all over."""
        pairs = np.argwhere(self.leaking)
        where = np.stack(np.unravel_index(pairs, self.grid), axis=-1)  # (leaks, 2, axes)
        found = Counter(tuple(int(i) for i in way) for way in where[:, 1] - where[:, 0])
        lines = ["by the way from output to input:"]
        for way, times in found.most_common(OFFSETS):
            lines.append(f"  {self.way(way)}: {count(times, 'leak')}")
        if len(found) > OFFSETS:
            lines.append(f"  and {count(len(found) - OFFSETS, 'other way')}")
        return lines

    def way(self, offset: tuple[int, ...]) -> str:
        """An offset in words."""
        names = ("row", "column") if len(self.grid) - (self.channels > 1) == 2 else ("place",)
        names = (*names, "group") if self.channels > 1 else names
        parts = [f"{n} {i:+d}" for n, i in zip(names, offset, strict=True) if i]
        return ", ".join(parts) or "its own input"


def allowed(steps: int, strict: bool) -> np.ndarray:
    """(steps, steps) bool: whether output k may see input j."""
    return np.tri(steps, k=-1 if strict else 0, dtype=bool)


def count(n: int, thing: str) -> str:
    """So many things."""
    return f"{n} {thing}{'s' * int(n != 1)}"
