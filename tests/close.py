"""How the tests compare trees of arrays."""

from tinygen import tree


def close(a, b, tolerance):
    """Trees are equal, each leaf up to its own largest entry."""
    for (name, u), (_, v) in zip(tree.leaves(a), tree.leaves(b), strict=True):
        assert abs(u - v).max() <= tolerance * max(1, abs(v).max()), name
