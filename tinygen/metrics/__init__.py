"""Numbers that say how good a model is, each with its unit."""

from tinygen.metrics.importance import importance_estimate
from tinygen.metrics.units import bits_per_dim, mean_and_error

__all__ = ["bits_per_dim", "importance_estimate", "mean_and_error"]
