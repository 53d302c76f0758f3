"""One pass of MADE, under one mask, or under several where examples have masks of their own.

h_l = f(h_{l-1} (M_l W_l) + b_l),   h_0 = x        y = h_L (M V) + c  [+ x (M A)]         (1)

                                                       docs/derivations/made.md
"""

from functools import lru_cache, reduce
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer, MaskedDense, Sequential
from tinygen.models.place_params import as_params, outputs
from tinygen.pullback import Pullback


@lru_cache(maxsize=64)
def layers(model: Any, k: int) -> tuple[Sequential, MaskedDense | None]:
    """The layers of a `MADE` under mask k, and those straight from the inputs to the outputs."""
    c, numbers = model.connections(k), outputs("MADE", model.likelihood)
    *hidden, last = c.masks(numbers)
    named: dict[str, Layer] = {}
    for l, mask in enumerate(hidden):
        named |= {f"hidden{l + 1}": MaskedDense(mask), f"f{l + 1}": model.activation}
    direct = MaskedDense(c.direct(numbers), bias=False) if model.direct else None
    return Sequential(**named, out=MaskedDense(last)), direct


def under(model: Any, p: Params, x: Array, k: int) -> tuple[Any, Pullback]:
    """The parameters of all places of x (N, *shape) under mask k, and their pullback."""
    net, direct = layers(model, k)
    rows = model.as_floats(p, x).reshape(len(x), -1)  #                           (N, D)
    y, net_backward = net.forward(p["net"], rows)  #                              (N, D O)  (1)
    if direct:
        more, direct_backward = direct.forward(p["direct"], rows)
        y = y + more  # + x (M A)
    params, params_backward = as_params(model.likelihood, y.reshape(*rows.shape, -1), model.shape)

    def dp(dparams: Any) -> Params:
        dy = params_backward(dparams).reshape(y.shape)  #                         (N, D O)
        dp = {"net": net_backward.dp(dy)}
        return dp | {"direct": direct_backward.dp(dy)} if direct else dp

    def dx(dparams: Any) -> Any:
        if model.levels:
            return ()  # whole numbers have no derivative
        dy = params_backward(dparams).reshape(y.shape)
        drows = net_backward.dx(dy)  #                                            (N, D)
        if direct:
            drows = drows + direct_backward.dx(dy)
        return drows.reshape(x.shape)

    return params, Pullback(dp, dx, params)


def groups(masks: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(k, the examples that have mask k) of masks (N,), for each that occurs."""
    return [(int(k), np.flatnonzero(masks == k)) for k in np.unique(masks)]


def under_each(model: Any, p: Params, x: Array, masks: np.ndarray) -> tuple[Any, Pullback]:
    """`under`, where examples have masks (N,) of their own; gradients are summed."""
    xp, each = namespace(x), groups(masks)
    if len(each) == 1:
        return under(model, p, x, each[0][0])
    rows = [xp.asarray(group) for _, group in each]
    parts = [under(model, p, x[r], k) for r, (k, _) in zip(rows, each, strict=True)]

    def both(d: Any) -> tuple[Params, Any]:
        grads = [
            backward(tree.map(lambda a, r=r: a[r], d))
            for r, (_, backward) in zip(rows, parts, strict=True)
        ]
        return reduce(tree.add, [dp for dp, _ in grads]), merged(each, [dx for _, dx in grads])

    params = merged(each, [params for params, _ in parts])
    return params, Pullback.whole(both, params)


def merged(each: list[tuple[int, np.ndarray]], trees: list[Any]) -> Any:
    """The rows of all groups, in the order of the examples."""
    back = np.argsort(np.concatenate([group for _, group in each]))

    def merge(*parts: Array) -> Array:
        xp = namespace(parts[0])
        return xp.concatenate(parts)[xp.asarray(back)]

    return tree.map(merge, *trees)
