"""Examples: one array, the examples first, or a tuple of arrays that belong together.

(x, y) with x (N, H, W, C) and y (N,) is N images, each with its class. A row is taken of all.
"""

from typing import Any

from tinygen import tree
from tinygen.arrays import Array, namespace


def count(x: Any) -> int:
    """N, the number of examples. Raises ValueError where the arrays of a tuple disagree."""
    sizes = {name: len(a) for name, a in tree.leaves(x)}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            f"examples: the arrays of a tuple hold {sizes or 'nothing'}: one N for all"
        )
    return next(iter(sizes.values()))


def rows(x: Any, index: Array | slice) -> Any:
    """The examples of that index, of each array."""
    return tree.map(lambda a: a[index], x)


def first(x: Any) -> Array:
    """The array itself, or the first of a tuple: the data, beside which labels stand."""
    return first(x[0]) if isinstance(x, tuple) else x


def join(parts: list[Any]) -> Any:
    """Parts one after the other, as one. Their trees must be alike."""
    return tree.map(lambda *a: namespace(a[0]).concatenate(a), *parts)
