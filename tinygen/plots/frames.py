"""Figures as the frames of an animation."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tinygen.arguments import check_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = 128  # shared by all frames, so that a frame is stored as what changed


def moving(figures: Iterable["Figure"], milliseconds: int = 70, last: int = 1) -> bytes:
    """A GIF that shows the figures one after the other, for ever.

    The figures must be of one size, with axes at fixed places, or the picture jumps; a figure
    may be the same one, drawn anew. The last frame is held `last` times as long.
    Raises ValueError for no figure, or counts that are no whole numbers >= 1.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    check_whole("moving", "milliseconds", milliseconds)
    check_whole("moving", "last", last)
    drawn: list[np.ndarray] = []
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    if not drawn:
        raise ValueError("moving: there is no figure to show: give one at least")
    some = drawn[:: max(1, len(drawn) // 8)] + drawn[-1:]
    palette = Image.fromarray(np.concatenate(some)).quantize(COLOURS)
    pages = [
        Image.fromarray(rgb).quantize(palette=palette, dither=Image.Dither.NONE) for rgb in drawn
    ]
    times = [milliseconds] * (len(pages) - 1) + [milliseconds * last]
    file = io.BytesIO()
    pages[0].save(file, "GIF", save_all=True, append_images=pages[1:], duration=times, loop=0)
    return file.getvalue()
