"""What all likelihoods share: the contract, and the refusal of bad input.

    nll, backward = likelihood.nll(params, x)          dparams, dx = backward(dnll)

A likelihood is a frozen description. `params` are the numbers that a decoder puts out: an array
or a dict of arrays, the batch first. `nll` is -log p(x | params) in nats, one number an example,
summed over all axes but the first. The halves of the pullback are the gradients of the
distribution's parameters (structure of `params`) and of the data x.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygen.arrays import Array, device_of, is_array, to_device
from tinygen.kernels.elementwise import BLOCK
from tinygen.layers.base import check_array, check_device, check_nonempty
from tinygen.pullback import Pullback


class Likelihood:
    """A frozen description of a distribution p(x | params)."""

    def nll(self, params: Any, x: Array) -> tuple[Array, Pullback]:
        """-log p(x | params) (N,) in nats, and its pullback. Raises ValueError, TypeError."""
        raise NotImplementedError(f"{type(self).__name__} defines no nll")

    def sample(self, params: Any, rng: np.random.Generator) -> Array:
        """One draw x an example, from noise that `rng` draws on the host."""
        raise NotImplementedError(f"{type(self).__name__} defines no sample")

    def mean(self, params: Any) -> Array:
        """E[x], of the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} defines no mean")


def check_pair(name: str, params: Array, x: Array) -> None:
    """Refuse float data x that does not stand beside `params` entry by entry.

    Raises ValueError for another shape, empty or non-finite values of the parameters, TypeError
    for dtypes and devices that differ. The values of x are the caller's to check.
    """
    check_array(f"{name} parameters", params, "...")
    if not is_array(x):
        raise TypeError(
            f"{name}: expected x as a NumPy or CuPy array, got {type(x).__name__}: "
            "use np.asarray(x, dtype=np.float32)"
        )
    check_device(name, x, params)
    if x.dtype != params.dtype:
        raise TypeError(
            f"{name}: x is {x.dtype}, the parameters are {params.dtype}: "
            f"use x.astype({str(params.dtype)!r})"
        )
    if x.shape != params.shape:
        raise ValueError(
            f"{name}: x has shape {x.shape}, the parameters say {params.shape}: "
            "give one data value for each; reshape x"
        )


def check_dict(name: str, params: Any, *keys: str) -> None:
    """Refuse parameters that are not a dict of exactly these keys. Raises ValueError."""
    if not isinstance(params, dict) or params.keys() != set(keys):
        given = sorted(params) if isinstance(params, dict) else type(params).__name__
        raise ValueError(f"{name}: expected the parameters {sorted(keys)}, got {given}")


def check_levels(name: str, x: Array, like: Array, shape: tuple[int, ...], levels: int) -> None:
    """Refuse labels that are not whole numbers 0 .. levels-1 of the right shape.

    CuPy wraps an index out of range where NumPy raises, so the range is checked here, on either
    device. Raises ValueError for shape, emptiness and range, TypeError for dtype and device.
    """
    if not is_array(x):
        raise TypeError(f"{name}: expected x as an integer array, got {type(x).__name__}")
    if x.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: expected integer levels 0..{levels - 1}, got {x.dtype}: "
            f"for x in [0, 1] use xp.rint(x * {levels - 1}).astype(np.int64)"
        )
    check_device(name, x, like)
    if x.shape != shape:
        raise ValueError(f"{name}: x has shape {x.shape}, the parameters say {shape}: reshape x")
    check_nonempty(name, x)
    low, high = int(x.min()), int(x.max())
    if low < 0 or high >= levels:
        raise ValueError(
            f"{name}: x holds levels {low}..{high}, expected 0..{levels - 1}: "
            "quantise x, or build the likelihood with more levels"
        )


def sum_examples(a: Array) -> Array:
    """Sum over all axes but the first: (N, ...) -> (N,)."""
    return a.reshape(a.shape[0], -1).sum(axis=1)


def per_example(d: Array, like: Array) -> Array:
    """(N,) -> (N, 1, ..., 1), to stand beside an array of the rank of `like`."""
    return d.reshape(-1, *(1,) * (like.ndim - 1))


def row_blocks(a: Array) -> Iterator[slice]:
    """Slices over the first axis: blocks that fit the cache on the CPU, one whole on a GPU."""
    n = a.shape[0]
    step = n if device_of(a) == "cuda" else max(1, BLOCK * n // a.size)
    for start in range(0, n, step):
        yield slice(start, start + step)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], like: Array) -> Array:
    """Numbers in [0, 1) with the dtype and on the device of `like`, drawn on the host."""
    return to_device(rng.random(shape).astype(like.dtype), device_of(like))


def normal(rng: np.random.Generator, shape: tuple[int, ...], like: Array) -> Array:
    """Standard normal numbers with the dtype and on the device of `like`, drawn on the host."""
    return to_device(rng.standard_normal(shape).astype(like.dtype), device_of(like))


def no_data_gradient(dnll: Array) -> tuple[()]:
    """The dx of integer data: an empty tree, for a level has no derivative."""
    return ()
