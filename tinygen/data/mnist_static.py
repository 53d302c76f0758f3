"""MNIST, binarised once and for all: the set behind the likelihood tables of NADE, MADE, PixelRNN.

H. Larochelle and I. Murray, The neural autoregressive distribution estimator, AISTATS 2011.

The original files are text, 110 MB of zeros and ones. The same bits, packed, take 2.5 MB; that
file is read where it is at hand, and the originals otherwise. NOTE: training and validation images
are a random permutation of MNIST's 60000, so that validation is not the last 10000 of them; the
test images are sorted by digit.
"""

import numpy as np

from tinygen.data.dataset import Dataset, Entry, File, Part
from tinygen.data.errors import DataError
from tinygen.data.files import contents, missing
from tinygen.data.holds import Holds
from tinygen.data.npz import read_npz

PACKED = File(
    "binarized_mnist/binarized_mnist.npz",
    2465584,
    "c5055cde0d1ca5b62c5f72f711d2f2038cd77c78450a4bed96d27d9b378ceb60",
)
PLACE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
ORIGINALS = tuple(
    File(f"binarized_mnist/{name}", size, sha256, (PLACE + name,))
    for name, size, sha256 in (
        (
            "binarized_mnist_train.amat",
            78400000,
            "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
        ),
        (
            "binarized_mnist_valid.amat",
            15680000,
            "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
        ),
        (
            "binarized_mnist_test.amat",
            15680000,
            "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
        ),
    )
)
SIZES = {"train": 50000, "validation": 10000, "test": 10000}


def load() -> Dataset:
    """50000, 10000 and 10000 images of zeros and ones, without labels. Raises DataError."""
    if missing(PACKED):
        bits = [
            read_amat(content, file.path)
            for file, content in zip(ORIGINALS, contents(*ORIGINALS), strict=True)
        ]
    else:
        holds = {
            name: Holds("uint8", (size, 98))
            for name, size in zip(("train", "valid", "test"), SIZES.values(), strict=True)
        }
        packed = read_npz(contents(PACKED)[0], PACKED.path, holds)
        bits = [np.unpackbits(rows, axis=1) for rows in packed.values()]  # (N, 784) each
    train, validation, test = (Part(x.reshape(-1, 28, 28, 1).astype(np.float32)) for x in bits)
    return Dataset("mnist-static", "binary", train, validation, test)


def read_amat(content: bytes, name: str) -> np.ndarray:
    """Rows of 784 digits 0 or 1, each followed by a space or the line's end: uint8 (N, 784).

    Raises DataError for anything else.
    """
    if not content or len(content) % (2 * 784):
        raise DataError(
            f"{name}: {len(content)} bytes are no whole number of rows of 784 digits: get it again"
        )
    text = np.frombuffer(content, np.uint8).reshape(-1, 784, 2)
    bits = text[..., 0] - ord("0")
    ends = np.append(np.full(783, ord(" ")), ord("\n"))
    if bits.max() > 1 or not np.array_equal(text[..., 1], np.broadcast_to(ends, bits.shape)):
        raise DataError(f"{name}: expected rows of 784 digits 0 or 1: get it again")
    return bits


ENTRIES = (
    Entry(
        name="mnist-static",
        title="handwritten digits; black and white, binarised once by H. Larochelle",
        kind="binary",
        shape=(28, 28, 1),
        sizes=SIZES,
        split="the three original files: the 60000 training images in random order, cut at 50000",
        licence="not stated; derived from MNIST, CC BY-SA 3.0",
        source="H. Larochelle and I. Murray, AISTATS 2011",
        load=load,
        files=(PACKED,),
        originals=ORIGINALS,
    ),
)
