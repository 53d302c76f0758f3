"""The causality check of autoregressive layers and models: who sees whom?

Inputs and outputs are put in raster order, k = 0, 1, ...; inside a pixel the channel groups follow
each other (R < G < B). A one-hot cotangent at output k must have a gradient of exactly zero at

    inputs >= k    strict: p(x_k | x_<k), mask A, a whole model
    inputs >  k    not strict: mask B, a layer behind the first

van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv 1601.06759, sec. 3.4
                                                           docs/derivations/check.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check.gradients import gradients_of
from tinygen.check.points import describe, forward_of, is_float, like, to_float64
from tinygen.check.report import Report, Row


def check_causal(f: Any, p: Any, x: Any, strict: bool = True, channels: int = 1) -> Report:
    """Output k depends on no input from k on (strict), or behind k (not strict), for every k.

    f        : a layer, or a function f(p, x) -> (y, backward); labels and the like closed over
    x        : (N, D), (N, T, C) or (N, H, W, C), positions in raster order. Integers are allowed:
               then there is no gradient, and the values alone are checked
    y        : (N, D), or the positions of x with F features behind, on one axis or several, the
               channels first; also a tree of such
    channels : ordered groups inside a position: contiguous parts of C and of each F, both of
               which it must divide. ValueError else

    The rows: `gradient`, where the gradient above the diagonal must be exactly 0; `values`, where
    other inputs from k on must leave the outputs up to k as they were, to rounding, so that the
    verdict does not rest on a right backward; `alive`, for what sees nothing is causal too.
    """
    call = forward_of(f)
    p, x = to_float64(p), to_float64(x)
    report = Report(f"causality of {describe(f)}")
    seen = {"values": values_seen(call, p, x, strict, channels)}
    if is_float(x):
        seen["gradient"] = dependencies(call, p, x, channels)
    for name, sees in seen.items():
        allowed = np.tri(len(sees), k=-1 if strict else 0, dtype=bool)
        leaks = np.argwhere(sees & ~allowed)
        verdict = "ok"
        if len(leaks):
            k, j = (place(int(i), x, channels) for i in leaks[0])
            verdict = f"WRONG: output {k} sees input {j}; {len(leaks)} such pairs"
        report.rows.append(Row(name, float(len(leaks)), None, verdict))
    # The values were only looked at above the diagonal, unless they are all there is.
    alive = dependencies(call, p, x, channels).any() if is_float(x) else changes(call, p, x)
    verdict = "ok" if alive else "WRONG: no output sees any input"
    report.rows.append(Row("alive", 0.0 if alive else 1.0, None, verdict))
    return report


def dependencies(f: Any, p: Any, x: Any, channels: int = 1) -> np.ndarray:
    """sees[k, j]: whether the gradient of output k at input j is other than exactly 0.

    Steps k, j as in `check_causal`: position * channels + group. The receptive field, in other
    words: a blind spot is a False below the diagonal.
    """
    y, backward = forward_of(f)(p, x)
    rng = np.random.default_rng(0)
    steps = len(by_step(x, x, channels))
    sees = np.zeros((steps, steps), dtype=bool)
    for k in range(steps):

        def at_k(leaf: Any, k: int = k) -> Any:
            u = np.zeros(leaf.shape)
            part = by_step(u, x, channels)[k]  # a view
            part[...] = rng.normal(size=part.shape)
            return like(u, leaf)

        _, dx = gradients_of(backward, tree.map(at_k, y), wrt_x=True)
        parts = by_step(arrays.to_host(dx), x, channels)
        sees[k] = [bool((part != 0).any()) for part in parts]
    return sees


def values_seen(
    call: Callable[..., Any], p: Any, x: Any, strict: bool, channels: int
) -> np.ndarray:
    """sees[k, j]: output k changed when the inputs from j on did, where it must not."""
    y = [arrays.to_host(leaf) for _, leaf in tree.leaves(call(p, x)[0])]
    steps = len(by_step(x, x, channels))
    sees = np.zeros((steps, steps), dtype=bool)
    for j in range(steps):
        moved = call(p, other_from(x, j, channels))[0]
        for before, (_, after) in zip(y, tree.leaves(moved), strict=True):
            change = np.abs(arrays.to_host(after) - before)
            tolerance = 100 * np.finfo(np.float64).eps * max(1.0, np.abs(before).max())
            parts = by_step(change, x, channels)
            for k in range(j + 1 if strict else j):
                sees[k, j] |= bool(parts[k].max() > tolerance)
    return sees


def changes(call: Callable[..., Any], p: Any, x: Any) -> bool:
    """Whether y changes at all where every input does."""
    here, there = call(p, x)[0], call(p, other_from(x, 0, 1))[0]
    pairs = zip(tree.leaves(here), tree.leaves(there), strict=True)
    return any(bool((a != b).any()) for (_, a), (_, b) in pairs)


def other_from(x: Any, j: int, channels: int) -> Any:
    """x with other values of its own range in the steps from j on."""
    host = arrays.to_host(x)
    other = np.random.default_rng(1).permutation(host.reshape(-1)).reshape(host.shape)
    moved = host.copy()
    for part, new in zip(
        by_step(moved, x, channels)[j:], by_step(other, x, channels)[j:], strict=True
    ):
        part[...] = new
    return like(moved, x)


def by_step(a: Any, x: Any, channels: int) -> list[Any]:
    """Views (N, features of the group) of `a`, one for each position and channel group.

    Raises ValueError where the positions of `a` are not those of x, or channels does not divide.
    """
    positions = x.shape[1:2] if x.ndim == 2 else x.shape[1:-1]
    rank = 1 + len(positions)
    if x.ndim < 2 or a.shape[:rank] != (len(x), *positions):
        raise ValueError(
            f"check_causal: x {x.shape} has the positions {positions}, but an output or gradient "
            f"has shape {a.shape}: reshape it to (N, {', '.join(map(str, positions))}, features)"
        )
    a = a.reshape(*a.shape[:rank], -1)  # softmax axes belong to the channel before them
    features = a.shape[rank]
    if features % channels:
        raise ValueError(
            f"check_causal: channels={channels} does not divide the {features} features of an "
            f"array of shape {a.shape}"
        )
    width = features // channels
    return [
        a[(slice(None), *position, slice(g * width, (g + 1) * width))]
        for position in np.ndindex(positions)
        for g in range(channels)
    ]


def place(k: int, x: Any, channels: int) -> str:
    """Step k in words: its position, and its group where there are several."""
    positions = x.shape[1:2] if x.ndim == 2 else x.shape[1:-1]
    where = [int(i) for i in np.unravel_index(k // channels, positions)]
    return f"{where} group {k % channels}" if channels > 1 else f"{where}"
