"""Cases of the classifier's loss."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, jittered, of_data
from tinygen.layers import Tanh
from tinygen.models.classifier import Classifier, dense_classifier

N, K = 5, 3


def model_case(name: str, model: Classifier, *shape: int) -> Case:
    """A case of the loss at given labels."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        p, x = jittered(rng, model.init(rng, np.float64)), rng.normal(size=(N, *shape))
        return of_data(model.loss, rng.integers(K, size=N)), p, x

    return Case(name, make, of=(Classifier, dense_classifier))


CASES = [
    model_case("classifier, dense", dense_classifier(4, (6, 7), K, Tanh()), 4),
    model_case("classifier, linear, of images", dense_classifier((4, 2, 1), (), K), 4, 2, 1),
]
