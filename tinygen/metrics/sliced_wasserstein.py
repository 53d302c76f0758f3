"""The sliced Wasserstein distance of images, scale by scale: are their patches distributed alike?

    SW(A, B) = E_theta W1(theta . A, theta . B),   theta uniform on the unit sphere

W1 of two sets of n numbers is the mean gap of the sorted ones. A and B are the 7 x 7 patches of one
level of a Laplacian pyramid: at 32 x 32 pixels fine strokes, at 16 x 16 and below form.

T. Karras, T. Aila, S. Laine and J. Lehtinen, arXiv 1710.10196, section 5, after J. Rabin, G. Peyre,
J. Delon and M. Bernot 2011. The paper's tables show the distances times 1000.
"""

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array, check_rng

PATCH = 7  # pixels a side
LOWEST = 16  # the paper's last level
KERNEL = np.array([1, 4, 6, 4, 1]) / 16  # P. Burt and E. Adelson 1983, equation 2 with a = 3/8
BLOCK = 64  # directions that are projected on at once


def sliced_wasserstein(
    a: Array, b: Array, rng: np.random.Generator, directions: int = 512
) -> float:
    """SW >= 0 of as many rows each, a and b (N, D), over random directions; in the rows' unit.

    Raises ValueError for other shapes or counts, NaN and infinity, TypeError for no floats.
    """
    check_array("sliced_wasserstein: a", a, "N", "D")
    check_array("sliced_wasserstein: b", b, "N", a.shape[1])
    check_rng("sliced_wasserstein", rng)
    check_whole("sliced_wasserstein", "directions", directions)
    if len(a) != len(b):
        raise ValueError(
            f"sliced_wasserstein: expected as many rows in a as in b, got {len(a)} and {len(b)}: "
            f"take the first {min(len(a), len(b))} of both"
        )
    xp, total = namespace(a), 0.0
    theta = rng.normal(size=(a.shape[1], directions))
    theta = xp.asarray((theta / np.sqrt((theta * theta).sum(axis=0))).astype(a.dtype))  # (D, K)
    for k in range(0, directions, BLOCK):
        along = [xp.sort((rows @ theta[:, k : k + BLOCK]).T, axis=1) for rows in (a, b)]
        total += float(abs(along[0] - along[1]).mean(axis=1).sum())  # W1, summed over theta
    return total / directions


def pyramid_distance(
    a: Array,
    b: Array,
    rng: np.random.Generator,
    patches: int = 128,
    directions: int = 512,
    lowest: int = LOWEST,
) -> dict[int, float]:
    """Pixels a side of a level -> SW of its patches, the finest level first; times 1 (not 1000).

    a, b    : as many images each (N, R, R, C), R = 2^k
    patches : 7 x 7, drawn from each image; of each pair of images at the same places
    lowest  : the size of the last level, which holds what is left: a blurred image

    Of either set each level's patches are brought to mean 0 and variance 1, a channel each, as in
    the paper's code: brightness and contrast as such are not compared. A set whose patches differ
    by no more than rounding is compared as zeros. Raises ValueError for sizes that are no such
    powers, and for sets of different counts or shapes.
    """
    check_array("pyramid_distance: a", a, "N", "R", "R", "C")
    check_array("pyramid_distance: b", b, *a.shape)
    check_rng("pyramid_distance", rng)
    check_whole("pyramid_distance", "patches", patches)
    check_whole("pyramid_distance", "lowest", lowest)
    found = {}
    for level, other in zip(laplacian(a, lowest), laplacian(b, lowest), strict=True):
        N, R = len(level), level.shape[1]
        corner = rng.integers(0, R - PATCH + 1, size=(2, N, patches))
        pairs = ((level, a), (other, b))
        rows, others = (normalised(cut(x, corner), rounding(images)) for x, images in pairs)
        found[R] = sliced_wasserstein(rows, others, rng, directions)
    return found


def laplacian(x: Array, lowest: int = LOWEST) -> list[Array]:
    """The Laplacian pyramid of images (N, R, R, C): R, R/2, ..., lowest. Raises ValueError.

    Each level is what the next, enlarged again, lacks; the last one is the blurred image itself.
    """
    R = x.shape[1] if x.ndim == 4 else 0
    if x.ndim != 4 or x.shape[2] != R or R & (R - 1) or not PATCH <= lowest <= R:
        raise ValueError(
            f"laplacian: expected images (N, R, R, C), R a power of two, and {PATCH} <= lowest <= "
            f"R, got {x.shape} and lowest {lowest}: pad them, as 28 to 32, or choose lowest=8"
        )
    if lowest & (lowest - 1):
        raise ValueError(f"laplacian: lowest must be a power of two, got {lowest}: such as 8 or 16")
    levels = []
    while x.shape[1] > lowest:
        down, up = (namespace(x).asarray(m.astype(x.dtype)) for m in scalings(x.shape[1]))
        smaller = both_axes(down, x)
        levels.append(x - both_axes(up, smaller))
        x = smaller
    return [*levels, x]


def scalings(R: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that halve (R/2, R) and double (R, R/2) a row of pixels, blurred by KERNEL.

    Beyond an end the row is mirrored, its last pixel not repeated.
    """
    blur = np.zeros((R, R))
    for i in range(R):
        for tap, weight in enumerate(KERNEL):
            j = abs(i + tap - 2)
            blur[i, min(j, 2 * (R - 1) - j)] += weight
    return blur[::2], 2 * blur[:, ::2]  # enlarged by zeros between the pixels, times 2 an axis


def both_axes(m: Array, x: Array) -> Array:
    """y[n, i, j, c] = sum_kl m[i, k] m[j, l] x[n, k, l, c]"""
    N, R, _, C = x.shape
    rows = (m @ x.reshape(N, R, R * C)).reshape(N * len(m), R, C)
    return (m @ rows).reshape(N, len(m), len(m), C)


def cut(x: Array, corner: np.ndarray) -> Array:
    """Patches with these upper left corners (2, N, P): (N P, 7, 7, C)."""
    xp, (_, N, P) = namespace(x), corner.shape
    n = np.repeat(np.arange(N), P)[:, None, None]
    i = corner[0].reshape(-1, 1, 1) + np.arange(PATCH)[:, None]
    j = corner[1].reshape(-1, 1, 1) + np.arange(PATCH)
    return x[tuple(map(xp.asarray, (n, i, j)))]


def rounding(images: Array) -> float:
    """The std of a level below which it may be what rounding has left of constant images."""
    info = np.finfo(images.dtype)
    return float(64 * info.eps * abs(images).max() + info.tiny)


def normalised(patches: Array, least: float) -> Array:
    """Mean 0 and variance 1 in each channel, 0 where the std is below least: (M, 49 C)."""
    xp, over = namespace(patches), (0, 1, 2)
    exact = patches.astype(np.float64)  # a mean of millions of float32 loses their last digits
    exact -= exact.mean(axis=over)
    std = xp.sqrt((exact * exact).mean(axis=over))  #                                     (C,)
    exact *= (std > least) / xp.maximum(std, least)
    return exact.astype(patches.dtype).reshape(len(patches), -1)
