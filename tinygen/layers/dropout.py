"""Dropout: each feature is zeroed with probability `rate`, the rest scaled up to keep the mean.

y = x m,   m = 0 with probability rate, else 1 / (1 - rate)       docs/derivations/dropout.md

Srivastava et al. 2014, JMLR 15, section 10 ("inverted" dropout: nothing changes at test time)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_array, check_device, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Dropout(Layer):
    """y = x m        x, y, m of one shape, any

    rate : probability of a zero, in [0, 1); ValueError else
    mask : the third argument of forward, from `draw_mask`; without it y = x, as at test time

    Raises ValueError for a mask of another shape, TypeError for one of another dtype.
    """

    rate: float

    def __post_init__(self) -> None:
        number = isinstance(self.rate, int | float | np.number) and not isinstance(self.rate, bool)
        if not number or not 0 <= self.rate < 1:
            raise ValueError(f"Dropout: rate must be in [0, 1), got {self.rate!r}")

    def draw_mask(
        self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float32
    ) -> np.ndarray:
        """m: 0 with probability rate, else 1 / (1 - rate), each entry by itself."""  # (1)
        keep = rng.random(shape) >= self.rate
        return keep.astype(dtype) / np.dtype(dtype).type(1 - self.rate)

    def forward(self, p: Params, x: Array, mask: Array | None = None) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        if mask is None:
            return x, Pullback(no_params, lambda dy: dy, x)
        if getattr(mask, "shape", None) != x.shape:
            raise ValueError(
                f"Dropout: expected a mask of x's shape {x.shape}, "
                f"got {getattr(mask, 'shape', type(mask).__name__)}: "
                "draw it with draw_mask(rng, x.shape, x.dtype)"
            )
        check_array("Dropout: mask", mask, "...")
        if mask.dtype != x.dtype:
            raise TypeError(
                f"Dropout: x is {x.dtype}, the mask is {mask.dtype}: "
                f"draw it with draw_mask(rng, x.shape, {str(x.dtype)!r})"
            )
        check_device("Dropout", x, mask)
        y = x * mask  # x m    (2)

        def dx(dy: Array) -> Array:
            return dy * mask  # m dy    (3)

        return y, Pullback(no_params, dx, y)
