"""The systems by name, grouped as the taxonomy has them."""

from tinygen.names import nearest
from tinygen.systems import autoencoder, vae
from tinygen.systems.base import GROUPS, Options, System

SYSTEMS = {s.name: s for s in (vae.SYSTEM, autoencoder.SYSTEM)}

__all__ = ["GROUPS", "SYSTEMS", "Options", "System", "system"]


def system(name: str) -> System:
    """The system of that name. Raises ValueError with the nearest name."""
    if name not in SYSTEMS:
        raise ValueError(
            f"unknown system {name!r}{nearest(name, SYSTEMS)}: `tinygen list` shows them all"
        )
    return SYSTEMS[name]
