"""Data sets, and what is done to them before a model sees them."""

from tinygen.data.binarise import binarise
from tinygen.data.digits import digits

__all__ = ["binarise", "digits"]
