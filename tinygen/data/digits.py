"""1797 real handwritten digits, 8x8 pixels, embedded in the package.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, doi 10.24432/C50P49, CC BY 4.0. Where they come from stands in digits.md beside this.

The split is by the index i in the file:  i mod 7 = 6 test (256), 5 validation (256), else train
(1285). The writing order repeats with period 10, which is coprime to 7, so that all classes fall
into all three parts.
"""

import hashlib
import io
from importlib.resources import files

import numpy as np

LEVELS = 16  # a pixel counts the dark points of a 4x4 block: 0..16
SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"

# Remainders of the index mod 7 that make up each part.
SPLITS = {"all": range(7), "train": range(5), "validation": range(5, 6), "test": range(6, 7)}


def digits(split: str = "all", flat: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The digits as (images, labels).

    split  : "train" (1285), "validation" (256), "test" (256) or "all" (1797)
    flat   : images as rows (N, 64) rather than (N, 8, 8, 1)

    images : float32 grey levels x / 16 in [0, 1], 0 the paper and 1 the ink
    labels : int64 (N,), 0..9

    Raises ValueError for an unknown split, RuntimeError where the packaged file is damaged.
    """
    if split not in SPLITS:
        raise ValueError(f"digits: unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    arrays = read((files("tinygen.data") / "digits.npz").read_bytes())
    images, labels = arrays["images"], arrays["labels"]  # uint8 (1797, 8, 8), (1797,)
    chosen = np.isin(np.arange(len(labels)) % 7, SPLITS[split])
    x = images[chosen].astype(np.float32) / LEVELS
    return x.reshape(len(x), -1) if flat else x[..., None], labels[chosen].astype(np.int64)


def read(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of the packaged file. Raises RuntimeError where its checksum is another."""
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise RuntimeError(
            f"digits.npz is damaged: its SHA-256 is {found}, expected {SHA256}: "
            "reinstall tinygen, or restore the file with `git checkout tinygen/data/digits.npz`"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
