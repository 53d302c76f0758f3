"""The largest of some values:  y_j = max_k x_jk,  v_j = u_jk at the k that won.

The winner is fixed while x moves a little, so this is a linear map with matrix entries 0 and 1;
its transpose is the layer's own pullback:  du = J^T dv,  dx = J^T dy                  (5) (6)
                                                           docs/derivations/tangent.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.blocks import block_sum
from tinygen.layers import Maxout, MaxPool2d
from tinygen.layers.base import pair
from tinygen.pullback import Pullback, no_params
from tinygen.tangent.rule import Linearised, PairPullback, remembered, rule


def winners(y: Array, backward: Pullback, join: Callable[[Array], Array]) -> Linearised:
    """The rule of y = max; join: an array like x -> the sums over each group, like y."""
    first = remembered(backward, y)

    def push(u: Array) -> tuple[Array, PairPullback]:
        won = backward.dx(namespace(y).ones_like(y))  # J^T 1: 1 at the winners
        v = join(won * u)  # J u: of each group the winner's u

        def dx(d: Any) -> tuple[Array | None, Array]:
            dy, dv = d
            return None if dy is None else backward.dx(dy), first.dx(dv)  # J^T dy, J^T dv

        return v, PairPullback(no_params, dx, y)

    return Linearised(y, first, push)


@rule(MaxPool2d)
def max_pool(layer: Any, p: Params, x: Array) -> Linearised:
    """Groups are blocks of kh x kw pixels."""
    y, backward = layer.forward(p, x)
    return winners(y, backward, lambda a: block_sum(a, *pair(layer.kernel)))


@rule(Maxout)
def maxout(layer: Any, p: Params, x: Array) -> Linearised:
    """Groups are K entries of the last axis, side by side."""
    y, backward = layer.forward(p, x)
    return winners(y, backward, lambda a: a.reshape(*y.shape, layer.pieces).sum(axis=-1))
