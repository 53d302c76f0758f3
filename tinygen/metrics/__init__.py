"""Numbers that say how good a model is, each with its unit."""

from tinygen.metrics.active_units import active_units, activity
from tinygen.metrics.auroc import auroc, auroc_and_error, roc_curve, threshold
from tinygen.metrics.code_information import binned_information, code_information
from tinygen.metrics.confidence import classes_found, confidence
from tinygen.metrics.factor_vae_metric import factor_vae_metric
from tinygen.metrics.factors import factor_entropy, levels
from tinygen.metrics.frechet import frechet_distance
from tinygen.metrics.importance import importance_estimate
from tinygen.metrics.linear_probe import FeatureScale, linear_probe
from tinygen.metrics.mig import gaps, mutual_information_gap
from tinygen.metrics.mode_coverage import Coverage, class_coverage, mode_coverage, reverse_kl
from tinygen.metrics.parzen import Parzen, parzen, parzen_log_density
from tinygen.metrics.psnr import psnr
from tinygen.metrics.rates import dead_units, kl_per_dimension
from tinygen.metrics.sharpness import sharpness
from tinygen.metrics.sliced_wasserstein import pyramid_distance, sliced_wasserstein
from tinygen.metrics.total_correlation import (
    gaussian_total_correlation,
    total_correlation,
)
from tinygen.metrics.units import bits_per_dim, mean_and_error

__all__ = [
    "Coverage",
    "FeatureScale",
    "Parzen",
    "active_units",
    "activity",
    "auroc",
    "auroc_and_error",
    "binned_information",
    "bits_per_dim",
    "class_coverage",
    "classes_found",
    "code_information",
    "confidence",
    "dead_units",
    "factor_entropy",
    "factor_vae_metric",
    "frechet_distance",
    "gaps",
    "gaussian_total_correlation",
    "importance_estimate",
    "kl_per_dimension",
    "levels",
    "linear_probe",
    "mean_and_error",
    "mode_coverage",
    "mutual_information_gap",
    "parzen",
    "parzen_log_density",
    "psnr",
    "pyramid_distance",
    "reverse_kl",
    "roc_curve",
    "sharpness",
    "sliced_wasserstein",
    "threshold",
    "total_correlation",
]
