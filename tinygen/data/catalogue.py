"""All data sets by name: `names()`, `entry(name)`, `load(name)`, and where their files lie."""

from tinygen.data import (
    cifar10,
    faces,
    mnist,
    mnist_static,
    omniglot,
    series,
    stacked_digits,
    translation,
)
from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.errors import DataError
from tinygen.data.files import missing, where
from tinygen.data.generated import ENTRIES as GENERATED
from tinygen.data.parts import DYNAMIC
from tinygen.names import nearest

REAL = (
    *mnist.ENTRIES,
    *mnist_static.ENTRIES,
    *omniglot.ENTRIES,
    *cifar10.ENTRIES,
    *faces.ENTRIES,
    *translation.ENTRIES,
    *series.ENTRIES,
    *stacked_digits.ENTRIES,
)
CATALOGUE = {entry.name: entry for entry in (*GENERATED, *REAL)}


def names() -> tuple[str, ...]:
    """The names of all data sets."""
    return tuple(CATALOGUE)


def entry(name: str) -> Entry:
    """What is known of a data set before it is loaded. Raises DataError for an unknown name."""
    if name not in CATALOGUE:
        raise DataError(
            f"no data set is called {name!r}{nearest(str(name), CATALOGUE)}: "
            "`python -m tinygen data` lists all"
        )
    return CATALOGUE[name]


def load(name: str) -> Dataset:
    """The data set of that name; its files are downloaded where they are missing and may be.

    Raises DataError for an unknown name, for missing files (with what to put where) and damaged
    ones.
    """
    return entry(name).load()


def black_and_white(name: str) -> str:
    """NAME-dynamic where there is one, whose pixels are drawn from the grey ones; else `name`."""
    binary = f"{name}{DYNAMIC}"
    return binary if binary in CATALOGUE else name


def wanted(entry: Entry) -> tuple[File, ...]:
    """The files that `load` would read now: `files`, or their originals where those lack."""
    return entry.originals if entry.originals and missing(*entry.files) else entry.files


def present(entry: Entry) -> str:
    """In a few words, where the files are, or what is missing."""
    if not entry.files:
        return "in the package" if entry.name.startswith("digits") else "generated"
    files = wanted(entry)
    absent = missing(*files)
    if absent:
        size = sum(file.size for file in absent) / 1e6
        how = "downloaded on use" if all(file.urls for file in absent) else "missing"
        return f"{how}, {size:.1f} MB"
    folders = {str(path.parent) for path in map(where, files) if path}
    return ", ".join(sorted(folders))
