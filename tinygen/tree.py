"""Nested values: dicts and tuples whose leaves are arrays.

Parameters, gradients, moments and structured inputs are all such trees. A leaf is anything
that is neither a dict nor a tuple.
"""

from collections.abc import Callable, Iterator
from typing import Any


def map(f: Callable[..., Any], first: Any, *rest: Any) -> Any:
    """`f` applied to the leaves of trees of one structure. Raises ValueError where they differ."""
    if isinstance(first, dict):
        for other in rest:
            if not isinstance(other, dict) or other.keys() != first.keys():
                raise ValueError(f"trees differ: keys {_keys(first)} against {_keys(other)}")
        return {key: map(f, first[key], *(other[key] for other in rest)) for key in first}
    if isinstance(first, tuple):
        if any(not isinstance(other, tuple) or len(other) != len(first) for other in rest):
            raise ValueError(f"trees differ: a tuple of {len(first)} against something else")
        return tuple(map(f, *parts) for parts in zip(first, *rest, strict=True))
    return f(first, *rest)


def leaves(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, leaf) pairs in order: {"encoder": {"W": a}} gives ("encoder.W", a)."""
    if isinstance(tree, dict | tuple):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in items:
            yield from leaves(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, tree


def add(a: Any, b: Any) -> Any:
    """a + b, leaf by leaf: gradients of a reused layer are the sum over its uses."""
    return map(lambda x, y: x + y, a, b)


def scale(a: Any, factor: Any) -> Any:
    """factor * a, leaf by leaf."""
    return map(lambda x: factor * x, a)


def replace(tree: Any, name: str, leaf: Any) -> Any:
    """A copy of `tree` in which the leaf of that dotted name is another one."""
    if name == "":
        return leaf
    key, _, rest = name.partition(".")
    if isinstance(tree, dict):
        if key not in tree:
            raise KeyError(f"no leaf {name!r}: the keys here are {_keys(tree)}")
        return {**tree, key: replace(tree[key], rest, leaf)}
    return tuple(
        replace(part, rest, leaf) if i == int(key) else part for i, part in enumerate(tree)
    )


def count(tree: Any) -> int:
    """The number of array entries in a tree."""
    return sum(leaf.size for _, leaf in leaves(tree))


def _keys(tree: Any) -> list[str]:
    return sorted(tree) if isinstance(tree, dict) else [type(tree).__name__]
