"""What a linear classifier reads off fixed features, fitted until its gradient vanishes.

    L(W, b) = (1/N) sum_n -log softmax(g_n W + b)_(y_n) + (l2 / 2) |W|^2,    g = (f - shift) / size

Logistic regression on features f (N, F) that are centred and divided by one number, so that one
l2 means the same for pixels and for codes. L is convex: what is found hangs on no step size, no
number of epochs and no seed. Found by Y. Nesterov's accelerated gradient (1983), restarted where
it climbs (B. O'Donoghue and E. Candes, arXiv 1204.3982).  docs/derivations/linear_probe.md
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from tinygen.arguments import check_number, check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import check_levels


@dataclass(frozen=True)
class FeatureScale:
    """g = (f - shift) / size        f, g (N, F)   shift (F,)   size ()"""

    shift: Array
    size: float

    @classmethod
    def of(cls, features: Array) -> "FeatureScale":
        """The mean of the features (N, F), and the root of their mean squared distance to it.

        Of one number for all columns, so that a column that hardly moves stays small. Raises
        ValueError for features that are all alike, other shapes and NaN.
        """
        check_array("FeatureScale: features", features, "N", "F")
        shift = features.mean(axis=0)
        size = sqrt(float(((features - shift) ** 2).sum(axis=1).mean()))  # mean |g|^2 = 1  (1)
        if not size or bool((features == features[0]).all()):  # means of 0.1 are not quite 0.1
            raise ValueError(
                "FeatureScale: the features of all examples are the same, and say nothing of a "
                "class: give other features, or more than one example"
            )
        return cls(shift, size)

    def __call__(self, features: Array) -> Array:
        """g of features (N, F)."""
        return (features - self.shift) / self.size


def linear_probe(
    features: Array,
    labels: Array,
    classes: int,
    l2: float,
    scale: FeatureScale | None = None,
    tolerance: float = 1e-4,
    most: int = 10_000,
) -> Params:
    """{"W" (F, K), "b" (K,)} of least L, for features as they are: logits = f W + b.

    features  : f (N, F) of the labelled examples;  labels : y (N,), whole numbers 0 .. K - 1
    l2        : the weight > 0 of |W|^2 on scaled features; b is free
    scale     : of many unlabelled examples, `FeatureScale.of(...)`; by default of these
    tolerance : the largest entry of the gradient at which it ends, after `most` steps at the most

    Raises ValueError for labels outside the range, a class without a labelled example, l2 <= 0,
    NaN, and where `most` steps do not suffice.
    """
    check_array("linear_probe: features", features, "N", "F")
    if features.dtype == np.float16:
        raise TypeError(
            "linear_probe: features are float16, whose sums over examples overflow: use "
            "features.astype(np.float32)"
        )
    check_whole("linear_probe", "classes", classes)
    check_number("linear_probe", "l2", l2, above=0)
    xp, (N, F) = namespace(features), features.shape
    check_levels("linear_probe: labels", labels, features, (N,), classes)
    seen = labels[:, None] == xp.arange(classes)  # 1[k = y_n]                (N, K)
    missing = [k for k, some in enumerate(seen.any(axis=0).tolist()) if not some]
    if missing:
        raise ValueError(
            f"linear_probe: no labelled example of the classes {missing}: label one of each, "
            "or number the classes without them"
        )
    scale = FeatureScale.of(features) if scale is None else scale
    g, l2 = scale(features), float(l2)
    step = 1 / (curvature(g) + l2)  #                                                    (4)
    w = here = xp.zeros((F + 1, classes), g.dtype)  # W with b as its last row
    t = 1.0
    for _ in range(most):
        logits = g @ here[:-1] + here[-1]  #                                  (N, K)
        dlogits = (xp.exp(logits - log_sum_exp(logits)[:, None]) - seen) / N  # (N, K)  (2)
        dw = xp.concatenate([g.T @ dlogits + l2 * here[:-1], dlogits.sum(axis=0)[None]])  # (3)
        if float(xp.abs(dw).max()) <= tolerance:
            W = here[:-1] / scale.size
            return {"W": W, "b": here[-1] - scale.shift @ W}  # f W + b = g W' + b'      (7)
        after = here - step * dw  #                                                      (5)
        if float((dw * (after - w)).sum()) > 0:
            t = 1.0  # uphill: forget the momentum
        t, last = (1 + sqrt(1 + 4 * t * t)) / 2, t
        w, here = after, after + (last - 1) / t * (after - w)  #                         (6)
    raise ValueError(
        f"linear_probe: the gradient is above {tolerance:g} after {most} steps: raise l2, "
        "tolerance or most"
    )


def curvature(g: Array) -> float:
    """A bound of the second derivative of the mean -log p in any direction of (W, b)."""
    xp = namespace(g)
    rows = xp.concatenate([g, xp.ones((len(g), 1), g.dtype)], axis=1)  # b's column of ones
    gram = rows.T @ rows if len(g) > g.shape[1] else rows @ rows.T  # the smaller one
    return 0.5 * float(xp.linalg.eigvalsh(gram / len(g))[-1])  #                         (4)
