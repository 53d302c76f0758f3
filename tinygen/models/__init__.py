"""The systems, one a file, each with its objective and reference."""

from tinygen.models.vae import VAE, dense_vae

__all__ = ["VAE", "dense_vae"]
