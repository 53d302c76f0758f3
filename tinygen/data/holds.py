"""What an array of a data file must be: its dtype, shape and range."""

import math
from dataclasses import dataclass

import numpy as np

from tinygen.data.errors import DataError


@dataclass(frozen=True)
class Holds:
    """What an array of a data file must be.

    dtype     : such as "uint8"; "str" for text
    shape     : -1 for any length, such as (-1, 28, 28)
    low, high : the least and the greatest value that may occur; NaN may never
    """

    dtype: str
    shape: tuple[int, ...]
    low: float = -math.inf
    high: float = math.inf

    def check(self, array: np.ndarray, name: str) -> np.ndarray:
        """The array, where it is what it must be. Raises DataError with its name otherwise."""
        kind = "str" if array.dtype.kind == "U" else array.dtype.name
        fits = array.ndim == len(self.shape) and all(
            want in (-1, have) for want, have in zip(self.shape, array.shape, strict=True)
        )
        if kind != self.dtype or not fits:
            shape = ", ".join("any" if length == -1 else str(length) for length in self.shape)
            raise DataError(
                f"{name}: expected {self.dtype} of shape ({shape}), found {kind} of shape "
                f"{array.shape}: this is another file; get the right one again"
            )
        if kind != "str" and array.size:
            least, greatest = float(array.min()), float(array.max())
            if not (self.low <= least and greatest <= self.high):  # NaN compares false
                raise DataError(
                    f"{name}: expected values from {self.low:g} to {self.high:g}, found "
                    f"{least:g} to {greatest:g}: this is another file; get the right one again"
                )
        return array
