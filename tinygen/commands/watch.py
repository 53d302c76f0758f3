"""What is said of a game while it is trained: a player that has won, fakes that are all alike."""

import time
from collections.abc import Callable
from typing import Any

from tinygen import examples
from tinygen.arrays import Params

LOOKED_AT = 64  # examples
EVERY = 60.0  # seconds from look to look, at least
SHARE = 0.03  # of the time, at most, that looks may take


class Watch:
    """(p, step) -> the remarks to print: those of two looks in a row, once until they are gone.

    remarks : (p, step, examples) -> lines, each of which begins with what is wrong, and a colon
    few     : examples, of which the first are looked at
    clock   : seconds

    A game that has hardly begun looks like one that has collapsed, hence the second look. What goes
    wrong in a look is printed, and ends the looking, not the training.
    """

    def __init__(
        self,
        remarks: Callable[[Params, int, Any], list[str]],
        few: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.remarks, self.few, self.clock = remarks, examples.rows(few, slice(LOOKED_AT)), clock
        self.next = clock() + EVERY
        self.before: set[str] = set()
        self.said: set[str] = set()

    def __call__(self, p: Params, step: int) -> list[str]:
        """The lines to print of these weights."""
        start = self.clock()
        if start < self.next:
            return []
        try:
            found = {line.partition(":")[0]: line for line in self.remarks(p, step, self.few)}
        except Exception as error:  # whatever it is, the run is worth more than the look
            self.next = float("inf")
            return [f"no more looks at the game while it is trained: {error!r}"]
        self.next = self.clock() + max(EVERY, (self.clock() - start) / SHARE)
        new = (found.keys() & self.before) - self.said
        self.said = (self.said | new) & found.keys()
        self.before = set(found)
        return [found[what] for what in sorted(new)]
