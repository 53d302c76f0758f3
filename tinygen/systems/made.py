"""MADE as the commands know it; the model is models/made.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinygen.models.made import MADE
from tinygen.models.made_masks import DEGREES, ORDERS
from tinygen.systems import visible
from tinygen.systems.base import System, Task
from tinygen.systems.options import option
from tinygen.systems.visible import SHARED, VisibleOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class MADEOptions(VisibleOptions):
    """What `train made` can be told."""

    hidden: tuple[int, ...] = option((500,), "widths of the hidden layers, as in 500,500", least=1)
    masks: int = option(
        1, "masks that share the weights; a step trains one, p(x) is the average of all", least=1
    )
    order: str = option(
        "natural", "of the pixels: as one reads, or drawn at random for each mask", ORDERS
    )
    degrees: str = option(
        "random",
        "how far a hidden unit sees: drawn for each mask, or spread evenly, for all masks alike",
        DEGREES,
    )
    direct: str = option("no", "connections from the inputs to the outputs", ("no", "yes"))
    mask_seed: int = option(0, "seed of the masks", least=0)


def build(o: MADEOptions, task: Task) -> MADE:
    """The model of these options for examples of this shape."""
    return MADE(
        task.shape,
        o.hidden,
        n_masks=o.masks,
        order=o.order,
        degrees=o.degrees,
        direct=o.direct == "yes",
        seed=o.mask_seed,
        likelihood=o.pixel(),
    )


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Samples as they grow; completions where the first rows come first in the order."""
    from tinygen import plots

    t = gallery.trained
    if t.model.order == "natural" or len(t.model.shape) != 3:
        return visible.figures(gallery)
    stages = visible.growth(t.model, t.p, gallery.rng, 6)
    title = "samples as they grow, each in the order of its mask"
    return {"growth": plots.sample_grid(gallery.ink(stages), visible.STAGES, title)}


CAPTIONS = visible.CAPTIONS | {
    "growth.png": (
        "Samples as they grow",
        "A row is one draw: a mask, then each place given those before it in that mask's order.",
    )
}

SYSTEM = System(
    name="made",
    title="masked auto-encoder for density estimation",
    idea="An auto-encoder, its weights masked so that each pixel is drawn from those before it.",
    paper="Germain, Gregor, Murray and Larochelle 2015, arXiv 1502.03509",
    demo="demos/made.py",
    options=MADEOptions,
    data="mnist-static",
    epochs=100,
    uses={"--masks 32 --order random": "many orders in one model"},
    build=build,
    batch=100,
    **SHARED | {"figures": figures, "captions": CAPTIONS},
)
