"""Layers made of layers. The pullback of a chain is the chain of pullbacks, in reverse.

    y = f_L( ... f_2(f_1(x)))        dx = f_1'^T( f_2'^T( ... f_L'^T dy))

docs/derivations/compose.md
"""

from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.layers.base import Layer
from tinygen.pullback import Pullback


class Composite(Layer):
    """A layer with named children. Its p holds one entry for each child that has parameters."""

    layers: dict[str, Layer]

    def with_layers(self, layers: dict[str, Layer]) -> "Composite":
        """The same composite over other children of the same names."""
        raise NotImplementedError

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        drawn = {name: layer.init(rng, dtype, weights) for name, layer in self.layers.items()}
        return {name: p for name, p in drawn.items() if p}

    def run(self, name: str, p: Params, x: Any, extras: dict[str, Any]) -> tuple[Any, Pullback]:
        """Child `name` on x; an error says in which child it arose."""
        layer = self.layers[name]
        args = (extras[name],) if name in extras else ()
        try:
            return layer.forward(p.get(name, {}), x, *args)
        except (ValueError, TypeError) as error:
            error.add_note(f"in layer {name!r} ({type(layer).__name__}) of {type(self).__name__}")
            raise

    def check_names(self, p: Params, extras: dict[str, Any]) -> None:
        """Refuse parameters and extras of layers that are not there. Raises ValueError."""
        for what, given in (("parameters", p), ("extras", extras)):
            if not isinstance(given, dict) or not given.keys() <= self.layers.keys():
                names = sorted(given) if isinstance(given, dict) else type(given).__name__
                raise ValueError(
                    f"{type(self).__name__}: {what} for {names}, "
                    f"but the layers are {list(self.layers)}"
                )
