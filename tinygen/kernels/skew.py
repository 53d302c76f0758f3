"""Skewing: an image, diagonal by diagonal.

The place (r, c) lies on diagonal t = r + c. Moving row r by r places to the right makes the
diagonals the columns of a map (H, H + W - 1):

    x00 x01 x02        x00 x01 x02  .
    x10 x11 x12   ->    .  x10 x11 x12        diagonals: x00 | x01 x10 | x02 x11 | x12

In raster order (r, c) is place r W + c, so that diagonal t is every (W - 1)-th place from its first
one on, and of the mirrored image every (W + 1)-th: a slice. Here the diagonals are kept one by
one, without the places where nothing is (.), so that skewing only permutes. Its adjoint is then
its inverse, unskewing:

    <skew(x), y> = <x, unskew(y)>,      unskew(skew(x)) = x

van den Oord et al. 2016, arXiv 1601.06759, section 3.2     docs/derivations/diagonal_lstm.md
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.arrays import Array, namespace

Pair = tuple[slice, slice]


@dataclass(frozen=True)
class Diagonal:
    """Diagonal t of an image (H, W) of N examples, its places from the top row to the bottom.

    n        : the number of its places; n N columns belong to them, N a place
    places   : which of the H W places they are
    mirrored : and which are those of the image's mirror image
    beside   : its columns that have a right neighbour, and the neighbours' in diagonal t + 1
    below    : its columns that have a lower neighbour, and the neighbours' in diagonal t + 1
    """

    n: int
    places: slice
    mirrored: slice
    beside: Pair
    below: Pair


def diagonals(H: int, W: int, N: int = 1) -> list[Diagonal]:
    """The H + W - 1 diagonals."""
    found = []
    for t in range(H + W - 1):
        first = max(0, t - W + 1)  # row
        n = min(H - 1, t) - first + 1
        ends_right, ends_below = t >= W - 1, t >= H - 1  # one of its places is at the border
        beside = slice(ends_right * N, n * N), slice(0, (n - ends_right) * N)
        # where no place ends at the right, diagonal t + 1 begins a row higher: at (0, t + 1)
        shift = 1 - ends_right
        below = slice(0, (n - ends_below) * N), slice(shift * N, (shift + n - ends_below) * N)
        places = every(t + first * (W - 1), W - 1, n)
        mirrored = every(W - 1 - t + first * (W + 1), W + 1, n)
        found.append(Diagonal(n, places, mirrored, beside, below))
    return found


def every(start: int, step: int, n: int) -> slice:
    """n places, `step` apart (with one place in a row it is 0, and n is 1)."""
    return slice(start, start + (n - 1) * step + 1, max(step, 1))


def skew(x: Array, steps: Sequence[Diagonal], mirrored: bool = False) -> list[Array]:
    """x (N, H, W, C) -> (C, n N) for each diagonal of x, or of its mirror image."""
    N, H, W, C = x.shape
    places = namespace(x).ascontiguousarray(x.reshape(N, H * W, C).swapaxes(0, 1))
    return [places[d.mirrored if mirrored else d.places].reshape(d.n * N, C).T for d in steps]


def unskew(
    y: Sequence[Array], steps: Sequence[Diagonal], shape: tuple[int, ...], mirrored: bool = False
) -> Array:
    """(C, n N) for each diagonal -> x (N, H, W, C) of this shape."""
    N, H, W, C = shape
    xp = namespace(y[0])
    places = xp.empty((H * W, N, C), y[0].dtype)
    for d, columns in zip(steps, y, strict=True):
        places[d.mirrored if mirrored else d.places] = columns.T.reshape(d.n, N, C)
    return xp.ascontiguousarray(places.swapaxes(0, 1)).reshape(shape)
