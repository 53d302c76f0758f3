"""Walks through a factor: along the axis that tells most of it, and along a fitted curve."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from disentangling_parts.axes import Axis, Curves, axis_of, scaled
from tinygen import plots
from tinygen.data.drawn_faces import draw_faces
from tinygen.plots.images import draw, tiled
from tinygen.plots.style import SMALL, TITLE, new_figure
from tinygen.plots.traversal import film

STEPS, SPAN = 12, 2.0  # of a walk along an axis, in standard deviations of its codes
REACH = 0.9  # of a walk along a curve: from -REACH to REACH where the factor goes from -1 to 1

Decode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Explorer:
    """The codes of a trained model, beside the factors that they may hold.

    decode : z (V, Z) -> images (V, H, W, C), means, on the host, as the data hold them
    mean   : (N, Z) of q(z|x);  factors, level: as they are, and as whole numbers (N,)
    """

    decode: Decode
    mean: np.ndarray
    factors: Mapping[str, np.ndarray]
    level: Mapping[str, np.ndarray]
    information: Mapping[str, Any]

    def axis(self, name: str) -> Axis:
        """The dimension that tells most of a factor."""
        return axis_of(name, self.information, self.level, self.mean)

    @property
    def start(self) -> int:
        """The example whose factors are nearest to their middles: walks begin at its code."""
        return int((scaled(self.factors) ** 2).sum(axis=1).argmin())

    def walk(self, ink: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> plots.Walk:
        """From the code of that example, each axis in standard deviations around its mean.

        Not from the mean code: where a factor runs along an arc, no example lies there.
        """
        middle, scale = self.mean.mean(axis=0), self.mean.std(axis=0)
        code, use = self.mean[self.start], self.mean.var(axis=0)
        return plots.Walk(lambda z: ink(self.decode(z)), code, middle, scale, use, SPAN)

    def along_axis(self, name: str) -> np.ndarray:
        """Images (V, H, W, C) while its dimension alone goes up or down, as the factor rises."""
        axis = self.axis(name)
        values = axis.rising * np.linspace(-SPAN, SPAN, STEPS)
        return self.walk().images(np.array([axis.j]), values)[0]

    def along_curve(self, name: str) -> np.ndarray:
        """Images while the code goes where codes go as this factor alone rises."""
        step = self.curves.step(
            scaled(self.factors)[self.start], name, np.linspace(-REACH, REACH, STEPS)
        )
        return self.decode((self.mean[self.start] + step).astype(np.float32))

    @cached_property
    def curves(self) -> Curves:
        """Fitted to all factors."""
        return Curves.fit(self.factors, self.mean)

    def rows(self, name: str, who: str) -> dict[str, np.ndarray]:
        """Both walks through a factor, each under its name."""
        return {
            f"{name}: {who}, z{self.axis(name).j + 1}": self.along_axis(name),
            f"{name}: {who}, curve": self.along_curve(name),
        }

    def told(self) -> dict[str, dict[str, Any]]:
        """Of each factor: its dimension, what that tells of it, the next best."""
        axes = {name: self.axis(name) for name in self.level}
        return {
            name: {"dimension": a.j + 1, "told of it": a.told, "by the next": a.second}
            for name, a in axes.items()
        }


def drawn_walk(name: str) -> np.ndarray:
    """Faces drawn with this factor alone changed."""
    return draw_faces({name: np.linspace(-REACH, REACH, STEPS)})


def swing(rows: Mapping[str, np.ndarray]) -> bytes:
    """A GIF of all walks at once, there and back, a tile each with its name above."""
    order = [*range(STEPS), *range(STEPS - 2, 0, -1)]
    columns = min(5, len(rows))
    tall = -(-len(rows) // columns)
    figure = new_figure(1.7 * columns, 1.9 * tall)
    axes = figure.subplots(tall, columns, squeeze=False).ravel()
    pictures = []
    for ax in axes[len(rows) :]:
        ax.set_axis_off()
    for ax, (name, images) in zip(axes, rows.items(), strict=False):
        pictures.append(draw(ax, tiled(images[:1], 1), name))
        ax.title.set_fontsize(min(SMALL, TITLE))

    def draw_frame(i: int) -> None:
        for picture, images in zip(pictures, rows.values(), strict=True):
            frame = np.clip(images[order[i]], 0, 1)
            picture.set_data(frame[..., 0] if frame.shape[2] == 1 else frame)

    return film(figure, draw_frame, len(order))
