"""Central differences of <u, y>, their rounding floor, and the corners that spoil them.

Derivation of the two errors, of the floor and of the test for a corner: docs/derivations/check.md
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check.points import Leaf, shifted

EPS = float(np.finfo(np.float64).eps)
DIRECTIONS = 5  # random ones, for each leaf
EVERY_COORDINATE = 200  # leaves up to this size are moved along each axis as well


def unit_directions(
    shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """(what it is, v) with |v| = 1: each axis of a small leaf, then random ones."""
    size = int(np.prod(shape))
    if size <= EVERY_COORDINATE:
        for i in range(size):
            axis = np.zeros(size)
            axis[i] = 1.0
            index = [int(k) for k in np.unravel_index(i, shape)]
            yield f"at {index}" if index else "", axis.reshape(shape)
    for _ in range(DIRECTIONS if size else 0):
        v = np.asarray(rng.normal(size=shape))
        yield "along a random direction", v / np.linalg.norm(v)


def inner(u: Any, a: Any, b: Any) -> float:
    """<u, a - b> over the leaves of trees of one structure."""
    parts = (
        float((c * (s - t)).sum())
        for (_, c), (_, s), (_, t) in zip(
            tree.leaves(u), tree.leaves(a), tree.leaves(b), strict=True
        )
    )
    return sum(parts)


def magnitude(u: Any, y: Any) -> float:
    """S = sum |u y|, the size of what is rounded when <u, y> is formed.    (4)"""
    parts = zip(tree.leaves(u), tree.leaves(y), strict=True)
    return sum(float(abs(c * s).sum()) for (_, c), (_, s) in parts)


def moved(leaf: Leaf, step: float, v: np.ndarray) -> Any:
    """y with the leaf at theta + step v. A refusal is passed on with the remedy."""
    try:
        return leaf.y_of(shifted(leaf.value, step * v))
    except ValueError as error:
        error.add_note(
            f"raised while the check moved the leaf {leaf.name!r} by {abs(step):.0e}: choose a "
            "point inside the range that the map accepts, or leave the input out with wrt_x=False"
        )
        raise


def central(leaf: Leaf, u: Any, v: np.ndarray, h: float) -> float:
    """(<u, y(theta + h v)> - <u, y(theta - h v)>) / 2h    (2)"""
    return inner(u, moved(leaf, h, v), moved(leaf, -h, v)) / (2 * h)


def floor(S: float, h: float) -> float:
    """10 eps S / h: what rounding alone can do to a central difference.    (4)"""
    return 10 * EPS * S / h


def corner(leaf: Leaf, u: Any, v: np.ndarray, S: float) -> float:
    """The jump of the slope of <u, y> along v at this point; 0 where it is smooth.    (6)

    The one-sided slopes differ by s(h) = c + h f'' + O(h^3): c at a corner, 0 elsewhere.
    (10 s(h / 10) - s(h)) / 9 leaves c alone. 0 is returned where rounding could be all of it, and
    where s grows as h shrinks: there y itself jumps, which no right layer does.
    """
    here = leaf.y_of(leaf.value)

    def gap(h: float) -> float:
        return (inner(u, moved(leaf, h, v), here) - inner(u, here, moved(leaf, -h, v))) / h

    wide, middle, narrow = gap(1e-4), gap(1e-5), gap(1e-6)
    if abs(narrow) > 5 * abs(middle) + 4 * floor(S, 1e-6):
        return 0.0
    c = abs(10 * middle - wide) / 9
    return c if c > 4 * floor(S, 1e-5) else 0.0


def sweep(leaves: list[Leaf], u: Any, rng: np.random.Generator) -> dict[str, tuple[Any, Any]]:
    """Leaf -> (steps 1e-1 to 1e-12, relative errors) along one random direction each.

    A step that leaves the range which the map accepts has no error: NaN.
    """
    steps, errors = np.logspace(-1, -12, 23), {}
    for leaf in leaves:
        v = np.asarray(rng.normal(size=leaf.value.shape))
        v = v / np.linalg.norm(v)
        exact = float((arrays.to_host(leaf.gradient) * v).sum())
        errors[leaf.name] = steps, np.array([_error(leaf, u, v, h, exact) for h in steps])
    return errors


def _error(leaf: Leaf, u: Any, v: np.ndarray, h: float, exact: float) -> float:
    try:
        numeric = central(leaf, u, v, h)
    except ValueError:
        return np.nan
    scale = max(abs(exact), abs(numeric))
    return max(abs(numeric - exact) / scale, 1e-17) if scale else 1e-17
