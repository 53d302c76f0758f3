"""How the real sets are cut into parts, and what several of them share."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinygen.data.binarise import binarise
from tinygen.data.dataset import Dataset, Entry, Part

PARTS = ("train", "validation", "test")
DYNAMIC = "-dynamic"  # ends the names of sets whose pixels are drawn anew for each batch


def unit(x: np.ndarray) -> np.ndarray:
    """Bytes 0..255 as float32 x / 255 in [0, 1]; other arrays as float32."""
    x = np.ascontiguousarray(x)
    return x / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)


def cut(
    which: np.ndarray,
    x: np.ndarray,
    labels: np.ndarray | None = None,
    factors: dict[str, np.ndarray] | None = None,
) -> tuple[Part, Part, Part]:
    """The training, validation and test part.

    which : (N,), the part of each example: 0 train, 1 validation, 2 test
    x     : (N, ...); bytes 0..255 become float32 x / 255
    labels, factors : of N examples, as in a Part
    """

    def part(rows: np.ndarray) -> Part:
        return Part(
            unit(x[rows]),
            None if labels is None else labels[rows].astype(np.int64),
            {key: values[rows] for key, values in (factors or {}).items()},
        )

    return part(which == 0), part(which == 1), part(which == 2)


def binary_variants(entry: Entry) -> tuple[Entry, Entry]:
    """The entries NAME-dynamic and NAME-thresholded of a set of grey images.

    NOTE: they are different sets: likelihoods on one compare with none on the other.
    """
    dynamic = replace(
        entry,
        name=f"{entry.name}{DYNAMIC}",
        title=f"{entry.title}; black and white, drawn anew for each batch: x ~ Bernoulli(grey)",
        kind="binary",
        load=variant(entry.load, f"{entry.name}{DYNAMIC}", dynamically),
    )
    thresholded = replace(
        entry,
        name=f"{entry.name}-thresholded",
        title=f"{entry.title}; black and white: 1 where grey >= 1/2",
        kind="binary",
        load=variant(entry.load, f"{entry.name}-thresholded", at_one_half),
    )
    return dynamic, thresholded


def variant(
    load: Callable[[], Dataset], name: str, change: Callable[[Dataset], Dataset]
) -> Callable[[], Dataset]:
    """A loader of the changed set, under its own name."""
    return lambda: replace(change(load()), name=name, kind="binary")


def dynamically(grey: Dataset) -> Dataset:
    """Binarised on each batch that a model sees."""
    return replace(grey, transform=binarise)


def at_one_half(grey: Dataset) -> Dataset:
    """1 where grey >= 1/2, else 0."""
    train, validation, test = (
        replace(part, x=(part.x >= 0.5).astype(np.float32)) for part in grey.parts.values()
    )
    return replace(grey, train=train, validation=validation, test=test)
