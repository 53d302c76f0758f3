"""A smooth bound, for the log-variances that a net puts out.

y = c tanh(x / c),  |y| <= c                               docs/derivations/bounded.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, namespace
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Bounded(Layer):
    """y = c tanh(x / c)        any shape; close to x where |x| is well below c

    limit : c. With log_var bounded by 10, variances lie in e^-10 .. e^10, about 5e-5 .. 2e4, and
            neither they nor their inverses overflow. A clip would have a zero gradient outside,
            from which a unit never comes back.

    Raises ValueError for a limit that is not a finite number above 0.
    """

    limit: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.limit < float("inf"):
            raise ValueError(f"Bounded: limit must be a finite number > 0, got {self.limit!r}")

    def forward(self, p: dict, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        c = float(self.limit)
        t = namespace(x).tanh(x / c)
        y = c * t  # c tanh(x / c)             (1)

        def dx(dy: Array) -> Array:
            return dy * (1 - t * t)  # 1 - (y / c)^2   (2)

        return y, Pullback(no_params, dx, y)
