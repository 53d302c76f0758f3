"""The known factors of examples, as what the metrics of disentanglement compare codes with.

A factor is a whole number an example: name -> (N,), such as `Part.factors` of the sprites.
"""

from collections.abc import Mapping

import numpy as np


def levels(values: np.ndarray, n: int = 10) -> np.ndarray:
    """A continuous factor (N,) as n levels 0 .. n-1 that hold about as many examples each, int64.

    Raises ValueError for another shape, NaN, n < 2, and values that have fewer than n levels.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"levels: expected finite values (N,), got shape {values.shape}")
    if n < 2 or len(np.unique(values)) < n:
        raise ValueError(
            f"levels: cannot cut {len(np.unique(values))} different values into {n} levels: "
            "give n between 2 and their number"
        )
    edges = np.quantile(values, np.arange(1, n) / n)
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def checked_factors(
    name: str, factors: Mapping[str, np.ndarray], n: int, least: int = 1
) -> dict[str, np.ndarray]:
    """Each factor as levels 0 .. C-1, after refusing what says nothing of codes. Raises ValueError.

    n : how many examples the codes are of;  least: examples that each value must have
    """
    if not isinstance(factors, Mapping) or not factors:
        raise ValueError(f"{name}: expected factors as a dict, name -> (N,), got {factors!r}")
    found = {}
    for factor, values in factors.items():
        values = np.asarray(values)
        if values.shape != (n,):
            raise ValueError(
                f"{name}: factor {factor!r} has shape {values.shape}, and the codes are of {n} "
                "examples: give one value an example"
            )
        if values.dtype.kind not in "iubf":
            raise ValueError(
                f"{name}: factor {factor!r} holds {values.dtype}: give whole numbers, "
                "np.unique(values, return_inverse=True)[1]"
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"{name}: factor {factor!r} holds NaN or infinite values")
        if values.dtype.kind not in "iub" and (values != np.rint(values)).any():
            raise ValueError(
                f"{name}: factor {factor!r} is continuous: cut it with metrics.levels(values, 10)"
            )
        _, level, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(counts) < 2:
            raise ValueError(
                f"{name}: factor {factor!r} has one value in all {n} examples, of which a code "
                "can tell nothing: leave it out"
            )
        if counts.min() < least:
            raise ValueError(
                f"{name}: a value of factor {factor!r} has {counts.min()} of {n} examples, at "
                f"least {least} are needed: give more examples, or cut it with metrics.levels"
            )
        found[factor] = level
    return found


def factor_entropy(level: np.ndarray) -> float:
    """H(v) = -sum_c p_c log p_c in nats, of the shares p_c of the levels (N,)."""
    share = np.bincount(level) / len(level)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())
