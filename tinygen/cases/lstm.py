"""Cases of the LSTM."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, jittered, layer_case


def stateful(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A sequence with a first hidden state and cell."""
    layer = L.StatefulLSTM(4, 3)
    p = jittered(rng, layer.init(rng))
    return layer.forward, p, (rng.normal(size=(2, 5, 4)), *rng.normal(size=(2, 2, 3)))


CASES = [
    layer_case("LSTM", L.LSTM(4, 3), 2, 5, 4),
    layer_case("LSTM of one step", L.LSTM(4, 3), 2, 1, 4, zero=("Wh",)),
    Case("StatefulLSTM", stateful, of=(L.StatefulLSTM,)),
]
