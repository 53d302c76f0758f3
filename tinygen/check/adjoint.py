"""The adjoint check: is one linear map the transpose of another? No differencing, no tolerance to
choose: both sides are the same sum in another order.

<A x, y> = <x, A^T y>  for all x, y                         docs/derivations/check.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.check.report import Report, Row

TOLERANCE = 1e-12
DRAWS = 5


def check_adjoint(
    forward: Callable[[Any], Any],
    adjoint: Callable[[Any], Any],
    x_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    *,
    rng: np.random.Generator,
) -> Report:
    """<A x, y> = <x, A^T y> to 1e-12 of |A x| |y|, for normal x and y in float64.

    forward          : x -> A x, linear: a layer with its parameters fixed and its biases zero,
                       lambda x: conv.forward(p, x)[0]
    adjoint          : y -> A^T y: the transposed layer's forward, or the layer's own backward.dx
    x_shape, y_shape : shapes of x and of A x

    The rows: `linear` (A (2 x + 3 x') = 2 A x + 3 A x', and the same for A^T) and `adjoint`, each
    with its relative error, and the shapes where they are not those given. A zero map fails.
    """
    report = Report("adjoint")
    x, x2, y, y2 = (rng.normal(size=s) for s in (x_shape, x_shape, y_shape, y_shape))
    for name, f, a, b, shape in (
        ("A", forward, x, x2, y_shape),
        ("A^T", adjoint, y, y2, x_shape),
    ):
        fa, fb = f(a), f(b)
        if fa.shape != shape:
            verdict = f"WRONG: the shape is {fa.shape}, expected {shape}"
            report.rows.append(Row(f"{name} shape", np.inf, None, verdict))
            continue
        report.rows.append(linear(f"{name} linear", fa, fb, f(2 * a + 3 * b)))
    if report.passed:
        report.rows.append(transposed(forward, adjoint, x_shape, y_shape, rng))
    return report


def linear(name: str, fa: Any, fb: Any, f_of_sum: Any) -> Row:
    """f(2 a + 3 b) against 2 f(a) + 3 f(b): a bias makes a map affine, without an adjoint."""
    error = relative(norm(f_of_sum - (2 * fa + 3 * fb)), norm(fa) + norm(fb))
    if not norm(fa) > 0:
        return Row(name, error, None, "WRONG: zero; two dead maps are adjoint too")
    return Row(name, error, None, "ok" if error <= TOLERANCE else "WRONG: not linear")


def transposed(forward: Any, adjoint: Any, x_shape: Any, y_shape: Any, rng: Any) -> Row:
    """The worst of a few draws of <A x, y> - <x, A^T y>, relative to |A x| |y|."""
    worst = Row("adjoint", 0.0, None, "ok")
    for _ in range(DRAWS):
        x, y = rng.normal(size=x_shape), rng.normal(size=y_shape)
        Ax, ATy = forward(x), adjoint(y)
        left, right = float((Ax * y).sum()), float((x * ATy).sum())
        error = relative(abs(left - right), max(norm(Ax) * norm(y), norm(x) * norm(ATy)))
        if not error <= TOLERANCE:
            verdict = f"WRONG: <A x, y> = {left:.6g}, <x, A^T y> = {right:.6g}"
            return Row("adjoint", error, None, verdict)
        worst = max(worst, Row("adjoint", error, None, "ok"), key=lambda row: row.error)
    return worst


def norm(a: Any) -> float:
    """|a|, over all axes."""
    return float((a * a).sum()) ** 0.5


def relative(error: float, scale: float) -> float:
    """error / scale, where 0 / 0 is 0."""
    return error / scale if scale else (np.inf if error else 0.0)
