"""The contract check: does a layer keep the promises that every caller relies on?

It needs no derivative, so it finds what the gradient check cannot: an array written in place, a
backward that works once, state that the next forward overwrites, a dtype that grew on the way.
                                                           docs/derivations/check.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import arrays, tree
from tinygen.check import points
from tinygen.check.gradients import gradients_of
from tinygen.check.points import equal, is_float
from tinygen.check.report import Report, Row


def check_contract(
    f: Any, p: Any, x: Any, *, rng: np.random.Generator, wrt_x: bool = True
) -> Report:
    """The promises of `y, backward = f(p, x)`, one row each, in the dtype of p and x as given.

    f     : a layer, or a function f(p, x) -> (y, backward); arguments as for `check_gradients`

    `read-only`   p, x, y and dy are never written to
    `y`           two calls at one point give the same bits
    `dp`, `dx`    have the structure, shapes and dtypes of p and x
    `again`       backward twice gives the same bits, and leaves what it gave before alone
    `between`     a forward and backward elsewhere changes neither y nor the gradients here
    `additive`    backward(u + v) = backward(u) + backward(v)
    `halves`      backward.dp and backward.dx equal the whole, where backward has halves
    `dtype`       y has the dtype of the parameters, or of x where there are none

    `additive` and `halves` hold to sqrt(eps) of that dtype, relative to the norm of the gradient.
    """
    report = Report(f"contract of {points.describe(f)}")
    try:
        for name, error, problem in promises(points.forward_of(f), p, x, rng, wrt_x):
            report.rows.append(Row(name, error, None, f"WRONG: {problem}" if problem else "ok"))
    except ValueError as refusal:
        if "read-only" not in str(refusal):
            raise
        report.rows.append(Row("read-only", np.inf, None, f"WRONG: {refusal}"))
    return report


def promises(
    call: Callable[..., Any], p: Any, x: Any, rng: np.random.Generator, wrt_x: bool
) -> Any:
    """(row, error, problem or "") in turn; a write to a read-only array raises ValueError."""

    def pull(backward: Any, dy: Any) -> Any:
        dp, dx = gradients_of(backward, dy, wrt_x)
        return {"dp": dp, "dx": dx if wrt_x else ()}

    def verdict(name: str, kept: bool, problem: str) -> tuple[str, float, str]:
        return (name, 0.0, "") if kept else (name, 1.0, problem)

    dtypes = {leaf.dtype for _, leaf in tree.leaves(p) if is_float(leaf)} or {
        leaf.dtype for _, leaf in tree.leaves(x) if is_float(leaf)
    }
    eps = max((float(np.finfo(dtype).eps) for dtype in dtypes), default=0.0)
    p_in, x_in = frozen(p), frozen(x)
    y, backward = call(p_in, x_in)
    y_then = copied(freeze(y))
    u, v = (freeze(points.cotangent(rng, y)) for _ in range(2))
    u_then = copied(u)
    first = pull(backward, u)
    first_then = copied(first)
    of_v = copied(pull(backward, v))
    again = equal(first, first_then) and equal(pull(backward, u), first_then)

    yield verdict("y", equal(call(p_in, x_in)[0], y_then), "differs from call to call")
    for name, values in (("dp", p), ("dx", x))[: 1 + wrt_x]:
        misfits = [(leaf, bad) for leaf, _, _, bad in points.paired(values, first[name]) if bad]
        text = "; ".join(f"{leaf}: {bad}" if leaf else bad for leaf, bad in misfits)
        yield verdict(name, not misfits, text)
    yield verdict("again", again, "the second backward differs, or changed the first one's arrays")

    whole = copied(pull(backward, freeze(tree.add(u, v))))
    yield distance("additive", whole, tree.add(first_then, of_v), eps)
    if hasattr(backward, "dp") and wrt_x:
        halves = {"dp": backward.dp(u), "dx": backward.dx(u)}
        yield distance("halves", halves, first_then, eps)

    try:
        elsewhere = call(points.jitter(rng, p, within=False), rolled(x))
        pull(elsewhere[1], points.cotangent(rng, elsewhere[0]))
    except ValueError:  # that point is outside what f accepts
        pass
    between = equal(y, y_then) and equal(pull(backward, u), first_then)
    yield verdict("between", between, "a later forward changed y or this backward")

    unwritten = equal((p_in, x_in, y, u), (frozen(p), frozen(x), y_then, u_then))
    yield verdict("read-only", unwritten, "p, x, y or dy was written to")

    grown = {leaf.dtype for _, leaf in tree.leaves(y) if is_float(leaf)} - dtypes
    given = ", ".join(str(dtype) for dtype in dtypes)
    text = f"y is {', '.join(map(str, grown))}, the parameters or inputs are {given}"
    yield verdict("dtype", not grown, text)


def distance(name: str, a: Any, b: Any, eps: float) -> tuple[str, float, str]:
    """|a - b| relative to |b|, the worst over the leaves; a problem above sqrt(eps).

    A leaf that is rightly zero holds the rounding of the others: 1000 eps of the largest is free.
    """
    worst, problem = 0.0, ""
    try:
        tree.map(lambda s, t: None, a, b)
    except ValueError as misfit:
        return name, np.inf, str(misfit)
    pairs = [
        (leaf, *(arrays.to_host(side).astype(np.float64) for side in (s, t)))
        for (leaf, s), (_, t) in zip(tree.leaves(a), tree.leaves(b), strict=True)
        if is_float(s) and is_float(t)
    ]
    largest = max((float(np.linalg.norm(t)) for _, _, t in pairs), default=0.0)
    for leaf, s, t in pairs:
        if s.shape != t.shape:
            return name, np.inf, f"{leaf} has shape {s.shape} against {t.shape}"
        scale = max(float(np.linalg.norm(t)), 1e3 * eps**0.5 * largest)
        error = float(np.linalg.norm(s - t)) / scale if scale else 0.0
        if not error <= eps**0.5:
            problem = problem or f"{leaf} differs"
        worst = max(worst, error)
    return name, worst, problem


def rolled(x: Any) -> Any:
    """Another input of the same range: the examples in another order."""
    return tree.map(lambda a: arrays.namespace(a).roll(a, 1, 0) if is_float(a) and a.ndim else a, x)


def copied(values: Any) -> Any:
    """A tree of the same values in other memory, in the same order of axes."""
    return tree.map(lambda a: a.copy(order="K") if arrays.is_array(a) else a, values)


def frozen(values: Any) -> Any:
    """A read-only copy of a tree."""
    return freeze(copied(values))


def freeze(values: Any) -> Any:
    """The same tree, its NumPy arrays made read-only (CuPy has no such flag)."""
    for _, leaf in tree.leaves(values):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False
    return values
