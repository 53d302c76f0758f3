"""Cases of the norms and of dropout."""

import numpy as np

from tinygen import layers as L
from tinygen.arrays import Array, Params
from tinygen.cases.common import layer_case


def statistics(rng: np.random.Generator) -> Params:
    """Statistics gathered before, of three features."""
    return {"mean": rng.normal(size=3), "var": rng.uniform(0.5, 2, size=3)}


def mask(rng: np.random.Generator) -> Array:
    """A mask of a dropout."""
    return L.Dropout(0.4).draw_mask(rng, (3, 5), np.float64)


# A gradient that a norm removes (of a constant added to all that is standardised) is zero.
CASES = [
    layer_case("BatchNorm of vectors", L.BatchNorm(3), 5, 3),
    layer_case("BatchNorm of images", L.BatchNorm(3), 2, 5, 4, 3),
    layer_case("BatchNorm with given statistics", L.BatchNorm(3), 2, 5, 4, 3, extra=statistics),
    layer_case(
        "BatchNorm after a bias",
        L.Sequential(L.Dense(4, 3), L.BatchNorm(3), L.Tanh()),
        *(6, 4),
        zero=("0.b",),
        of=(L.BatchNorm,),
    ),
    layer_case("InstanceNorm", L.InstanceNorm(3), 2, 5, 4, 3),
    layer_case("LayerNorm", L.LayerNorm(5), 3, 5),
    layer_case("LayerNorm on rows of rows", L.LayerNorm(5), 2, 3, 5),
    layer_case("PixelNorm", L.PixelNorm(), 2, 5, 4, 3),
    layer_case("Dropout", L.Dropout(0.4), 3, 5, extra=mask, zero=()),
    layer_case("Dropout without a mask", L.Dropout(0.4), 3, 5),
]
