"""Gated PixelCNN as the commands know it; the model is models/gated_pixelcnn.py."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.data.dataset import Part
from tinygen.models.gated_pixelcnn import GatedPixelCNN
from tinygen.systems import visible
from tinygen.systems.base import System, Task, check_classes
from tinygen.systems.labels import IN_TURN, SHOWN_CLASSES, every_class
from tinygen.systems.options import option
from tinygen.systems.visible import SHARED, VisibleOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EACH = 8  # samples a class in the picture of classes


@dataclass(frozen=True)
class GatedPixelCNNOptions(VisibleOptions):
    """What `train gated-pixelcnn` can be told."""

    features: int = option(16, "features F of each of the two stacks", least=1)
    layers: int = option(6, "gated blocks, the first with it", least=1)
    kernel: int = option(3, "of the blocks behind the first, odd", least=1)
    head: int = option(32, "width of the layer before the last", least=1)
    first: int = option(7, "kernel of the first block, odd", least=1)
    components: int = option(
        5, "logistics in the mixture of a pixel", least=1, where=("likelihood", "mixture")
    )
    told: str = option(
        "nothing", "what the model is told beside the picture: the class", ("nothing", "class")
    )


def build(o: GatedPixelCNNOptions, task: Task) -> GatedPixelCNN:
    """The model of these options for images of this shape."""
    sizes = o.features, o.layers, o.kernel, o.head, o.first, o.components
    classes = check_classes(task) if o.told == "class" else 0
    return GatedPixelCNN(task.shape, *sizes, classes=classes, likelihood=o.pixel())


def seen(part: Part, o: GatedPixelCNNOptions) -> Any:
    """x, or (x, y) for a model that is told the class."""
    return visible.with_classes(part, o) if o.told == "class" else visible.pixels(part, o)


def sample(model: GatedPixelCNN, p: Params, rng: np.random.Generator, n: int, mean: bool) -> Array:
    """n draws; of each class in turn, where the model is told it."""
    labels = every_class(n, model.classes) if model.classes else None
    return visible.shades(model, model.sample(p, rng, n, labels))


def sample_class(
    model: GatedPixelCNN, p: Params, rng: np.random.Generator, y: Array, mean: bool
) -> Array:
    """Draws of the labels y (n,)."""
    return visible.shades(model, model.sample(p, rng, len(y), y))


def drawn(o: GatedPixelCNNOptions) -> str:
    """What `sample` gives, in words."""
    return f"{f'with {IN_TURN}, ' * (o.told == 'class')}{SHARED['drawn']}"


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Samples as they grow and completions; of a model that is told the class, a row a class."""
    from tinygen import plots

    t = gallery.trained
    K = min(t.model.classes, SHOWN_CLASSES)
    if not K:
        return visible.figures(gallery)
    x = t.model.sample(t.p, gallery.rng, K * EACH, np.repeat(np.arange(K), EACH))
    rows = gallery.ink(visible.shades(t.model, x))
    return {"classes": plots.sample_grid(rows, EACH, "a row a class: x ~ p(x|y)")}


CAPTIONS = visible.CAPTIONS | {
    "classes.png": (
        "Classes",
        "Each row is drawn with one label: its row of V moves every gate.",
    )
}

SYSTEM = System(
    name="gated-pixelcnn",
    title="Gated PixelCNN",
    idea="PixelCNN with gates, and two stacks that leave no pixel of the past unseen.",
    paper="van den Oord et al. 2016, arXiv 1606.05328",
    demo="demos/receptive_fields.py",
    options=GatedPixelCNNOptions,
    data="mnist",
    epochs=20,
    uses={"--told class": "to draw of a class that is asked for"},
    build=build,
    batch=64,
    **SHARED
    | {
        "examples": seen,
        "sample": sample,
        "sample_class": sample_class,
        "drawn": drawn,
        "figures": figures,
        "captions": CAPTIONS,
    },
)
