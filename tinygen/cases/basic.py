"""Cases of the dense layer, the plain activations and the chain."""

from tinygen import layers as L
from tinygen.cases.common import layer_case

CASES = [
    layer_case("Dense", L.Dense(4, 6), 2, 4),
    layer_case("Dense without bias", L.Dense(4, 6, bias=False), 2, 4),
    layer_case("Dense on rows of rows", L.Dense(4, 6), 2, 3, 4),
    layer_case("Relu", L.Relu(), 2, 5),
    layer_case("Tanh", L.Tanh(), 2, 5),
    layer_case("Sigmoid", L.Sigmoid(), 2, 5),
    layer_case("Softplus", L.Softplus(), 2, 5),
    layer_case("Sequential", L.Sequential(L.Dense(4, 6), L.Tanh(), head=L.Dense(6, 3)), 2, 4),
]
