"""Layers of a growing critic: the spread of a batch, weights scaled when used, and the fade.

docs/derivations/minibatch_std.md, docs/derivations/equalised.md, docs/derivations/tangent.md
"""

from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.equalised import Equalised
from tinygen.layers.fade_in import FadeIn
from tinygen.layers.minibatch_std import MinibatchStd, deviations, of_groups
from tinygen.pullback import Pullback, no_params
from tinygen.tangent.linear import affine
from tinygen.tangent.rule import Linearised, PairPullback, linearise, plus, rule


@rule(MinibatchStd)
def minibatch_std(layer: Any, p: Params, x: Array) -> Linearised:
    """v = u, and beside it sum_f a_f / (F s_f),  a = mean_g c u.

    The examples of a group are coupled: what a penalty sees is the gradient of the batch's sum.
    """
    y, backward = layer.forward(p, x)
    G = layer.size(len(x))

    def push(u: Array) -> tuple[Array, PairPullback]:
        c, std = deviations(x, G, layer.eps)  # (M, G, F), (M, 1, F)
        rows, F = u.reshape(c.shape), c.shape[-1]
        a = (c * rows).mean(axis=1, keepdims=True)  #                       (M, 1, F)
        v = namespace(x).empty(y.shape, y.dtype)
        v[..., :-1] = u
        spread = (a / std).mean(axis=(1, 2))  #                             (M,)       (7)
        v.reshape(len(c), -1, v.shape[-1])[..., -1] = spread[:, None]

        def dx(d: Any) -> tuple[Array, Array]:
            dy, dv = d
            # dt (u - mean u) / (G F s) - dt a c / (G F s^3)                           (9)
            centred = rows - rows.mean(axis=1, keepdims=True)
            bend = (centred - c * (a / std**2)) / std * (of_groups(dv, G) / (G * F))
            of_y = None if dy is None else backward.dx(dy)
            return plus(of_y, bend.reshape(x.shape)), backward.dx(dv)  # dx, du        (8)

        return v, PairPullback(no_params, dx, y)

    return Linearised(y, backward, push)


@rule(Equalised)
def equalised(layer: Any, p: Params, x: Array) -> Linearised:
    """The layer's own rule at c W; dW = c d(c W)."""
    at = linearise(layer.layer, layer.scaled(p, x), x)

    def push(u: Array) -> tuple[Array, PairPullback]:
        v, backward = at.push(u)
        dp, dx = layer.halves(backward)
        return v, PairPullback(dp, dx, at.y)

    dp, dx = layer.halves(at.backward)
    return Linearised(at.y, Pullback(dp, dx, at.y), push)


@rule(FadeIn)
def fade_in(layer: Any, p: Params, x: Any) -> Linearised:
    """v = (1 - alpha) u_old + alpha u_new"""
    return affine(layer, p, x)
