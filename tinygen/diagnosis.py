"""Where did it become NaN? The first place in a loss whose value is not finite.

The step is done again on host copies, with a probe around each layer of the model. On a GPU this
is the only look at single layers: to look at each step would stall its queue.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, is_array, to_host
from tinygen.layers.base import Layer, NonFinite
from tinygen.layers.compose import Composite
from tinygen.layers.sequential import Sequential
from tinygen.pullback import Pullback
from tinygen.tangent import Linearised, linearise, rule


class Found(Exception):
    """The name of the first layer whose output is not finite."""


class Probe(Layer):
    """The same layer; raises Found where its output is not finite."""

    def __init__(self, layer: Layer, name: str):
        self.watched, self.name = layer, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.watched, name)

    def forward(self, p: Params, x: Any, *extra: Any) -> tuple[Any, Pullback]:
        """y of the layer within, after looking at it."""
        y, backward = self.watched.forward(p, x, *extra)
        if not all_finite(y):
            raise Found(f"the output of layer {self.name} ({type(self.watched).__name__})")
        return y, backward


@rule(Probe)
def probe(layer: Probe, p: Params, x: Any, *extra: Any) -> Linearised:
    """The rule of the layer within, for losses of a gradient."""
    at = linearise(layer.watched, p, x, *extra)
    if not all_finite(at.y):
        raise Found(f"the output of layer {layer.name} ({type(layer.watched).__name__})")
    return at


def first_nonfinite(
    loss: Callable[..., Any], p: Params, x: Array, noise: Any, **keywords: float
) -> str:
    """In words: a parameter, the data, the noise, a layer's output, or the loss itself.

    loss : a method of a model (a dataclass whose fields are layers); of another function only the
           arguments can be looked into. `keywords` are what the step gave it besides.
    """
    p, x, noise = (tree.map(hosted, values) for values in (p, x, noise))
    for name, leaf in tree.leaves(p):
        if not np.isfinite(leaf).all():
            return f"parameter {name}"
    if not all_finite(x):
        return "the data"
    if not all_finite(noise):
        return "the noise"
    model = getattr(loss, "__self__", None)
    if dataclasses.is_dataclass(model) and not isinstance(model, type):
        layers = {
            f.name: probed(getattr(model, f.name), f.name)
            for f in dataclasses.fields(model)
            if isinstance(getattr(model, f.name), Layer)
        }
        loss = getattr(dataclasses.replace(model, **layers), loss.__name__)
    try:
        with np.errstate(all="ignore"):
            loss(p, x, noise, **keywords)
    except Found as found:
        return str(found)
    except NonFinite as error:  # arose between two layers
        return str(error)
    return "the loss itself"


def probed(layer: Layer, name: str) -> Layer:
    """`layer` with a probe around it and around each layer within it.

    A Sequential stays one, for losses that look into it: its output is that of its last layer.
    """
    if isinstance(layer, Composite):
        children = {k: probed(child, f"{name}.{k}") for k, child in layer.layers.items()}
        layer = layer.with_layers(children)
    return layer if isinstance(layer, Sequential) else Probe(layer, name)


def all_finite(values: Any) -> bool:
    """Whether each array of floats in a tree holds finite numbers only."""
    floats = [leaf for _, leaf in tree.leaves(values) if is_array(leaf) and leaf.dtype.kind == "f"]
    return all(bool(np.isfinite(leaf).all()) for leaf in floats)


def hosted(leaf: Any) -> Any:
    """An array on the host; what is no array, such as the None of a model without noise, as is."""
    return to_host(leaf) if is_array(leaf) else leaf
