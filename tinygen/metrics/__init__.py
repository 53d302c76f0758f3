"""Numbers that say how good a model is, each with its unit."""

from tinygen.metrics.active_units import active_units, activity
from tinygen.metrics.confidence import classes_found, confidence
from tinygen.metrics.frechet import frechet_distance
from tinygen.metrics.importance import importance_estimate
from tinygen.metrics.units import bits_per_dim, mean_and_error

__all__ = [
    "active_units",
    "activity",
    "bits_per_dim",
    "classes_found",
    "confidence",
    "frechet_distance",
    "importance_estimate",
    "mean_and_error",
]
