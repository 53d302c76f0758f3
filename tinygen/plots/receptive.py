"""What an output of an autoregressive model sees of the picture, place by place.

Five colours: what is seen, what is later (and must not be seen), what of the past is out of
reach, what of it is missed within reach (the blind spot), and what is seen against the order (a
leak).                                                      docs/derivations/check.md
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.check.receptive_field import REGIONS, regions
from tinygen.plots.style import SMALL, broken, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = dict(zip(REGIONS, ("#ffffff", "#e3e6ea", "#ffa90e", "#3f90da", "#bd1f01"), strict=True))
PANEL = 3.0  # inches


def receptive_fields(
    fields: dict[str, tuple[np.ndarray, tuple[int, ...]]], title: str = "", strict: bool = True
) -> "Figure":
    """A panel for each (sees, place) of `receptive_field`, by name; the place is marked by a ring.

    sees   : (H, W), (D,), or (H, W, groups), where each group of inputs is a panel of its own
    strict : whether to see oneself is a leak, as for a whole model
    """
    from matplotlib.patches import Patch

    panels: list[tuple[str, np.ndarray, Any]] = []
    for name, (sees, place) in fields.items():
        found = regions(sees, place, strict)
        if found.ndim == 3:
            for g in range(found.shape[2]):
                ring = place[:2] if g == place[2] else None
                panels.append((f"{name}: inputs of group {g}", found[:, :, g], ring))
        else:
            row = (0, place[0]) if found.ndim == 1 else place
            panels.append((name, np.atleast_2d(found), row))
    shapes = [found.shape for _, found, _ in panels]
    tall = max(height / width for height, width in shapes)
    figure = new_figure(PANEL * len(panels), PANEL * min(tall, 2.0) + 0.9, title)
    for axes, (name, found, ring) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        draw(axes, found, ring)
        axes.set_title(broken(name, PANEL), fontsize=SMALL)
    present = [
        r for i, r in enumerate(REGIONS) if any((found == i).any() for _, found, _ in panels)
    ]
    patches = [Patch(facecolor=COLOURS[r], edgecolor="#717581", label=r) for r in present]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=SMALL)
    return figure


def draw(axes: Any, found: np.ndarray, ring: tuple[int, int] | None) -> None:
    """One panel: the squares in their colours, and a ring around the place that is asked."""
    from matplotlib.colors import to_rgb

    table = np.array([to_rgb(COLOURS[region]) for region in REGIONS])
    height, width = found.shape
    axes.imshow(table[found], extent=(0, width, height, 0), interpolation="nearest")
    axes.set_xticks(range(width + 1), [])
    axes.set_yticks(range(height + 1), [])
    axes.tick_params(length=0)
    axes.grid(color="#94a4a2", linewidth=0.4)
    if ring is not None:
        axes.plot(ring[1] + 0.5, ring[0] + 0.5, "o", ms=7, mfc="none", mec="black", mew=1.5)
