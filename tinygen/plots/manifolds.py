"""The map of a two-dimensional latent space: what each place of it decodes to."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from tinygen.arrays import Array
from tinygen.plots.images import show, tiled
from tinygen.plots.style import SMALL, TEXT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Box = tuple[tuple[float, float], tuple[float, float]]


def manifold(
    decode: Callable[[np.ndarray], Array], side: int = 16, title: str = "", box: Box | None = None
) -> "Figure":
    """Images of a side x side grid over a 2-D latent space.

    decode : z (side^2, 2) float32 -> images. The grid stands at equal steps of probability under
             N(0, I) (Kingma and Welling 2014, appendix A), z_1 to the right, z_2 upwards.
    box    : ((low, high) of z_1, (low, high) of z_2) for equal steps of z instead, where the
             codes follow no prior
    """
    sheet = manifold_sheet(decode, side, box)
    figure = show(sheet, title, below=0.5)
    axes = figure.axes[0]
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_xlabel("$z_1$", fontsize=TEXT)
    axes.set_ylabel("$z_2$", fontsize=TEXT)
    axes.tick_params(length=0, labelsize=SMALL)
    first, second = lines(side, box)
    named = sorted({0, side // 4, side // 2, 3 * side // 4, side - 1})
    height, width = ((size + 1) / side for size in sheet.shape[:2])  # of a tile and its gap
    axes.set_xticks([(i + 0.5) * width - 1 for i in named], rounded([first[i] for i in named]))
    upwards = [(side - i - 0.5) * height - 1 for i in named]
    axes.set_yticks(upwards, rounded([second[i] for i in named]))
    return figure


def manifold_sheet(
    decode: Callable[[np.ndarray], Array], side: int, box: Box | None = None
) -> np.ndarray:
    """One picture of decode(z) over a grid of z; see `manifold`."""
    first, second = lines(side, box)
    z = np.array([(z1, z2) for z2 in reversed(second) for z1 in first], np.float32)
    return tiled(decode(z), side)


def lines(side: int, box: Box | None) -> tuple[list[float], list[float]]:
    """The values of z_1 and of z_2 on the grid."""
    if box is None:
        normal = [NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)]
        return normal, normal
    return np.linspace(*box[0], side).tolist(), np.linspace(*box[1], side).tolist()


def rounded(values: list[float]) -> list[str]:
    """Numbers in as many decimals as tell them apart."""
    span = values[-1] - values[0]
    decimals = math.ceil(1 - math.log10(span)) if span > 1e-6 else 2
    return [f"{value:.{max(0, decimals)}f}" for value in values]
