"""Layers made of layers. The pullback of a chain is the chain of pullbacks, in reverse.

    y = f_L( ... f_2(f_1(x)))        dx = f_1'^T( f_2'^T( ... f_L'^T dy))

docs/derivations/compose.md
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.layers.base import Layer
from tinygen.pullback import Pullback


class Composite(Layer):
    """A layer with named children. Its p holds one entry for each child that has parameters.

    `forward` takes a dict of extras by child name (masks, statistics); those of a child that is
    itself a composite are a dict again. Raises TypeError for a child that is no layer.
    """

    layers: dict[str, Layer]

    def __init__(self, layers: dict[str, Layer]):
        for name, layer in layers.items():
            if not hasattr(layer, "forward") or isinstance(layer, type):
                raise TypeError(
                    f"{type(self).__name__}: layer {name!r} is of type {type(layer).__name__}, "
                    "not a layer: give the layers one by one, as in Sequential(Dense(3, 5), Tanh())"
                )
        self.layers = layers

    def __repr__(self) -> str:
        children = ", ".join(f"{name}={layer!r}" for name, layer in self.layers.items())
        return f"{type(self).__name__}({children})"

    def __eq__(self, other: object) -> bool:
        """The same kind of composite of equal layers, by the same names in the same order."""
        if type(self) is not type(other) or not isinstance(other, Composite):
            return NotImplemented
        return list(self.layers.items()) == list(other.layers.items())

    def __hash__(self) -> int:
        return hash((type(self), *self.layers.items()))

    def with_layers(self, layers: dict[str, Layer]) -> "Composite":
        """The same composite over other children of the same names."""
        raise NotImplementedError

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        # a user's layer may know the one rule only: init(rng, dtype)
        rule = () if weights == "glorot" else (weights,)
        drawn = {name: layer.init(rng, dtype, *rule) for name, layer in self.layers.items()}
        return {name: p for name, p in drawn.items() if p}

    def run(self, name: str, p: Params, x: Any, extras: dict[str, Any]) -> tuple[Any, Pullback]:
        """Child `name` on x; an error says in which child it arose."""
        layer = self.layers[name]
        args = (extras[name],) if name in extras else ()
        try:
            y, backward = layer.forward(p.get(name, {}), x, *args)
        except (ValueError, TypeError) as error:
            error.add_note(f"in layer {name!r} ({type(layer).__name__}) of {type(self).__name__}")
            raise
        if not hasattr(backward, "dp"):  # a plain function dy -> (dp, dx), of a user's layer
            backward = Pullback.whole(backward, y)
        return y, backward

    def check_names(self, p: Params, extras: dict[str, Any]) -> None:
        """Refuse parameters and extras of layers that are not there. Raises ValueError."""
        for what, given in (("parameters", p), ("extras", extras)):
            if not isinstance(given, dict) or not given.keys() <= self.layers.keys():
                names = sorted(given) if isinstance(given, dict) else type(given).__name__
                raise ValueError(
                    f"{type(self).__name__}: {what} for {names}, "
                    f"but the layers are {list(self.layers)}"
                )

    @staticmethod
    def gather(grads: dict[str, Params]) -> Params:
        """dp by child name, without the children that have no parameters."""
        return {name: dp for name, dp in grads.items() if dp}


def parts_of(net: Layer) -> Iterator[Layer]:
    """The layers that it is made of, at any depth, composites taken apart."""
    if not isinstance(net, Composite):
        yield net
        return
    for layer in net.layers.values():
        yield from parts_of(layer)


def holds(net: Layer, kind: type[Layer]) -> bool:
    """Whether a layer of this kind stands in it, at any depth."""
    return any(isinstance(layer, kind) for layer in parts_of(net))


def coupling(net: Layer) -> str:
    """The kind of a layer in it by which examples of a batch see one another; "" for none."""
    # a user's layer need not be a Layer
    names = (type(part).__name__ for part in parts_of(net) if getattr(part, "couples", False))
    return next(names, "")


def check_uncoupled(owner: str, nets: dict[str, Layer], remedy: str) -> None:
    """Refuse nets whose answer to one example depends on others. Raises ValueError."""
    for name, net in nets.items():
        if kind := coupling(net):
            raise ValueError(
                f"{owner}: the {name} holds a {kind}, by which the examples of a batch see one "
                f"another: {remedy}"
            )
