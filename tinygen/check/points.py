"""The point (p, x) at which a map is checked: in float64, moved a leaf at a time.

A leaf is an array of p or x. Integer leaves (labels, indices) are never moved: no map has a
derivative with respect to them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.arrays import Array

JITTER = 1e-2


@dataclass(frozen=True)
class Leaf:
    """One float array of p or x, the gradient that backward gave it, and y as a function of it.

    problem : what is wrong with the gradient before any number is compared, or None
    y_of    : value of this leaf -> y, the other leaves held fixed
    """

    name: str
    value: Array
    gradient: Any
    problem: str | None
    y_of: Callable[[Array], Any]


def forward_of(f: Any) -> Callable[..., Any]:
    """The function (p, x) -> (y, backward) of a layer, or the function itself."""
    return f.forward if hasattr(f, "forward") else f


def describe(f: Any) -> str:
    """A short name for a layer, bound method or function."""
    return type(f).__name__ if hasattr(f, "forward") else getattr(f, "__qualname__", repr(f))


def to_float64(values: Any) -> Any:
    """Copies of the float leaves in float64; integers, None and strings as they are.

    Raises TypeError for a list, a float or a foreign array: as no leaf is made of it, it would not
    be moved, and the check would pass without having looked at it.
    """

    def convert(a: Any) -> Any:
        if not arrays.is_array(a) and not isinstance(a, int | str | None):
            raise TypeError(
                f"a leaf of p or x is a {type(a).__name__}, which the check cannot move: give "
                "trees of dicts and tuples whose leaves are arrays, np.asarray(...)"
            )
        return a.astype(np.float64) if is_float(a) else a

    return tree.map(convert, values)


def is_float(leaf: Any) -> bool:
    """Whether a leaf is an array of floats, which can be moved."""
    return arrays.is_array(leaf) and leaf.dtype.kind == "f"


def like(values: Any, leaf: Any) -> Any:
    """Host values with the dtype and on the device of a leaf."""
    return arrays.namespace(leaf).asarray(np.asarray(values, leaf.dtype))


def shifted(leaf: Array, by: Any) -> Array:
    """leaf + by, in the memory order of the leaf: a map may go another way on a turned array."""
    xp = arrays.namespace(leaf)
    return xp.add(leaf, like(by, leaf), out=xp.empty_like(leaf))


def cotangent(rng: np.random.Generator, y: Any) -> Any:
    """Normal numbers in the shape of y; integer outputs get zeros, for nothing flows back."""

    def draw(leaf: Any) -> Any:
        leaf = leaf if arrays.is_array(leaf) else np.asarray(leaf)
        return like(rng.normal(size=leaf.shape) * is_float(leaf), leaf)

    return tree.map(draw, y)


def equal(a: Any, b: Any) -> bool:
    """Whether two trees have one structure, the same values and the same dtypes; NaN = NaN."""

    def same(x: Any, y: Any) -> bool:
        if not arrays.is_array(x) or not arrays.is_array(y):
            return bool(x == y)
        x, y = arrays.to_host(x), arrays.to_host(y)
        return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")

    try:
        return all(leaf for _, leaf in tree.leaves(tree.map(same, a, b)))
    except ValueError:  # the structures differ
        return False


def is_finite(values: Any) -> bool:
    """Whether every float leaf of a tree is finite."""
    return all(
        bool(np.isfinite(arrays.to_host(leaf)).all())
        for _, leaf in tree.leaves(values)
        if is_float(leaf)
    )


def leaves_of(
    call: Callable[..., Any], p: Any, x: Any, dp: Any, dx: Any, wrt_x: bool
) -> Iterator[Leaf]:
    """Each parameter, then each float array of the input, with its gradient."""

    def of_p(name: str) -> Callable[[Array], Any]:
        return lambda moved: call(tree.replace(p, name, moved), x)[0]

    def of_x(name: str) -> Callable[[Array], Any]:
        return lambda moved: call(p, tree.replace(x, name, moved))[0]

    for name, value, gradient, problem in paired(p, dp):
        yield Leaf(name or "p", value, gradient, problem, of_p(name))
    for name, value, gradient, problem in paired(x, dx) if wrt_x else ():
        yield Leaf(f"x.{name}" if name else "x", value, gradient, problem, of_x(name))


def paired(values: Any, gradients: Any, name: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """(dotted name, leaf, gradient, problem) wherever there is a float leaf or a problem."""
    if not isinstance(values, dict | tuple):
        if is_float(values):
            yield name, values, gradients, misfit(values, gradients)
        return
    kind = dict if isinstance(values, dict) else tuple
    if not isinstance(gradients, kind):
        if any(is_float(leaf) for _, leaf in tree.leaves(values)):
            got = "no gradient" if gradients is None else f"a {type(gradients).__name__}"
            yield name, None, None, f"{got}, expected a {kind.__name__}"
        return
    parts, given = children(values), children(gradients)
    for key, value in parts.items():
        yield from paired(value, given.get(key), f"{name}.{key}" if name else key)
    for key in given.keys() - parts.keys():
        yield f"{name}.{key}" if name else key, None, None, "a gradient of no leaf"


def children(values: Any) -> dict[str, Any]:
    """The parts of a dict or tuple by name, as `tree.leaves` names them."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return {str(key): value for key, value in items}


def misfit(leaf: Array, gradient: Any) -> str | None:
    """What is wrong with the shape, dtype, device or finiteness of a gradient."""
    if gradient is None:
        return f"no gradient, expected shape {leaf.shape}"
    if not arrays.is_array(gradient):
        return f"the gradient is a {type(gradient).__name__}, expected an array"
    if gradient.shape != leaf.shape:
        return f"the gradient has shape {gradient.shape}, expected {leaf.shape}"
    if gradient.dtype != leaf.dtype:
        return f"the gradient is {gradient.dtype}, the leaf is {leaf.dtype}"
    if arrays.device_of(gradient) != arrays.device_of(leaf):
        return f"the gradient is on {arrays.device_of(gradient)!r}"
    return None if is_finite(gradient) else "the gradient holds NaN or infinity"


def redraw(
    call: Callable[..., Any], p: Any, x: Any, rng: np.random.Generator, wrt_x: bool
) -> tuple[Any, Any]:
    """A point a little aside, away from a kink, where the map still accepts its input.

    A likelihood refuses pixels outside [0, 1]: where the free step is refused, each leaf stays
    between its own least and greatest entry.
    """
    for within in (False, True):
        moved = jitter(rng, p, within), jitter(rng, x, within) if wrt_x else x
        try:
            if is_finite(call(*moved)[0]):
                return moved
        except ValueError:
            continue
    return jitter(rng, p, within=False), x


def jitter(rng: np.random.Generator, values: Any, within: bool) -> Any:
    """Float leaves moved by normal steps of JITTER; `within`: clipped to the leaf's own range."""

    def move(a: Any) -> Any:
        if not is_float(a):
            return a
        moved = shifted(a, JITTER * rng.normal(size=a.shape))
        return moved.clip(a.min(), a.max()) if within and a.size else moved

    return tree.map(move, values)
