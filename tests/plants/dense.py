"""The dense layer, square, so that the shapes find nothing."""

import numpy as np

from plants.common import Plant, gradients
from tinygen.pullback import Pullback


class Dense:
    """y = x W + b"""

    def forward(self, p, x):
        y = x @ p["W"] + p["b"]
        return y, Pullback(lambda dy: self.dp(x, dy), lambda dy: self.dx(p["W"], dy), y)

    def dp(self, x, dy):
        return {"W": x.T @ dy, "b": dy.sum(0)}

    def dx(self, W, dy):
        return dy @ W.T


class NotTransposed(Dense):
    def dx(self, W, dy):
        return dy @ W  # BUG: W for W^T


class NoBias(Dense):
    def dp(self, x, dy):
        return {"W": x.T @ dy}  # BUG: db is missing


class ZeroBias(Dense):
    def dp(self, x, dy):
        return {"W": x.T @ dy, "b": np.zeros(dy.shape[1])}  # BUG: db = 0


class Averaged(Dense):
    def dp(self, x, dy):
        return {"W": x.T @ dy / len(x), "b": dy.sum(0)}  # BUG: the loss has divided by N already


class OneEntry(Dense):
    def dp(self, x, dy):
        db = dy.sum(0)
        db[2] *= 1.001  # BUG: one entry of one leaf, by a thousandth
        return {"W": x.T @ dy, "b": db}


class SummedBias(Dense):
    def dp(self, x, dy):
        return {"W": x.T @ dy, "b": dy.sum()}  # BUG: the axis is missing


class Surplus(Dense):
    def dp(self, x, dy):
        return {"W": x.T @ dy, "b": dy.sum(0), "g": dy.sum(0)}  # BUG: no such parameter


class InTuple(Dense):
    def dx(self, W, dy):
        return (dy @ W.T,)  # BUG: x is an array, dx is a tuple


PLANTS = [
    Plant(f"dense: {what}", gradients(5, 4, W=(4, 4), b=(4,)), wrong, Dense(), rows)
    for what, wrong, rows in (
        ("W for W^T", NotTransposed(), ("x",)),
        ("db missing", NoBias(), ("b",)),
        ("db = 0", ZeroBias(), ("b",)),
        ("dW / N", Averaged(), ("W",)),
        ("one entry of db off by 1e-3", OneEntry(), ("b",)),
        ("db summed over all", SummedBias(), ("b",)),
        ("a gradient of no parameter", Surplus(), ("g",)),
        ("dx in a tuple", InTuple(), ("x",)),
    )
]
