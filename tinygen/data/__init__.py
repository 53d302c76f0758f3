"""Data sets by name, and what is done to them before a model sees them."""

from tinygen.data.binarise import binarise
from tinygen.data.catalogue import black_and_white, entry, load, names
from tinygen.data.dataset import Dataset, Entry, File, Part
from tinygen.data.digits import digits
from tinygen.data.errors import DataError
from tinygen.data.few_labels import few_labels
from tinygen.data.translation import pair
from tinygen.data.unpaired import unpaired

__all__ = [
    "DataError",
    "Dataset",
    "Entry",
    "File",
    "Part",
    "binarise",
    "black_and_white",
    "digits",
    "entry",
    "few_labels",
    "load",
    "names",
    "pair",
    "unpaired",
]
