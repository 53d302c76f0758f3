"""Softmax: seeded with ones, the right dx is zero, so a check with dy = 1 accepts dx = 0."""

import numpy as np

from plants.common import Elementwise, Plant, gradients


class Softmax(Elementwise):
    """y_k = e^x_k / sum_j e^x_j        dx = y (dy - <y, dy>)"""

    def value(self, x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def slope(self, x, y, dy):
        return y * (dy - (y * dy).sum(-1, keepdims=True))


class Zero(Softmax):
    def slope(self, x, y, dy):
        return 0 * dy  # BUG: right for dy = 1 alone


class Diagonal(Softmax):
    def slope(self, x, y, dy):
        return y * (1 - y) * dy  # BUG: the diagonal of the Jacobian, without -y_k y_j


PLANTS = [
    Plant("softmax: dx = 0", gradients(2, 5), Zero(), Softmax(), ("x",)),
    Plant("softmax: the diagonal alone", gradients(2, 5), Diagonal(), Softmax(), ("x",)),
]
