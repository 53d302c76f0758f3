"""Layers with the right derivative that break a promise of the contract."""

import numpy as np

from plants.common import Plant, contract
from tinygen.pullback import Pullback, no_params


class Scale:
    """y = 2 w tanh x"""

    def forward(self, p, x):
        w, t = p["w"], np.tanh(x)
        y = 2 * w * t

        def dp(dy):
            return {"w": (2 * dy * t).sum(0)}

        def dx(dy):
            return 2 * w * dy * (1 - t * t)

        return y, Pullback(dp, dx, y)


class WritesDy(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)

        def dx(dy):
            dy *= 2 * p["w"]  # BUG: dy belongs to the caller
            return dy * (1 - np.tanh(x) ** 2)

        return y, Pullback(backward.dp, dx, y)


class WritesX(Scale):
    def forward(self, p, x):
        np.tanh(x, out=x)  # BUG: x belongs to the caller
        y = 2 * p["w"] * x
        dp = lambda dy: {"w": (2 * dy * x).sum(0)}  # noqa: E731
        return y, Pullback(dp, lambda dy: 2 * p["w"] * dy * (1 - x * x), y)


class WritesY(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)

        def dx(dy):
            y.view()[...] = 0  # BUG: y belongs to the caller once it is returned
            return backward.dx(dy)

        return y, Pullback(backward.dp, dx, y)


class Accumulates(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        total = np.zeros_like(p["w"])

        def dp(dy):
            total[...] += backward.dp(dy)["w"]  # BUG: the second call adds to the first
            return {"w": total.copy()}

        return y, Pullback(dp, backward.dx, y)


class ReusesBuffer(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        buffer = np.empty_like(x)

        def dx(dy):
            buffer[...] = backward.dx(dy)
            return buffer  # BUG: the second call overwrites the gradient that the first gave

        return y, Pullback(backward.dp, dx, y)


class CachesOnSelf(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        self.t = np.tanh(x)  # BUG: the next forward overwrites what this backward needs
        return y, Pullback(lambda dy: {"w": (2 * dy * self.t).sum(0)}, backward.dx, y)


class DrawsNoise(Scale):
    rng = np.random.default_rng(0)

    def forward(self, p, x):
        return super().forward(p, x + self.rng.normal(size=x.shape))  # BUG: noise is an argument


class Clips(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        dx = lambda dy: backward.dx(dy).clip(-0.1, 0.1)  # noqa: E731  BUG: not linear in dy
        return y, Pullback(backward.dp, dx, y)


class OtherHalf(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        half = lambda dy: 0.5 * backward.dx(dy)  # noqa: E731  BUG: backward.dx differs from backward
        return y, Pullback(backward.dp, half, y, both=backward)


class DtypeOfY(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        y = y * np.float64(1)  # BUG: a NumPy float64 promotes, where a Python float does not
        return y, Pullback(
            lambda dy: backward.dp(dy.astype(x.dtype)),
            lambda dy: backward.dx(dy.astype(x.dtype)),
            y,
        )


class DtypeOfDp(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        dp = lambda dy: {"w": backward.dp(dy)["w"] / np.sqrt(np.float64(1))}  # noqa: E731  BUG: float64
        return y, Pullback(dp, backward.dx, y)


class NestedKeys(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        return y, Pullback(lambda dy: {"p": backward.dp(dy)}, backward.dx, y)  # BUG: not p's keys


class ZeroForSkipped(Scale):
    def forward(self, p, x):
        y, backward = super().forward(p, x)
        return y, Pullback(no_params, backward.dx, y)  # BUG: dp is empty, p is not


CHECK = contract(3, 4, w=(4,))
SINGLE = contract(3, 4, dtype=np.float32, w=(4,))
PLANTS = [
    Plant(name, check, wrong, Scale(), rows)
    for name, check, wrong, rows in (
        ("writes into dy", CHECK, WritesDy(), ("read-only",)),
        ("writes into x", CHECK, WritesX(), ("read-only",)),
        ("writes into y", CHECK, WritesY(), ("read-only",)),
        (
            "accumulates on each backward",
            CHECK,
            Accumulates(),
            ("again", "between", "additive", "halves"),
        ),
        ("reuses the returned buffer", CHECK, ReusesBuffer(), ("again",)),
        ("caches on self", CHECK, CachesOnSelf(), ("between",)),
        ("draws its noise in forward", CHECK, DrawsNoise(), ("y",)),
        ("clips its gradient", CHECK, Clips(), ("additive",)),
        ("a half that differs", CHECK, OtherHalf(), ("halves",)),
        ("y grows to float64", SINGLE, DtypeOfY(), ("dtype",)),
        ("dp grows to float64", SINGLE, DtypeOfDp(), ("dp",)),
        ("dp under other keys", CHECK, NestedKeys(), ("dp",)),
        ("dp empty", CHECK, ZeroForSkipped(), ("dp",)),
    )
]
