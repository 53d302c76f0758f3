"""Units of likelihood, and the spread of a mean."""

import math

from tinygen.arrays import Array


def bits_per_dim(nats: Array, dims: int) -> Array:
    """NLL in nats per example -> bits per dimension: nats / (D log 2)."""
    return nats / (dims * math.log(2))


def mean_and_error(values: Array) -> tuple[float, float]:
    """The mean of independent values (N,) and its standard error, std / sqrt(N), N >= 2."""
    n = len(values)
    if n < 2:
        raise ValueError(f"mean_and_error: a spread needs at least 2 values, got {n}")
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n)
