"""The systems, one a file, each with its objective and reference."""

from tinygen.models.priors import MixturePrior, StandardNormal
from tinygen.models.vae import VAE, conv_vae, dense_vae

__all__ = ["VAE", "MixturePrior", "StandardNormal", "conv_vae", "dense_vae"]
