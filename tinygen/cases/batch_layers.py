"""Cases of the layers that show a discriminator several examples at once."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("Pack", L.Pack(3), 6, 5),
    layer_case("MinibatchDiscrimination", L.MinibatchDiscrimination(4, 3, 2), 5, 4),
    layer_case("Pack of images", L.Pack(2), 4, 5, 3, 6),
]
