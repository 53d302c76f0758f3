"""Claims that a masked layer, or one that runs through time, sees nothing that comes later."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Claim, jittered
from tinygen.check import Report, check_causal


def causal(
    name: str, layer: Any, *shape: int, strict: bool, channels: int = 1, of: Any = None
) -> Claim:
    """No output sees its own input (strict) or a later one, with normal inputs of this shape."""

    def check(rng: np.random.Generator) -> Report:
        p = jittered(rng, layer.init(rng, np.float64))
        return check_causal(layer, p, rng.normal(size=shape), strict, channels)

    return Claim(name, "causal", check, of=(of or type(layer),))


def stateful(rng: np.random.Generator) -> Report:
    """A sequence after a given state; the state itself is held fixed."""
    layer = L.StatefulLSTM(4, 3)
    p = jittered(rng, layer.init(rng))
    h, c = rng.normal(size=(2, 1, 3))

    def f(p: Any, x: Any) -> tuple[Any, Any]:
        (y, *_), backward = layer.forward(p, (x, h, c))
        rest = np.zeros_like(h)
        return y, lambda dy: (backward.dp((dy, rest, rest)), backward.dx((dy, rest, rest))[0])

    return check_causal(f, p, rng.normal(size=(1, 5, 4)), strict=False)


before = np.triu(np.ones((5, 5)), 1)  # M[i, o] = 1: output o sees input i < o

CLAIMS = [
    causal("MaskedConv2d A", L.MaskedConv2d(3, 6, 3, "A"), 1, 5, 4, 3, strict=True),
    causal("MaskedConv2d B", L.MaskedConv2d(3, 2, 5, "B"), 1, 5, 4, 3, strict=False),
    causal(
        "MaskedConv2d A, colours",
        L.MaskedConv2d(3, 6, 3, "A", channels=3),
        *(1, 5, 4, 3),
        strict=True,
        channels=3,
    ),
    causal(
        "MaskedConv2d B, colours",
        L.MaskedConv2d(6, 3, 3, "B", channels=3),
        *(1, 5, 4, 6),
        strict=False,
        channels=3,
    ),
    causal(
        "MaskedConv2d A and B, a stack",
        L.Sequential(L.MaskedConv2d(3, 4, 3, "A"), L.Relu(), L.MaskedConv2d(4, 2, 3, "B")),
        *(1, 5, 4, 3),
        strict=True,
        of=L.MaskedConv2d,
    ),
    causal("MaskedDense", L.MaskedDense(before), 2, 5, strict=True),
    causal(
        "MaskedDense, a stack",
        L.Sequential(L.MaskedDense(before), L.Tanh(), L.MaskedDense(before + np.eye(5))),
        *(2, 5),
        strict=True,
        of=L.MaskedDense,
    ),
    causal("LSTM", L.LSTM(4, 3), 1, 5, 4, strict=False),
    Claim("StatefulLSTM", "causal", stateful, of=(L.StatefulLSTM,)),
]
