"""A layer with a way round it.

y = x + f(x)        He, Zhang, Ren and Sun 2016, arXiv 1512.03385, eq. 1

docs/derivations/compose.md
"""

from typing import Any

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer
from tinygen.layers.compose import Composite
from tinygen.pullback import Pullback


class Residual(Composite):
    """y = x + f(x)        x, y of one shape        p = {"f": parameters of the layer}

    extras = {"f": ...} holds the third argument of the layer, if it takes one. Raises ValueError
    where f changes the shape.
    """

    def __init__(self, layer: Layer):
        super().__init__({"f": layer})

    def with_layers(self, layers: dict[str, Layer]) -> "Residual":
        return Residual(layers["f"])

    def forward(
        self, p: Params, x: Array, extras: dict[str, Any] | None = None
    ) -> tuple[Array, Pullback]:
        extras = {} if extras is None else extras
        self.check_names(p, extras)
        fx, f = self.run("f", p, x, extras)
        self.check_shape(x, fx)
        y = x + fx  # (3)

        def dp(dy: Array) -> Params:
            return self.gather({"f": f.dp(dy)})

        def dx(dy: Array) -> Array:
            return dy + f.dx(dy)  # dy + f'^T dy   (4)

        def both(dy: Array) -> tuple[Params, Array]:
            df, dx_f = f(dy)
            return self.gather({"f": df}), dy + dx_f

        return y, Pullback(dp, dx, y, both)

    def check_shape(self, x: Array, fx: Any) -> None:
        """Refuse an f that changes the shape. Raises ValueError."""
        if getattr(fx, "shape", None) != x.shape:
            raise ValueError(
                f"Residual: the layer must keep the shape, got x of shape {x.shape} and f(x) of "
                f"{getattr(fx, 'shape', type(fx).__name__)}: give it as many outputs as inputs"
            )
