"""How well a score tells outliers from inliers: the area under the ROC curve, and a threshold.

    A = P(s_out > s_in) + P(s_out = s_in) / 2

over one inlier and one outlier, drawn at random: 1 tells all apart, 1/2 is a coin. It is the
Mann-Whitney statistic divided by the number of pairs, and the area under the curve of detections
over false alarms, whose ties are joined by straight lines.

Scores are higher where an example is more of an outlier.  docs/derivations/outliers.md

E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44, 1988 (the standard error).
"""

import math

from tinygen.arguments import check_number
from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array


def auroc(scores_in: Array, scores_out: Array) -> float:
    """A of the scores of inliers (N,) and of outliers (M,): a number from 0 to 1.

    Equal scores count half, so constant scores have A = 1/2. Raises ValueError where one of the
    two is empty (one class has no area), for other shapes, NaN and infinity, TypeError for no
    floats.
    """
    placed, _ = placements(scores_in, scores_out)
    return float(placed.mean())  # A                                           (2)


def auroc_and_error(scores_in: Array, scores_out: Array) -> tuple[float, float]:
    """A and its standard error over the examples, by DeLong's two variances.

    It is 0 where the scores part completely, whatever the number of examples. Raises as `auroc`,
    and ValueError for less than two examples of either kind, which show no spread.
    """
    of_out, of_in = placements(scores_in, scores_out)
    n, m = len(of_in), len(of_out)
    if min(n, m) < 2:
        raise ValueError(
            f"auroc_and_error: got {n} inliers and {m} outliers: a spread needs at least 2 of "
            "each; auroc needs one"
        )
    variance = of_out.var(ddof=1) / m + of_in.var(ddof=1) / n  #               (4)
    return float(of_out.mean()), math.sqrt(float(variance))


def placements(scores_in: Array, scores_out: Array) -> tuple[Array, Array]:
    """The share of inliers below each outlier (M,), and of outliers above each inlier (N,).

    Ties count half. The mean of either is A. Raises as `auroc`.
    """
    check_scores("auroc", scores_in, scores_out)
    xp = namespace(scores_in)

    def share_below(s: Array, others: Array) -> Array:  #                      (1)
        others = xp.sort(others)
        least, most = (xp.searchsorted(others, s, side) for side in ("left", "right"))
        return (least + most) / (2 * len(others))

    return share_below(scores_out, scores_in), 1 - share_below(scores_in, scores_out)


def roc_curve(scores_in: Array, scores_out: Array) -> tuple[Array, Array]:
    """(false alarms, detections): the shares of inliers and outliers above a falling threshold.

    Both (T + 2,) for T different scores, from (0, 0) to (1, 1). The area under straight lines
    between the points is A. Raises as `auroc`.
    """
    check_scores("roc_curve", scores_in, scores_out)
    xp = namespace(scores_in)
    levels = xp.unique(xp.concatenate([scores_in, scores_out]))  # rising      (T,)

    def share_from(scores: Array) -> Array:  # the share of scores >= each level, highest first
        below = xp.searchsorted(xp.sort(scores), levels, "left")
        share = 1 - below / len(scores)
        return xp.concatenate([xp.zeros(1), share[::-1], xp.ones(1)])

    return share_from(scores_in), share_from(scores_out)


def threshold(scores_in: Array, false_alarms: float = 0.05) -> float:
    """t such that at most this share of the inliers (N,) scores above t; call x with s > t outlier.

    It is the least score of an inlier that does so. Choose it on validation examples: on those a
    model was trained on scores are too low, on the test set nothing may be chosen. Raises
    ValueError as `auroc`, and for a share outside [0, 1).
    """
    check_array("threshold: scores_in", scores_in, "N")
    check_number("threshold", "false_alarms", false_alarms, least=0, below=1)
    n = len(scores_in)
    allowed = math.floor(false_alarms * n + 1e-9)  # how many may lie above; 0.1 * 30 is 3
    return float(namespace(scores_in).sort(scores_in)[n - 1 - allowed])  #     (5)


def check_scores(name: str, scores_in: Array, scores_out: Array) -> None:
    """Refuse what has no order, or nothing to order. Raises ValueError, TypeError."""
    for what, scores in (("scores_in", scores_in), ("scores_out", scores_out)):
        if getattr(scores, "shape", None) == (0,):
            raise ValueError(
                f"{name}: {what} is empty: one class alone has no ROC curve, give the scores of "
                "inliers and of outliers"
            )
        check_array(f"{name}: {what}", scores, "N")
