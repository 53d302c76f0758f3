"""The case of SRCNN: the whole loss, in its weights, the pictures and the small pictures."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, jittered
from tinygen.layers import Tanh
from tinygen.models.srcnn import SRCNN


def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Two pictures of 6x4 pixels, two channels, from 3x2."""
    model = SRCNN(2, 2, filters=(3, 5), kernels=(5, 1, 3), activation=Tanh())
    p = jittered(rng, model.init(rng, np.float64))
    return model.loss, p, (rng.random((2, 6, 4, 2)), rng.random((2, 3, 2, 2)))


CASES = [Case("SRCNN", make, of=(SRCNN,))]
