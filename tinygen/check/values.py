"""Who sees whom, told from values alone: change an input, and look which outputs change.

No backward pass is needed or trusted. Larger changes than rounding count: 100 eps max |y|.
                                                           docs/derivations/check.md
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check.points import like
from tinygen.check.steps import by_step, largest, place
from tinygen.check.steps import grid as grid_of

Call = Callable[..., Any]
Over = Callable[[range], Iterable[int]]  # wraps the steps of a sweep, to show how far it is


def own(f: Any) -> Call:
    """f(x) -> y as a function of (p, x) without a backward. Raises TypeError.

    y : an array, or a tree of arrays
    """
    if hasattr(f, "forward"):
        raise TypeError(
            f"check_causal: {type(f).__name__} is a layer, and p=None: give its parameters, "
            "p = layer.init(rng, np.float64); {} where it has none"
        )
    if not callable(f):
        raise TypeError(f"check_causal: expected a function f(x) -> y, got {type(f).__name__}")

    def call(p: Any, x: Any) -> tuple[Any, None]:
        y = f(x)
        for _, leaf in tree.leaves(y):
            if not arrays.is_array(leaf):
                raise TypeError(
                    f"check_causal: without p, f(x) must return an array like x (or a dict or "
                    f"tuple of them), got {type(leaf).__name__}: of a PyTorch module return "
                    "y.detach().numpy(), of a function f(p, x) give p"
                )
        return y, None

    return call


def check_input(x: Any) -> None:
    """Refuse what has no steps, or entries that cannot be moved. Raises TypeError, ValueError."""
    wanted = "check_causal: expected x as an array (N, D), (N, T, C) or (N, H, W, C), got "
    if not arrays.is_array(x):
        raise TypeError(
            f"{wanted}{type(x).__name__}: it may hold random numbers; only its shape and range "
            "matter"
        )
    if x.dtype.kind not in "iuf":
        raise TypeError(
            f"check_causal: x is {x.dtype}, expected floats or integers: for ones and zeros give "
            "x.astype(np.int64), and turn them back inside f where it needs another dtype"
        )
    if x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{wanted.replace(' as an array', '')}x of shape {x.shape}: reshape it to one of them, "
            "x.reshape(len(x), -1) for places in one line"
        )


def steady(call: Call, p: Any, x: Any, channels: int) -> list[np.ndarray]:
    """The outputs at x, on the host. Raises ValueError where they are not finite or not steady."""
    y = outputs(call, p, x, channels)
    if not y:
        raise ValueError("check_causal: f returns no array")
    again = outputs(call, p, x, channels)
    shapes, others = ([a.shape for a in found] for found in (y, again))
    if shapes != others:
        raise ValueError(
            f"check_causal: at the same x f gave outputs of shapes {shapes}, and then {others}: "
            "each call must give the same, so let f keep nothing between calls"
        )
    if changed(y, again, x, channels).any():
        raise ValueError(
            "check_causal: the outputs differ from call to call at the same x: switch dropout and "
            "noise off (net.eval() in PyTorch), or seed them anew in each call"
        )
    return y


def outputs(call: Call, p: Any, x: Any, channels: int) -> list[np.ndarray]:
    """All arrays of y, on the host. Raises ValueError where one holds NaN or infinity.

    Raises TypeError for what are no numbers.
    """
    y = [arrays.to_host(leaf) for _, leaf in tree.leaves(call(p, x)[0])]
    for leaf in y:
        if leaf.dtype.kind not in "biuf":
            raise TypeError(
                f"check_causal: f gives an output of dtype {leaf.dtype}, expected floats, integers "
                "or booleans: return y.astype(np.float64), of complex y the two parts as features"
            )
        bad = largest(~np.isfinite(leaf), x, channels) > 0
        if bad.any():
            at = place(int(bad.argmax()), grid_of(x, channels), channels)
            raise ValueError(
                f"check_causal: f gives NaN or infinity, first at output {at}: what it sees cannot "
                "be told; give an x within the range of f, or mend f"
            )
    return y


def changed(before: list[np.ndarray], after: list[np.ndarray], x: Any, channels: int) -> np.ndarray:
    """Which outputs differ by more than rounding: bool (steps,)."""
    found: Any = False
    for a, b in zip(before, after, strict=True):
        eps = np.finfo(a.dtype if a.dtype.kind == "f" else np.float64).eps
        tolerance = 100 * eps * max(1.0, float(np.abs(a).max(initial=0.0)))
        found = found | (largest(np.subtract(b, a, dtype=np.float64), x, channels) > tolerance)
    return np.asarray(found)


def each_alone(
    call: Call, p: Any, x: Any, channels: int, y: list[np.ndarray], over: Over
) -> np.ndarray:
    """sees[k, j]: output k changed when input j alone did; (steps, steps). y: the outputs at x

    The input goes to the farther end of the range of x, and to another value too, for an end may
    lie where a relu is flat.
    """
    host = arrays.to_host(x)
    low, high = host.min(), host.max()
    if low == high:
        raise ValueError(
            f"check_causal: all of x is {low}, so nothing can be changed within its range: give "
            "random numbers of the range of f"
        )
    ends = np.where(host - low < high - host, high, low).astype(host.dtype)
    moved = host.copy()
    here, *others = (by_step(a, x, channels) for a in (moved, ends, shuffled(host)))
    sees = np.zeros((len(here), len(here)), dtype=bool)
    for j in over(range(len(here))):
        before = here[j].copy()
        for values in others:
            here[j][...] = values[j]
            after = outputs(call, p, like(moved.copy(), x), channels)
            sees[:, j] |= changed(y, after, x, channels)
        here[j][...] = before
    return sees


def all_from(
    call: Call, p: Any, x: Any, channels: int, y: list[np.ndarray], over: Over
) -> np.ndarray:
    """sees[k, j]: output k changed when the inputs from j on did, all at once, and not from j + 1.

    One input an output is found this way, the last: one that matters only together with others
    is not missed.
    """
    host = arrays.to_host(x)
    moved = host.copy()
    here, new = (by_step(a, x, channels) for a in (moved, shuffled(host)))
    sees = np.zeros((len(here), len(here)), dtype=bool)
    seen = np.zeros(len(here), dtype=bool)
    for j in over(range(len(here))[::-1]):
        here[j][...] = new[j]  # beside those behind it, which have moved already
        change = changed(y, outputs(call, p, like(moved.copy(), x), channels), x, channels)
        sees[:, j] = change & ~seen
        seen |= change
    return sees


def shuffled(host: np.ndarray) -> np.ndarray:
    """The entries of x in another order: other values of its own range."""
    rng = np.random.default_rng(1)
    return rng.permutation(host.reshape(-1)).reshape(host.shape)
