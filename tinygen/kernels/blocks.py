"""Sums over k x k blocks of pixels, and the repetition of each pixel over a block.

sum     y[n, i, j, c] = sum_ab x[n, i kh + a, j kw + b, c]
repeat  y[n, i, j, c] = x[n, i // kh, j // kw, c]

The two are adjoint to each other: <sum(x), y> = <x, repeat(y)>. Average pooling, nearest
upsampling and their pullbacks are made of them.   docs/derivations/pooling.md, resampling.md
"""

from collections.abc import Iterator

from tinygen.arrays import Array, namespace


def taps(x: Array, kh: int, kw: int) -> Iterator[Array]:
    """The kh * kw views x[:, a::kh, b::kw], row by row: entry (a, b) of every block."""
    for a in range(kh):
        for b in range(kw):
            yield x[:, a::kh, b::kw]  # (N, H / kh, W / kw, C)


def block_sum(x: Array, kh: int, kw: int) -> Array:
    """(N, H, W, C) -> (N, H / kh, W / kw, C). The sizes must divide H and W."""
    first, *rest = taps(x, kh, kw)
    y = first.copy()
    for tap in rest:
        y += tap
    return y


def block_repeat(x: Array, kh: int, kw: int) -> Array:
    """(N, H, W, C) -> (N, H kh, W kw, C)"""
    N, H, W, C = x.shape
    y = namespace(x).empty((N, H, kh, W, kw, C), x.dtype)
    y[...] = x[:, :, None, :, None, :]  # one pass: each pixel to its kh * kw places
    return y.reshape(N, H * kh, W * kw, C)
