"""Convolutions by plain loops: a kernel that is not flipped, a padding off by one."""

import numpy as np

from plants.common import Plant, gradients
from tinygen.check import check_adjoint
from tinygen.pullback import Pullback


def correlate(x, W):
    """y[n, i, j] = sum_ab x[n, i + a, j + b] W[a, b]    x (N, H, W, C)   W (k, l, C, O)"""
    k, m = W.shape[:2]
    H, V = x.shape[1] - k + 1, x.shape[2] - m + 1
    return sum(x[:, a : a + H, b : b + V] @ W[a, b] for a in range(k) for b in range(m))


def padded(x, n):
    return np.pad(x, ((0, 0), (n, n), (n, n), (0, 0)))


class Conv:
    """A 3x3 convolution with padding 1; C = O, so that the shapes find nothing."""

    def forward(self, p, x):
        W = p["W"]
        y = correlate(padded(x, 1), W)
        H, V = x.shape[1:3]

        def dp(dy):
            return {
                "W": np.array(
                    [
                        [
                            np.tensordot(
                                padded(x, 1)[:, a : a + H, b : b + V], dy, ((0, 1, 2),) * 2
                            )
                            for b in range(3)
                        ]
                        for a in range(3)
                    ]
                )
            }

        return y, Pullback(dp, lambda dy: correlate(padded(dy, 1), self.turned(W)), y)

    def turned(self, W):
        return W[::-1, ::-1].swapaxes(2, 3)


class NotFlipped(Conv):
    def turned(self, W):
        return W.swapaxes(2, 3)  # BUG: not flipped


class NotSwapped(Conv):
    def turned(self, W):
        return W[::-1, ::-1]  # BUG: the channels are not swapped


class Transposed:
    """x (N, H, W, C) -> the map of which a stride-2, 2x2, padding-1 convolution is the adjoint."""

    W = np.random.default_rng(3).normal(size=(2, 2, 3, 5))

    def conv(self, x):
        y = padded(x, 1)
        return sum(
            y[:, a : a + 6 : 2, b : b + 8 : 2] @ self.W[a, b] for a in range(2) for b in range(2)
        )

    def conv_transpose(self, y):
        x = np.zeros((len(y), 6, 8, 3))
        for a in range(2):
            for b in range(2):
                x[:, a:6:2, b:8:2] += y @ self.W[a, b].T
        return self.crop(x)

    def crop(self, x):
        return x[:, 1:-1, 1:-1]


class OffByOne(Transposed):
    def crop(self, x):
        return x[:, :-2, 1:-1]  # BUG: the padding is taken off one end, twice


def adjoint(layer):
    rng = np.random.default_rng(0)
    return check_adjoint(layer.conv, layer.conv_transpose, (2, 4, 6, 3), (2, 3, 4, 5), rng=rng)


CHECK = gradients(2, 5, 4, 3, W=(3, 3, 3, 3))
PLANTS = [
    Plant("conv: kernel not flipped in dx", CHECK, NotFlipped(), Conv(), ("x",)),
    Plant("conv: channels not swapped in dx", CHECK, NotSwapped(), Conv(), ("x",)),
    Plant("transposed conv: padding off by one", adjoint, OffByOne(), Transposed(), ("adjoint",)),
]
