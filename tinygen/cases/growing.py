"""Cases of the layers that a growing game brings, and of both its players' losses."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("MinibatchStd of groups", L.MinibatchStd(2), 6, 5),
    layer_case("MinibatchStd of a batch of images", L.MinibatchStd(), 3, 5, 4, 2),
    layer_case("Equalised, dense", L.Equalised(L.Dense(4, 6)), 2, 4),
    layer_case("Equalised, conv", L.Equalised(L.Conv2d(3, 4, 3, 1, 1), 1.0), 2, 5, 4, 3),
    layer_case("Equalised, conv of sequences", L.Equalised(L.Conv1d(3, 4, 3)), 2, 5, 3),
]
