"""What all likelihoods share: the contract, and the refusal of bad input.

    nll, backward = likelihood.nll(params, x)          dparams, dx = backward(dnll)

A likelihood is a frozen description. `params` are the numbers that a decoder puts out: an array
or a dict of arrays, the batch first. `nll` is -log p(x | params) in nats, one number an example,
summed over all axes but the first. The halves of the pullback are the gradients of the
distribution's parameters (structure of `params`) and of the data x. Integer data have no
derivative: their dx is the empty tree ().
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygen.arrays import Array, device_of, is_array, namespace, to_device
from tinygen.kernels.elementwise import BLOCK
from tinygen.layers.base import check_array, check_device, check_nonempty, check_rng
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


def check_beside(name: str, what: str, x: Array, params: Array) -> None:
    """Refuse an array that does not stand beside `params` entry by entry; `what` names it.

    Raises ValueError for another shape, TypeError for another dtype, device or kind of array.
    The values of x are the caller's to check.
    """
    if not is_array(x):
        raise TypeError(
            f"{name}: expected {what} as a NumPy or CuPy array, got {type(x).__name__}: "
            f"use np.asarray({what}, dtype=np.float32)"
        )
    check_device(name, x, params)
    if x.dtype != params.dtype:
        raise TypeError(
            f"{name}: {what} is {x.dtype}, the parameters are {params.dtype}: "
            f"use {what}.astype({str(params.dtype)!r})"
        )
    if x.shape != params.shape:
        raise ValueError(
            f"{name}: expected {what} of the parameters' shape {params.shape}, got {x.shape}: "
            f"reshape {what}"
        )


def check_dict(name: str, params: Any, *keys: str) -> None:
    """Refuse parameters that are not a dict of float arrays under exactly these keys.

    Raises ValueError for keys, emptiness, NaN and infinity, TypeError for kinds of array,
    dtypes and devices that differ.
    """
    if not isinstance(params, dict) or params.keys() != set(keys):
        given = sorted(params) if isinstance(params, dict) else type(params).__name__
        raise ValueError(f"{name}: expected a dict of {sorted(keys)}, got {given}")
    first = params[keys[0]]
    for key in keys:
        any_shape = () if getattr(params[key], "shape", None) == () else ("...",)
        check_array(f"{name} {key}", params[key], *any_shape)
        check_device(f"{name} {key}", params[key], first)
        if params[key].dtype != first.dtype:
            raise TypeError(
                f"{name}: {key} is {params[key].dtype}, {keys[0]} is {first.dtype}: "
                f"use {key}.astype({str(first.dtype)!r})"
            )


def check_levels(name: str, x: Array, like: Array, shape: tuple[int, ...], levels: int) -> None:
    """Refuse labels that are not whole numbers 0 .. levels-1 of the right shape.

    CuPy wraps an index out of range where NumPy raises, so the range is looked at on the host,
    on either device. Raises ValueError for shape, emptiness and range, TypeError for the rest.
    """
    if not is_array(x):
        raise TypeError(
            f"{name}: expected x as an array of integers, got {type(x).__name__}: "
            "use np.asarray(x, dtype=np.int64)"
        )
    if x.dtype.kind not in "iu":
        raise TypeError(
            f"{name}: expected integer levels 0..{levels - 1}, got {x.dtype}: for x in [0, 1] "
            f"use np.rint({levels - 1} * x).astype(np.int64)"
        )
    check_device(name, x, like)
    if x.shape != shape:
        raise ValueError(
            f"{name}: expected x of shape {shape}, by the parameters, got {x.shape}: reshape x"
        )
    check_nonempty(name, x)
    low, high = int(x.min()), int(x.max())
    if low < 0 or high >= levels:
        raise ValueError(
            f"{name}: x holds levels {low}..{high}, expected 0..{levels - 1}: "
            "quantise x, number labels from 0, or build the likelihood with more levels"
        )


def sum_examples(a: Array) -> Array:
    """Sum over all axes but the first: (N, ...) -> (N,)."""
    return a.reshape(a.shape[0], -1).sum(axis=1)


def per_example(d: Array, like: Array) -> Array:
    """(N,) -> (N, 1, ..., 1), to stand beside an array of the rank of `like`."""
    return d.reshape(-1, *(1,) * (like.ndim - 1))


def row_blocks(a: Array, entries: int = BLOCK) -> Iterator[slice]:
    """Slices over the first axis: blocks that fit the cache on the CPU, one whole on a GPU."""
    n = a.shape[0]
    step = n if device_of(a) == "cuda" else max(1, entries * n // a.size)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def uniform(rng: np.random.Generator, shape: tuple[int, ...], like: Array) -> Array:
    """Numbers in [0, 1), drawn on the host, with the dtype and on the device of `like`.

    Drawn in that dtype: a float64 below 1 may round to the float32 1, which is not below 1.
    """
    check_rng("noise", rng)
    dtype = np.float64 if like.dtype == np.float64 else np.float32
    return to_device(rng.random(shape, dtype), device_of(like))


def normal(rng: np.random.Generator, shape: tuple[int, ...], like: Array) -> Array:
    """Standard normal numbers, drawn on the host, with the dtype and on the device of `like`."""
    check_rng("noise", rng)
    drawn = np.float32 if like.dtype == np.float32 else np.float64  # single takes half the time
    return to_device(
        rng.standard_normal(shape, drawn).astype(like.dtype, copy=False), device_of(like)
    )


def draw_index(rng: np.random.Generator, logits: Array) -> Array:
    """k (N, ...) with probability softmax(logits)_k, logits (N, ..., K), by the inverse CDF.

    k is the first with u < cdf_k: a class of probability zero is never drawn.
    """
    xp = namespace(logits)
    top = logits.max(axis=-1, keepdims=True)
    cdf = xp.cumsum(xp.exp(logits - top), axis=-1)  # up to a common factor     (N, ..., K)
    u = uniform(rng, (*logits.shape[:-1], 1), logits) * cdf[..., -1:]  #        (N, ..., 1)
    return (cdf <= u).sum(axis=-1)  #                                           (N, ...)


def no_data_gradient(dnll: Array) -> tuple[()]:
    """The dx of integer data: an empty tree, for a level has no derivative."""
    return ()
