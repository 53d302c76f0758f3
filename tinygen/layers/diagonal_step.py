"""The Diagonal BiLSTM place by place, for sampling: what was computed is kept.

A place of left needs the states above and beside it, both known. right runs from the end of a row
to its beginning, so it is run over a row when the row is complete; that is early enough, for
h[r, c] = left[r, c] + right[r - 1, c].                    docs/derivations/diagonal_lstm.md
"""

from collections.abc import Callable

from tinygen.arrays import Array, namespace
from tinygen.layers.diagonal_sweep import halved

Step = Callable[[int, int, Array], Array]


def stepper(K: Array, n: int, H: int, W: int, C: int) -> Step:
    """step(r, c, x) -> h[r, c] (n, F), from x (n, C) at (r, c), the weights K as in `sweep`.

    Raises ValueError for a place that is neither the last one nor the next, and for another x.
    """
    xp, F, K = namespace(K), K.shape[2] // 4, halved(K)
    taps = (K.shape[1] - 2 * F - 1) // C
    # [left, right], columns in the order in which the sweep meets them, and one of zeros before
    h_above = xp.zeros((2, W + 1, n, F), K.dtype)
    h = xp.zeros_like(h_above)
    cell = xp.zeros_like(h_above)
    xs = xp.zeros((2, W + 1, n, C), K.dtype)  # this row's inputs
    s = xp.ones((n, K.shape[1]), K.dtype)  # (h above, h beside, x, 1)
    last = -1  # the place visited last, in raster order

    def visit(k: int, j: int) -> None:
        """The state of sweep k at the j-th place of this row, j = 1, 2, ..., W."""
        s[:, :F] = h_above[k, j]
        s[:, F : 2 * F] = h[k, j - 1]
        for tap in range(taps):  # the pixel, and with mask A the one met before it
            s[:, 2 * F + tap * C : 2 * F + (tap + 1) * C] = xs[k, j - tap]
        a = s @ K[k]  #                                                      (n, 4F)    (2)
        xp.tanh(a, out=a)
        i, f, _, o = (a * 0.5 + 0.5).reshape(n, 4, F).swapaxes(0, 1)  #                 (3)
        g = a[:, 2 * F : 3 * F]
        cell[k, j] = f * cell[k, j - 1] + i * g  #                                      (5)
        h[k, j] = o * xp.tanh(cell[k, j])  #                                            (6)

    def next_row() -> None:
        """This row is complete: right runs over it, and it becomes the row above."""
        xs[1, 1:] = xs[0, :0:-1]
        for j in range(1, W + 1):
            visit(1, j)
        h_above[...] = h

    def step(r: int, c: int, x: Array) -> Array:
        nonlocal last
        check_place(last, (r, c), H, W)
        if x.shape != (n, C):
            raise ValueError(
                f"DiagonalBiLSTM: step: expected x of shape ({n}, {C}), got {x.shape}: give the "
                "input at one place of all examples"
            )
        if last >= 0 and r > last // W:
            next_row()
        last = r * W + c
        xs[0, c + 1] = x
        visit(0, c + 1)
        return h[0, c + 1] + h_above[1, W - c]  # left[r, c] + right[r - 1, c]    (n, F)    (1)

    return step


def check_place(last: int, place: tuple[int, int], H: int, W: int) -> None:
    """Refuse a place that is neither the last one nor the next in raster order."""
    allowed = [(k // W, k % W) for k in (last, last + 1) if 0 <= k < H * W]
    if place not in allowed:
        raise ValueError(
            f"DiagonalBiLSTM: step: expected the place {' or '.join(map(str, allowed))}, got "
            f"{place}: the states of the places before must be there; begin anew with a new stepper"
        )
