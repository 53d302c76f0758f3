"""Elementwise layers:  y = f(x),  v = f'(x) u.

    du = f'(x) dv        dx = f'(x) dy + f''(x) u dv                                   (9) (10)

The layer's own pullback multiplies by f', so only the curvature f'' is new. Where f is piecewise
linear f'' is zero, but at the kinks. A bias before a smooth f gets its gradient from that term.
                                                           docs/derivations/tangent.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.kernels.elementwise import fused
from tinygen.layers import Bounded, Elu, LeakyRelu, Relu, Sigmoid, Softplus, Tanh
from tinygen.pullback import Pullback, no_params
from tinygen.tangent.rule import Linearised, PairPullback, plus, remembered, rule


def elementwise(
    y: Array, backward: Pullback, bend: Callable[[Array], Array] | None = None
) -> Linearised:
    """The rule of y = f(x); bend: u dv -> f''(x) u dv, None where f'' = 0."""
    first = remembered(backward, y)

    def push(u: Array) -> tuple[Array, PairPullback]:
        v = backward.dx(u)  # f'(x) u

        def dx(d: Any) -> tuple[Array | None, Array]:
            dy, dv = d
            dx = None if dy is None else backward.dx(dy)  # f'(x) dy
            curved = None if bend is None else bend(u * dv)  # + f''(x) u dv   (10)
            return plus(dx, curved), first.dx(dv)  # f'(x) dv                  (9)

        return v, PairPullback(no_params, dx, y)

    return Linearised(y, first, push)


@rule(Relu, LeakyRelu)
def piecewise_linear(layer: Any, p: Params, x: Array) -> Linearised:
    """f'' = 0"""
    return elementwise(*layer.forward(p, x))


@fused
def _tanh_bend(xp: Any, w: Array, y: Array) -> Array:
    return w * (-2 * y * (1 - y * y))  # f'' = -2 y (1 - y^2)   (11)


@rule(Tanh)
def tanh(layer: Any, p: Params, x: Array) -> Linearised:
    """y = tanh x"""
    y, backward = layer.forward(p, x)
    return elementwise(y, backward, lambda w: _tanh_bend(w, y))


@rule(Bounded)
def bounded(layer: Any, p: Params, x: Array) -> Linearised:
    """y = c tanh(x / c): f'' is that of tanh at y / c, divided by c."""
    y, backward = layer.forward(p, x)
    c = float(layer.limit)
    return elementwise(y, backward, lambda w: _tanh_bend(w / c, y / c))


@fused
def _sigmoid_bend(xp: Any, w: Array, y: Array) -> Array:
    return w * (y * (1 - y) * (1 - 2 * y))  # f'' = y (1 - y) (1 - 2 y)   (12)


@rule(Sigmoid)
def sigmoid(layer: Any, p: Params, x: Array) -> Linearised:
    """y = 1 / (1 + e^-x)"""
    y, backward = layer.forward(p, x)
    return elementwise(y, backward, lambda w: _sigmoid_bend(w, y))


@fused
def _softplus_bend(xp: Any, w: Array, x: Array) -> Array:
    t = xp.tanh(x * 0.5)
    return w * (0.25 * (1 - t * t))  # f'' = s (1 - s), s = sigmoid(x) = (1 + t) / 2   (13)


@rule(Softplus)
def softplus(layer: Any, p: Params, x: Array) -> Linearised:
    """y = log(1 + e^x)"""
    y, backward = layer.forward(p, x)
    return elementwise(y, backward, lambda w: _softplus_bend(w, x))


@fused
def _elu_bend(xp: Any, w: Array, y: Array) -> Array:
    return w * ((y < 0) * (y + 1))  # f'' = e^x = y + 1 left of zero, else 0   (14)


@rule(Elu)
def elu(layer: Any, p: Params, x: Array) -> Linearised:
    """y = x where x > 0, else e^x - 1"""
    y, backward = layer.forward(p, x)
    return elementwise(y, backward, lambda w: _elu_bend(w, y))
