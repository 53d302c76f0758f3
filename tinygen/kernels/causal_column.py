"""PixelCNN's residual stack at one pixel after the other, in few and small operations.

    h += U r(V * r(D r(h)))            y = Q r(P r(h))

As `causal_stack`, for n images at one pixel: a column (features, n). The second layer's input is
kept in a frame of zeros, where the centre and its left neighbour are one matrix. The three taps
above are known before the row begins: their share in all pixels of the row is computed at once.
What is left is seven calls a block, each a microsecond.          docs/derivations/pixelcnn.md
"""

from collections.abc import Callable
from typing import NamedTuple

from tinygen.arrays import Array, namespace
from tinygen.kernels.causal_stack import Block, Matrix


class Kept(NamedTuple):
    """The matrices of a block as a step uses them, and what it keeps."""

    D: Matrix  # (F/2, F + 1)
    above: Matrix  # (F/2, 3 F/2), the taps above
    bias: Array  # (F/2, 1)
    beside: Matrix  # (F/2, F), the left neighbour and the centre
    U: Matrix  # (F, F/2 + 1 + F): [U u I]
    s: Array  # (pixels of the frame times F/2, n)
    top: Array  # (W, F/2, n), what the row above gives to each pixel of this row


def bind(
    blocks: list[Block], P: Matrix, Q: Matrix, n: int, H: int, W: int
) -> Callable[[int, int, Array], Array]:
    """(i, j, h (F, n)) -> y (O, n), called for each pixel in reading order."""
    xp, F, half, pitch = namespace(P), P.shape[1] - 1, 0, W + 1
    kept = []
    for D, V, U in blocks:
        half = len(D)
        kept.append(
            Kept(
                D,
                xp.ascontiguousarray(V[:, : 3 * half]),
                xp.ascontiguousarray(V[:, -1:]),
                xp.ascontiguousarray(V[:, 3 * half : -1]),
                xp.concatenate([U, xp.eye(F, dtype=P.dtype)], axis=1),
                xp.zeros(((1 + (H + 1) * pitch) * half, n), P.dtype),
                xp.empty((W, half, n), P.dtype),
            )
        )
    # [v; 1; h] of even and of odd blocks: one product gives h + U v + u of the next      (2)
    columns = [xp.ones((half + 1 + F, n), P.dtype) for _ in range(2)]
    halves = [(z, z[:half], z[half + 1 :]) for z in columns]
    a, g = xp.ones((F + 1, n), P.dtype), xp.ones((len(P) + 1, n), P.dtype)
    relu_h, hidden = a[:F], g[:-1]

    def begin(i: int) -> None:
        """What row i - 1 gives to each pixel of row i."""
        for block in kept:
            for j in range(W):
                first = i * pitch + j  # of the three pixels above, in a frame that begins at -1
                window = block.s[first * half : (first + 3) * half]
                block.above.dot(window, out=block.top[j])
            block.top[...] += block.bias

    def step(i: int, j: int, x: Array) -> Array:
        if j == 0:
            begin(i)
        place = ((i + 1) * pitch + j + 1) * half
        z, v, h = halves[0]
        h[...] = x
        for k, (D, _, _, beside, U, kept_s, top) in enumerate(kept, start=1):
            s = kept_s[place : place + half]
            xp.maximum(h, 0, out=relu_h)
            D.dot(a, out=s)
            xp.maximum(s, 0, out=s)  #                                         (F/2, n)
            beside.dot(kept_s[place - half : place + half], out=v)  #          (5)
            v += top[j]
            xp.maximum(v, 0, out=v)  #                                         (F/2, n)
            last, (z, v, h) = z, halves[k % 2]
            U.dot(last, out=h)  #                                              (F, n)
        xp.maximum(h, 0, out=relu_h)
        P.dot(a, out=hidden)
        xp.maximum(hidden, 0, out=hidden)
        return Q.dot(g)  #                                                     (O, n)    (3)

    return step
