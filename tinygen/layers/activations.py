"""Elementwise nonlinearities.

y = f(x)        dx = f'(x) dy                              docs/derivations/activations.md

Where f' is a function of y alone (all but softplus), only y is kept. A derivative is written
as one `fused` pass, or in place on a buffer of its own: such passes cost memory traffic only.
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels import elementwise
from tinygen.kernels.elementwise import fused
from tinygen.layers.base import Layer, check_input
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Relu(Layer):
    """y = max(x, 0)        any shape; the derivative at 0 is taken as 0"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp = namespace(x)
        y = xp.maximum(x, 0)  # (1)

        def dx(dy: Array) -> Array:
            return dy * (y > 0)  # f' = [y > 0]   (2)

        return y, Pullback(no_params, dx, y)


@dataclass(frozen=True)
class LeakyRelu(Layer):
    """y = max(x, slope x)        any shape; the derivative at 0 is taken as slope

    slope : 0 <= slope < 1, the derivative left of zero (0.2 in DCGAN's discriminator)

    Maas, Hannun and Ng 2013. Raises ValueError for another slope.
    """

    slope: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.slope < 1:  # refuses NaN too
            raise ValueError(f"LeakyRelu: slope must lie in 0 <= slope < 1, got {self.slope!r}")

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        xp = namespace(x)
        y = x * float(self.slope)
        xp.maximum(x, y, out=y)  # max(x, slope x)   (3)

        def dx(dy: Array) -> Array:
            d = (y > 0).astype(y.dtype)
            xp.maximum(d, float(self.slope), out=d)  # f' = max([y > 0], slope)   (4)
            d *= dy
            return d

        return y, Pullback(no_params, dx, y)


@fused
def _elu(xp: Any, x: Array) -> Array:
    return xp.maximum(x, 0) + xp.expm1(xp.minimum(x, 0))  # max(x, 0) + e^min(x, 0) - 1   (5)


@fused
def _elu_dx(xp: Any, dy: Array, y: Array) -> Array:
    return dy * (xp.minimum(y, 0) + 1)  # f' = 1 + min(y, 0)   (6)


@dataclass(frozen=True)
class Elu(Layer):
    """y = x where x > 0, else e^x - 1        any shape

    Clevert, Unterthiner and Hochreiter 2016, arXiv 1511.07289, with alpha = 1, for which the
    derivative is continuous.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = _elu(x)
        return y, Pullback(no_params, lambda dy: _elu_dx(dy, y), y)


@fused
def _tanh_dx(xp: Any, dy: Array, y: Array) -> Array:
    return dy * (1 - y * y)  # f' = 1 - y^2   (8)


@dataclass(frozen=True)
class Tanh(Layer):
    """y = tanh x        any shape"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = namespace(x).tanh(x)  # (7)
        return y, Pullback(no_params, lambda dy: _tanh_dx(dy, y), y)


@fused
def _sigmoid_dx(xp: Any, dy: Array, y: Array) -> Array:
    return dy * (y * (1 - y))  # f' = y (1 - y)   (10)


@dataclass(frozen=True)
class Sigmoid(Layer):
    """y = 1 / (1 + e^-x)        any shape

    For gates and features. Losses take logits: the log of a sigmoid is never formed.
    """

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = elementwise.sigmoid(x)  # (9)
        return y, Pullback(no_params, lambda dy: _sigmoid_dx(dy, y), y)


@fused
def _softplus_dx(xp: Any, dy: Array, x: Array) -> Array:
    return dy * (xp.tanh(x * 0.5) * 0.5 + 0.5)  # f' = sigmoid(x)   (12)


@dataclass(frozen=True)
class Softplus(Layer):
    """y = log(1 + e^x)        any shape"""

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...")
        y = elementwise.softplus(x)  # (11)
        return y, Pullback(no_params, lambda dy: _softplus_dx(dy, x), y)
