"""The steps of an autoregressive order: positions in raster order, and groups of channels inside.

    k = ((row W) + column) G + group,        k = 0, 1, ...

Arrays (N, D) have D steps, (N, T, C) T G, (N, H, W, C) H W G.      docs/derivations/check.md
"""

from typing import Any

import numpy as np


def positions_of(x: Any) -> tuple[int, ...]:
    """The axes of x that are ordered: (D,), (T,) or (H, W)."""
    return tuple(x.shape[1:2] if x.ndim == 2 else x.shape[1:-1])


def split(a: Any, x: Any, channels: int) -> Any:
    """`a` as (N, positions ..., G, features of a group). Raises ValueError.

    The positions must be those of x; softmax axes belong to the channel before them.
    """
    positions = positions_of(x)
    rank = 1 + len(positions)
    if a.ndim and x.ndim > 1 and len(a) != len(x):
        raise ValueError(
            f"check_causal: x has {len(x)} examples, but an output or gradient has shape "
            f"{a.shape}: give a row an example, ({len(x)}, {', '.join(map(str, positions))}, "
            "features)"
        )
    if x.ndim < 2 or a.shape[:rank] != (len(x), *positions):
        last = a.ndim == x.ndim > 2 and a.shape[2:] == positions
        hint = "move its channels to the end" if last else "reshape it"
        raise ValueError(
            f"check_causal: x {x.shape} has the positions {positions}, but an output or gradient "
            f"has shape {a.shape}: {hint} to (N, {', '.join(map(str, positions))}, features)"
        )
    if not x.size:
        raise ValueError(f"check_causal: x of shape {x.shape} is empty: give at least one example")
    features = int(np.prod(a.shape[rank:]))
    if channels < 1 or features % channels:
        raise ValueError(
            f"check_causal: channels={channels} does not divide the {features} features of an "
            f"array of shape {a.shape}"
        )
    return a.reshape(*a.shape[:rank], channels, features // channels)


def by_step(a: Any, x: Any, channels: int) -> list[Any]:
    """Views (N, features of the group) of `a`, one for each position and channel group.

    Raises ValueError where the positions of `a` are not those of x, or channels does not divide.
    """
    parts = split(a, x, channels)
    return [parts[(slice(None), *step)] for step in np.ndindex(parts.shape[1:-1])]


def one_step(a: Any, x: Any, channels: int, k: int) -> Any:
    """The view of step k alone, as in `by_step`."""
    parts = split(a, x, channels)
    return parts[(slice(None), *np.unravel_index(k, parts.shape[1:-1]))]


def largest(a: np.ndarray, x: Any, channels: int) -> np.ndarray:
    """The largest |a| of each step, over examples and features: (steps,). Raises as `by_step`."""
    parts = np.abs(split(a, x, channels))
    return parts.max(axis=(0, -1), initial=0.0).reshape(-1)


def grid(x: Any, channels: int) -> tuple[int, ...]:
    """The shape of all steps of x: its positions, and the groups last where there are several."""
    positions = positions_of(x)
    return (*positions, channels) if channels > 1 else positions


def place(k: int, shape: tuple[int, ...], channels: int) -> str:
    """Step k of a grid in words: its position, and its group where there are several."""
    where = [int(i) for i in np.unravel_index(k, shape)]
    return f"{where[:-1]} group {where[-1]}" if channels > 1 else f"{where}"
