"""Two sets of examples without pairs, as batches (a, b) for one training.

Each set is shuffled by itself, so that no row holds what belongs together, even where the sets
came aligned. The shorter one is repeated, each round in an order of its own, until both are of one
length: an epoch shows each example of the longer set once, and those of the shorter equally often,
up to one time.
"""

import numpy as np

from tinygen.data.errors import DataError


def unpaired(rng: np.random.Generator, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, ...]:
    """(a, b) with max(N, M) rows each, of sets (N, ...) and (M, ...). Raises DataError for none."""
    n = max(len(a), len(b))
    if not min(len(a), len(b)):
        raise DataError(f"unpaired: expected examples of both sets, got {len(a)} and {len(b)}")
    return tuple(x[rounds(rng, len(x), n)] for x in (a, b))


def rounds(rng: np.random.Generator, size: int, n: int) -> np.ndarray:
    """n of the numbers 0 .. size-1: one permutation after the other, the last one cut."""
    return np.concatenate([rng.permutation(size) for _ in range(-(-n // size))])[:n]
