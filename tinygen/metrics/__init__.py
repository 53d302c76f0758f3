"""Numbers that say how good a model is, each with its unit."""

from tinygen.metrics.active_units import active_units, activity
from tinygen.metrics.importance import importance_estimate
from tinygen.metrics.units import bits_per_dim, mean_and_error

__all__ = ["active_units", "activity", "bits_per_dim", "importance_estimate", "mean_and_error"]
