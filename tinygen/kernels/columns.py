"""Windows of stride 1 on the CPU, with each pixel copied kw times instead of kh kw times.

The image is stored column of windows by column of windows: for output column j and image row a,
the kw pixels x[a, j .. j + kw] side by side, and the rows a of one column below one another.
A window is then a run of kh kw C neighbouring numbers, and the next window down begins kw C later:

    row a     | x[a, j]   x[a, j+1]   x[a, j+2]   |  <- kw C numbers
    row a+1   | x[a+1, j] x[a+1, j+1] x[a+1, j+2] |     window i: rows i, i+1, i+2
    row a+2   | ...                               |     window i+1: rows i+1, i+2, i+3

Windows overlap, but every R-th one (R = kh) starts where the last one ends: these are the rows of
an ordinary matrix inside the same memory, and R matrix products cover all windows. Columns share
their frames of zeros: what hangs out below one is the zeros above the next.

Derivation: docs/derivations/conv.md, "Columns"
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Pair = tuple[int, int]

ROWS = 1024  # windows a block: stays in the second-level cache


class Columns:
    """The columns of a block of `images` images of one shape, for a run of a kernel's taps."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, kernel: Pair, padding: Pair, taps: Pair):
        images, H, W, C = shape
        kh, kw = kernel
        self.images, self.kw, self.C, self.padding = images, kw, C, padding
        self.ho, self.wo = H + 2 * padding[0] - kh + 1, W + 2 * padding[1] - kw + 1
        top, bottom = taps[0] // kw, -(-taps[1] // kw)  # kernel rows that hold a tap
        rows = bottom - top
        zeros = max(padding[0] - top, 0)  # rows above the image
        self.source = slice(max(top - padding[0], 0), min(H, self.ho + bottom - 1 - padding[0]))
        self.first = zeros
        stored = zeros + max(self.source.stop - self.source.start, 0)
        self.height = max(self.ho, stored, self.ho + rows - 1 - zeros)  # windows a column
        self.stored = stored
        self.R = -(-(taps[1] - taps[0]) // kw)
        self.M = -(-images * self.wo * self.height // self.R)
        self.flat = np.zeros((self.R * self.M + rows) * kw * C, dtype)
        self.offset = (taps[0] - top * kw) * C
        self.width = (taps[1] - taps[0]) * C

    def load(self, x: np.ndarray) -> None:
        """Copy x (images, H, W, C) in; the zeros around it stay."""
        used = self.images * self.wo * self.height * self.kw * self.C
        columns = self.flat[:used].reshape(self.images, self.wo, self.height, self.kw, self.C)
        W, pw = x.shape[2], self.padding[1]
        for v in range(self.kw):
            last = max(min(self.wo, W + pw - v), 0)  # 0 where v lies beyond a narrow image
            j = slice(max(pw - v, 0), last)  # columns whose pixel v exists
            pixels = x[:, self.source, j.start + v - pw : max(j.stop + v - pw, 0)]
            columns[:, j, self.first : self.stored, v] = pixels.transpose(0, 2, 1, 3)

    def matrices(self) -> Iterator[tuple[int, np.ndarray]]:
        """(r, A_r): the windows r, r + R, r + 2R, ... as rows (M, taps C), without a copy."""
        pitch, item = self.kw * self.C, self.flat.itemsize
        for r in range(self.R):
            start = self.flat[r * pitch + self.offset :]
            yield r, as_strided(start, (self.M, self.width), (self.R * pitch * item, item))

    def outputs(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """A zero array with a row for each window: as (M, R, O), and as (images, H', W', O)."""
        rows = np.zeros((self.M, self.R, channels), self.flat.dtype)
        used = rows.reshape(-1, channels)[: self.images * self.wo * self.height]
        grid = used.reshape(self.images, self.wo, self.height, channels)[:, :, : self.ho]
        return rows, grid.transpose(0, 2, 1, 3)


def column_blocks(
    x: np.ndarray, kernel: Pair, padding: Pair, taps: Pair, channels: int
) -> Iterator[tuple[slice, Columns, np.ndarray, np.ndarray]]:
    """(images, loaded columns, output rows, output grid), a few images at a time."""
    step = max(1, ROWS // (x.shape[1] * x.shape[2]))
    columns = None
    for start in range(0, len(x), step):
        block = slice(start, min(start + step, len(x)))
        if columns is None or columns.images != block.stop - start:
            columns = Columns(x[block].shape, x.dtype, kernel, padding, taps)
            rows, grid = columns.outputs(channels)
        columns.load(x[block])
        yield block, columns, rows, grid


def correlate(
    x: np.ndarray, W_rows: np.ndarray, kernel: Pair, padding: Pair, taps: Pair
) -> np.ndarray:
    """x (N, H, W, C), W_rows (taps C, O) -> y (N, H', W', O)."""
    O = W_rows.shape[1]
    ho, wo = (x.shape[1 + a] + 2 * padding[a] - kernel[a] + 1 for a in (0, 1))
    y = np.empty((len(x), ho, wo, O), x.dtype)
    for block, columns, rows, grid in column_blocks(x, kernel, padding, taps, O):
        for r, A in columns.matrices():
            np.matmul(A, W_rows, out=rows[:, r])  # A_r W            (M, O)
        y[block] = grid
    return y


def add_weight_grad(
    dW_rows: np.ndarray,
    x: np.ndarray,
    dy: np.ndarray,
    kernel: Pair,
    padding: Pair,
    taps: Pair,
) -> None:
    """dW_rows (taps C, O) += sum_r A_r^T dy_r."""
    for block, columns, rows, grid in column_blocks(x, kernel, padding, taps, dy.shape[3]):
        grid[...] = dy[block]  # rows between columns stay zero, so they add nothing
        for r, A in columns.matrices():
            dW_rows += A.T @ rows[:, r]  # (taps C, O)
