"""White shapes on black with five known factors, in the order of dSprites, drawn on demand.

factor      values                       of a picture
shape       square, ellipse, heart       3
scale       0.5 ... 1                    6
rotation    2 pi k / 40                  40    counter-clockwise
x           0 ... 1                      32    left to right
y           0 ... 1                      32    top to bottom

All 3 * 6 * 40 * 32 * 32 = 737280 combinations have an index, in which y runs fastest. After L.
Matthey, I. Higgins, D. Hassabis and A. Lerchner, dSprites, 2017. None of its files is used.

NOTE: what differs from dSprites. Edges are anti-aliased, a pixel is the share that the shape
covers: at 32x32 a step of x is half a pixel, which a binary picture could not show. `x >= 0.5`
gives binary ones. Rotations stand at 2 pi k / 40; dSprites' 40 values hold 0 and 2 pi, one picture
twice. A square still looks the same at k and k + 10, an ellipse at k and k + 20. The outlines of
the shapes are our own. The centre of mass stands at x and y, from 1/4 to 3/4 of the side, and no
shape is ever cut by the border.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygen.data.checks import check_counts, check_names, check_range
from tinygen.data.dataset import Part

SHAPES = ("square", "ellipse", "heart")
SCALES = np.linspace(0.5, 1, 6)
ROTATIONS = 2 * np.pi * np.arange(40) / 40  # radians
POSITIONS = np.linspace(0, 1, 32)
COUNTS = {"shape": 3, "scale": 6, "rotation": 40, "x": 32, "y": 32}  # y runs fastest
TOTAL = 737_280
RADIUS = 0.23  # of the circle around a shape of scale 1, in sides; centres stay 1/4 from the border
SMALLEST = 16  # pixels a side: below that the smallest shapes are a few pixels alike

BLOCK = 64  # pictures drawn at once, so that what is in work stays in the cache


def sprites(which: Any, size: int = 64) -> Part:
    """The sprites asked for, as pictures (N, size, size, 1) in [0, 1].

    which : indices (N,) out of 737280; or a dict from factors to the values wanted, such as
            {"shape": [0, 2], "rotation": range(0, 40, 4)}, which gives every combination of
            them, with all values of a factor that is not named, in the order of the indices

    labels  : the shape;  factors: the values of all five as whole numbers 0, 1, ...
    Raises ValueError for indices or values out of range, unknown factors, or size < 16.
    """
    indices = indices_of(which) if isinstance(which, dict) else as_indices("sprites", which, TOTAL)
    factors = factors_of(indices)
    x = draw_sprites(
        factors["shape"],
        SCALES[factors["scale"]],
        ROTATIONS[factors["rotation"]],
        POSITIONS[factors["x"]],
        POSITIONS[factors["y"]],
        size,
    )
    return Part(x, factors["shape"], factors)


def random_sprites(rng: np.random.Generator, n: int, size: int = 64) -> Part:
    """n different sprites, drawn without replacement. Raises ValueError for n not in 1..737280."""
    check_counts("random_sprites", n=n)
    check_range("random_sprites", 1, TOTAL, n=n)
    return sprites(rng.choice(TOTAL, n, replace=False), size)


def factors_of(indices: np.ndarray) -> dict[str, np.ndarray]:
    """The factors of sprites as whole numbers.        indices (N,) -> each (N,)"""
    values = np.unravel_index(as_indices("factors_of", indices, TOTAL), tuple(COUNTS.values()))
    return dict(zip(COUNTS, values, strict=True))


def indices_of(values: dict[str, Iterable[int]]) -> np.ndarray:
    """The indices (N,) of every combination of the values, those of `sprites`.

    Raises ValueError for unknown factors and values that they do not have.
    """
    check_names("sprites", values, COUNTS)
    chosen = [
        as_indices(f"sprites, {name}", values.get(name, range(count)), count)
        for name, count in COUNTS.items()
    ]
    grids = np.meshgrid(*chosen, indexing="ij")
    return np.ravel_multi_index(tuple(grids), tuple(COUNTS.values())).ravel()


def draw_sprites(
    shape: Any, scale: Any, rotation: Any, x: Any, y: Any, size: int = 64
) -> np.ndarray:
    """Sprites of any factors, not only those of the grid, as float32 (N, size, size, 1).

    shape    : 0, 1, 2 (N,)
    scale    : [0.01, 1];  rotation: radians;  x, y: [0, 1];  each (N,) or one number for all

    Raises ValueError for values out of range and size < 16.
    """
    check_counts("draw_sprites", SMALLEST, size=size)
    shape = as_indices("draw_sprites, shape", np.atleast_1d(shape), len(SHAPES))
    check_range("draw_sprites", 0.01, 1, scale=scale)
    check_range("draw_sprites", 0, 1, x=x, y=y)
    check_range("draw_sprites", -1e6, 1e6, rotation=rotation)
    real = np.broadcast_arrays(shape, scale, np.cos(rotation), np.sin(rotation), x, y)
    factors = np.stack([values.astype(np.float32) for values in real])  # (6, N)
    pictures = np.empty((factors.shape[1], size, size, 1), np.float32)
    for start in range(0, len(pictures), BLOCK):
        rows = slice(start, start + BLOCK)
        pictures[rows, ..., 0] = draw(factors[:, rows, None, None], size)
    return pictures


def draw(factors: np.ndarray, size: int) -> np.ndarray:
    """The share of each pixel that the shape covers (N, H, W); the factors are (6, N, 1, 1)."""
    shape, scale, cos, sin, x, y = factors
    pixel = np.arange(size, dtype=np.float32) + 0.5  # the centres of the pixels
    right = pixel - size * (0.25 + x / 2)  # from the shape's centre   (N, 1, W)
    up = size * (0.25 + y / 2) - pixel[:, None]  #                     (N, H, 1)
    u = cos * right + sin * up  # in the shape's own axes              (N, H, W)
    v = cos * up - sin * right
    radius = scale * (RADIUS * size)  # of the circle around the shape (N, 1, 1)
    distance = np.empty(u.shape, np.float32)  # from the outline in pixels, negative inside
    for k, outline in enumerate((square, ellipse, heart)):
        rows = shape[:, 0, 0] == k
        distance[rows] = outline(u[rows], v[rows], radius[rows])
    return np.clip(0.5 - distance, 0, 1)  # exact for an edge along the pixels' sides


def square(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The distance from a square of half side r / sqrt(2), area 2 r^2."""
    return np.maximum(abs(u), abs(v)) - radius / np.sqrt(np.float32(2))


def ellipse(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The distance from an ellipse of half axes a = r and b = r / 2, area pi r^2 / 2.

    NOTE: to first order, (f - 1) / |grad f| with f = sqrt((u/a)^2 + (v/b)^2).
    """
    a, b = radius, radius / 2
    f = np.sqrt((u / a) ** 2 + (v / b) ** 2) + 1e-6  # never 0, so that the centre has a slope
    slope = (np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2) + 1e-6 / a) / f  # |grad f|
    return (f - 1) / slope


# A heart is a square of half side b that stands on a corner, and on its upper sides two half discs
# of radius b. Its area is (4 + pi) b^2. The half discs' centres of mass are 4 b / (3 pi) above the
# sides, so that of the whole lies CENTRE b along each axis of the square.
CENTRE = (np.pi / 2 + 2 / 3) / (4 + np.pi)
REACH = np.sqrt(2) * (1 + CENTRE)  # from there to the tip, in units of b


def heart(u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The distance from a heart with its tip at v = -r, area (4 + pi) (r / REACH)^2."""
    b = radius / np.float32(REACH)
    s = (u + v) / np.sqrt(np.float32(2)) + np.float32(CENTRE) * b  # the axes of the square
    t = (v - u) / np.sqrt(np.float32(2)) + np.float32(CENTRE) * b
    box = np.maximum(abs(s), abs(t)) - b
    discs = np.sqrt(np.minimum((s - b) ** 2 + t**2, s**2 + (t - b) ** 2)) - b
    return np.minimum(box, discs)


def as_indices(where: str, values: Any, count: int) -> np.ndarray:
    """Whole numbers 0 <= i < count as int64 (N,). Raises ValueError for anything else."""
    indices = np.asarray(values)
    if indices.dtype.kind not in "iu" or indices.ndim != 1 or indices.size == 0:
        raise ValueError(
            f"{where}: expected a list of whole numbers, at least one, got {indices.dtype} "
            f"of shape {indices.shape}"
        )
    check_range(where, 0, count - 1, index=indices)
    return indices.astype(np.int64)
