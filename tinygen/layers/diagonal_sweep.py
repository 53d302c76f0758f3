"""The recurrence of the Diagonal BiLSTM, both sweeps at once, and its pullback by hand.

For the places of diagonal t = 0, 1, ..., with the states (h, c) of diagonal t - 1:

    a = K^T (h above, h beside, x, 1) = (a_i, a_f, a_g, a_o)
    i = sigmoid(a_i),  f = sigmoid(a_f),  g = tanh(a_g),  o = sigmoid(a_o)
    c = f (c beside) + i g,   h = o tanh(c)          docs/derivations/diagonal_lstm.md

van den Oord et al. 2016, arXiv 1601.06759, equation 3. A state outside of the image is zero.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygen.arrays import Array, namespace
from tinygen.kernels.gates import gate_gradients
from tinygen.kernels.skew import Diagonal

Pull = Callable[..., tuple[Any, Any]]


def sweep(
    K: Array, xs: Sequence[Sequence[Array]], steps: Sequence[Diagonal], F: int
) -> tuple[list[Array], Pull]:
    """h (2, F, n N) of each diagonal, and pull(dhs, dp, dx) -> (dK, the dx of each diagonal).

    K  : (2, 2F + I + 1, 4F), the weights of h above, h beside, x and 1
    xs : of left and of right, the inputs (I, n N) of each diagonal; dhs likewise (F, n N)
    """
    xp, dtype, I = namespace(K), K.dtype, K.shape[1] - 2 * F - 1
    K_T = xp.ascontiguousarray(halved(K).swapaxes(1, 2))  #                 (2, 4F, 2F+I+1)
    i_, f_, g_, o_ = (slice(k * F, (k + 1) * F) for k in range(4))
    above, beside, x_ = slice(0, F), slice(F, 2 * F), slice(2 * F, 2 * F + I)
    widths = [xs[0][t].shape[1] for t in range(len(steps))]
    s = [xp.empty((2, 2 * F + I + 1, m), dtype) for m in widths]  # (h above, h beside, x, 1)
    cs = [xp.empty((2, F, m), dtype) for m in widths]  # c beside
    gates = [xp.empty((2, 4 * F, m), dtype) for m in widths]
    tanh_cs = [xp.empty((2, F, m), dtype) for m in widths]
    hs = [xp.empty((2, F, m), dtype) for m in widths]

    s[0][:, : 2 * F] = 0
    cs[0][...] = 0
    for t, step in enumerate(steps):
        for k in (0, 1):
            s[t][k, x_] = xs[k][t]
        s[t][:, -1] = 1
        # a = K^T s                                                               (2)
        a = xp.matmul(K_T, s[t], out=gates[t])
        # i, f, o = sigmoid(a_i, a_f, a_o),  g = tanh(a_g)                        (3)
        xp.tanh(a, out=a)
        for gate in (a[:, : 2 * F], a[:, o_]):
            gate *= 0.5
            gate += 0.5
        i, f, g, o = a[:, i_], a[:, f_], a[:, g_], a[:, o_]
        # c = f (c beside) + i g                                                  (5)
        c = f * cs[t]
        c += i * g
        # h = o tanh(c)                                                           (6)
        xp.tanh(c, out=tanh_cs[t])
        xp.multiply(o, tanh_cs[t], out=hs[t])
        if t + 1 < len(steps):  # hand the states on, zeros to places on the border  (7)
            here, there = step.beside
            s[t + 1][:, beside, there] = hs[t][:, :, here]
            s[t + 1][:, beside, there.stop :] = 0
            cs[t + 1][:, :, there] = c[:, :, here]
            cs[t + 1][:, :, there.stop :] = 0
            here, there = step.below
            s[t + 1][:, above, there] = hs[t][:, :, here]
            s[t + 1][:, above, : there.start] = 0

    def pull(dhs: Any, dp: bool, dx: bool) -> tuple[Any, Any]:
        """dK and the dx (2, I, n N) of each diagonal; None for one that is not asked for."""
        wanted = K[:, :-1] if dx else K[:, : 2 * F]
        dK = xp.zeros_like(K) if dp else None
        dxs: list[Any] = [None] * len(steps)
        smallest = float(np.finfo(dtype).tiny / np.finfo(dtype).eps)
        ds = dc_beside = xp.empty(0, dtype)  # of diagonal t + 1

        for t in reversed(range(len(steps))):
            dh = xp.stack([dhs[0][t], dhs[1][t]])
            dc, da = xp.zeros_like(dh), xp.empty_like(gates[t])
            if t + 1 < len(steps):  # the gradients of the states that were handed on         (10)
                here, there = steps[t].beside
                dh[:, :, here] += ds[:, beside, there]
                dc[:, :, here] = dc_beside[:, :, there]
                here, there = steps[t].below
                dh[:, :, here] += ds[:, above, there]
            # da, and d(c beside) = dc f: back through the gates             (11)-(15)
            gate, das = ([a[:, k] for k in (i_, f_, g_, o_)] for a in (gates[t], da))
            u, v = xp.empty_like(dh), xp.empty_like(dh)
            gate_gradients(dh, dc, gate, tanh_cs[t], cs[t], das, u, v)
            dc_beside = dc
            # ds = K da: what h above, h beside and x receive                     (16)
            ds = wanted @ da
            if dp:
                dK += s[t] @ da.swapaxes(1, 2)  # dK = sum_t s da^T                 (17)
            if dx:
                dxs[t] = ds[:, x_]
            if t % 8 == 0:  # far from its output a gradient fades into denormal numbers,
                ds[:, : 2 * F] *= abs(ds[:, : 2 * F]) > smallest  # which are many times slower
                dc_beside *= abs(dc_beside) > smallest
        return dK, dxs if dx else None

    return hs, pull


def halved(K: Array) -> Array:
    """K with the columns of i, f and o halved, which is exact: one tanh serves all four gates.

    sigmoid(a) = tanh(a / 2) / 2 + 1 / 2                                           (4)
    """
    half = namespace(K).full((4, K.shape[2] // 4), 0.5, K.dtype)
    half[2] = 1
    return K * half.reshape(-1)
