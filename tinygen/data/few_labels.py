"""Which few examples keep their label: a draw with as many of each class.

Of n labels each of K classes gets n / K; where K does not divide n, the classes that get one more
are drawn too. From generators in one state, the draw of n is part of the draw of 2 n where K
divides n: a curve over n then grows its sets instead of changing them.
"""

import numpy as np

from tinygen.data.checks import check_counts


def few_labels(rng: np.random.Generator, labels: np.ndarray, n: int, classes: int) -> np.ndarray:
    """The indices (n,) int64 of n labelled examples, balanced over the classes, shuffled.

    labels  : of all examples (N,), whole numbers 0 .. classes - 1
    n       : how many shall keep their label, at least one of each class
    classes : K

    Raises TypeError for labels that are not whole numbers; ValueError for labels outside the
    range, a class without enough examples, and n below K.
    """
    check_counts("few_labels", minimum=2, classes=classes)
    check_counts("few_labels", n=n)
    check_labels("few_labels", labels, classes)
    if n < classes:
        raise ValueError(
            f"few_labels: {n} labels cannot show each of {classes} classes: ask for {classes} or "
            "more"
        )
    orders = [rng.permutation(np.flatnonzero(labels == k)) for k in range(classes)]
    share = np.full(classes, n // classes)
    share[rng.permutation(classes)[: n % classes]] += 1
    for k, (order, wanted) in enumerate(zip(orders, share, strict=True)):
        if len(order) < wanted:
            raise ValueError(
                f"few_labels: class {k} has {len(order) or 'no'} examples, {wanted} were asked "
                "for: ask for fewer labels, or leave the class out and number the rest anew"
            )
    chosen = np.concatenate([order[:m] for order, m in zip(orders, share, strict=True)])
    return rng.permutation(chosen)


def check_labels(where: str, labels: np.ndarray, classes: int) -> None:
    """Refuse what are not whole numbers 0 .. classes - 1, one an example. TypeError, ValueError."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        given = getattr(labels, "dtype", type(labels).__name__)
        raise TypeError(
            f"{where}: expected labels as a NumPy array of whole numbers, got {given}: "
            "use np.asarray(labels, dtype=np.int64)"
        )
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"{where}: expected labels of shape (N,), N >= 1, got {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{where}: labels lie in {labels.min()}..{labels.max()}, expected 0..{classes - 1}: "
            "give the number of classes, or number them from 0"
        )
