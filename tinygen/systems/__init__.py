"""The systems by name, grouped as the taxonomy has them."""

from tinygen.names import nearest
from tinygen.systems import (
    autoencoder,
    bernoulli_mixture,
    conditional_vae,
    cycle_gan,
    dcgan,
    debiasing_vae,
    factor_vae,
    fvbn,
    gan,
    gated_pixelcnn,
    gaussian_mixture,
    lstm,
    m1_m2,
    made,
    nade,
    pixel_rnn,
    pixelcnn,
    progressive_gan,
    semi_supervised,
    tc_vae,
    vae,
    vae_gan,
)
from tinygen.systems.base import GROUPS, System
from tinygen.systems.options import Options

FILES = (
    gaussian_mixture,
    bernoulli_mixture,
    fvbn,
    nade,
    made,
    vae,
    conditional_vae,
    semi_supervised,
    m1_m2,
    debiasing_vae,
    tc_vae,
    factor_vae,
    autoencoder,
    pixelcnn,
    gated_pixelcnn,
    pixel_rnn,
    lstm,
    gan,
    dcgan,
    progressive_gan,
    cycle_gan,
    vae_gan,
)
SYSTEMS = {file.SYSTEM.name: file.SYSTEM for file in FILES}

__all__ = ["GROUPS", "SYSTEMS", "Options", "System", "system"]


def system(name: str) -> System:
    """The system of that name. Raises ValueError with the nearest name."""
    if name not in SYSTEMS:
        raise ValueError(
            f"unknown system {name!r}{nearest(name, SYSTEMS)}: `tinygen list` shows them all"
        )
    return SYSTEMS[name]
