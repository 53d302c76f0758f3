"""Which of the data's modes a generator covers: modes hit, share of good samples, reverse KL.

    q_k = share of the good samples that fall to mode k,   KL(q || p) = sum_k q_k log(q_k / p_k)

For Gaussian modes a sample is good within 3 std of the nearest centre, and falls to it; a mode
counts where one sample does: Z. Lin et al., PacGAN, arXiv 1712.04086, 2500 samples.
A perfect sampler in D = 2 has the share 1 - e^(-9/2) = 0.9889.

A. Srivastava et al., VEEGAN, arXiv 1705.07761, count a mode where its centre is the
nearest one of some good sample: the same number. Their tables differ from PacGAN's by the nets.

For images a classifier says which mode a sample belongs to (`class_coverage`); there is no share
of good samples then, for a classifier names a class of everything.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, to_host
from tinygen.layers.base import check_array


@dataclass(frozen=True)
class Coverage:
    """What a set of samples covers.

    modes        : of them, those that one sample or more falls to
    of           : all modes there are
    high_quality : share of good samples; None where a classifier says the mode
    reverse_kl   : KL(q || p) in nats; log(of) where all good samples fall to one of equal modes,
                   NaN where no sample is good
    counts       : (of,), good samples by mode
    """

    modes: int
    of: int
    high_quality: float | None
    reverse_kl: float
    counts: np.ndarray


def mode_coverage(x: Array, centres: np.ndarray, std: float, reach: float = 3.0) -> Coverage:
    """The coverage of K equal Gaussians by samples x (N, D).        centres (K, D)

    std   : of each Gaussian along each axis
    reach : how many std from the nearest centre a sample may lie

    NOTE: q is of the good samples alone, as in the authors' code; a sample between two modes
    belongs to none. Raises ValueError for shapes that do not fit, what are no numbers, NaN, std
    or reach <= 0; TypeError for samples that are no floats.
    """
    centres = numbers("mode_coverage: centres", centres).astype(np.float64)
    if centres.ndim != 2 or not len(centres):
        raise ValueError(f"mode_coverage: centres must be (K, D), K >= 1, got {centres.shape}")
    check_array("mode_coverage: centres", centres, "K", "D")  # NaN is near to nothing
    for name, value in {"std": std, "reach": reach}.items():
        check_number("mode_coverage", name, value, above=0)
    check_array("mode_coverage", x, "N", centres.shape[1])
    points = np.asarray(to_host(x), np.float64)
    with np.errstate(over="ignore"):  # infinitely far is not good either
        distance2 = sum(  # |x - c|^2                                           (N, K)
            (points[:, d, None] - centres[:, d]) ** 2 for d in range(centres.shape[1])
        )
    nearest = distance2.argmin(axis=1)
    good = np.sqrt(distance2.min(axis=1)) <= reach * std
    counts = np.bincount(nearest[good], minlength=len(centres))
    return Coverage(
        int((counts > 0).sum()), len(centres), float(good.mean()), reverse_kl(counts), counts
    )


def class_coverage(labels: Array, classes: int, share: np.ndarray | None = None) -> Coverage:
    """The coverage of classes by samples that a classifier called `labels` (N,).

    share : p_k (classes,) of the data; equal where not given

    Raises ValueError for no labels, some outside 0 .. classes - 1, classes < 1, and a share as
    `reverse_kl` does.
    """
    check_whole("class_coverage", "classes", classes)
    y = numbers("class_coverage: labels", labels)
    if y.ndim != 1 or not len(y) or y.dtype.kind not in "iu":
        raise ValueError(
            f"class_coverage: expected labels (N,), whole numbers, at least one, got {y.dtype} of "
            f"shape {y.shape}: give the classifier's predictions"
        )
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"class_coverage: labels must lie in 0..{classes - 1}, got {y.min()}..{y.max()}: say "
            "how many classes there are with classes="
        )
    counts = np.bincount(y, minlength=classes)
    return Coverage(int((counts > 0).sum()), classes, None, reverse_kl(counts, share), counts)


def reverse_kl(counts: np.ndarray, share: np.ndarray | None = None) -> float:
    """KL(q || p), q = counts / sum, in nats; p uniform where not given; NaN where all are 0.

    Infinite where the samples hit a mode that the data lack. Raises ValueError for counts that are
    none, a p of another length, or one that is no distribution.
    """
    counts = numbers("reverse_kl: counts", counts).astype(np.float64)
    if counts.ndim != 1 or not len(counts) or not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(
            f"reverse_kl: counts must be (K,), K >= 1, finite numbers >= 0, got {counts} of shape "
            f"{counts.shape}: give how many samples fell to each mode"
        )
    p = np.full(len(counts), 1 / len(counts))
    if share is not None:
        p = numbers("reverse_kl: share", share).astype(np.float64)
    if p.shape != counts.shape or not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ValueError(
            f"reverse_kl: share must be {len(counts)} probabilities that sum to 1, got shape "
            f"{p.shape}, sum {p.sum():g}, the smallest {p.min(initial=np.inf):g}"
        )
    if not counts.sum():
        return float("nan")
    q = counts / counts.sum()
    hit = q > 0  # 0 log 0 = 0
    if not (p[hit] > 0).all():
        return float("inf")
    return max(0.0, float((q[hit] * np.log(q[hit] / p[hit])).sum()))


def numbers(what: str, values: Any) -> np.ndarray:
    """Real numbers on the host, of any shape. Raises ValueError for text and ragged lists."""
    try:
        found = np.asarray(to_host(values))
    except ValueError:
        found = np.asarray(None)  # lists of different lengths
    if found.dtype.kind not in "iuf":
        shown = " ".join(repr(values).split())[:60]
        raise ValueError(
            f"{what} must be real numbers in an array, rows of one length, got {shown}"
        )
    return found
