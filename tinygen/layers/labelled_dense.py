"""The dense layer of an input and a label: the label's row of V moves every output.

y = x W + V[label] + b: `Dense` on x beside the one-hot label, without the zeros

docs/derivations/conditional_vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class LabelledDense(Layer):
    """y = x W + V[label] + b     x (N, I)   W (I, O)   V (K, O)   b (O,)   y (N M, O)

    n_in, classes, n_out : I, K and O
    label : the third argument of forward, (N M,) whole numbers 0 .. K-1. Each row of x stands
            beside M labels in a row, M = 1 where there is one an example; x W is computed once.

    Raises TypeError for labels that are not whole numbers, ValueError for labels out of range,
    or not as many as M for each row of x.
    """

    n_in: int
    classes: int
    n_out: int

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, classes=self.classes, n_out=self.n_out)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        out = self.n_out
        return {"W": (self.n_in, out), "V": (self.classes, out), "b": (out,)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        fan_in = self.n_in + 1  # of a one-hot row one entry is active
        W, V = (
            initialisers.draw(weights, rng, self.shapes[key], fan_in, self.n_out, dtype)
            for key in ("W", "V")
        )
        return {"W": W, "V": V, "b": np.zeros(self.n_out, dtype)}

    def forward(self, p: Params, x: Array, label: Array | None = None) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", self.n_in)
        xp, n, W = namespace(x), len(x), p["W"]
        label = checked_labels("LabelledDense", label, n, self.classes)
        m = len(label) // n
        index = xp.asarray(label)
        h = x @ W + p["b"]  # of each row once                           (N, O)
        y = (xp.repeat(h, m, axis=0) if m > 1 else h) + p["V"][index]  #  (N M, O)  (1)

        def fold(dy: Array) -> Array:  # each row of x was used M times
            return dy if m == 1 else dy.reshape(n, m, -1).sum(axis=1)  #  (N, O)

        def weights(dy: Array, dh: Array) -> Params:
            one_hot = (index[:, None] == xp.arange(self.classes)).astype(dy.dtype)  # (N M, K)
            dV = one_hot.T @ dy  # dV[k] = sum over the rows with label k (K, O)    (2)
            return {"W": x.T @ dh, "V": dV, "b": sum_rows(dh)}

        def dp(dy: Array) -> Params:
            return weights(dy, fold(dy))

        def dx(dy: Array) -> Array:
            return fold(dy) @ W.T  #                                      (N, I)

        def both(dy: Array) -> tuple[Params, Array]:
            dh = fold(dy)
            return weights(dy, dh), dh @ W.T

        return y, Pullback(dp, dx, y, both)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return int(x_shape[0]) * self.n_in * self.n_out


def checked_labels(name: str, label: Any, n: int, classes: int, most: int | None = None) -> Array:
    """M labels for each of n rows, after refusing what is none. `name` begins the message.

    most : labels a row, where there may not be more

    NumPy would wrap -1, CuPy any index. Raises TypeError for what are no whole numbers, ValueError
    for labels out of range and for another number of them.
    """
    if not is_array(label) or label.dtype.kind not in "iu":
        got = label.dtype if is_array(label) else type(label).__name__
        raise TypeError(
            f"{name}: expected whole numbers as labels, got {got}: give them as the "
            "third argument, in a Sequential as extras={name: labels}, with "
            "labels.astype(np.int64)"
        )
    if label.ndim != 1 or len(label) == 0 or len(label) % n:
        raise ValueError(
            f"{name}: expected M labels for each of {n} rows, (N M,), "
            f"got {label.shape}: give each row as many"
        )
    if most is not None and len(label) > n * most:
        raise ValueError(f"{name}: expected {n} labels, one an example, got {len(label)}")
    low, high = int(label.min()), int(label.max())
    if low < 0 or high >= classes:
        raise ValueError(
            f"{name}: labels must lie in 0..{classes - 1}, got {low}..{high}: "
            f"number the classes from 0, or build it with classes={max(high, 0) + 1}"
        )
    return label
