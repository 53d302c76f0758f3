"""Elementwise functions and row sums, each written once for both devices.

A function marked `fused` is one pass over memory: CuPy compiles its lines to one kernel, NumPy
runs them over blocks small enough that what lies between two lines stays in the cache.
"""

import functools
from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, device_of, namespace

BLOCK = 1 << 15  # entries; a few float32 blocks fit the second-level cache


def fused(f: Callable[..., Array]) -> Callable[..., Array]:
    """`f(xp, *arrays)` -> `f(*arrays)` in one pass. The arrays share one shape and dtype."""
    compiled: dict[Any, Callable[..., Array]] = {}

    @functools.wraps(f)
    def call(*arrays: Array) -> Array:
        xp = namespace(arrays[0])
        if hasattr(xp, "fuse"):
            if xp not in compiled:
                # the name is the kernel's in CUDA, where a lambda's "<lambda>" does not compile
                compiled[xp] = xp.fuse(kernel_name=f.__name__)(lambda *a: f(xp, *a))
            return compiled[xp](*arrays)
        if arrays[0].size <= BLOCK or not all(a.flags.c_contiguous for a in arrays):
            return f(xp, *arrays)
        y = xp.empty_like(arrays[0])
        flat, rows = y.reshape(-1), [a.reshape(-1) for a in arrays]
        for start in range(0, flat.size, BLOCK):
            block = slice(start, start + BLOCK)
            flat[block] = f(xp, *(a[block] for a in rows))
        return y

    return call


@fused
def sigmoid(xp: Any, x: Array) -> Array:
    """1 / (1 + e^-x) = tanh(x / 2) / 2 + 1 / 2: one transcendental, no overflow.

    Good to a rounding of 1, which is all that a gate or a probability needs. The slope of a loss
    may be small for all examples at once: see `logistic`.
    """
    return xp.tanh(x * 0.5) * 0.5 + 0.5


@fused
def logistic(xp: Any, x: Array) -> Array:
    """1 / (1 + e^-x) with all its digits; in float32 `sigmoid` has none of them by x = -17."""
    return xp.exp(xp.minimum(x, 0)) / (1 + xp.exp(-xp.abs(x)))


@fused
def softplus(xp: Any, x: Array) -> Array:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), exact where e^x overflows."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


def row_blocks(rows: Array) -> list[slice]:
    """Slices of the rows of a matrix (N, I), small enough for the cache; on a GPU only one."""
    if device_of(rows) == "cuda":
        return [slice(None)]
    step = max(BLOCK // rows.shape[1], 1)
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def sum_rows(a: Array) -> Array:
    """sum_n a[n]: (N, O) -> (O,).

    The product 1^T a is up to twenty times faster than a.sum(0) on tall arrays.
    """
    xp = namespace(a)
    return xp.ones(a.shape[0], a.dtype) @ a


def log_sum_exp(x: Array, axis: int = -1) -> Array:
    """log sum_k e^(x_k) along an axis, with the largest term taken out so that none overflows."""
    xp = namespace(x)
    top = x.max(axis=axis, keepdims=True)
    return xp.squeeze(top, axis) + xp.log(xp.exp(x - top).sum(axis=axis))
