"""The gradient check: is the hand-written backward the derivative of the forward?

For a map y = f(p, x), a random cotangent u and a unit direction v in one leaf theta,

    exact    <g, v>,  g = backward(u) at that leaf
    numeric  (<u, f(theta + h v)> - <u, f(theta - h v)>) / 2h

must agree. Each leaf is moved by itself, for a wrong bias hides behind a large weight; u, v and
redrawn points come from separate streams.                          docs/derivations/check.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import arrays
from tinygen.check import differences, points
from tinygen.check.points import Leaf
from tinygen.check.report import Report, Row

STEPS = (1e-4, 1e-5, 1e-6)
TOLERANCE = 1e-6
COARSE = 1e-3  # the share of a gradient that a rounding floor may hide
REDRAWS = 5
KINK = "WRONG: kink suspected"
ZERO = "WRONG: zero"


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

    f     : a layer, or a function f(p, x) -> (y, backward); y is an array or a tree of arrays.
            Noise and conditions must be fixed: lambda p, x: layer.forward(p, x, mask)
    p, x  : parameters and input, trees of arrays; integer leaves are not differentiated
    rng   : draws cotangents, directions, and the point anew at a kink
    wrt_x : False leaves the input out (data of a loss that has no dx)
    zero  : names of leaves ("x", "0.b") whose gradient is rightly zero; any other leaf with a
            zero gradient fails, for a forgotten gradient looks the same

    Accepted where |numeric - exact| <= 1e-6 max(|numeric|, |g|) + 10 eps S / h, S = sum |u y|,
    at the best of h = 1e-4, 1e-5, 1e-6, for five random directions in each leaf and for every
    coordinate of leaves up to 200 entries. Where the two one-sided slopes differ, as at ReLU's 0,
    the point is redrawn, at most 5 times; a kink that stays fails.

    Returns a Report: assert `report.passed`, print it, or plot the error against the step.
    Raises ValueError for a name in `zero` that no leaf has; a wrong gradient raises nothing.
    """
    call, streams = points.forward_of(f), rng.spawn(3)
    p, x = points.to_float64(p), points.to_float64(x)
    for redraws in range(REDRAWS + 1):
        report = check_point(call, p, x, streams, wrt_x, zero)
        report.title, report.redraws = f"gradients of {points.describe(f)}", redraws
        if not spoilt_by_kinks(report):
            break
        if redraws < REDRAWS:
            p, x = points.redraw(call, p, x, streams[2], wrt_x)
    return report


def check_point(
    call: Callable[..., Any],
    p: Any,
    x: Any,
    streams: list[np.random.Generator],
    wrt_x: bool,
    zero: tuple[str, ...],
) -> Report:
    """One row a leaf, at one point (p, x)."""
    cotangents, directions, _ = streams
    report = Report("")
    y, backward = call(p, x)
    if not points.is_finite(y):
        report.rows.append(Row("y", np.inf, None, "WRONG: y holds NaN or infinity"))
        return report
    if not points.equal(y, call(p, x)[0]):
        problem = "WRONG: y differs from call to call; noise must be an argument"
        report.rows.append(Row("y", np.inf, None, problem))
        return report
    u = points.cotangent(cotangents, y)
    S = differences.magnitude(u, y)
    dp, dx = gradients_of(backward, u, wrt_x)
    leaves = list(points.leaves_of(call, p, x, dp, dx, wrt_x))
    unknown = set(zero) - {leaf.name for leaf in leaves}
    if unknown:
        names = [leaf.name for leaf in leaves]
        raise ValueError(f"zero= names {sorted(unknown)}, but the leaves are {names}")
    for leaf in leaves:
        if leaf.problem is not None:
            report.rows.append(Row(leaf.name, np.inf, None, f"WRONG: {leaf.problem}"))
        else:
            report.rows.append(check_leaf(leaf, u, S, directions, leaf.name in zero))
    sound = [
        leaf
        for leaf in leaves
        # A zero gradient has no relative error to draw.
        if leaf.problem is None and leaf.value.size and leaf.name not in report.zeros
    ]
    report.sweep = lambda: differences.sweep(sound, u, directions)
    return report


def spoilt_by_kinks(report: Report) -> bool:
    """Whether another point is worth trying: a kink, and no plain error, which would be final.

    Beside a kink a zero is no plain error: ReLUs that stand at 0 block what lies before them.
    """
    failed = [row.verdict for row in report.rows if not row.passed]
    return any(v.startswith(KINK) for v in failed) and all(
        v.startswith((KINK, ZERO)) for v in failed
    )


def gradients_of(backward: Any, u: Any, wrt_x: bool) -> tuple[Any, Any]:
    """dp and dx; without wrt_x dp alone, where the pullback can be cut in two."""
    if not wrt_x and hasattr(backward, "dp"):
        return backward.dp(u), None
    return backward(u)


def check_leaf(leaf: Leaf, u: Any, S: float, rng: np.random.Generator, zero_is_right: bool) -> Row:
    """The verdict on one leaf: its largest error, or the first direction that is wrong."""
    gradient = arrays.to_host(leaf.gradient)
    norm = float(np.linalg.norm(gradient))  # |g| |v|, for |v| = 1
    worst, kink, all_zero = Row(leaf.name, 0.0, None, "ok"), None, True
    for where, v in differences.unit_directions(leaf.value.shape, rng):
        exact = float((gradient * v).sum())
        h, numeric, excess = best_step(leaf, u, S, v, exact, norm)
        floor = differences.floor(S, h)
        error = abs(numeric - exact)
        relative = error / max(abs(numeric), norm, floor) if error else 0.0
        all_zero &= abs(numeric) <= floor and abs(exact) <= floor
        if not excess <= 1:  # also where it is NaN
            numbers = f"{where}: numeric {numeric:.4g}, exact {exact:.4g}"
            # Rounding noise of a wrong gradient is no kink: the jump must bear on the error.
            if differences.corner(leaf, u, v, S) <= 1e-3 * error:
                return Row(leaf.name, relative, h, f"WRONG {numbers}")
            kink = kink or Row(leaf.name, relative, h, f"{KINK} {numbers}")
        elif worst.step is None or relative > worst.error:
            worst = Row(leaf.name, relative, h, "ok")
    if kink is not None:
        return kink
    if all_zero and not zero_is_right:
        # |x| at 0: both slopes cancel in the central difference, and 0 seems right.
        if leaf.value.size and differences.corner(leaf, u, v, S):
            return Row(leaf.name, worst.error, worst.step, f"{KINK} {where}: both slopes cancel")
        verdict = f"{ZERO}; where that is right, name the leaf in zero="
    elif zero_is_right and not all_zero:
        verdict = "WRONG: named in zero=, but it is not zero"
    else:
        verdict = "zero" if all_zero else "ok"
    return Row(leaf.name, worst.error, worst.step, verdict)


def best_step(
    leaf: Leaf, u: Any, S: float, v: np.ndarray, exact: float, norm: float
) -> tuple[float, float, float]:
    """(h, numeric, error / allowed) at the first step that is accepted, else at the best.

    A finer step is left out where its rounding floor would hide a thousandth of the gradient, as
    on an output with a large constant: the accepted error must mean something.
    """
    tried: list[tuple[float, float, float]] = []
    for h in STEPS:
        floor = differences.floor(S, h)
        numeric = differences.central(leaf, u, v, h)
        size = max(abs(numeric), norm)
        if tried and floor > COARSE * size:
            break
        allowed = TOLERANCE * size + floor  # (5)
        error = abs(numeric - exact)
        tried.append((h, numeric, error / allowed if allowed else error and np.inf))
        if error <= allowed:
            return tried[-1]
    return min(tried, key=lambda t: t[2])
