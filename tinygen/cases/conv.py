"""Cases of the convolutions: every kernel path, strides, paddings, rows that no window covers."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("Conv2d", L.Conv2d(3, 6, 3, padding=1), 2, 5, 4, 3),
    layer_case("Conv2d without bias", L.Conv2d(3, 6, (2, 3), bias=False), 2, 5, 4, 3),
    layer_case("Conv2d stride 2", L.Conv2d(3, 2, 4, 2, 1), 2, 7, 6, 3),
    layer_case("Conv2d stride 2, kernel 3", L.Conv2d(3, 2, 3, (2, 3), (1, 2)), 2, 6, 5, 3),
    layer_case("Conv2d stride above kernel", L.Conv2d(3, 2, (1, 2), 3), 2, 8, 7, 3),
    layer_case("Conv2d padding above kernel", L.Conv2d(3, 2, 2, 1, (3, 2)), 2, 4, 5, 3),
    layer_case("Conv2d 1x1", L.Conv2d(3, 6, 1), 2, 5, 4, 3),
    layer_case("Conv2d by tiles", L.Conv2d(16, 17, 3, padding=1), 2, 8, 7, 16),
    layer_case("Conv1d", L.Conv1d(3, 6, 3, padding=1), 2, 5, 3),
    layer_case("Conv1d stride 2", L.Conv1d(3, 6, 4, 2, 1, bias=False), 2, 9, 3),
    layer_case("ConvTranspose2d", L.ConvTranspose2d(3, 6, 3, 1, 1), 2, 5, 4, 3),
    layer_case("ConvTranspose2d stride 2", L.ConvTranspose2d(3, 2, 4, 2, 1), 2, 4, 3, 3),
    layer_case(
        "ConvTranspose2d output padding",
        L.ConvTranspose2d(3, 2, (3, 2), (2, 3), 1, (1, 2), bias=False),
        *(2, 4, 3, 3),
    ),
    layer_case("MaskedConv2d A", L.MaskedConv2d(3, 6, 3, "A"), 2, 5, 4, 3),
    layer_case("MaskedConv2d B", L.MaskedConv2d(3, 2, 5, "B"), 2, 5, 4, 3),
    layer_case("MaskedConv2d A, colours", L.MaskedConv2d(3, 6, 3, "A", channels=3), 2, 5, 4, 3),
    layer_case("MaskedConv2d B, colours", L.MaskedConv2d(6, 3, 3, "B", channels=3), 2, 5, 4, 6),
    layer_case("MaskedDense", L.MaskedDense([[1, 0], [1, 1], [0, 1]]), 4, 3),
    layer_case("MaskedConv2d 1x1 B", L.MaskedConv2d(3, 2, 1, "B"), 2, 5, 4, 3),
]
