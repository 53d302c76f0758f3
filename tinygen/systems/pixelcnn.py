"""PixelCNN as the commands know it; the model is models/pixelcnn.py."""

from dataclasses import dataclass

from tinygen.layers import Embedding
from tinygen.models.pixelcnn import PixelCNN
from tinygen.systems.base import System, Task, check_classes
from tinygen.systems.gated_pixelcnn import figures, sample, seen
from tinygen.systems.options import option
from tinygen.systems.visible import CAPTIONS, SHARED, VisibleOptions


@dataclass(frozen=True)
class PixelCNNOptions(VisibleOptions):
    """What `train pixelcnn` can be told."""

    features: int = option(16, "features F that pass all blocks; each works on F/2", least=2)
    blocks: int = option(15, "residual blocks", least=0)
    head: int = option(32, "width of the layer before the last", least=1)
    kernel: int = option(7, "of the first layer, odd", least=1)
    components: int = option(
        5, "logistics in the mixture of a pixel", least=1, where=("likelihood", "mixture")
    )
    told: str = option(
        "nothing", "what the model is told beside the picture: the class", ("nothing", "class")
    )


def build(o: PixelCNNOptions, task: Task) -> PixelCNN:
    """The model of these options for images of this shape."""
    sizes = o.features, o.blocks, o.head, o.kernel, o.components
    prompt = Embedding(check_classes(task), o.features) if o.told == "class" else None
    return PixelCNN(task.shape, *sizes, prompt=prompt, likelihood=o.pixel())


CLASSES = {"classes.png": ("Classes", "Each row is drawn with one label.")}

SYSTEM = System(
    name="pixelcnn",
    title="PixelCNN",
    idea="Each pixel given those above and left of it, all at once by masked convolutions.",
    paper="van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759",
    demo="demos/pixel_cnn.py",
    options=PixelCNNOptions,
    data="mnist",
    epochs=20,
    uses={"--data digits --epochs 50": "without files"},
    build=build,
    batch=32,
    **SHARED
    | {"examples": seen, "sample": sample, "figures": figures, "captions": CAPTIONS | CLASSES},
)
