"""Cases of the layers that move, join, pool and repeat numbers."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("Flatten", L.Flatten(), 2, 3, 5),
    layer_case("Reshape", L.Reshape((3, 5, 4)), 2, 12, 5),
    layer_case("Reshape to scalars", L.Reshape(()), 3, 1, 1),
    layer_case("AvgPool2d", L.AvgPool2d(2), 2, 6, 4, 3),
    layer_case("AvgPool2d, oblong", L.AvgPool2d((3, 2)), 2, 6, 8, 5),
    layer_case("MaxPool2d", L.MaxPool2d(2), 2, 6, 4, 3),
    layer_case("MaxPool2d, oblong", L.MaxPool2d((3, 2)), 2, 6, 8, 5),
    layer_case("Upsample2d", L.Upsample2d(3), 2, 4, 5, 3),
    layer_case("Bicubic2d", L.Bicubic2d(3), 2, 4, 5, 3),
    layer_case("Bicubic2d, oblong", L.Bicubic2d((1, 2), a=-0.75), 2, 4, 1, 3),
    layer_case("Upsample2d, oblong", L.Upsample2d((1, 2)), 2, 4, 5, 3),
    layer_case("ReflectionPad2d", L.ReflectionPad2d(2), 2, 5, 4, 3),
    layer_case("ReflectionPad2d as wide as it can be", L.ReflectionPad2d(3), 2, 5, 4, 3),
]
