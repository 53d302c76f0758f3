"""A bias for each class: the label's row of V is added at every place.

y = x + V[label]                                           docs/derivations/dcgan.md

Behind a dense layer this is the dense layer of the input beside the one-hot label; behind a
convolution it is that of the image beside K planes, the label's full of ones and the others of
zeros (but for the border, where the planes would be cut off). The zeros are not multiplied.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.layers.labelled_dense import checked_labels
from tinygen.layers.norm import sum_over_rows
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class LabelBias(Layer):
    """y = x + V[label]     x, y (N, ..., C)   V (K, C)

    classes, n : K and C
    label      : the third argument of forward, (N,) whole numbers 0 .. K-1

    Raises TypeError for labels that are not whole numbers, ValueError for labels out of range, or
    not one an example.
    """

    classes: int
    n: int

    def __post_init__(self) -> None:
        check_sizes(self, classes=self.classes, n=self.n)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"V": (self.classes, self.n)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        # fan_in = 1: of a one-hot row one entry is active
        return {"V": initialisers.draw(weights, rng, self.shapes["V"], 1, self.n, dtype)}

    def forward(self, p: Params, x: Array, label: Array | None = None) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", self.n)
        xp, label = namespace(x), checked_labels("LabelBias", label, len(x), self.classes, 1)
        index = xp.asarray(label)
        rows = (len(x), -1, self.n)  # the places of an example as one axis
        y = (x.reshape(rows) + p["V"][index][:, None]).reshape(x.shape)  # (N, ..., C)   (2)

        def dp(dy: Array) -> Params:
            one_hot = (index[:, None] == xp.arange(self.classes)).astype(dy.dtype)  # (N, K)
            at_all_places = sum_over_rows(dy.reshape(rows))[:, 0]  #               (N, C)
            return {"V": one_hot.T @ at_all_places}  # summed over the examples of each class  (3)

        return y, Pullback(dp, lambda dy: dy, y)
