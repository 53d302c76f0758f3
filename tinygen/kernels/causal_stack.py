"""PixelCNN's residual stack on the CPU: a few images at a time through all layers, in the cache.

    block   h += U r(V * r(D r(h)))            head   y = Q r(P r(h))            r(h) = max(h, 0)

The sums are those of the layers; what differs is where the numbers lie. A layer of 8 or 16
features makes little work a number, so that passes over memory decide. Here

- two images go through the whole stack before the next two: the arrays of a layer fit the cache;
- features come first, (F, R): elementwise lines run along R, and a product has R columns;
- the R pixels lie in a frame of zeros, a row above each image and a column at its right, which is
  also the column at the left of the next row. The pixel o places earlier is then a shift by o,
  and the five causal taps of a 3x3 window are five shifted copies, one below the other;
- biases are a column of the matrix, beside a row of features that is 1 on pixels and 0 on the
  frame: the frame keeps its zeros without another pass.
                                                           docs/derivations/pixelcnn.md
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Matrix = np.ndarray
IMAGES = 2  # at a time


class Block(NamedTuple):
    """The matrices of a block, each with its bias as the last column."""

    D: Matrix  # (F/2, F + 1)
    V: Matrix  # (F/2, 5 F/2 + 1), tap by tap
    U: Matrix  # (F, F/2 + 1)


class Frame:
    """The frame of n images (H, W), and the shifts of the five causal taps in it."""

    def __init__(self, n: int, H: int, W: int, dtype: np.dtype):
        self.n, self.H, self.W, self.dtype = n, H, W, dtype
        pitch = W + 1
        self.R = n * (H + 1) * pitch
        self.shifts = (pitch + 1, pitch, pitch - 1, 1, 0)  # in reading order, up to the centre
        self.ones = np.zeros(self.R, dtype)
        self.pixels(self.ones[None])[...] = 1

    def empty(self, features: int) -> np.ndarray:
        """(features + 1, R): the last row is 1 on pixels."""
        a = np.empty((features + 1, self.R), self.dtype)
        a[features] = self.ones
        return a

    def pixels(self, a: np.ndarray) -> np.ndarray:
        """The view (F, n, H, W) of the pixels in (F, R)."""
        return a.reshape(len(a), self.n, self.H + 1, self.W + 1)[:, :, 1:, : self.W]

    def clear(self, a: np.ndarray) -> None:
        """Zeros on the frame."""
        grid = a.reshape(len(a), self.n, self.H + 1, self.W + 1)
        grid[:, :, 0] = 0
        grid[:, :, :, self.W] = 0

    def framed(self, x: np.ndarray) -> np.ndarray:
        """x (n, H, W, F) as (F, R)."""
        a = np.zeros((x.shape[3], self.R), self.dtype)
        self.pixels(a)[...] = x.transpose(3, 0, 1, 2)
        return a

    def unframed(self, a: np.ndarray) -> np.ndarray:
        """(F, R) as a view (n, H, W, F)."""
        return self.pixels(a).transpose(1, 2, 3, 0)

    def earlier(self, s: np.ndarray, out: np.ndarray) -> None:
        """out[tap] = s at the place of that tap; out (5, F, R) is zero where none is."""
        for tap, o in zip(out, self.shifts, strict=True):
            tap[:, o:] = s[:, : self.R - o]

    def later(self, dv: np.ndarray, out: np.ndarray) -> None:
        """out[tap] = dv where that tap is the pixel: the adjoint's shifts."""
        for tap, o in zip(out, self.shifts, strict=True):
            tap[:, : self.R - o] = dv[:, o:]


def forward(
    blocks: list[Block], P: Matrix, Q: Matrix, h: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], tuple[list[Block], Matrix, Matrix, np.ndarray]]]:
    """h (N, H, W, F) -> y (N, H, W, O), and the pullback dy -> (dblocks, dP, dQ, dh)."""
    N, H, W, _ = h.shape
    y = np.empty((N, H, W, len(Q)), h.dtype)
    frames: dict[int, Frame] = {}
    parts = []
    for start in range(0, N, IMAGES):
        rows = slice(start, min(start + IMAGES, N))
        n = rows.stop - start
        frame = frames.setdefault(n, Frame(n, H, W, h.dtype) if n not in frames else frames[n])
        logits, backward = some(frame, blocks, P, Q, h[rows])
        y[rows] = logits
        parts.append((rows, backward))

    def back(dy: np.ndarray) -> tuple[list[Block], Matrix, Matrix, np.ndarray]:
        dh = np.empty_like(h)
        grads = [Block(*map(np.zeros_like, block)) for block in blocks]
        dP, dQ = np.zeros_like(P), np.zeros_like(Q)
        for rows, backward in parts:
            dh[rows] = backward(dy[rows], grads, dP, dQ)
        return grads, dP, dQ, dh

    return y, back


def some(
    frame: Frame, blocks: list[Block], P: Matrix, Q: Matrix, x: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray, list[Block], Matrix, Matrix], np.ndarray]]:
    """The stack on a few images; its pullback adds to the gradients that it is given."""
    half, F = len(blocks[0].D) if blocks else 0, x.shape[3]
    h = frame.framed(x)  #                                             (F, R)
    window = np.zeros((5 * half + 1, frame.R), frame.dtype)
    window[-1] = frame.ones
    taps = window[:-1].reshape(5, half, frame.R)
    kept = []
    for D, V, U in blocks:
        a, s, v = frame.empty(F), np.empty((half, frame.R), frame.dtype), frame.empty(half)
        np.maximum(h, 0, out=a[:F])  # r(h)                            (F, R)
        np.matmul(D, a, out=s)
        np.maximum(s, 0, out=s)  # r(D r(h))                           (F/2, R)
        frame.earlier(s, taps)
        np.matmul(V, window, out=v[:half])
        np.maximum(v[:half], 0, out=v[:half])  # r(V * r(D r(h)))      (F/2, R)
        frame.clear(v[:half])
        h += U @ v  #                                                  (F, R)    (2)
        kept.append((a, s, v))
    a, g = frame.empty(F), frame.empty(len(P))
    np.maximum(h, 0, out=a[:F])
    np.matmul(P, a, out=g[:-1])
    np.maximum(g[:-1], 0, out=g[:-1])
    y = frame.unframed(Q @ g)  #                                       (n, H, W, O)  (3)

    def back(dy: np.ndarray, grads: list[Block], dP: Matrix, dQ: Matrix) -> np.ndarray:
        dq = frame.framed(dy)  #                                       (O, R)
        dQ += dq @ g.T
        dg = Q[:, :-1].T @ dq
        dg *= g[:-1] > 0
        dP += dg @ a.T
        dh = P[:, :-1].T @ dg
        dh *= a[:F] > 0  #                                             (F, R)
        dv, ds = np.empty((2, half, frame.R), frame.dtype)
        da, taps = np.empty_like(dh), np.zeros((5, half, frame.R), frame.dtype)
        window = taps.reshape(5 * half, frame.R)
        for (D, V, U), block, (r, s, v) in zip(blocks[::-1], grads[::-1], kept[::-1], strict=True):
            turned = V[:, :-1].reshape(half, 5, half).transpose(2, 1, 0).reshape(half, 5 * half)
            block.U[...] += dh @ v.T  #                                (F, F/2 + 1)
            np.matmul(U[:, :-1].T, dh, out=dv)
            dv *= v[:half] > 0  #                                      (F/2, R)  (4)
            frame.later(dv, taps)
            dV = (window @ s.T).reshape(5, half, half)  # sum_t dv[t + o] s[t]
            block.V[:, :-1] += dV.transpose(1, 0, 2).reshape(half, 5 * half)
            block.V[:, -1] += dv.sum(axis=1)
            np.matmul(turned, window, out=ds)
            ds *= s > 0  #                                             (F/2, R)  (4)
            block.D[...] += ds @ r.T  #                                (F/2, F + 1)
            np.matmul(D[:, :-1].T, ds, out=da)
            da *= r[:F] > 0
            dh += da  #                                                (F, R)    (4)
        return frame.unframed(dh)

    return y, back
