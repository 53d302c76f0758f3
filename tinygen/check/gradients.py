"""The gradient check: is the hand-written backward the derivative of the forward?

For a map y = f(p, x), a random cotangent u and a direction v in one leaf theta,

    exact    <grad, v>,  grad = backward(u) at that leaf
    numeric  (<u, f(theta + h v)> - <u, f(theta - h v)>) / 2h

must agree. Each leaf is moved by itself, for a wrong bias hides behind a large weight; u, v and
the redrawn points come from separate streams. Derivation and tolerances: docs/derivations/check.md
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check.report import Report, Row

STEPS = (1e-4, 1e-5, 1e-6)
TOLERANCE = 1e-6
DIRECTIONS = 5  # random ones for a large leaf
EVERY_COORDINATE = 200  # leaves up to this size are moved along each axis
REDRAWS = 5


def check_gradients(
    f: Any,
    p: Any,
    x: Any,
    *,
    rng: np.random.Generator,
    wrt_x: bool = True,
    zero: tuple[str, ...] = (),
) -> Report:
    """Compare the backward pass of `f` with central differences, leaf by leaf, in float64.

    f     : a layer, or a function f(p, x) -> (y, backward); y is an array or a tree of arrays
    p, x  : parameters and input, trees of arrays; integer leaves of x are not differentiated
    rng   : draws cotangents, directions, and the point anew at a kink
    wrt_x : False leaves the input out (data of a loss that has no dx)
    zero  : names of leaves ("x", "0.b") whose gradient is rightly zero; any other leaf with a
            zero gradient fails, for a forgotten gradient looks the same

    Returns a Report. Raises nothing for a wrong gradient: assert `report.passed`.
    """
    call = f.forward if hasattr(f, "forward") else f
    title = f"gradients of {describe(f)}"
    streams = rng.spawn(3)
    p, x = to_float64(p), to_float64(x)
    for redraws in range(REDRAWS + 1):
        report = check_point(call, p, x, streams, wrt_x, zero, title)
        report.redraws = redraws
        report.sweep = lambda p=p, x=x: sweep(call, p, x, streams, wrt_x)
        if not any("kink" in row.verdict for row in report.rows):
            break
        if redraws < REDRAWS:
            p, x = (jitter(streams[2], value) for value in (p, x))
    return report


def check_point(
    call: Callable[..., Any],
    p: Any,
    x: Any,
    streams: list[np.random.Generator],
    wrt_x: bool,
    zero: tuple[str, ...],
    title: str,
) -> Report:
    """One row a leaf, at one point (p, x)."""
    cotangents, directions, _ = streams
    y, backward = call(p, x)
    u = tree.map(lambda leaf: like(cotangents.normal(size=leaf.shape), leaf), y)
    dp, dx = backward(u) if wrt_x else (backward.dp(u), None)
    report = Report(title)
    for name, leaf, gradient, f_of in moving_leaves(call, p, x, dp, dx, wrt_x):
        if gradient is None or gradient.shape != leaf.shape:
            got = "no gradient" if gradient is None else f"shape {gradient.shape}"
            report.rows.append(Row(name, np.inf, None, f"WRONG: {got}, expected {leaf.shape}"))
            continue
        report.rows.append(check_leaf(name, leaf, gradient, f_of, u, directions, name in zero))
    expected = {name for name, _ in tree.leaves(p)}
    for name, _ in tree.leaves(dp):
        if name not in expected:
            report.rows.append(Row(name, np.inf, None, "WRONG: a gradient of no parameter"))
    return report


def check_leaf(
    name: str,
    leaf: Any,
    gradient: Any,
    f_of: Callable[[Any], Any],
    u: Any,
    rng: np.random.Generator,
    zero_is_right: bool,
) -> Row:
    """The worst direction of one leaf: its error relative to the tolerance decides."""
    gradient = arrays.to_host(gradient).astype(np.float64)
    norm = float(np.linalg.norm(gradient))
    worst, all_zero = Row(name, 0.0, None, "ok"), True
    for v in unit_directions(leaf.shape, rng):
        exact = float((gradient * v).sum())
        best = None
        for h in STEPS:
            above, below = f_of(leaf + like(h * v, leaf)), f_of(leaf - like(h * v, leaf))
            numeric, floor = difference(above, below, u, h)
            error = abs(numeric - exact)
            allowed = TOLERANCE * max(abs(numeric), norm) + floor
            if best is None or error / allowed < best[0]:
                best = (error / allowed, error / max(abs(numeric), norm, floor), h, numeric, floor)
            if error <= allowed:
                break
        assert best is not None
        excess, relative, h, numeric, floor = best
        all_zero &= abs(numeric) <= floor and abs(exact) <= floor
        if excess > 1:
            kink = is_kink(f_of, leaf, v, u)
            return Row(name, relative, h, "WRONG: kink suspected" if kink else "WRONG")
        if worst.step is None or relative > worst.error:
            worst = Row(name, relative, h, "ok")
    if all_zero and not zero_is_right:
        return Row(name, worst.error, worst.step, "WRONG: zero; if that is right, name it in zero=")
    if zero_is_right and not all_zero:
        return Row(name, worst.error, worst.step, "WRONG: named in zero=, but it is not zero")
    return Row(name, worst.error, worst.step, "zero" if all_zero else "ok")


def difference(above: Any, below: Any, u: Any, h: float) -> tuple[float, float]:
    """(<u, above> - <u, below>) / 2h, and the rounding floor 10 eps S / h, S = sum |u y|."""
    numeric, magnitude = 0.0, 0.0
    leaves = zip(tree.leaves(above), tree.leaves(below), tree.leaves(u), strict=True)
    for (_, a), (_, b), (_, c) in leaves:
        numeric += float((c * (a - b)).sum()) / (2 * h)
        magnitude += float(abs(c * a).sum())
    return numeric, 10 * np.finfo(np.float64).eps * magnitude / h


def is_kink(f_of: Callable[[Any], Any], leaf: Any, v: np.ndarray, u: Any) -> bool:
    """Whether the two one-sided slopes stay apart as h shrinks, as they do at a corner.

    On a smooth function their gap is h f'': ten times smaller at a tenth of the step.
    """
    gaps, floors = [], []
    here = f_of(leaf)
    for h in (1e-4, 1e-5):
        step = like(h * v, leaf)
        right, floor = difference(f_of(leaf + step), here, u, h / 2)
        left, _ = difference(here, f_of(leaf - step), u, h / 2)
        gaps.append(abs(right - left))
        floors.append(2 * floor)
    return gaps[1] > floors[1] and gaps[1] > 0.3 * gaps[0]


def sweep(
    call: Callable[..., Any], p: Any, x: Any, streams: list[np.random.Generator], wrt_x: bool
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Relative error against the step, 1e-1 to 1e-12, along one direction a leaf."""
    y, backward = call(p, x)
    u = tree.map(lambda leaf: like(streams[0].normal(size=leaf.shape), leaf), y)
    dp, dx = backward(u) if wrt_x else (backward.dp(u), None)
    steps, errors = np.logspace(-1, -12, 23), {}
    for name, leaf, gradient, f_of in moving_leaves(call, p, x, dp, dx, wrt_x):
        v = streams[1].normal(size=leaf.shape)
        v /= np.linalg.norm(v)
        exact = float((arrays.to_host(gradient) * v).sum())
        numeric = [
            difference(f_of(leaf + like(h * v, leaf)), f_of(leaf - like(h * v, leaf)), u, h)[0]
            for h in steps
        ]
        errors[name] = (steps, np.maximum(np.abs(np.array(numeric) / exact - 1), 1e-17))
    return errors


def moving_leaves(
    call: Callable[..., Any], p: Any, x: Any, dp: Any, dx: Any, wrt_x: bool
) -> Iterator[tuple[str, Any, Any, Callable[[Any], Any]]]:
    """(name, leaf, gradient or None, leaf -> y) for each parameter and each float input leaf."""
    gradients = dict(tree.leaves(dp))
    for name, leaf in tree.leaves(p):
        yield (
            name,
            leaf,
            gradients.get(name),
            lambda moved, name=name: call(tree.replace(p, name, moved), x)[0],
        )
    gradients = dict(tree.leaves(dx)) if wrt_x else {}
    for name, leaf in tree.leaves(x) if wrt_x else ():
        if leaf.dtype == np.float64:
            yield (
                f"x.{name}" if name else "x",
                leaf,
                gradients.get(name),
                lambda moved, name=name: call(p, tree.replace(x, name, moved))[0],
            )


def unit_directions(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Every coordinate axis of a small leaf, and DIRECTIONS random directions of any."""
    size = int(np.prod(shape))
    if size <= EVERY_COORDINATE:
        for i in range(size):
            axis = np.zeros(size)
            axis[i] = 1.0
            yield axis.reshape(shape)
    for _ in range(DIRECTIONS):
        v = rng.normal(size=shape)
        yield v / np.linalg.norm(v)


def to_float64(values: Any) -> Any:
    """Float leaves in float64; integer leaves (labels, indices) as they are."""
    return tree.map(lambda a: a.astype(np.float64) if a.dtype.kind == "f" else a, values)


def jitter(rng: np.random.Generator, values: Any) -> Any:
    """The point a little aside, away from a kink."""
    return tree.map(
        lambda a: a + like(1e-2 * rng.normal(size=a.shape), a) if a.dtype == np.float64 else a,
        values,
    )


def like(values: Any, leaf: Any) -> Any:
    """Host values with the dtype and on the device of a leaf."""
    return arrays.namespace(leaf).asarray(np.asarray(values, leaf.dtype))


def describe(f: Any) -> str:
    """A short name for a layer, bound method or function."""
    if hasattr(f, "forward"):
        return type(f).__name__
    return getattr(f, "__qualname__", type(f).__name__)
