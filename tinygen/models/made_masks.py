"""The masks of MADE: which unit may see which, by a degree a unit.

    m(x_d) = its place in the order, 1 .. D        m(h) drawn, at most D - 1

    M_io = [m(o) >= m(i)]  into hidden units,      M_io = [m(o) > m(i)]  into the outputs     (2)

A path from x_d to the output of x_e thus needs m(x_e) > m(x_d): d stands before e in the order.
Germain et al. 2015, arXiv 1502.03509, sections 3 and 4.       docs/derivations/made.md
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

ORDERS = ("natural", "random")
DEGREES = ("random", "even")


@dataclass(frozen=True, eq=False)
class Connections:
    """Who sees whom under one mask.

    order  : (D,) the places of x, flattened, in the order in which they are drawn
    hidden : for each hidden layer the degrees of its units, 1 .. D - 1
    """

    order: np.ndarray
    hidden: tuple[np.ndarray, ...]

    @property
    def inputs(self) -> np.ndarray:
        """The degrees of the places (D,): 1 for the first of the order."""
        degrees = np.empty(len(self.order), np.int64)
        degrees[self.order] = np.arange(1, len(self.order) + 1)
        return degrees

    def masks(self, numbers: int) -> list[np.ndarray]:
        """M (I, O) of each layer, the last with so many outputs a place."""
        levels = [self.inputs, *self.hidden]
        hidden = [before[:, None] <= after for before, after in pairwise(levels)]
        last = levels[-1][:, None] < np.repeat(self.inputs, numbers)
        return [*hidden, last]  # (2)

    def direct(self, numbers: int) -> np.ndarray:
        """M (D, D numbers) of the connections from the inputs straight to the outputs."""
        return self.inputs[:, None] < np.repeat(self.inputs, numbers)  # (2)


def connections(
    size: int, hidden: tuple[int, ...], order: str, degrees: str, seed: int, k: int
) -> Connections:
    """Those of the k-th mask of a seed.

    size    : D
    hidden  : widths
    order   : "natural", 0 .. D - 1 for each k, or "random"
    degrees : of the hidden units: "random", uniform between the least of the layer before and
              D - 1, so that each unit sees something; or "even", spread over 1 .. D - 1, the same
              for each k
    """
    rng = np.random.default_rng((seed, k))
    places = np.arange(size) if order == "natural" else rng.permutation(size)
    most, least, drawn = max(size - 1, 1), 1, []
    for width in hidden:
        if degrees == "even":
            units = 1 + np.arange(width) * most // width
        else:
            units = rng.integers(least, most, size=width, endpoint=True)
        drawn.append(units)
        least = int(units.min())
    return Connections(places, tuple(drawn))
