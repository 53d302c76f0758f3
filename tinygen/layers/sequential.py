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
    Raises ValueError for a name given twice, TypeError for what is no layer.
    """

    def __init__(self, *layers: Layer, **named: Layer):
        numbered = {str(i): layer for i, layer in enumerate(layers)}
        if numbered.keys() & named.keys():
            raise ValueError(
                f"Sequential: two layers named {sorted(numbered.keys() & named.keys())}"
            )
        super().__init__(numbered | named)

    def with_layers(self, layers: dict[str, Layer]) -> "Sequential":
        return Sequential(**layers)

    def forward(
        self, p: Params, x: Any, extras: dict[str, Any] | None = None
    ) -> tuple[Any, Pullback]:
        extras = {} if extras is None else extras
        self.check_names(p, extras)
        chain, h = [], x
        for name in self.layers:
            h, backward = self.run(name, p, h, extras)  # h_l = f_l(h_{l-1})   (1)
            chain.append((name, backward))
        first = next((i for i, name in enumerate(self.layers) if p.get(name)), len(chain))
        return h, Pullback(
            lambda dy: pull(chain, dy, first, dx=False)[0],
            lambda dy: pull(chain, dy, dp=False)[1],
            h,
            lambda dy: pull(chain, dy),
        )


def pull(
    chain: list[tuple[str, Pullback]], dh: Any, first: int = 0, dp: bool = True, dx: bool = True
) -> tuple[Params, Any]:
    """dh_{l-1} = f_l'^T dh_l, from the last layer to the first; only the halves asked for.   (2)

    first : the index of the first layer with parameters; without dx, what is before it is left out
    """
    grads: Params = {}
    for i, (name, backward) in reversed(list(enumerate(chain))):
        if not dp:
            dh = backward.dx(dh)
        elif dx or i > first:
            grads[name], dh = backward(dh)
        elif i == first:
            grads[name] = backward.dp(dh)  # nobody needs dx: not computed
    return Composite.gather({name: grads[name] for name, _ in chain if name in grads}), dh
