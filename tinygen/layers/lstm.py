"""The long short-term memory, gates in the order i, f, g, o.

a_t = x_t Wx + h_{t-1} Wh + b = (a_i, a_f, a_g, a_o)
i = sigmoid(a_i),  f = sigmoid(a_f),  g = tanh(a_g),  o = sigmoid(a_o)
c_t = f c_{t-1} + i g,   h_t = o tanh(c_t)                 docs/derivations/lstm.md

Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000

How it is laid out: all inputs of step t stand in one row s_t = (x_t, h_{t-1}, 1), all weights in
one matrix W = (Wx; Wh; b), so that a step is one product, and so is the gradient of W.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.gates import gate_gradients
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class LSTM(Layer):
    """h_1 .. h_T from x_1 .. x_T and a zero state        x (N, T, I)   h (N, T, H)

    n_in, n_hidden : I and H
    p              : Wx (I, 4H), Wh (H, 4H), b (4H,)

    `StatefulLSTM` takes a first state and returns the last one. Raises ValueError for sizes
    below 1, and on input of another width than I.
    NOTE: b starts at 1 for the forget gate and 0 elsewhere, so that the memory is kept at first
    (Jozefowicz et al. 2015); Wh starts orthogonal, a block a gate, whatever the rule for Wx.
    """

    n_in: int
    n_hidden: int

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, n_hidden=self.n_hidden)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        I, H = self.n_in, self.n_hidden
        return {"Wx": (I, 4 * H), "Wh": (H, 4 * H), "b": (4 * H,)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        I, H = self.n_in, self.n_hidden
        Wx = [initialisers.draw(weights, rng, (I, H), I, H, dtype) for _ in "ifgo"]
        Wh = [initialisers.draw("orthogonal", rng, (H, H), H, H, dtype) for _ in "ifgo"]
        b = np.zeros(4 * H, dtype)
        b[H : 2 * H] = 1
        return {"Wx": np.concatenate(Wx, axis=1), "Wh": np.concatenate(Wh, axis=1), "b": b}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "T", self.n_in)
        h, _, _, gradients = unroll(p, x)

        def dp(dh: Array) -> Params:
            return gradients(dh, dx=False)[0]

        def dx(dh: Array) -> Array:
            return gradients(dh, dp=False)[1]

        def both(dh: Array) -> tuple[Params, Array]:
            return gradients(dh)[:2]

        return h, Pullback(dp, dx, h, both)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        N, T = x_shape[:2]
        return int(N * T * (self.n_in + self.n_hidden) * 4 * self.n_hidden)


def unroll(
    p: Params, x: Array, h_0: Array | None = None, c_0: Array | None = None
) -> tuple[Array, Array, Array, Callable[..., Any]]:
    """h (N, T, H), h_T, c_T (N, H) and their pullback; a state that is not given is zero."""
    Wx, Wh, b = p["Wx"], p["Wh"], p["b"]
    xp, (N, T, I), H = namespace(x), x.shape, Wh.shape[0]
    # sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: with the columns of i, f and o halved, which is exact,
    # one tanh serves all four gates.                                              (8)
    half = xp.full((4, H), 0.5, x.dtype)
    half[2] = 1
    W = xp.concatenate([Wx, Wh, b[None]]) * half.reshape(-1)  #   (I+H+1, 4H)
    s = xp.empty((T + 1, N, I + H + 1), x.dtype)  # rows (x_t, h_{t-1}, 1)
    s[:T, :, :I] = x.swapaxes(0, 1)
    s[:, :, -1] = 1
    hs = s[:, :, I:-1]  # h_0 .. h_T                                             (T+1, N, H)
    cs = xp.empty((T + 1, N, H), x.dtype)  # c_0 .. c_T
    hs[0] = 0 if h_0 is None else h_0
    cs[0] = 0 if c_0 is None else c_0
    gates = xp.empty((T, 4, N, H), x.dtype)  # i, f, g, o of each step
    tanh_cs = xp.empty((T, N, H), x.dtype)
    a = xp.empty((N, 4 * H), x.dtype)
    ig = xp.empty((N, H), x.dtype)

    for t in range(T):
        c_before, c = cs[t], cs[t + 1]
        i, f, g, o = gates[t]
        # a = x_t Wx + h_{t-1} Wh + b                                             (1)
        xp.matmul(s[t], W, out=a)
        # i, f, o = sigmoid(a_i, a_f, a_o),  g = tanh(a_g)                        (2)-(5)
        xp.tanh(a.reshape(N, 4, H).swapaxes(0, 1), out=gates[t])
        for gate in (gates[t, :2], o):
            gate *= 0.5
            gate += 0.5
        # c_t = f c_{t-1} + i g                                                   (6)
        xp.multiply(f, c_before, out=c)
        xp.multiply(i, g, out=ig)
        c += ig
        # h_t = o tanh(c_t)                                                       (7)
        xp.tanh(c, out=tanh_cs[t])
        xp.multiply(o, tanh_cs[t], out=hs[t + 1])

    def gradients(
        dy: Array, dh_T: Array = 0.0, dc_T: Array = 0.0, dp: bool = True, dx: bool = True
    ) -> tuple[Params, Array, Array, Array]:
        """dp, dx, dh_0, dc_0 from the gradients of h (N, T, H), h_T and c_T; None if not asked."""
        Wh_T = xp.ascontiguousarray(Wh.T)
        dh, dc = xp.zeros((N, H), x.dtype), xp.zeros((N, H), x.dtype)
        dh += dh_T
        dc += dc_T
        das = xp.empty((T, N, 4, H), x.dtype)  # dL/da_t
        u, v = xp.empty((N, H), x.dtype), xp.empty((N, H), x.dtype)
        smallest = float(np.finfo(x.dtype).tiny / np.finfo(x.dtype).eps)

        for t in reversed(range(T)):
            # dh_t = dy_t + da_{t+1} Wh^T, the second term from the step before   (16)
            dh += dy[:, t]
            # da_t and dc_{t-1}: back through the gates                      (17)-(22)
            gate_gradients(dh, dc, gates[t], tanh_cs[t], cs[t], das[t].swapaxes(0, 1), u, v)
            # da_t Wh^T: what h_{t-1} receives                                    (23)
            xp.matmul(das[t].reshape(N, 4 * H), Wh_T, out=dh)
            if t % 8 == 0:  # far from its output a gradient fades into denormal numbers,
                dh *= abs(dh) > smallest  # which are many times slower than others
                dc *= abs(dc) > smallest

        da = das.reshape(T * N, 4 * H)
        grads, x_grad = None, None
        if dp:
            # dWx = sum_t x_t^T da_t,  dWh = sum_t h_{t-1}^T da_t,  db = sum da   (24)-(26)
            dW = s[:T].reshape(T * N, I + H + 1).T @ da
            grads = {"Wx": dW[:I], "Wh": dW[I:-1], "b": dW[-1]}
        if dx:
            # dx_t = da_t Wx^T                                                    (27)
            x_grad = xp.ascontiguousarray((da @ Wx.T).reshape(T, N, I).swapaxes(0, 1))
        return grads, x_grad, dh, dc

    return xp.ascontiguousarray(hs[1:].swapaxes(0, 1)), hs[T], cs[T], gradients
