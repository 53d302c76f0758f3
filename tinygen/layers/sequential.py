"""A chain of layers.

h_0 = x,  h_l = f_l(h_{l-1}),  y = h_L                     docs/derivations/compose.md
"""

from typing import Any

from tinygen.arrays import Params
from tinygen.layers.base import Layer
from tinygen.layers.compose import Composite
from tinygen.pullback import Pullback


class Sequential(Composite):
    """y = f_L(... f_1(x))        p = {name: parameters of the layer of that name}

    Sequential(Dense(3, 5), Tanh(), head=Dense(5, 2)) names its layers "0", "1", "head".
    `extras` holds the third argument of the layers that take one: {"1": mask}.
    """

    def __init__(self, *layers: Layer, **named: Layer):
        self.layers = {str(i): layer for i, layer in enumerate(layers)} | named

    def __repr__(self) -> str:
        return f"Sequential({', '.join(f'{n}={layer!r}' for n, layer in self.layers.items())})"

    def with_layers(self, layers: dict[str, Layer]) -> "Sequential":
        return Sequential(**layers)

    def forward(
        self, p: Params, x: Any, extras: dict[str, Any] | None = None
    ) -> tuple[Any, Pullback]:
        extras = extras or {}
        self.check_names(p, extras)
        chain, h = [], x
        for name in self.layers:
            h, backward = self.run(name, p, h, extras)  # h_l = f_l(h_{l-1})
            chain.append((name, backward))
        return h, Pullback(
            lambda dy: pull(chain, dy, dx=False)[0],
            lambda dy: pull(chain, dy, dp=False)[1],
            h,
            lambda dy: pull(chain, dy),
        )


def pull(
    chain: list[tuple[str, Pullback]], dh: Any, dp: bool = True, dx: bool = True
) -> tuple[Params, Any]:
    """dh_{l-1} = f_l'^T dh_l, from the last layer to the first; only the halves asked for."""
    grads: Params = {}
    for i, (name, backward) in reversed(list(enumerate(chain))):
        if not dp:
            dh = backward.dx(dh)
        elif i == 0 and not dx:
            grads[name] = backward.dp(dh)  # nobody needs dx: not computed
        else:
            grads[name], dh = backward(dh)
    return {name: grads[name] for name, _ in chain if grads.get(name)}, dh
