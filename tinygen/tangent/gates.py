"""Smooth layers that join entries: softmax, and the gate tanh(a) sigmoid(b).

docs/derivations/tangent.md
"""

from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sigmoid
from tinygen.layers import GatedTanh, Softmax
from tinygen.pullback import no_params
from tinygen.tangent.rule import Linearised, PairPullback, plus, rule


@rule(Softmax)
def softmax(layer: Any, p: Params, x: Array) -> Linearised:
    """J w = y (w - y . w), which is symmetric; y itself moves with x."""
    y, backward = layer.forward(p, x)

    def push(u: Array) -> tuple[Array, PairPullback]:
        def dot(w: Array) -> Array:
            return (y * w).sum(axis=-1, keepdims=True)  # y . w

        def dx(d: Any) -> tuple[Array, Array]:
            dy, dv = d
            q = dv * u - dv * dot(u) - u * dot(dv)  # d/dy of dv . J u   (18)
            return backward.dx(q if dy is None else q + dy), backward.dx(dv)  # J (q + dy), J dv

        return backward.dx(u), PairPullback(no_params, dx, y)

    return Linearised(y, backward, push)


@rule(GatedTanh)
def gated_tanh(layer: Any, p: Params, x: Array) -> Linearised:
    """y = t s,  t = tanh a,  s = sigmoid b:  v = t' s u_a + t s' u_b."""
    y, backward = layer.forward(p, x)

    def push(u: Array) -> tuple[Array, PairPullback]:
        xp, half = namespace(x), x.shape[-1] // 2
        a, b, u_a, u_b = x[..., :half], x[..., half:], u[..., :half], u[..., half:]
        t, s = xp.tanh(a), sigmoid(b)
        dt, ds = 1 - t * t, s * (1 - s)  # t', s'
        v = dt * s * u_a + t * ds * u_b

        def dx(d: Any) -> tuple[Array | None, Array]:
            dy, dv = d
            # with t'' = -2 t t', s'' = s' (1 - 2 s)                                     (19)
            da = dv * (-2 * t * dt * s * u_a + dt * ds * u_b)
            db = dv * (dt * ds * u_a + t * ds * (1 - 2 * s) * u_b)
            curved = xp.concatenate([da, db], axis=-1)
            return plus(None if dy is None else backward.dx(dy), curved), backward.dx(dv)

        return v, PairPullback(no_params, dx, y)

    return Linearised(y, backward, push)
