"""Numbers that say how good a model is, each with its unit."""

from tinygen.metrics.active_units import active_units, activity
from tinygen.metrics.confidence import classes_found, confidence
from tinygen.metrics.frechet import frechet_distance
from tinygen.metrics.importance import importance_estimate
from tinygen.metrics.rates import dead_units, kl_per_dimension
from tinygen.metrics.units import bits_per_dim, mean_and_error

__all__ = [
    "active_units",
    "activity",
    "bits_per_dim",
    "classes_found",
    "confidence",
    "dead_units",
    "frechet_distance",
    "importance_estimate",
    "kl_per_dimension",
    "mean_and_error",
]
