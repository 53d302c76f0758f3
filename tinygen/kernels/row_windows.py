"""Windows that lie along rows, on the CPU, with each pixel copied kh times.

For kernels of few rows, such as those of Gated PixelCNN's stacks. `columns.py` copies each pixel
kw times; here the image is stored row by row with the kh pixels that a kernel's column covers
side by side, and the columns of one row one after the other:

    x[i-1, j] x[i, j] | x[i-1, j+1] x[i, j+1] | ...       kh = 2: a window of kw columns is a run

The window of the next pixel begins kh C numbers later. Windows overlap, but every kw-th one starts
where the last one ends: they are the rows of an ordinary matrix inside the same memory, and kw
matrix products cover all windows. Rows share their frames of zeros: what hangs out of one at the
right are the zeros at the left of the next.

The kernel W (kh, kw, C, O) ends in the row of its output: kh - 1 rows above it are seen, none
below; `left` columns at its left, and right = kw - 1 - left at its right.
                                                           docs/derivations/vertical_conv.md
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

PIXELS = 2048  # a block: stays in the second-level cache


class Rows:
    """The rows of `images` images (H, W, C), for windows of kh x (left + 1 + right) pixels.

    down : the kh - 1 other rows lie below the pixel, as the adjoint has them; else above
    """

    def __init__(
        self, shape: tuple[int, ...], dtype: Any, kh: int, left: int, right: int, down: bool
    ):
        images, H, W, C = shape
        self.images, self.kh, self.down = images, kh, down
        self.kw, self.width = left + 1 + right, kh * C
        pitch = W + max(left, right)  # with the zeros that two rows share
        self.count = images * H * pitch  # windows, those of the zeros with them
        self.M = -(-self.count // self.kw)
        places = self.kw * (self.M + 1) + left  # a window hangs out at the end, too
        self.flat = np.zeros(places * self.width, dtype)
        stored = self.flat[left * self.width : (left + self.count) * self.width]
        self.grid = stored.reshape(images, H, pitch, kh, C)[:, :, :W]

    def load(self, x: np.ndarray) -> None:
        """Copy x (images, H, W, C) in; the zeros around it stay."""
        H = x.shape[1]
        for u in range(self.kh):
            if self.down:
                self.grid[:, : max(H - u, 0), :, u] = x[:, u:]
            else:
                above = self.kh - 1 - u
                self.grid[:, above:, :, u] = x[:, : max(H - above, 0)]

    def matrices(self) -> Iterator[tuple[int, np.ndarray]]:
        """(r, A_r): the windows r, r + kw, ... as rows (M, kw kh C), without a copy."""
        size = self.M * self.kw * self.width
        for r in range(self.kw):
            yield r, self.flat[r * self.width :][:size].reshape(self.M, -1)

    def outputs(self, O: int) -> tuple[np.ndarray, np.ndarray]:
        """A zero array with a row for each window: as (M, kw, O), and as (images, H, W, O)."""
        rows = np.zeros((self.M, self.kw, O), self.flat.dtype)
        images, H, W = self.grid.shape[:3]
        grid = rows.reshape(-1, O)[: self.count].reshape(images, H, -1, O)
        return rows, grid[:, :, :W]


def row_blocks(
    x: np.ndarray, kh: int, left: int, right: int, O: int, down: bool = False
) -> Iterator[tuple[slice, Rows, np.ndarray, np.ndarray]]:
    """(images, loaded rows, output rows, output grid), a few images at a time."""
    step = max(1, PIXELS // (x.shape[1] * x.shape[2]))
    rows = None
    for start in range(0, len(x), step):
        block = slice(start, min(start + step, len(x)))
        if rows is None or rows.images != block.stop - start:
            rows = Rows(x[block].shape, x.dtype, kh, left, right, down)
            out, grid = rows.outputs(O)
        rows.load(x[block])
        yield block, rows, out, grid


def correlate(x: np.ndarray, W: np.ndarray, b: np.ndarray, left: int) -> np.ndarray:
    """x (N, H, W, C), W (kh, kw, C, O), b (O,) -> y (N, H, W, O)."""
    kh, kw, _, O = W.shape
    W_rows = W.transpose(1, 0, 2, 3).reshape(-1, O)  # in the order of a window   (kw kh C, O)
    y = np.empty((*x.shape[:3], O), x.dtype)
    for block, rows, out, grid in row_blocks(x, kh, left, kw - 1 - left, O):
        for r, A in rows.matrices():
            np.matmul(A, W_rows, out=out[:, r])  # A_r W                          (M, O)
        np.add(grid, b, out=y[block])
    return y


def input_grad(dy: np.ndarray, W: np.ndarray, left: int) -> np.ndarray:
    """dy (N, H, W, O) -> dx (N, H, W, C): windows of dy, the kernel turned, C and O exchanged."""
    kh, kw, C, _ = W.shape
    turned = W[::-1, ::-1].transpose(1, 0, 3, 2).reshape(-1, C)  #                (kw kh O, C)
    dx = np.empty((*dy.shape[:3], C), dy.dtype)
    for block, rows, out, grid in row_blocks(dy, kh, kw - 1 - left, left, C, down=True):
        for r, A in rows.matrices():
            np.matmul(A, turned, out=out[:, r])
        dx[block] = grid
    return dx


def weight_grad(x: np.ndarray, dy: np.ndarray, kernel: tuple[int, int], left: int) -> np.ndarray:
    """x (N, H, W, C), dy (N, H, W, O) -> dW (kh, kw, C, O)."""
    (kh, kw), C, O = kernel, x.shape[3], dy.shape[3]
    dW = np.zeros((kw * kh * C, O), x.dtype)
    for block, rows, out, grid in row_blocks(x, kh, left, kw - 1 - left, O):
        grid[...] = dy[block]  # the rows of the zeros stay zero, so they add nothing
        for r, A in rows.matrices():
            dW += A.T @ out[:, r]  # sum_r A_r^T dy_r
    return dW.reshape(kw, kh, C, O).transpose(1, 0, 2, 3)
