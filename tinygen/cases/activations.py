"""Cases of the further activations."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("LeakyRelu", L.LeakyRelu(), 2, 5),
    layer_case("LeakyRelu with another slope", L.LeakyRelu(0.05), 2, 3, 5),
    layer_case("Elu", L.Elu(), 2, 5),
    layer_case("Maxout", L.Maxout(3), 2, 12),
    layer_case("Maxout on images", L.Maxout(2), 2, 3, 5, 8),
    layer_case("GatedTanh", L.GatedTanh(), 2, 10),
    layer_case("GatedTanh on images", L.GatedTanh(), 2, 3, 5, 8),
    layer_case("Softmax", L.Softmax(), 2, 5),
    layer_case("Softmax on rows of rows", L.Softmax(), 2, 3, 5),
]
