"""What a case is: a map with a small point (p, x), and the layers or models that it belongs to.

    CASES = [layer_case("Dense", Dense(4, 6), 2, 4)]

in a module of this folder is all that a new layer needs to be checked; all sizes should differ.
What no gradient shows (an adjoint, causality, a sum to one) is a Claim, in a list CLAIMS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check import Report
from tinygen.pullback import Pullback

Make = Callable[[np.random.Generator], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Case:
    """A map f(p, x) -> (y, backward) and a point (p, x) in float64 at which it is checked.

    make  : rng -> (f, p, x)
    zero  : names of the leaves whose gradient is rightly zero
    wrt_x : False where the map has no gradient with respect to its input
    of    : the public classes and functions that the case speaks of, by which it is found
    """

    name: str
    make: Make
    zero: tuple[str, ...] = ()
    wrt_x: bool = True
    of: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A statement that one call of another check of `tinygen.check` decides.

    kind  : what is checked, in the words of the table: "adjoint", "causal", "sums to one"
    check : rng -> Report
    of    : as in Case
    """

    name: str
    kind: str
    check: Callable[[np.random.Generator], Report]
    of: tuple[Any, ...] = ()


def layer_case(
    name: str,
    layer: Any,
    *shape: int,
    zero: tuple[str, ...] = (),
    extra: Callable[[np.random.Generator], Any] | None = None,
    of: tuple[Any, ...] = (),
) -> Case:
    """A case of a layer with a normal input of this shape; extra: rng -> third argument.

    of : what the case speaks of besides the class of the layer
    """

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = layer.init(rng, np.float64), rng.normal(size=shape)
        p = jittered(rng, p)  # biases start at zero, where an error in them could hide
        if extra is None:
            return layer.forward, p, x
        third = extra(rng)
        return lambda p, x: layer.forward(p, x, beside(third, (p, x))), p, x

    return Case(name, make, zero, of=(*of, type(layer)))


def beside(values: Any, point: Any) -> Any:
    """Arrays that a case fixes (masks, noise), on the device and in the float dtype of its point.

    Thus one case serves all devices and dtypes: write f(p, x) with beside(noise, x).
    """
    first = next(a for _, a in tree.leaves(point) if a.dtype.kind == "f")

    def move(a: Any) -> Any:
        moved = arrays.namespace(first).asarray(a)
        moved = moved.astype(first.dtype, copy=False) if a.dtype.kind == "f" else moved
        if isinstance(moved, np.ndarray):
            moved.flags.writeable = False  # a layer may not write to an extra either
        return moved

    return tree.map(move, values)


def of_data(loss: Callable[..., Any], y: Any, noise: Any = None) -> Callable[..., Any]:
    """A loss of (x, y) and noise, as a function of p and x alone: labels have no gradient."""

    def f(p: Any, x: Any) -> tuple[Any, Pullback]:
        third = () if noise is None else (beside(noise, x),)
        value, backward = loss(p, (x, beside(y, x)), *third)

        def both(d: Any) -> tuple[Any, Any]:
            dp, dx = backward(d)
            return dp, dx[0]

        return value, Pullback(backward.dp, lambda d: backward.dx(d)[0], value, both)

    return f


def jittered(rng: np.random.Generator, p: Any) -> Any:
    """Parameters moved by a tenth of a normal number each."""
    return tree.map(lambda a: a + 0.1 * rng.normal(size=a.shape), p)
