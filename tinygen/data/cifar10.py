"""CIFAR-10: 32x32 colour photographs of ten classes.

A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.

`cifar10-full` reads the original archive. `cifar10` is a part of it for small machines: training
is the first of the five batches, validation the last 2000 images of the fifth, test the first
1000 test images. A file with these 13000 images is read where it is at hand, else the archive.
NOTE: bits per dimension on 1000 test images compare with published ones to a few hundredths.
"""

import gzip
import io
import tarfile
import zlib

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File
from tinygen.data.errors import DataError
from tinygen.data.files import contents, missing
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npz
from tinygen.data.parts import cut

ARCHIVE = File(
    "cifar10/cifar-10-binary.tar.gz",
    170052171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
SUBSET = File(
    "cifar10/cifar10_subset.npz",
    36727587,
    "f2f3e995423a1568085c79935cdccf2f59bf5d1c919b11c11da0e120635083a8",
)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
ROWS = 10000  # images in a batch
PACKED_ROWS = range(10000), range(48000, 50000), range(50000, 51000)  # of all 60000
SIZES = {"train": 10000, "validation": 2000, "test": 1000}
FULL_SIZES = {"train": 45000, "validation": 5000, "test": 10000}

Images = tuple[np.ndarray, np.ndarray]  # uint8 (N, 32, 32, 3) and labels (N,)


def full() -> Dataset:
    """45000, 5000 and 10000 images. Raises DataError."""
    images, labels = read_archive(contents(ARCHIVE)[0], ARCHIVE.path)
    return dataset("cifar10-full", images, labels, tuple(FULL_SIZES.values()))


def subset() -> Dataset:
    """10000, 2000 and 1000 images. Raises DataError."""
    if missing(SUBSET):
        images, labels = read_archive(contents(ARCHIVE)[0], ARCHIVE.path)
        rows = np.concatenate(PACKED_ROWS)
        return dataset("cifar10", images[rows], labels[rows])
    sizes = dict(zip(("train", "valid", "test"), map(len, PACKED_ROWS), strict=True))
    holds = {f"x_{name}": Holds("uint8", (size, 32, 32, 3)) for name, size in sizes.items()}
    holds |= {f"y_{name}": Holds("uint8", (size,), 0, 9) for name, size in sizes.items()}
    arrays = read_npz(contents(SUBSET)[0], SUBSET.path, holds)
    images, labels = (np.concatenate([arrays[f"{key}_{name}"] for name in sizes]) for key in "xy")
    return dataset("cifar10", images, labels)


def dataset(
    name: str, images: np.ndarray, labels: np.ndarray, sizes: tuple[int, ...] = ()
) -> Dataset:
    """The set, of images and labels that stand in the order of its parts."""
    which = np.repeat([0, 1, 2], sizes or [len(rows) for rows in PACKED_ROWS])
    return Dataset(name, "colour", *cut(which, images, labels), classes=CLASSES)


def read_archive(content: bytes, name: str) -> Images:
    """The 50000 training images, then the 10000 test images. Raises DataError."""
    found: dict[str, bytes] = {}
    try:  # unpacked whole, for tarfile alone stops short of the checksum at the end
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content)), mode="r:") as archive:
            for member in archive:
                if stream := archive.extractfile(member):
                    found[member.name.rpartition("/")[2]] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name}: the archive is damaged ({error}): get it again") from error
    for batch in BATCHES:
        if batch not in found:
            raise DataError(f"{name}: no {batch} in the archive: get the right one again")
    batches = [read_batch(found[batch], f"{name}, {batch}") for batch in BATCHES]
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def read_batch(content: bytes, name: str) -> Images:
    """Rows of a label and 3 x 1024 bytes, the red plane first. Raises DataError."""
    if len(content) != ROWS * 3073:
        raise DataError(
            f"{name}: expected {ROWS} rows of 3073 bytes, found {len(content)} bytes: get it again"
        )
    rows = np.frombuffer(content, np.uint8).reshape(ROWS, 3073)
    labels = Holds("uint8", (ROWS,), 0, 9).check(rows[:, 0], f"{name}, labels")
    return rows[:, 1:].reshape(ROWS, 3, 32, 32).transpose(0, 2, 3, 1), labels


SOURCE = "A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html"
LICENCE = "not stated; citation asked"
ENTRIES = (
    Entry(
        name="cifar10",
        title="colour photographs of ten classes, 13000 of them",
        kind="colour",
        shape=(32, 32, 3),
        sizes=SIZES,
        split="train: data_batch_1; validation: the last 2000 of data_batch_5; "
        "test: the first 1000 of test_batch",
        licence=LICENCE,
        source=SOURCE,
        load=subset,
        files=(SUBSET,),
        originals=(ARCHIVE,),
    ),
    Entry(
        name="cifar10-full",
        title="colour photographs of ten classes",
        kind="colour",
        shape=(32, 32, 3),
        sizes=FULL_SIZES,
        split="train: the first 45000 of the 50000 training images; validation: the last 5000",
        licence=LICENCE,
        source=SOURCE,
        load=full,
        files=(ARCHIVE,),
    ),
)
