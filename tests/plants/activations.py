"""Activations whose slope asks the wrong question."""

import numpy as np

from plants.common import Elementwise, Plant, gradients


class Relu(Elementwise):
    """y = max(x, 0)"""

    def value(self, x):
        return np.maximum(x, 0)

    def slope(self, x, y, dy):
        return dy * (y > 0)


class ReluFromY(Relu):
    def slope(self, x, y, dy):
        return dy * (y >= 0)  # BUG: max(x, 0) >= 0 always; right with x in place of y


class LeakyRelu(Elementwise):
    """y = x where x > 0, else x / 5"""

    def value(self, x):
        return np.where(x > 0, x, 0.2 * x)

    def slope(self, x, y, dy):
        return dy * np.where(x > 0, 1.0, 0.2)


class SignOfDy(LeakyRelu):
    def slope(self, x, y, dy):
        return np.where(dy > 0, dy, 0.2 * dy)  # BUG: the sign of dy, not of x


class NoSlope(LeakyRelu):
    def slope(self, x, y, dy):
        return dy * (y > 0)  # BUG: ReLU's derivative, the slope is forgotten


class Abs(Elementwise):
    """y = |x|"""

    def value(self, x):
        return np.abs(x)

    def slope(self, x, y, dy):
        return dy * np.sign(x)


class AbsOfY(Abs):
    def slope(self, x, y, dy):
        return dy * np.sign(y)  # BUG: |x| has no sign; and the check is begun at the kink x = 0


class Tanh(Elementwise):
    """y = tanh x"""

    def value(self, x):
        return np.tanh(x)

    def slope(self, x, y, dy):
        return dy * (1 - y * y)


class TwiceTanh(Tanh):
    def slope(self, x, y, dy):
        return dy * (1 - np.tanh(y) ** 2)  # BUG: tanh' takes y for x


def at_the_kink(f):
    from tinygen.check import check_gradients

    return check_gradients(f, {}, np.zeros((2, 4)), rng=np.random.default_rng(0))


CHECK = gradients(3, 4)
PLANTS = [
    Plant("ReLU: y >= 0", CHECK, ReluFromY(), Relu(), ("x",)),
    Plant("LeakyReLU: the sign of dy", CHECK, SignOfDy(), LeakyRelu(), ("x",)),
    Plant("LeakyReLU: no slope", CHECK, NoSlope(), LeakyRelu(), ("x",)),
    Plant("abs: the sign of y, at the kink", at_the_kink, AbsOfY(), Abs(), ("x",)),
    Plant("tanh: derivative at y", CHECK, TwiceTanh(), Tanh(), ("x",)),
]
