"""Three digits on top of each other, one a colour channel: 1000 modes that can be counted.

x = (digit_a, digit_b, digit_c),   label = 100 a + 10 b + c

A classifier of single digits says which of the 1000 a sample shows, so that the modes a generator
covers can be counted in images too. L. Metz et al., arXiv 1611.02163, section 3.3.1; Z. Lin et al.,
PacGAN, arXiv 1712.04086, section 4.2.

NOTE: they draw each triple by itself; here no triple of images comes twice, and no digit stands in
two parts.
"""

import numpy as np

from tinygen.data import mnist
from tinygen.data.checks import check_counts
from tinygen.data.dataset import Dataset, Entry, Part
from tinygen.data.digits import digits

CLASSES = tuple(f"{k:03d}" for k in range(1000))
SEED = 16
SIZES = {"train": 20_000, "validation": 2000, "test": 2000}  # of stacked-mnist


def stacked_digits(rng: np.random.Generator, n: int, split: str = "all") -> Part:
    """n triples of the embedded digits: (n, 8, 8, 3), labels 0..999.

    split : which of the digits, as of `digits`
    Raises ValueError for n < 1, and for more triples than there are.
    """
    return stack(rng, n, *digits(split))


def stack(rng: np.random.Generator, n: int, grey: np.ndarray, labels: np.ndarray) -> Part:
    """n different triples of grey images (M, H, W, 1) with labels 0..9: (n, H, W, 3), 0..999.

    Raises ValueError for n < 1, images that are not grey, and for n > M^3.
    """
    check_counts("stack", n=n)
    if grey.ndim != 4 or grey.shape[3] != 1 or len(grey) != len(labels):
        raise ValueError(
            f"stack: expected grey images (M, H, W, 1) and M labels, got {grey.shape} and "
            f"{np.shape(labels)}"
        )
    M = len(grey)
    if n > M**3:
        raise ValueError(f"stack: {M} digits make {M**3} triples, not {n}: ask for fewer")
    chosen = rng.choice(M**3, size=n, replace=False)
    triple = np.stack([chosen // M**2, chosen // M % M, chosen % M], axis=1)  # (n, 3)
    x = np.moveaxis(grey[triple][..., 0], 1, -1)  # (n, 3, H, W) -> (n, H, W, 3)
    y = labels[triple] @ np.array([100, 10, 1])  # 100 a + 10 b + c
    return Part(np.ascontiguousarray(x, np.float32), y.astype(np.int64))


def single(x: np.ndarray) -> np.ndarray:
    """The digits of a stack, one under the other: (N, H, W, 3) -> (3 N, H, W, 1), x by x."""
    if x.ndim != 4 or x.shape[3] != 3:
        raise ValueError(f"single: expected stacks (N, H, W, 3), got {x.shape}")
    N, H, W, _ = x.shape
    return x.transpose(0, 3, 1, 2).reshape(3 * N, H, W, 1)


def joined(digit: np.ndarray) -> np.ndarray:
    """Labels of single digits (3 N,), in the order of `single`, as those of stacks (N,)."""
    return digit.reshape(-1, 3) @ np.array([100, 10, 1])


def load_mnist() -> Dataset:
    """stacked-mnist: triples of MNIST's images, part by part. Raises DataError."""
    grey = mnist.load("mnist", mnist.MNIST, mnist.DIGITS)
    train, validation, test = (
        stack(np.random.default_rng([SEED, k]), SIZES[name], part.x, part.labels)  # type: ignore
        for k, (name, part) in enumerate(grey.parts.items())
    )
    return Dataset("stacked-mnist", "colour", train, validation, test, CLASSES)


ENTRIES = (
    Entry(
        "stacked-mnist",
        "three of MNIST's digits as colour channels: 1000 modes",
        "colour",
        (28, 28, 3),
        SIZES,
        f"of MNIST's parts; triples with the seeds ({SEED}, 0), ({SEED}, 1), ({SEED}, 2)",
        "CC BY-SA 3.0",
        "Y. LeCun, C. Cortes and C. Burges 1998, http://yann.lecun.com/exdb/mnist",
        load_mnist,
        mnist.MNIST,
    ),
)
