"""Resampling by rarity: examples that lie where the codes of their class are thin come oftener.

    w_n  ~  prod_i 1 / (p_i(z_ni) + alpha)        the paper's       p_i: histogram of code i
    w_n  ~  max_i  1 / (p_i(z_ni) + alpha)        a course's

A. Amini, A. Soleimany, W. Schwarting, S. Bhatia and D. Rus, Uncovering and Mitigating Algorithmic
Bias through Learned Latent Structure, AIES 2019; the maximum: MIT 6.S191, laboratory 2.

docs/derivations/debiasing_vae.md
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.layers.base import NonFinite
from tinygen.models.labels import check_labels
from tinygen.names import nearest

COMBINE = ("product", "maximum")
ROWS = 1000  # examples encoded at once
FEW = 0.02  # of the examples: a training on fewer sees them again and again

Order = Callable[[np.random.Generator, Params], np.ndarray]


def bin_shares(codes: Array, bins: int = 10) -> np.ndarray:
    """p_i(z_ni) (N, Z): the share of all examples that lie in the bin of example n in dimension i.

    codes : (N, Z), such as the means of q(z|x)
    bins  : of each dimension, of equal widths from its least code to its greatest

    A dimension that is the same for all is one bin, with the share 1. Computed on the host, in
    float64. Raises ValueError for another shape and no bins, NonFinite for NaN or infinity.
    """
    z = np.asarray(to_host(codes), np.float64)
    if z.ndim != 2 or z.size == 0:
        raise ValueError(f"resampling: expected codes (N, Z), got {z.shape}: a row an example")
    if not np.isfinite(z).all():
        raise NonFinite("resampling: the codes hold NaN or infinite values: lower lr")
    check_whole("resampling", "bins", bins)
    low, high = z.min(axis=0), z.max(axis=0)  #                            (Z,)
    wide = np.where(high > low, high - low, 1.0)
    place = np.minimum((bins * ((z - low) / wide)).astype(int), bins - 1)  # (N, Z)      (5)
    place += bins * np.arange(z.shape[1])  # a range of numbers for each dimension
    counts = np.bincount(place.ravel(), minlength=bins * z.shape[1])
    return counts[place] / len(z)  #                                       (N, Z)      (6)


def resampling_weights(
    codes: Array, alpha: float = 0.01, bins: int = 10, combine: str = "product"
) -> np.ndarray:
    """w (N,), which sum to 1: how probable each example is in a draw that favours rare codes.

    codes   : (N, Z), such as the means of q(z|x), of the examples of one class
    alpha   : >= 0, in units of a share: below it a bin's rarity counts no more. Infinity weighs
              all alike, 0 weighs a bin by 1 / share.
    combine : the dimensions, by "product" or by "maximum"

    Raises ValueError for alpha < 0 and other words, and what `bin_shares` raises.
    """
    shares = bin_shares(codes, bins)
    if combine not in COMBINE:
        raise ValueError(
            f"resampling: unknown combine {combine!r}{nearest(combine, COMBINE)}: choose "
            f"{' or '.join(COMBINE)}"
        )
    if isinstance(alpha, bool) or not alpha >= 0:  # a NaN is not
        raise ValueError(f"resampling: alpha must be a number >= 0, got {alpha!r}")
    if math.isinf(alpha):
        return np.full(len(shares), 1 / len(shares))
    # A product of 20 factors of up to 1 / alpha overflows, so both are computed in logs.
    log_rarity = -np.log(shares + alpha)  #                                (N, Z)
    log_w = log_rarity.sum(axis=1) if combine == "product" else log_rarity.max(axis=1)
    w = np.exp(log_w - log_w.max())  #                                     (N,)    (7) (8)
    return w / w.sum()


def effective_size(w: np.ndarray) -> float:
    """1 / sum_n w_n^2: as many examples, all weighed alike, would vary a mean as much.

    N where all N weigh alike, 1 where one has all the weight (L. Kish, Survey Sampling, 1965).
    """
    return float(1 / np.sum(np.square(w)))  #                                     (9)


def debiasing_order(
    model: Any,
    x: Array,
    y: Array,
    alpha: float = 0.01,
    bins: int = 10,
    combine: str = "product",
) -> Order:
    """f(rng, p) -> the indices of an epoch's examples (N,), for `training.train(order=f)`.

    model : with `debiased`, the number of one of its `classes`, and `encode`: a `DebiasingVAE`
    x, y  : the training examples and their labels

    Of the class to be debiased as many are drawn as there are, with replacement, by the weights
    that their codes have at the epoch's start. All other examples come once each. The whole is
    shuffled. Raises ValueError where the class to be debiased, or every other, has no example.

    Warns where fewer than 2 % of its examples have nearly all the weight (`effective_size`): then
    a training can run away, for the encoder learns the few that are drawn, and what it makes of
    all others says little of how rare they are.
    """
    labels = check_labels("debiasing_order", y, len(x), model.classes)
    rows = np.flatnonzero(labels == model.debiased)
    others = np.flatnonzero(labels != model.debiased)
    if len(rows) == 0 or len(others) == 0:
        missing = "no" if len(rows) == 0 else "only"
        raise ValueError(
            f"debiasing_order: the labels hold {missing} examples of class {model.debiased}, the "
            "class to be debiased: give examples of this class and of others, or another debiased="
        )
    resampling_weights(np.zeros((1, 1)), alpha, bins, combine)  # refused now, not an epoch later

    def order(rng: np.random.Generator, p: Params) -> np.ndarray:
        w = resampling_weights(class_codes(model, p, x, rows), alpha, bins, combine)
        if effective_size(w) < FEW * len(w) and len(w) > 1 / FEW:
            warnings.warn(
                f"debiasing_order: at alpha {alpha:g} by {combine} fewer than {FEW:.0%} of the "
                "examples have nearly all the weight: raise alpha, combine by 'maximum', or take "
                "fewer latent dimensions",
                stacklevel=2,
            )
        drawn = rng.choice(rows, size=len(rows), p=w)
        return rng.permutation(np.concatenate([others, drawn]))

    return order


def class_codes(model: Any, p: Params, x: Array, rows: np.ndarray) -> np.ndarray:
    """The means of q(z|x) of these rows of x, (len(rows), Z), on the host."""
    xp = namespace(x)
    parts = [xp.asarray(rows[i : i + ROWS]) for i in range(0, len(rows), ROWS)]
    return np.concatenate([to_host(model.encode(p, x[part])["mean"]) for part in parts])
