"""What a case is.

Each Case is a map f(p, x) -> (y, backward) with a point (p, x), all sizes different. The tests of
gradients, of the contract, of devices and the mutation script all run over this one list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import arrays, tree


@dataclass(frozen=True)
class Case:
    """name; make(rng) -> (f, p, x) in float64; zero: leaves whose gradient is rightly zero."""

    name: str
    make: Callable[[np.random.Generator], tuple[Any, Any, Any]]
    zero: tuple[str, ...] = ()
    wrt_x: bool = True


def layer_case(name: str, layer: Any, *shape: int, zero: tuple[str, ...] = (), extra: Any = None):
    """A case of a layer with a normal input of this shape; extra: rng -> third argument."""

    def make(rng):
        p, x = layer.init(rng, np.float64), rng.normal(size=shape)
        p = jittered(rng, p)  # biases start at zero, where an error in them could hide
        if extra is None:
            return layer.forward, p, x
        third = extra(rng)
        return lambda p, x: layer.forward(p, x, beside(third, (p, x))), p, x

    return Case(name, make, zero)


def beside(values, point):
    """Arrays that a case fixes (masks, noise), on the device and in the float dtype of its point.

    Thus one case serves all devices and dtypes: write f(p, x) with beside(noise, x).
    """
    first = next(a for _, a in tree.leaves(point) if a.dtype.kind == "f")

    def move(a):
        moved = arrays.namespace(first).asarray(a)
        moved = moved.astype(first.dtype, copy=False) if a.dtype.kind == "f" else moved
        if isinstance(moved, np.ndarray):
            moved.flags.writeable = False  # a layer may not write to an extra either
        return moved

    return tree.map(move, values)


def jittered(rng, p):
    return tree.map(lambda a: a + 0.1 * rng.normal(size=a.shape), p)
