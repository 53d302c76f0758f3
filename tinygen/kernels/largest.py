"""The largest of K arrays, entry by entry, and where it was.

y = max_k x_k        dx_k = [k is the first with x_k = y] dy

Max pooling and Maxout are this on K strided views.   docs/derivations/pooling.md
"""

from collections.abc import Sequence

from tinygen.arrays import Array, namespace


def largest(parts: Sequence[Array]) -> Array:
    """max_k x_k of K arrays of one shape."""
    xp = namespace(parts[0])
    y = parts[0].copy()
    for part in parts[1:]:
        xp.maximum(y, part, out=y)
    return y


def largest_pullback(parts: Sequence[Array], y: Array, dy: Array, out: Sequence[Array]) -> None:
    """Write dx_k into out[k]: dy where x_k is the first of the largest, else 0.

    At a tie max has no derivative; the first of the equals gets all of dy, as its move alone
    would raise y.
    """
    xp = namespace(y)
    free = xp.ones(y.shape, bool)  # entries whose largest has not been met yet
    for part, dx in zip(parts, out, strict=True):
        hit = part == y
        hit &= free
        free ^= hit
        xp.multiply(dy, hit, out=dx)
