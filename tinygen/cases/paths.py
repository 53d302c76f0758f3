"""Cases that differ from those of the layers in the path that a kernel takes, found by mutation."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, layer_case


def turned(layer: L.Layer) -> Case:
    """An input whose memory runs along the other axis, so that it is not contiguous."""
    kind = type(layer)

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        return layer.forward, {}, np.asfortranarray(rng.normal(size=(5, 4)))

    return Case(f"{kind.__name__} of a turned array", make, of=(kind,))


CASES = [
    layer_case("Conv2d of three images", L.Conv2d(3, 6, 3, padding=1), 3, 5, 4, 3),
    layer_case("Conv2d stride 2 of three images", L.Conv2d(3, 2, 3, 2, 1), 3, 8, 9, 3),
    layer_case("Conv2d by tiles of three images", L.Conv2d(16, 17, 3, padding=1), 3, 8, 7, 16),
    layer_case("Conv2d by tiles, no padding", L.Conv2d(17, 16, 3), 2, 10, 9, 17),
    # Tiles would fit in all of these, but for the kernel, the stride or the taps.
    layer_case("Conv2d 5x5 of many channels", L.Conv2d(16, 17, 5, padding=2), 2, 6, 10, 16),
    layer_case("Conv2d stride 2 of many channels", L.Conv2d(16, 17, 3, 2, 1), 2, 8, 12, 16),
    layer_case("Conv2d stride (1, 2) of many", L.Conv2d(16, 17, 3, (1, 2), 1), 2, 8, 12, 16),
    layer_case("Conv2d stride (2, 1) of many", L.Conv2d(16, 17, 3, (2, 1), 1), 2, 8, 12, 16),
    layer_case("Conv2d by tiles that hang over below", L.Conv2d(16, 17, 3, 1, 1), 2, 13, 12, 16),
    layer_case("Conv2d by tiles that hang over aside", L.Conv2d(16, 17, 3, 1, 1), 2, 12, 13, 16),
    layer_case("Conv2d by tiles, padding 2", L.Conv2d(16, 17, 3, padding=(2, 1)), 2, 5, 8, 16),
    layer_case("Conv2d 1x1 with padding", L.Conv2d(3, 6, 1, padding=1), 2, 5, 4, 3),
    layer_case("Conv2d 1x1 with stride", L.Conv2d(3, 6, 1, stride=2), 2, 5, 6, 3),
    layer_case("Conv2d 1x1 with padding above", L.Conv2d(3, 6, 1, 1, (1, 0)), 2, 5, 4, 3),
    layer_case("Conv2d 1x1 with padding aside", L.Conv2d(3, 6, 1, 1, (0, 1)), 2, 5, 4, 3),
    layer_case("Conv2d 2x1, a window a stride", L.Conv2d(3, 5, (2, 1), (2, 1)), 2, 6, 4, 3),
    layer_case("Conv2d 1x2, a window a stride", L.Conv2d(3, 5, (1, 2), (1, 2)), 2, 5, 4, 3),
    layer_case("Conv2d 3x1", L.Conv2d(3, 6, (3, 1), padding=(1, 0)), 2, 5, 4, 3),
    layer_case("Conv2d stride (1, 2)", L.Conv2d(3, 6, 3, (1, 2), 1), 2, 5, 6, 3),
    layer_case("Conv2d padding as wide as the kernel", L.Conv2d(3, 6, 2, 1, (2, 0)), 2, 5, 4, 3),
    layer_case("Conv2d padding as wide as the kernel, 2", L.Conv2d(3, 6, 2, 1, (0, 2)), 2, 5, 4, 3),
    layer_case("MaskedConv2d A of three images", L.MaskedConv2d(3, 2, 5, "A"), 3, 5, 4, 3),
    layer_case("MaskedConv2d B of many channels", L.MaskedConv2d(16, 17, 3, "B"), 2, 8, 7, 16),
    layer_case("MaskedConv2d A, two groups", L.MaskedConv2d(4, 6, 3, "A", channels=2), 2, 5, 3, 4),
    layer_case("MaskedConv2d B, two groups", L.MaskedConv2d(4, 2, 3, "B", channels=2), 2, 5, 3, 4),
    turned(L.Sigmoid()),
    turned(L.Softplus()),
    turned(L.Elu()),
]
