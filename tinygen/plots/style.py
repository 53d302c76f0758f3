"""The look of every picture, in one place: colours, sizes of text, axes.

The ten colours of the classes are those of M. A. Petroff, Accessible Color Sequences for Data
Visualization, arXiv 2107.02270: told apart with the usual colour blindnesses too. Where classes
are told apart, markers differ as well as colours.
"""

import io
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadb"),
)
MARKERS = "os^DvPX<>h"
PARTS = {"train": "#8a9bb0", "validation": "#b3432b"}
LINES = ("#3f90da", "#bd1f01", "#832db6", "#e76300", "#717581")
FAINT = "#9aa3ad"

TITLE, TEXT, SMALL = 10, 9, 8  # points
DPI = 120


def new_figure(width: float, height: float, title: str = "") -> "Figure":
    """An empty figure, inches by inches, under a title that is broken to the width."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        figure.suptitle(broken(title, width), fontsize=TITLE)
    return figure


def broken(title: str, width: float) -> str:
    """The title in lines that fit into so many inches; about 14 letters go into one."""
    return "\n".join(textwrap.fill(line, int(14 * width)) for line in title.splitlines())


def dress(axes: Any, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """A quiet frame around curves and points, with its words."""
    axes.set_title(title, fontsize=TITLE)
    axes.set_xlabel(xlabel, fontsize=TEXT)
    axes.set_ylabel(ylabel, fontsize=TEXT)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)


def verbatim(text: str) -> str:
    """Text that matplotlib shall not read as mathematics."""
    return text.replace("$", r"\$")


def halo() -> Any:
    """A white rim, which keeps words readable where they lie on points."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.5, foreground="white")]


def png(figure: "Figure") -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.08)
    return file.getvalue()
