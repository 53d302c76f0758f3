"""Contact sheets: examples of a data set on one page, whatever its kind.

Images stand in a grid, points in a scatter plot coloured by their label, series as lines, clips as
film strips. The examples are spread evenly over the training part, as a model would see them.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tinygen.data.dataset import Dataset, Part
from tinygen.plots.images import sample_grid, show, tiled
from tinygen.plots.scatter import scatter
from tinygen.plots.style import LINES, SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = {"points": 2000, "series": 16, "clips": 8}  # examples on a sheet; 64 of images
FRAMES = 10  # of a clip


def contact_sheet(dataset: Dataset, n: int | None = None, seed: int = 0) -> "Figure":
    """A figure with n examples of the training part, fewer where it has fewer.

    n    : 64 images, 16 series, 8 clips or 2000 points where not said
    seed : of the random transform, such as dynamic binarisation

    Raises ValueError for n < 1.
    """
    if n is not None and n < 1:
        raise ValueError(f"contact_sheet: n must be at least 1, got {n}")
    part = spread(dataset, n or MOST.get(dataset.kind, 64), seed)
    shape = "x".join(map(str, dataset.shape))
    title = f"{dataset.name}: {dataset.kind}, {shape}; {len(part)} of {len(dataset.train)}"
    if dataset.kind == "points":
        return cloud(part, dataset.classes, title)
    if dataset.kind == "series":
        return lines(part, dataset.classes, title)
    if dataset.kind == "clips":
        return strips(part, title)
    return sample_grid(part.x if dataset.ink else dark(part.x), title=title)


def spread(dataset: Dataset, n: int, seed: int) -> Part:
    """n examples at equal steps through the training part, transformed as for a model."""
    train = dataset.train
    rows = np.linspace(0, len(train) - 1, min(n, len(train))).round().astype(int)
    x = train.x[rows]
    if dataset.transform:
        x = dataset.transform(np.random.default_rng(seed), x)
    return Part(x, None if train.labels is None else train.labels[rows])


def dark(images: np.ndarray) -> np.ndarray:
    """Grey images in which 1 is light as such in which 1 is dark, which is how they are drawn."""
    return images if images.shape[-1] == 3 else 1 - images


def cloud(part: Part, classes: tuple[str, ...], title: str) -> "Figure":
    """The first two coordinates of points (N, D), coloured by label; one of them against 0."""
    figure = new_figure(6.4, 5.4, title)
    axes = figure.add_subplot()
    dress(axes, "", "$x_1$", "$x_2$")
    axes.set_aspect("equal", adjustable="datalim")
    points = part.x[:, :2]
    points = np.pad(points, [(0, 0), (0, 2 - points.shape[1])])
    scatter(figure, axes, points, part.labels, classes)
    return figure


def lines(part: Part, classes: tuple[str, ...], title: str) -> "Figure":
    """Each series (T,) or (T, C) in its own panel, a line a channel, on common axes."""
    columns = min(4, len(part))
    rows = math.ceil(len(part) / columns)
    figure = new_figure(2.4 * columns, 1.3 * rows + 0.5, title)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for i, axes in enumerate(panels):
        if i >= len(part):
            axes.set_axis_off()
            continue
        label = None if part.labels is None else int(part.labels[i])
        dress(axes)
        if label is not None:
            axes.set_title(classes[label] if classes else str(label), fontsize=SMALL)
        channels = part.x[i].reshape(len(part.x[i]), -1)  # (T, C)
        for c, colour in zip(range(channels.shape[1]), LINES, strict=False):
            axes.plot(channels[:, c], linewidth=1, color=colour)
    return figure


def strips(part: Part, title: str) -> "Figure":
    """A row of frames for each clip (T, H, W, C), at equal steps of time."""
    length = part.x.shape[1]
    frames = np.linspace(0, length - 1, min(FRAMES, length)).round().astype(int)
    x = part.x[:, frames]  # (N, frames, H, W, C)
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=0.15)  # their edges
    return show(tiled(x.reshape(-1, *x.shape[2:]), len(frames)), title)
