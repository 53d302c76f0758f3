"""The normalisation check: do the probabilities of everything that can happen sum to one?

sum_i w_i exp(log p(x_i)) = 1,  w_i = 1 for a mass, quadrature weights for a density
                                                           docs/derivations/check.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import arrays
from tinygen.check.report import Report, Row

MOST_IMAGES = 1 << 20
BLOCK = 4096  # points given to log_prob at a time


def check_normalised(
    log_prob: Callable[[Any], Any],
    points: Any,
    weights: Any = None,
    *,
    tolerance: float = 1e-6,
) -> Report:
    """exp(log_prob), summed over all `points`, is 1 to `tolerance`.

    log_prob : points (M, ...) -> (M,) log-probabilities in nats
    points   : everything that can happen (`all_images`), or the nodes of a quadrature
    weights  : None for a mass; the weight of each node (M,), or the spacing of an even grid, for
               a density

    The row `sum` holds |sum - 1|; the row `values` fails where a log-probability is NaN, +inf or,
    for a mass, above 0, or where log_prob returns another shape than (M,).
    """
    report = Report("normalisation")
    blocks = [points[i : i + BLOCK] for i in range(0, len(points), BLOCK)]
    logs = [np.asarray(arrays.to_host(log_prob(block)), np.float64) for block in blocks]
    for log, block in zip(logs, blocks, strict=True):
        problem = bad_values(log, len(block), weights)
        if problem:
            report.rows.append(Row("values", np.inf, None, f"WRONG: {problem}"))
            return report
    report.rows.append(Row("values", 0.0, None, "ok"))
    w = 1.0 if weights is None else np.asarray(arrays.to_host(weights), np.float64)
    total = float((w * np.exp(np.concatenate(logs))).sum())
    error = abs(total - 1)
    verdict = "ok" if error <= tolerance else f"WRONG: the probabilities sum to {total:.8g}"
    report.rows.append(Row("sum", error, None, verdict))
    return report


def bad_values(log: Any, n: int, weights: Any) -> str:
    """What is wrong with the log-probabilities of n points, or the empty string."""
    if log.shape != (n,):
        return f"log_prob has shape {log.shape} for {n} points: expected ({n},)"
    if np.isnan(log).any() or (log == np.inf).any():
        return "log_prob holds NaN or +infinity"
    if weights is None and (log > 1e-9).any():
        return f"a log-probability of {log.max():.4g}, above 0"
    return ""


def all_images(shape: tuple[int, ...], levels: int = 2, dtype: Any = np.float64) -> np.ndarray:
    """Every image of a shape with the values 0 .. levels - 1: (levels^size, *shape).

    all_images((3, 3, 1)) are the 2^9 binary images of 3x3. dtype: int for categorical pixels.
    Raises ValueError where there are more than 2^20 of them.
    """
    size = int(np.prod(shape))
    if levels**size > MOST_IMAGES:
        raise ValueError(
            f"all_images: {levels}^{size} images of shape {shape} are too many to list: "
            "choose a smaller shape or fewer levels"
        )
    digits = np.arange(levels**size)[:, None] // levels ** np.arange(size)[::-1] % levels
    return digits.astype(dtype).reshape(-1, *shape)
