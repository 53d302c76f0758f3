"""The receptive field of one output of an autoregressive layer or model, and what it misses.

    sees[j] = 1  where dy_k / dx_j is other than exactly 0,  k the output that is asked

Of the places before k a model should see all that lie within its reach; those that it does not
see are its blind spot. van den Oord et al. 2016, Conditional Image Generation with PixelCNN
Decoders, arXiv 1606.05328, figure 1
                                                           docs/derivations/check.md
"""

from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check.gradients import gradients_of
from tinygen.check.points import forward_of, is_float, like, to_float64
from tinygen.check.steps import by_step

REGIONS = ("later", "out of reach", "blind spot", "seen", "leak")


def receptive_field(
    f: Any, p: Any, x: Any, place: tuple[int, ...], channels: int = 1
) -> np.ndarray:
    """Which places of x the output at `place` sees: bool, (D,), (T,) or (H, W).

    f        : a layer, or a function f(p, x) -> (y, backward), as in `check_causal`
    x        : (N, D), (N, T, C) or (N, H, W, C). For integers there is no gradient: each place is
               changed, and the output looked at
    place    : the output's position, such as (row, column); its group behind it, where channels > 1
    channels : ordered groups inside a position; the answer then has them as its last axis

    Several examples (N > 1) make it unlikely that a gradient is zero by chance, as behind a relu.
    Raises ValueError for a place that is not in x.
    """
    call = forward_of(f)
    p, x = to_float64(p), to_float64(x)
    steps = len(by_step(x, x, channels))
    shape = grid(x, channels)
    k = step_of(place, shape)
    if is_float(x):
        sees = by_gradient(call, p, x, k, channels)
    else:
        sees = np.array([sees_change(call, p, x, k, j, channels) for j in range(steps)])
    return sees.reshape(shape)


def by_gradient(call: Any, p: Any, x: Any, k: int, channels: int) -> np.ndarray:
    """sees[j] from the gradient of a random sum of the features of output k."""
    y, backward = call(p, x)
    rng = np.random.default_rng(0)

    def at_k(leaf: Any) -> Any:
        u = np.zeros(leaf.shape)
        part = by_step(u, x, channels)[k]  # a view
        part[...] = rng.normal(size=part.shape)
        return like(u, leaf)

    _, dx = gradients_of(backward, tree.map(at_k, y), wrt_x=True)
    parts = by_step(arrays.to_host(dx), x, channels)
    return np.array([bool((part != 0).any()) for part in parts])


def sees_change(call: Any, p: Any, x: Any, k: int, j: int, channels: int) -> bool:
    """Whether output k changes, by more than rounding, where input j does."""
    moved = arrays.to_host(x).copy()
    part = by_step(moved, x, channels)[j]
    low, high = moved.min(), moved.max()
    part[...] = np.where(part == low, high, low)  # another value of the range of x
    pairs = zip(tree.leaves(call(p, x)[0]), tree.leaves(call(p, like(moved, x))[0]), strict=True)
    for (_, before), (_, after) in pairs:
        before = arrays.to_host(before)
        change = np.abs(arrays.to_host(after) - before)
        tolerance = 100 * np.finfo(np.float64).eps * max(1.0, float(np.abs(before).max()))
        if by_step(change, x, channels)[k].max() > tolerance:
            return True
    return False


def regions(sees: np.ndarray, place: tuple[int, ...], strict: bool = True) -> np.ndarray:
    """What each place is to the output at `place`: an index into REGIONS, of the shape of `sees`.

    sees   : from `receptive_field`
    place  : the same
    strict : whether to see oneself is a leak, as for a whole model

    The blind spot is what is unseen of the past within reach: not further up, and not further to
    the side, than the furthest that is seen of it.
    """
    k = step_of(place, sees.shape)
    order = np.arange(sees.size).reshape(sees.shape)
    past = order < k if strict else order <= k
    within = np.ones(sees.shape, dtype=bool)
    for axis, at in zip(np.indices(sees.shape), place, strict=True):
        away = np.abs(axis - at)
        within &= away <= away[sees & past].max(initial=0)  # no further than the furthest seen
    found = np.where(past, np.where(within, 2, 1), 0)
    return np.where(sees, np.where(past, 3, 4), found)


def grid(x: Any, channels: int) -> tuple[int, ...]:
    """The shape of all places of x, with the groups last where there are several."""
    positions = x.shape[1:2] if x.ndim == 2 else x.shape[1:-1]
    return (*positions, channels) if channels > 1 else tuple(positions)


def step_of(place: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The number of a place in raster order. Raises ValueError where there is none."""
    given = place if isinstance(place, tuple) else (place,)
    inside = len(given) == len(shape) and all(
        isinstance(at, int | np.integer) and 0 <= at < size
        for at, size in zip(given, shape, strict=True)
    )
    if not inside:
        raise ValueError(
            f"receptive_field: place must lie within {shape}, got {place!r}: give (row, column) "
            "of an image, and the channel group behind it where there are several"
        )
    return int(np.ravel_multi_index(given, shape))
