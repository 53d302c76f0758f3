"""Points in the plane: a ring of 8 Gaussians, a grid of 25, two moons, two spirals.

p(x) = 1/K sum_k N(x; c_k, std^2 I)        x (N, 2)   c (K, 2)

for the ring and the grid, so that samples can be scored against the exact density, and the modes
that a model found can be counted: a mode counts where a sample lies within 3 std of its centre.
Both as in Z. Lin et al., PacGAN, arXiv 1712.04086, section 4. (The ring of radius 2 and std 0.02
of L. Metz et al., arXiv 1611.02163, is the same at twice the size.)
"""

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part

_angle = 2 * np.pi * np.arange(8) / 8
RING_CENTRES = np.stack([np.cos(_angle), np.sin(_angle)], axis=1)  # (8, 2), radius 1
RING_STD = 0.01
_side = np.arange(-4, 5, 2)  # -4 -2 0 2 4
GRID_CENTRES = np.stack(np.meshgrid(_side, _side, indexing="ij"), axis=-1).reshape(25, 2) * 1.0
GRID_STD = 0.05

LARGEST = 1e6  # of a noise or a number of turns


def ring(rng: np.random.Generator, n: int) -> Part:
    """n points of 8 Gaussians with centres on the unit circle and std 0.01; labels: the mode.

    Raises ValueError for n < 1.
    """
    check_counts("ring", n=n)
    return mixture(rng, n, RING_CENTRES, RING_STD)


def grid(rng: np.random.Generator, n: int) -> Part:
    """n points of 25 Gaussians with centres {-4, -2, 0, 2, 4}^2 and std 0.05; labels: the mode.

    Raises ValueError for n < 1.
    """
    check_counts("grid", n=n)
    return mixture(rng, n, GRID_CENTRES, GRID_STD)


def moons(rng: np.random.Generator, n: int, noise: float = 0.1) -> Part:
    """n points of two half circles that reach into each other, and Gaussian noise of that std.

    (cos t, sin t) and (1 - cos t, 1/2 - sin t) with t ~ U(0, pi), the curves of scikit-learn's
    make_moons. NOTE: there t stands at equal steps, here it is drawn, and so is the moon.

    labels : 0 the upper moon, 1 the lower;  factors: "angle", t
    Raises ValueError for n < 1 or noise outside [0, 1e6].
    """
    check_noise("moons", n, noise)
    moon, t = rng.integers(2, size=n), rng.uniform(0, np.pi, n)  # (N,)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)  # (N, 2)
    curve = np.where(moon[:, None] == 0, upper, np.array([1, 0.5]) - upper)
    x = curve + noise * rng.standard_normal((n, 2))
    return Part(x.astype(np.float32), moon, {"angle": t})


def spirals(rng: np.random.Generator, n: int, noise: float = 0.02, turns: float = 1.5) -> Part:
    """n points of two arms that wind around each other, and Gaussian noise of that std.

    t (cos a, sin a), a = 2 pi turns t + pi label, with t = sqrt(u), u ~ U(0, 1): more points
    further out, where an arm is longer.

    labels : the arm, 0 or 1;  factors: "radius", t
    Raises ValueError for n < 1, noise or turns outside [0, 1e6].
    """
    check_noise("spirals", n, noise)
    check_range("spirals", 0, LARGEST, turns=turns)
    arm, t = rng.integers(2, size=n), np.sqrt(rng.random(n))  # (N,)
    a = 2 * np.pi * turns * t + np.pi * arm
    curve = t[:, None] * np.stack([np.cos(a), np.sin(a)], axis=1)  # (N, 2)
    x = curve + noise * rng.standard_normal((n, 2))
    return Part(x.astype(np.float32), arm, {"radius": t})


def ring_log_density(x: np.ndarray) -> np.ndarray:
    """log p(x) of the ring in nats.        x (N, 2) -> (N,)"""
    return mixture_log_density(x, RING_CENTRES, RING_STD)


def grid_log_density(x: np.ndarray) -> np.ndarray:
    """log p(x) of the grid in nats.        x (N, 2) -> (N,)"""
    return mixture_log_density(x, GRID_CENTRES, GRID_STD)


def mixture(rng: np.random.Generator, n: int, centres: np.ndarray, std: float) -> Part:
    """x = c_k + std eps, k ~ U{1..K}, eps ~ N(0, I): n points (N, D) of K equal Gaussians."""
    k = rng.integers(len(centres), size=n)
    x = centres[k] + std * rng.standard_normal((n, centres.shape[1]))  # (N, D)
    return Part(x.astype(np.float32), k)


def mixture_log_density(x: np.ndarray, centres: np.ndarray, std: float) -> np.ndarray:
    """log 1/K sum_k N(x; c_k, std^2 I) in nats.   x (N, D)   centres (K, D) -> float64 (N,)

    Raises ValueError for x of another shape.
    """
    K, D = centres.shape
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or x.shape[1] != D:
        raise ValueError(f"mixture_log_density: x must be of shape (N, {D}), got {x.shape}")
    distance2 = sum((x[:, d, None] - centres[:, d]) ** 2 for d in range(D))  # |x - c|^2  (N, K)
    exponent = -distance2 / (2 * std**2)
    highest = exponent.max(axis=1)  # log-sum-exp: far from all centres, every term underflows
    log_sum = highest + np.log(np.exp(exponent - highest[:, None]).sum(axis=1))  # (N,)
    return log_sum - np.log(K) - D / 2 * np.log(2 * np.pi * std**2)


def check_noise(where: str, n: int, noise: float) -> None:
    """Refuse n < 1 and a std that is negative or not finite. Raises ValueError."""
    check_counts(where, n=n)
    check_range(where, 0, LARGEST, noise=noise)
