"""PixelRNN as the commands know it; the model is models/pixel_rnn.py."""

from dataclasses import dataclass

from tinygen.models.pixel_rnn import PixelRNN
from tinygen.models.pixel_rnn_nets import LSTMS
from tinygen.systems.base import System, Task
from tinygen.systems.options import option
from tinygen.systems.visible import SHARED, VisibleOptions


@dataclass(frozen=True)
class PixelRNNOptions(VisibleOptions):
    """What `train pixel-rnn` can be told."""

    optimiser: str = option("rmsprop", "the rule of the steps", ("rmsprop", "adam", "sgd"))
    lstm: str = option("diagonal", "Row LSTM or Diagonal BiLSTM", tuple(LSTMS))
    features: int = option(16, "h of each LSTM; twice as many are carried past it", least=1)
    layers: int = option(7, "LSTMs, one upon the other", least=1)
    head: int = option(32, "width of the 1x1 layer before the last", least=1)
    residual: str = option("on", "the way round each LSTM", ("on", "off"))
    skip: str = option("off", "1x1 maps from each layer to the head", ("on", "off"))
    components: int = option(5, "logistics a place", least=1, where=("likelihood", "mixture"))


def build(o: PixelRNNOptions, task: Task) -> PixelRNN:
    """The model of these options for images of this shape."""
    return PixelRNN(
        tuple(task.shape),
        o.features,
        o.layers,
        o.lstm,
        o.head,
        residual=o.residual == "on",
        skip=o.skip == "on",
        components=o.components,
        likelihood=o.pixel(),
    )


SYSTEM = System(
    name="pixel-rnn",
    title="PixelRNN",
    idea="Each pixel given those before it, whose memory two-dimensional LSTMs carry.",
    paper="van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759",
    demo="demos/pixel_rnn.py",
    options=PixelRNNOptions,
    data="mnist-dynamic",
    epochs=20,
    uses={
        "--data digits-dynamic --epochs 5": "without files",
        "--lstm row": "the Row LSTM",
    },
    batch=16,
    build=build,
    **SHARED,
)
