"""Faces drawn from six known factors, with exactly two eyes, always.

factor      -1               1
smile       corners down     corners up
brow        low, frowning    high, raised
turn        to the left      to the right      20 degrees, as the viewer sees it
shade       light skin       dark skin
width       narrow           wide
gaze        to the left      to the right

0 is the middle of each. A picture holds ink: 0 is the paper, 1 the pupils, and nothing but pupils
is darker than LINE, so that the eyes of a picture, drawn here or by a model, can be counted:
`count_eyes`. The features stand on a cylinder: at the angle a to its front, turned by b, a point
lies at R sin(a + b), and what is w wide there looks w cos(a + b) wide.
"""

from typing import Any

import numpy as np

from tinygen.data.checks import check_counts, check_names, check_range
from tinygen.data.dataset import Part

FACTORS = ("smile", "brow", "turn", "shade", "width", "gaze")
CLASSES = ("sad", "smiling")
SMALLEST = 24  # pixels a side: below that a pupil may cover no pixel

LINE = 0.75  # the ink of hair, brows and mouth; skin is lighter
BLOCK = 128  # pictures drawn at once, so that what is in work stays in the cache

Disc = tuple[Any, Any, Any, Any]  # the centre and the half axes of an ellipse, in sides


def drawn_faces(rng: np.random.Generator, n: int, size: int = 32) -> Part:
    """n faces (N, size, size, 1) with every factor ~ U(-1, 1), independent of the others.

    labels : 1 where smile > 0, the corners of the mouth stand up;  factors: those of FACTORS
    Raises ValueError for n < 1 or size < 24.
    """
    check_counts("drawn_faces", n=n)
    factors = {name: rng.uniform(-1, 1, n).astype(np.float32) for name in FACTORS}
    return Part(draw_faces(factors, size), (factors["smile"] > 0).astype(np.int64), factors)


def draw_faces(factors: dict[str, Any], size: int = 32) -> np.ndarray:
    """The faces of given factors, each a number or (N,) in [-1, 1], as (N, size, size, 1).

    A factor that is not named is 0. Raises ValueError for unknown factors, values outside
    [-1, 1], and size < 24.
    """
    check_counts("draw_faces", SMALLEST, size=size)
    check_names("draw_faces", factors, FACTORS)
    check_range("draw_faces", -1, 1, **factors)
    given = [np.asarray(factors.get(name, 0), np.float32) for name in FACTORS]
    values = np.stack(np.broadcast_arrays(*map(np.atleast_1d, given)))  # (6, N)
    pictures = np.empty((values.shape[1], size, size, 1), np.float32)
    for start in range(0, len(pictures), BLOCK):
        rows = slice(start, start + BLOCK)
        pictures[rows, ..., 0] = draw(values[:, rows, None, None], size)
    return pictures


def count_eyes(images: np.ndarray, threshold: float = (LINE + 1) / 2) -> np.ndarray:
    """The number of eyes in each picture: connected components (8 neighbours) above a threshold.

    images : (N, H, W, 1) or (N, H, W), ink as drawn here;  returns int64 (N,)
    Raises ValueError for another shape.
    """
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3:
        raise ValueError(f"count_eyes: images must be of shape (N, H, W, 1), got {images.shape}")
    ink = images > threshold  # (N, H, W)
    own = ink * np.arange(1, ink[0].size + 1).reshape(ink.shape[1:])  # a number for each pixel
    reached, before = own, np.zeros_like(own)
    while not np.array_equal(reached, before):  # the highest number spreads over its component
        before = reached
        reached = ink * highest_near(reached)
    return (ink & (reached == own)).sum(axis=(1, 2))  # one pixel each keeps its own


def highest_near(a: np.ndarray) -> np.ndarray:
    """The maximum over each pixel and its 8 neighbours; pixels outside are 0.   (N, H, W)"""
    a = np.pad(a, ((0, 0), (1, 1), (1, 1)))
    a = np.maximum(np.maximum(a[:, :-2], a[:, 1:-1]), a[:, 2:])
    return np.maximum(np.maximum(a[:, :, :-2], a[:, :, 1:-1]), a[:, :, 2:])


def draw(values: np.ndarray, size: int) -> np.ndarray:
    """One layer of ink over the other (N, H, W), lengths in sides; the values are (6, N, 1, 1)."""
    smile, brow, turn, shade, width, gaze = values
    pixel = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x, y = pixel[None, None, :], pixel[None, :, None]  # from the middle, right and down
    R = 0.33 + 0.04 * width  # of the cylinder: half the width of the face
    b = 0.35 * turn  # radians
    face = np.zeros((values.shape[1], size, size), np.float32)

    def ink(level: Any, distance: np.ndarray) -> None:
        """Cover what lies within an outline: distance from it in sides, negative inside."""
        covered = np.clip(0.5 - size * distance, 0, 1)
        face[...] += covered * (level - face)

    ink(LINE, ellipse(x, y, (0.0, -0.04, R + 0.04, 0.43)))  # the hair
    ink(0.31 + 0.19 * shade, ellipse(x, y, (0.0, 0.05, R, 0.40)))  # the skin
    nose = R * np.sin(b)
    ink(LINE, curve(x - nose, y - 0.09, 0.035, 0.0, 0.012))
    ink(LINE, curve(x - nose, y - 0.24, 0.42 * R * np.cos(b), 0.07 * smile, 0.018))  # the mouth
    for side in (-1, 1):
        a = side * 0.42 + b
        eye, narrow = R * np.sin(a), np.cos(a)
        ink(0, ellipse(x, y, (eye, -0.05, 0.10 * narrow, 0.06)))  # the white of the eye
        slant = 0.25 * side * brow  # inner ends down at -1, up at 1
        high = -0.155 - 0.035 * brow + slant * (x - eye)
        ink(LINE, curve(x - eye, y - high, 0.10 * narrow, -0.015, 0.018))
        ink(1, ellipse(x, y, (eye + 0.035 * narrow * gaze, -0.05, 0.045, 0.045)))  # the pupil
    return face


def ellipse(x: np.ndarray, y: np.ndarray, disc: Disc) -> np.ndarray:
    """The distance from an ellipse to first order, (f - 1) / |grad f|, f = |(u/a, v/b)|."""
    centre_x, centre_y, a, b = disc
    u, v = x - centre_x, y - centre_y
    f = np.sqrt((u / a) ** 2 + (v / b) ** 2) + 1e-6  # never 0, so that the centre has a slope
    slope = (np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2) + 1e-6) / f
    return (f - 1) / slope


def curve(x: np.ndarray, y: np.ndarray, half: Any, bend: Any, thick: float) -> np.ndarray:
    """The distance from a stroke y = bend (1 - 2 q^2), q = x / half, |q| <= 1, `thick` each way.

    bend > 0 hangs down in the middle, as a smile does.
    """
    q = np.clip(x / half, -1, 1)
    slope = 4 * bend * q / half
    across = abs(y - bend * (1 - 2 * q**2)) / np.sqrt(1 + slope**2) - thick
    return np.maximum(across, abs(x) - half)
