"""Minibatch discrimination on pairs: the examples of a batch are coupled, so a penalty sees the
gradient of the batch's sum.

With s = sign(M_ib - M_jb), c = c_b(i, j) and M_i = f_i T, U_i = u_i T,

    e = sum_c s_c (U_i - U_j)_c                     how the distance of the pair moves   (26)
    v_o = -sum_j c e                                beside the tangent u itself          (27)

                                                           docs/derivations/tangent.md
"""

from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import MinibatchDiscrimination
from tinygen.layers.minibatch_discrimination import apart, blocks, nearness
from tinygen.tangent.rule import Linearised, PairPullback, plus, rule


@rule(MinibatchDiscrimination)
def minibatch_discrimination(layer: Any, p: Params, f: Array) -> Linearised:
    """v = (u, -sum_j c e)"""
    y, backward = layer.forward(p, f)
    (A, B, C), N = p["T"].shape, len(f)
    T = p["T"].reshape(A, B * C)

    def kernels(x: Array) -> Array:
        return namespace(x).ascontiguousarray((x @ T).T).reshape(B, C, N)  # x T

    def push(u: Array) -> tuple[Array, PairPullback]:
        xp, M, U = namespace(f), kernels(f), kernels(u)

        def approach(n: slice) -> Array:
            """e of the examples i in n with all j from there on: (B, R, N - n.start)."""
            return sum(xp.sign(apart(M, c, n)) * apart(U, c, n) for c in range(C))  # (26)

        v_o = xp.zeros((B, N), f.dtype)
        for n in blocks(M):
            e = nearness(xp, M, n) * approach(n)
            v_o[:, n] -= e.sum(axis=-1)  # -sum_j c e                                   (27)
            v_o[:, n.stop :] -= e[..., n.stop - n.start :].sum(axis=1)  # of (j, i), the same
        v = xp.concatenate([u, v_o.T], axis=1)

        def slopes(dv: Array) -> tuple[Array, Array]:
            """dM and dU from dv, each (N, B C)."""
            d = xp.ascontiguousarray(dv[:, A:].T)  # (B, N)
            dM, dU = xp.zeros_like(M), xp.zeros_like(M)
            for n in blocks(M):
                # a pair is in the sums of both, and what one gets the other gives up    (28)
                w = nearness(xp, M, n) * (d[:, n, None] + d[:, None, n.start :])
                e, rest = approach(n), slice(n.stop - n.start, None)
                for c in range(C):
                    s = w * xp.sign(apart(M, c, n))
                    dU[:, c, n] -= s.sum(axis=-1)
                    dU[:, c, n.stop :] += s[..., rest].sum(axis=1)
                    s *= e
                    dM[:, c, n] += s.sum(axis=-1)
                    dM[:, c, n.stop :] -= s[..., rest].sum(axis=1)
            return dM.reshape(B * C, N).T, dU.reshape(B * C, N).T

        def both(d: Any) -> tuple[Params, Any]:
            dy, dv = d
            dM, dU = slopes(dv)
            dT = {"T": (f.T @ dM + u.T @ dU).reshape(A, B, C)}
            dx, du = dM @ T.T, dv[:, :A] + dU @ T.T
            if dy is None:
                return dT, (dx, du)
            dp_y, dx_y = backward(dy)
            return plus(dp_y, dT), (dx_y + dx, du)

        return v, PairPullback(lambda d: both(d)[0], lambda d: both(d)[1], y, both)

    return Linearised(y, backward, push)
