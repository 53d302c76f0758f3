"""Class labels beside data: what may stand for one, and batches that share few of them.

A label is a whole number 0 .. K-1; -1, where it is allowed, says that an example has none.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, is_array, to_host

NONE = -1  # no label
LABEL = "label"  # what a conditional net's layers that take the labels are called, or begin with


def told(net: Any, labels: Array) -> dict[str, Array]:
    """The extras of a net whose layers "label", "label1", ... take them. ValueError: none does."""
    names = [name for name in getattr(net, "layers", ()) if name.startswith(LABEL)]
    if not names:
        raise ValueError(
            f"labels were given to a {type(net).__name__} no layer of which takes them: name one "
            f"{LABEL!r}, such as a LabelledDense or a LabelBias; those of chains in it are not "
            "asked"
        )
    return dict.fromkeys(names, labels)


def check_pair(name: str, batch: Any) -> tuple[Array, Array]:
    """x and y of a batch (x, y). Raises TypeError for anything else; `name` begins the message."""
    if not isinstance(batch, tuple) or len(batch) != 2:
        raise TypeError(
            f"{name}: expected (x, y), data and their labels, got {type(batch).__name__}: "
            "train and measure it on such a tuple"
        )
    return batch


def check_examples(name: str, batch: Any, classes: int) -> tuple[Array, Array]:
    """x and y of a batch (x, y), every example with a label. Raises TypeError, ValueError."""
    x, y = check_pair(name, batch)
    check_labels(name, y, len(x), classes)
    return x, y


def check_labels(name: str, y: Any, n: int, classes: int, missing: bool = False) -> np.ndarray:
    """The labels on the host, (n,) int64, after refusing what is none.

    missing : whether -1 may stand for no label

    CuPy wraps an index out of range where NumPy raises, so the range is looked at here, before
    anything is computed. Raises TypeError for what are not whole numbers, ValueError for another
    shape and for labels out of range.
    """
    if not is_array(y) or y.dtype.kind not in "iu":
        given = y.dtype if is_array(y) else type(y).__name__
        raise TypeError(
            f"{name}: expected labels y as an array of whole numbers, got {given}: "
            "use y.astype(np.int64)"
        )
    if y.shape != (n,):
        raise ValueError(f"{name}: expected labels of shape ({n},), one an example, got {y.shape}")
    host = to_host(y).astype(np.int64)
    least = NONE if missing else 0
    if n and (host.min() < least or host.max() >= classes):
        other = ", or -1 for an example without a label" if missing else ""
        high = host.max() >= classes
        more = f", or build the model with classes={host.max() + 1}" if high else ""
        raise ValueError(
            f"{name}: labels lie in {host.min()}..{host.max()}, expected 0..{classes - 1}{other}: "
            f"number the classes from 0{more}"
        )
    return host


def check_noise(name: str, noise: Any, shape: tuple[int, ...]) -> None:
    """Refuse noise of another batch, of which a part would pass for its own. Raises ValueError."""
    given = getattr(noise, "shape", type(noise).__name__)
    if given != shape:
        raise ValueError(f"{name}: expected noise of shape {shape}, got {given}: use draw_noise")


def stratified_order(
    y: Array, batch: int, classes: int, labelled: int | None = None
) -> Callable[[np.random.Generator, Params], np.ndarray]:
    """f(rng, p) -> the indices of an epoch's examples, for `training.train(batch=batch, order=f)`.

    y        : the labels of all examples (N,), -1 for those without one
    batch    : B, the size of a batch
    labelled : how many of a batch have a label; by default their share of all examples, at least 1

    Every batch holds as many labelled examples, the last one fewer others. An epoch shows each
    example without a label once. Those with one take turns: each comes as often as any other, but
    for one time. Raises ValueError for a class without a labelled example, and for a `labelled`
    that fills the batch.
    """
    n = len(y) if is_array(y) else 0  # what is no array is refused below
    y = check_labels("stratified_order", y, n, classes, missing=True)
    known, unknown = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)
    lacking = sorted(set(range(classes)) - set(y[known].tolist()))
    if lacking:
        raise ValueError(
            f"stratified_order: no labelled example of class {', '.join(map(str, lacking))}: "
            "give each class a label or more, or number the classes anew"
        )
    if not len(unknown):
        return lambda rng, p: rng.permutation(known)
    check_whole("stratified_order", "batch", batch)
    if labelled is None:
        labelled = max(1, round(batch * len(known) / len(y)))
    if not 1 <= labelled < batch:
        raise ValueError(
            f"stratified_order: {labelled} labelled examples in a batch of {batch} leave no room "
            "for one with a label and one without: choose a larger batch"
        )
    others = batch - labelled
    batches = -(-len(unknown) // others)

    def order(rng: np.random.Generator, p: Params) -> np.ndarray:
        turns = -(-batches * labelled // len(known))
        drawn = np.concatenate([rng.permutation(known) for _ in range(turns)])
        rest = rng.permutation(unknown)
        return np.concatenate(
            [
                part
                for i in range(batches)
                for part in (
                    drawn[i * labelled : (i + 1) * labelled],
                    rest[i * others : (i + 1) * others],
                )
            ]
        )

    return order
