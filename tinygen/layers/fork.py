"""One input, several outputs.

y_k = f_k(x) for each name k        dx = sum_k f_k'^T dy_k

docs/derivations/compose.md
"""

from typing import Any

from tinygen import tree
from tinygen.arrays import Params
from tinygen.layers.base import Layer
from tinygen.layers.compose import Composite
from tinygen.pullback import Pullback


class Fork(Composite):
    """y = {name: f_name(x)}        p = {name: parameters of the layer of that name}

    Fork(mean=Dense(400, 20), log_var=Dense(400, 20)) is the head of a VAE's encoder. dy is a
    dict of the same names. `extras` holds the third argument of the layers that take one.
    Raises ValueError where no layer is given.
    """

    def __init__(self, **layers: Layer):
        if not layers:
            raise ValueError("Fork: expected named layers, got none: Fork(mean=..., log_var=...)")
        super().__init__(layers)

    def with_layers(self, layers: dict[str, Layer]) -> "Fork":
        return Fork(**layers)

    def forward(
        self, p: Params, x: Any, extras: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], Pullback]:
        extras = {} if extras is None else extras
        self.check_names(p, extras)
        branches = {name: self.run(name, p, x, extras) for name in self.layers}
        y = {name: y_k for name, (y_k, _) in branches.items()}  # y_k = f_k(x)   (5)

        def dp(dy: dict[str, Any]) -> Params:
            return self.gather({k: f_k.dp(dy[k]) for k, (_, f_k) in branches.items()})

        def dx(dy: dict[str, Any]) -> Any:
            # x feeds every branch: dx = sum_k f_k'^T dy_k   (6)
            return _sum([f_k.dx(dy[k]) for k, (_, f_k) in branches.items()])

        def both(dy: dict[str, Any]) -> tuple[Params, Any]:
            grads = {k: f_k(dy[k]) for k, (_, f_k) in branches.items()}
            dp = self.gather({k: dp_k for k, (dp_k, _) in grads.items()})
            return dp, _sum([dx_k for _, dx_k in grads.values()])

        return y, Pullback(dp, dx, y, both)


def _sum(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = tree.add(total, part)
    return total
