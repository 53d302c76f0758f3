"""tinygen: deep generative models to be read, every backward pass written by hand and checked."""

from tinygen import check, data, layers, likelihoods, metrics, models, optim
from tinygen.arrays import resolve_device, to_device, to_host
from tinygen.pullback import Pullback

__version__ = "0.1.0"

__all__ = [
    "Pullback",
    "check",
    "data",
    "layers",
    "likelihoods",
    "metrics",
    "models",
    "optim",
    "resolve_device",
    "to_device",
    "to_host",
]
