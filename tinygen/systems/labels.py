"""What systems do with labels: those that learn from them, and draw of a class."""

from typing import Any

import numpy as np

from tinygen.arrays import Array
from tinygen.data.dataset import Part

NO_LABELS = (
    "this system learns from labels, and the data set has none: choose another one with --data, "
    "such as digits or mnist"
)

SHOWN_CLASSES = 20  # at most, in a picture of every class
IN_TURN = "each class in turn"  # in a system's `drawn`; the place of a class that is asked for


def with_labels(part: Part, options: Any) -> tuple[Array, Array]:
    """(x, y) of a part, for systems that learn from labels. Raises ValueError without them."""
    if part.labels is None:
        raise ValueError(NO_LABELS)
    return part.x, part.labels


def every_class(n: int, classes: int) -> np.ndarray:
    """n labels, each class in turn."""
    return np.arange(n) % classes
