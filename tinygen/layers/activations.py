"""Elementwise nonlinearities. Each has y = f(x) and dx = f'(x) dy.   docs/derivations/activations.md

Where f' is a function of y alone (tanh, sigmoid, ReLU), only y is kept.
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels import elementwise
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Relu(Layer):
    """y = max(x, 0)        any shape; the derivative at 0 is taken as 0"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp = namespace(x)
        y = xp.maximum(x, 0)

        def dx(dy: Array) -> Array:
            return dy * (y > 0)  # f' = 1 where x > 0, else 0

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class Tanh(Layer):
    """y = tanh x        any shape"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = namespace(x).tanh(x)

        def dx(dy: Array) -> Array:
            return dy * (1 - y * y)  # f' = 1 - y^2

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class Sigmoid(Layer):
    """y = 1 / (1 + e^-x)        any shape

    For gates and features. Losses take logits: the log of a sigmoid is never formed.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = elementwise.sigmoid(x)

        def dx(dy: Array) -> Array:
            return dy * (y * (1 - y))  # f' = y (1 - y)

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class Softplus(Layer):
    """y = log(1 + e^x)        any shape"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = elementwise.softplus(x)

        def dx(dy: Array) -> Array:
            return dy * elementwise.sigmoid(x)  # f' = sigmoid(x)

        return y, Pullback(no_params, dx, y)
