"""Cases of the embedding and of layers made of layers."""

from typing import Any

import numpy as np

from tinygen import layers as L
from tinygen.cases.common import Case, layer_case


def embedding_case(name: str, layer: Any, *shape: int) -> Case:
    """Labels that repeat, so that gradients add up; one label of the five is absent."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        x = rng.integers(0, 4, size=shape)
        return layer.forward, layer.init(rng, np.float64), x

    return Case(name, make, of=(type(layer),))


def inputs_case(name: str, layer: Any, shapes: Any) -> Case:
    """A layer of several inputs; shapes is a tuple or a dict."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        if isinstance(shapes, dict):
            x: Any = {key: rng.normal(size=shape) for key, shape in shapes.items()}
        else:
            x = tuple(rng.normal(size=shape) for shape in shapes)
        return layer.forward, layer.init(rng, np.float64), x

    return Case(name, make, of=(type(layer),))


heads: dict[str, Any] = {"mean": L.Dense(6, 3), "log_var": L.Sequential(L.Tanh(), L.Dense(6, 5))}

CASES = [
    embedding_case("Embedding", L.Embedding(5, 4), 7),
    embedding_case("Embedding of images of labels", L.Embedding(5, 3), 2, 6, 4),
    embedding_case("Sequential from labels", L.Sequential(L.Embedding(5, 4), L.Dense(4, 3)), 7),
    embedding_case("Fork of labels", L.Fork(a=L.Embedding(5, 4), b=L.Embedding(5, 2)), 7),
    layer_case("Residual", L.Residual(L.Sequential(L.Dense(4, 6), L.Tanh(), L.Dense(6, 4))), 2, 4),
    layer_case("Fork", L.Fork(**heads), 2, 6),
    layer_case("Fork of one", L.Fork(only=L.Dense(6, 3)), 2, 6),
    layer_case(
        "Sequential of a fork and a join",
        L.Sequential(L.Dense(4, 6), L.Fork(**heads), L.Concat(), L.Dense(8, 2)),
        *(2, 4),
    ),
    layer_case(
        "Sequential without parameters first", L.Sequential(L.Flatten(), L.Dense(6, 4)), 5, 2, 3
    ),
    inputs_case("Concat", L.Concat(), ((2, 3), (2, 5), (2, 1))),
    inputs_case("Concat of named images", L.Concat(), {"y": (2, 3, 5, 4), "x": (2, 3, 5, 6)}),
]
