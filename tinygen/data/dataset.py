"""What every data set is, generated or real: three fixed parts, and what is known of each example.

`catalogue.load(name)` returns a Dataset; an Entry says what is known before it is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tinygen.arrays import Array

KINDS = ("binary", "grey", "colour", "points", "series", "clips")

Transform = Callable[[np.random.Generator, Array], Array]


@dataclass(frozen=True)
class Part:
    """The examples of one split.

    x       : float32 (N, ...): images (N, H, W, C) in [0, 1], points (N, D), series (N, T) or
              (N, T, C), clips (N, T, H, W, C) in [0, 1]
    labels  : int64 (N,), the class of each; None where there are none
    factors : name -> (N,), what is known of how each was made, such as {"scale", "rotation"}
    name    : of the part, as in `Dataset.parts`
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    name: str = "test"

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts, always the same ones.

    kind      : one of KINDS; "binary" pixels are 0 or 1, "grey" (C = 1) and "colour" (C = 3) lie
                in [0, 1]
    classes   : the names of the labels 0, 1, ...; empty where there are none
    transform : (rng, x) -> x, on each batch that a model sees, such as dynamic binarisation; the
                parts hold what it starts from. None where there is none.
    ink       : of grey images: 1 is ink, to be drawn black; False where 1 is light, as in
                photographs
    """

    name: str
    kind: str
    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...] = ()
    transform: Transform | None = None
    ink: bool = True

    def __post_init__(self) -> None:
        for name, part in self.parts.items():
            object.__setattr__(self, name, replace(part, name=name))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, such as (28, 28, 1)."""
        return self.train.x.shape[1:]

    @property
    def parts(self) -> dict[str, Part]:
        """train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True)
class File:
    """A file of a real data set.

    path   : below the data folder, such as "mnist/train-images-idx3-ubyte.gz"
    size   : bytes
    sha256 : of its content, in hex
    urls   : where it may be downloaded, the original source first; empty where no place is known
             or the licence does not allow it
    """

    path: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A line of the catalogue: what is known of a data set before it is loaded.

    kind, shape : as of the Dataset
    sizes       : the number of examples of each part
    split       : in words, how the parts were cut
    licence     : in words; source: author, year and address
    files       : what `load` reads; empty for generated sets and what the package holds
    originals   : what `load` reads where `files` are not at hand, if they are a smaller copy of
                  original files that can be downloaded; empty where there is no such thing
    load        : () -> Dataset
    """

    name: str
    title: str
    kind: str
    shape: tuple[int, ...]
    sizes: dict[str, int]
    split: str
    licence: str
    source: str
    load: Callable[[], Dataset]
    files: tuple[File, ...] = ()
    originals: tuple[File, ...] = ()
