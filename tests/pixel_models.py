"""Where the tests of the PixelCNNs look at a model: small ones, with parameters and data."""

from functools import partial

import numpy as np

from tinygen import tree
from tinygen.cases import gated_pixelcnn, pixelcnn
from tinygen.cases.common import jittered

FAMILIES = {"PixelCNN": pixelcnn, "Gated PixelCNN": gated_pixelcnn}


def point(family, name, dtype=np.float64, n=3):
    """A small model of a family's cases, its parameters, data and condition."""
    rng, cases = np.random.default_rng(0), FAMILIES[family]
    model = cases.MODELS[name]
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, model.init(rng)))
    x, condition = cases.draw_data(rng, model, n), cases.draw_condition(rng, model, n)
    x = x.astype(dtype) if x.dtype.kind == "f" else x
    if condition is not None and condition.dtype.kind == "f":
        condition = condition.astype(dtype)
    return model, p, x, condition


pixelcnn_at, gated_at = (partial(point, family) for family in FAMILIES)
