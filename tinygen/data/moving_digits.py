"""Clips of a digit that moves at a constant velocity and bounces off the sides of the frame.

position(t) = room - |room - (start + velocity t) mod 2 room|        room = frame - digit

along each axis: the path of a ball between two walls, unfolded into a line.   After N. Srivastava
et al., Unsupervised learning of video representations using LSTMs, arXiv 1502.04681.

NOTE: one digit of 8x8 pixels a clip, at places between the pixels too: its ink is shared among
the four pixels around (linear interpolation), and none is lost.
"""

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part
from tinygen.data.digits import digits

DIGIT = 8  # pixels a side


def moving_digits(
    rng: np.random.Generator,
    n: int,
    steps: int = 16,
    size: int = 20,
    speed: tuple[float, float] = (0.5, 2.0),
    split: str = "all",
) -> Part:
    """n clips (N, T, size, size, 1) in [0, 1], each of one of the embedded digits.

    steps : T, the number of pictures;  size : pixels a side of the frame, more than 8
    speed : its least and its largest value, in pixels a picture; drawn evenly, in any
            direction
    split : which of the digits, as of `digits`

    labels  : the digit
    factors : "row", "column", the upper left corner of the digit in the first picture, in pixels;
              "row_velocity", "column_velocity", in pixels a picture. `bounce` gives the rest.
    Raises ValueError for n < 1, steps < 1, size < 9, speeds below 0 or out of order.
    """
    check_counts("moving_digits", n=n, steps=steps)
    check_counts("moving_digits", DIGIT + 1, size=size)
    check_range("moving_digits", 0, 1e6, speed=speed)
    if speed[0] > speed[1]:
        raise ValueError(f"moving_digits: speed must be (least, largest), got {speed}")
    images, classes = digits(split)
    chosen = rng.integers(len(images), size=n)
    room = size - DIGIT
    row, column = rng.uniform(0, room, (2, n))  # (N,)
    fast, direction = rng.uniform(*speed, n), rng.uniform(0, 2 * np.pi, n)
    down, right = fast * np.sin(direction), fast * np.cos(direction)
    x = placed(
        images[chosen], bounce(row, down, steps, room), bounce(column, right, steps, room), size
    )
    factors = {"row": row, "column": column, "row_velocity": down, "column_velocity": right}
    return Part(x, classes[chosen], factors)


def bounce(start: np.ndarray, velocity: np.ndarray, steps: int, room: float) -> np.ndarray:
    """Where it is at t = 0, ..., steps - 1, between 0 and room.   (N,), (N,) -> (N, T)"""
    line = start[:, None] + velocity[:, None] * np.arange(steps)  # as if there were no walls
    return room - abs(room - line % (2 * room))


def placed(images: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    """Digits (N, 8, 8, 1) with their corners at rows, columns (N, T): clips (N, T, H, W, 1).

    A[h, i] = max(0, 1 - |h - (row + i)|) is the share of the digit's row i that row h of the frame
    gets; B is the same for columns. The picture is A digit B^T.
    """
    A, B = shares(rows, size), shares(columns, size)  # (N, T, H, 8), (N, T, W, 8)
    x = A @ images[:, None, :, :, 0] @ B.swapaxes(2, 3)  # (N, T, H, W)
    return np.clip(x, 0, 1, dtype=np.float32)[..., None]  # rounding may end above 1


def shares(corner: np.ndarray, size: int) -> np.ndarray:
    """The shares A of linear interpolation.   (N, T) -> float32 (N, T, size, 8)"""
    i, h = np.arange(DIGIT), np.arange(size)[:, None]
    distance = abs(h - (corner[..., None, None] + i))  # (N, T, size, 8)
    return np.maximum(0, 1 - distance).astype(np.float32)
