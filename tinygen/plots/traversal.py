"""What each latent dimension does: one changes from -3 to 3 while the others stand still.

After I. Higgins et al., beta-VAE, ICLR 2017, figures 1 to 4.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.arrays import Array, to_host
from tinygen.plots.images import draw, show, tiled
from tinygen.plots.style import SMALL, TEXT, TITLE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Decode = Callable[[np.ndarray], Array]


@dataclass(frozen=True)
class Walk:
    """z_j = middle_j + v scale_j for v from -span to span; the other dimensions as in `code`.

    code          : (Z,), such as 0, the middle of the prior, or the code of an example
    middle, scale : (Z,); 0 and 1 for codes that follow N(0, I), mean and standard deviation of the
                    codes of data for those that follow no prior
    use           : (Z,), how much each dimension is used, such as the variance of its codes over
                    data (Y. Burda et al. 2016, arXiv 1509.00519, section 5.2). Where not given,
                    how much the images change along the walk.
    rows          : show so many dimensions, those most used
    names         : what to call the dimensions, such as the factors of directions that `decode`
                    puts together; z_1, z_2, ... where not given

    Raises ValueError for a code that is no (Z,), and for another number of names than Z.
    """

    decode: Decode
    code: np.ndarray
    middle: np.ndarray | float = 0.0
    scale: np.ndarray | float = 1.0
    use: np.ndarray | None = None
    span: float = 3.0
    rows: int = 10
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = np.shape(self.code)
        if len(shape) != 1 or shape == (0,):
            raise ValueError(f"traversals: expected a code (Z,), Z >= 1, got {shape}")
        if self.use is not None and np.shape(self.use) != shape:
            raise ValueError(
                f"traversals: expected `use` of the code's shape {shape}, got {np.shape(self.use)}"
            )
        if self.names and len(self.names) != shape[0]:
            raise ValueError(
                f"traversals: expected a name for each of {shape[0]} dimensions, got {self.names}"
            )

    def name(self, j: int) -> str:
        """What to call dimension j."""
        return self.names[j] if self.names else f"$z_{{{j + 1}}}$"

    def images(self, dimensions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Images (D, V, H, W, C) of so many dimensions at so many values."""
        n_latent = len(self.code)
        middle = np.broadcast_to(self.middle, n_latent)
        scale = np.broadcast_to(self.scale, n_latent)
        z = np.tile(np.asarray(self.code, np.float32), (len(dimensions), len(values), 1))
        for row, j in zip(z, dimensions, strict=True):
            row[:, j] = middle[j] + values * scale[j]
        x = [to_host(self.decode(row)) for row in z]
        return np.stack(x)

    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """The dimensions to show, the most used first, and the use of all (Z,)."""
        use = self.use
        if use is None:
            values = np.linspace(-self.span, self.span, 5)
            x = self.images(np.arange(len(self.code)), values)  #         (Z, V, H, W, C)
            use = x.std(axis=1).mean(axis=(1, 2, 3))
        return np.argsort(-np.asarray(use), kind="stable")[: self.rows], np.asarray(use)


def traversals(walk: Walk, columns: int = 13, title: str = "", xlabel: str = "$z_j$") -> "Figure":
    """One row a dimension, from -span on the left to span on the right, the most used on top.

    xlabel says what the values are; the number at the right end of a row is the dimension's use.
    """
    dimensions, use = walk.order()
    values = np.linspace(-walk.span, walk.span, columns)
    x = walk.images(dimensions, values)
    sheet = tiled(x.reshape(-1, *x.shape[2:]), columns)
    figure = show(sheet, title or heading(walk, dimensions), below=0.5)
    axes = figure.axes[0]
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL)
    height, width = (sheet.shape[0] + 1) / len(dimensions), (sheet.shape[1] + 1) / columns
    rows = [(i + 0.5) * height - 1 for i in range(len(dimensions))]
    axes.set_yticks(rows, [walk.name(j) for j in dimensions])
    named = range(0, columns, 2) if columns % 2 else range(columns)
    axes.set_xticks([(i + 0.5) * width - 1 for i in named], [f"{values[i]:.2g}" for i in named])
    axes.set_xlabel(xlabel, fontsize=TEXT)
    for y, j in zip(rows, dimensions, strict=True):
        axes.text(sheet.shape[1] + width / 4, y, f"{use[j]:.2f}", fontsize=SMALL, va="center")
    return figure


def heading(walk: Walk, dimensions: np.ndarray) -> str:
    """Which dimensions are shown, in words."""
    n_latent, shown = len(walk.code), len(dimensions)
    some = f" (the {shown} most used of {n_latent})" if shown < n_latent else ""
    return f"in each row one latent dimension changes{some}; at the right, how much each is used"


def animation(walk: Walk, frames: int = 24, title: str = "") -> bytes:
    """A GIF in which every dimension swings from -span to span and back, a tile each."""
    dimensions, _ = walk.order()
    swing = np.sin(2 * np.pi * np.arange(frames) / frames)
    x = walk.images(dimensions, walk.span * swing)  #                     (D, frames, H, W, C)
    columns = min(5, len(dimensions))
    sheets = [tiled(x[:, i], columns) for i in range(frames)]
    tall, width = sheets[0].shape[0] / sheets[0].shape[1], 1.1 * max(columns, 2)
    figure = new_figure(width, width * tall + 0.3)
    axes = figure.add_subplot()
    picture = draw(axes, sheets[0], " ")
    label(axes, x.shape[2:4], columns, [walk.name(j) for j in dimensions])

    def draw_frame(i: int) -> None:
        picture.set_data(sheets[i][..., 0] if sheets[i].shape[2] == 1 else sheets[i])
        value = walk.span * swing[i]
        axes.set_title(f"{title} {value:+.1f}".strip(), fontsize=TITLE, family="monospace")

    return film(figure, draw_frame, frames)


def film(figure: "Figure", draw_frame: Callable[[int], None], frames: int) -> bytes:
    """A GIF of so many frames, each drawn on the figure by draw_frame(i)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    pages = []
    for i in range(frames):
        draw_frame(i)
        canvas.draw()
        figure.set_layout_engine("none")  # all frames stand where the first one does
        page = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        pages.append(page.quantize(32))
    file = io.BytesIO()
    pages[0].save(file, "GIF", save_all=True, append_images=pages[1:], duration=70, loop=0)
    return file.getvalue()


def label(axes: Any, size: tuple[int, ...], columns: int, names: list[str]) -> None:
    """The name of its dimension in the corner of each tile."""
    for i, name in enumerate(names):
        top, left = i // columns * (size[0] + 1), i % columns * (size[1] + 1)
        axes.text(
            *(left - 0.3, top - 0.3, name),
            fontsize=SMALL,
            ha="left",
            va="top",
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
        )
