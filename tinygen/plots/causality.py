"""What a causality check found, as a picture: who sees whom, blind spots, leaks.

Rows and sequences: a matrix, a line an output, a column an input; what is right of the diagonal
must stay empty. Images: the receptive fields of some outputs, as maps of the picture; first the
one that leaks most.                                       docs/derivations/check.md
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.check import CausalReport
from tinygen.check.leaks import count
from tinygen.check.receptive_field import REGIONS, regions
from tinygen.plots.receptive import COLOURS, receptive_fields
from tinygen.plots.style import SMALL, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = 60  # a matrix of more steps is drawn without lines between its squares


def causality(report: CausalReport, title: str = "") -> "Figure":
    """The picture of a report of `check_causal`.

    title : in place of the report's own
    """
    title = title or f"{report.title}: {'passed' if report.passed else 'FAILED'}"
    if len(report.grid) - (report.channels > 1) == 1:
        return matrix(report, title)
    fields = {}
    for place in outputs(report):
        k = int(np.ravel_multi_index(place, report.grid))
        leaks = int(report.leaking[k].sum())
        name = f"output {list(place)}" + (f", {count(leaks, 'leak')}" if leaks else "")
        fields[name] = (report.sees[k].reshape(report.grid), place)
    return receptive_fields(fields, title, report.strict)


def outputs(report: CausalReport) -> list[tuple[int, ...]]:
    """A place of an image with a past all around it; before it the one that leaks more, if any."""
    height, width, *groups = report.grid
    last = [groups[0] - 1] if groups else []
    found = [(2 * height // 3, width // 2, *last)]
    leaks = report.leaking.sum(axis=1)
    if leaks.max() > leaks[np.ravel_multi_index(found[0], report.grid)]:
        found.insert(0, report.at(int(leaks.argmax())))
    return found


def matrix(report: CausalReport, title: str) -> "Figure":
    """All outputs and all inputs of a row or a sequence."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    sees, steps = report.sees, len(report.sees)
    found = np.stack(
        [regions(sees[k].reshape(report.grid), report.at(k), report.strict) for k in range(steps)]
    ).reshape(steps, steps)
    table = np.array([to_rgb(COLOURS[region]) for region in REGIONS])
    figure = new_figure(5.2, 5.4, title)
    axes: Any = figure.subplots()
    axes.imshow(table[found], extent=(0, steps, steps, 0), interpolation="nearest")
    groups = report.channels > 1
    kind = "place and group" if groups else "place"
    dress(axes, "", f"input, {kind}", f"output, {kind}")
    axes.grid(visible=False)
    if steps <= LINES:
        middles = np.arange(steps)[:: 1 if steps <= 16 else 5]
        names = [str(report.at(int(k)) if groups else int(k)) for k in middles]
        axes.set_xticks(middles + 0.5, names, rotation=90 if groups else 0)
        axes.set_yticks(middles + 0.5, names)
        axes.tick_params(length=0)
        for edge in range(steps + 1):
            axes.axhline(edge, color="#94a4a2", linewidth=0.4)
            axes.axvline(edge, color="#94a4a2", linewidth=0.4)
    present = [region for i, region in enumerate(REGIONS) if (found == i).any()]
    patches = [Patch(facecolor=COLOURS[r], edgecolor="#717581", label=r) for r in present]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=SMALL)
    return figure
