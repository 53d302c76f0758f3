"""Batch norm without scale and shift: the mean and the variance depend on x too."""

import numpy as np

from plants.common import Elementwise, Plant, gradients
from tinygen.pullback import Pullback, no_params


class BatchNorm(Elementwise):
    """y = (x - mean) / std, over the batch        dx = (dy - mean(dy) - y mean(dy y)) / std"""

    def forward(self, p, x):
        std = np.sqrt(x.var(0) + 1e-5)
        y = (x - x.mean(0)) / std
        return y, Pullback(no_params, lambda dy: self.slope(std, y, dy), y)

    def slope(self, std, y, dy):
        return (dy - dy.mean(0) - y * (dy * y).mean(0)) / std


class Zero(BatchNorm):
    def slope(self, std, y, dy):
        return np.zeros_like(dy)  # BUG: right for dy = 1 alone


class NoMeanTerm(BatchNorm):
    def slope(self, std, y, dy):
        return (dy - y * (dy * y).mean(0)) / std  # BUG: mean(dy) left out


class Constants(BatchNorm):
    def slope(self, std, y, dy):
        return dy / std  # BUG: mean and variance taken for constants


PLANTS = [
    Plant(f"batch norm: {what}", gradients(5, 3), wrong, BatchNorm(), ("x",))
    for what, wrong in (
        ("dx = 0", Zero()),
        ("without the mean term", NoMeanTerm()),
        ("statistics as constants", Constants()),
    )
]
