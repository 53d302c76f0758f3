"""What is said of a game while it is trained: a player that has won, fakes that are all alike."""

from collections.abc import Callable
from typing import Any

from tinygen import examples
from tinygen.arrays import Params

LOOKED_AT = 200  # examples, after each epoch


class Watch:
    """(p, step) -> the remarks to print: those of two epochs in a row, once until they are gone.

    remarks : (p, step, examples) -> lines, each of which begins with what is wrong, and a colon
    few     : examples, of which the first are looked at

    A game that has hardly begun looks like one that has collapsed, hence the second look.
    """

    def __init__(self, remarks: Callable[[Params, int, Any], list[str]], few: Any) -> None:
        self.remarks, self.few = remarks, examples.rows(few, slice(LOOKED_AT))
        self.before: set[str] = set()
        self.said: set[str] = set()

    def __call__(self, p: Params, step: int) -> list[str]:
        """The lines to print of these weights."""
        found = {line.partition(":")[0]: line for line in self.remarks(p, step, self.few)}
        new = (found.keys() & self.before) - self.said
        self.said = (self.said | new) & found.keys()
        self.before = set(found)
        return [found[what] for what in sorted(new)]
