"""Nonlinearities that join channels: the last axis shrinks.        docs/derivations/gated.md

Maxout      y_j = max_k x_jk                    Goodfellow et al. 2013, arXiv 1302.4389, section 3
GatedTanh   y = tanh(a) sigmoid(b), x = (a, b)  van den Oord et al. 2016, arXiv 1606.05328, eq. 2
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import row_blocks
from tinygen.kernels.largest import largest, largest_pullback
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Maxout(Layer):
    """y_j = max_k x[..., j K + k]        x (..., O K)   y (..., O)   K = pieces

    The pieces of one output stand side by side: entries 0 .. K-1 of the last axis make output 0.
    At a tie the first of the largest pieces gets the gradient. Raises ValueError for pieces < 1
    and for a last axis that K does not divide.
    """

    pieces: int

    def __post_init__(self) -> None:
        check_sizes(self, pieces=self.pieces)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp, K = namespace(x), self.pieces
        _check_width(self, x, K)
        parts = [x[..., k::K] for k in range(K)]  # each (..., O)
        y = largest(parts)  # max_k x_jk   (..., O)   (1)

        def dx(dy: Array) -> Array:
            dx = xp.empty_like(x)
            # dx_jk = [k is the first with x_jk = y_j] dy_j   (2)
            largest_pullback(parts, y, dy, [dx[..., k::K] for k in range(K)])
            return dx

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class GatedTanh(Layer):
    """y = tanh(a) sigmoid(b)        x = (a, b) (..., 2 O)   y (..., O)

    a is the first half of the last axis, b the second. Raises ValueError for an odd last axis.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        _check_width(self, x, 2)
        xp, half = namespace(x), x.shape[-1] // 2
        rows = x.reshape(-1, 2 * half)  # leading axes as one (N, 2 O)
        t, s, ts = (xp.empty((len(rows), half), x.dtype) for _ in range(3))
        for n in row_blocks(rows):  # blocks that stay in the cache
            a, b = rows[n, :half], rows[n, half:]
            xp.tanh(a, out=t[n])  # t = tanh(a)   (3)
            xp.multiply(b, 0.5, out=s[n])
            xp.tanh(s[n], out=s[n])
            s[n] *= 0.5
            s[n] += 0.5  # s = sigmoid(b) = tanh(b / 2) / 2 + 1 / 2   (4)
            xp.multiply(t[n], s[n], out=ts[n])  # y = t s   (5)

        def dx(dy: Array) -> Array:
            dy_rows, dx = dy.reshape(-1, half), xp.empty_like(rows)
            for n in row_blocks(rows):
                dt = dy_rows[n] * s[n]
                dx[n, :half] = dt * (1 - t[n] * t[n])  # da = dy s (1 - t^2)   (6)
                dx[n, half:] = dt * t[n] * (1 - s[n])  # db = dy t s (1 - s)   (7)
            return dx.reshape(x.shape)

        y = ts.reshape(*x.shape[:-1], half)
        return y, Pullback(no_params, dx, y)


def _check_width(layer: Layer, x: Array, divisor: int) -> None:
    if x.shape[-1] % divisor:
        name = type(layer).__name__
        raise ValueError(
            f"{name}: the last axis must be a multiple of {divisor}, got x of shape {x.shape}: "
            f"give the layer before {name} a width that {divisor} divides"
        )
