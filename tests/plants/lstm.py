"""A small LSTM whose backward can stop one step too early, or lose the path through the cell."""

import numpy as np

from plants.common import Plant, gradients
from tinygen.pullback import Pullback


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Lstm:
    """c_t = f c_{t-1} + i g,  h_t = o tanh c_t,  gates of x_t Wx + h_{t-1} Wh + b    (N, T, I)"""

    def first_step(self):
        return 0

    def cell_path(self, dc, f):
        return dc * f

    def forward(self, p, x):
        Wx, Wh, b = p["Wx"], p["Wh"], p["b"]
        N, T, _ = x.shape
        H = len(Wh)
        h, c, steps, ys = np.zeros((N, H)), np.zeros((N, H)), [], []
        for t in range(T):
            a = x[:, t] @ Wx + h @ Wh + b
            i, f, o = (sigmoid(a[:, k * H : (k + 1) * H]) for k in (0, 1, 3))
            g = np.tanh(a[:, 2 * H : 3 * H])
            c_next = f * c + i * g
            steps.append((h, c, i, f, g, o, np.tanh(c_next)))
            c, h = c_next, o * np.tanh(c_next)
            ys.append(h)
        y = np.stack(ys, 1)

        def both(dy):
            dp, dx = {k: np.zeros_like(v) for k, v in p.items()}, np.zeros_like(x)
            dh, dc = np.zeros((N, H)), np.zeros((N, H))
            for t in reversed(range(self.first_step(), T)):
                h, c, i, f, g, o, tc = steps[t]
                dh = dh + dy[:, t]
                dc = dc + dh * o * (1 - tc * tc)
                da = np.concatenate(
                    [
                        dc * g * i * (1 - i),
                        dc * c * f * (1 - f),
                        dc * i * (1 - g * g),
                        dh * tc * o * (1 - o),
                    ],
                    1,
                )
                dp["Wx"] += x[:, t].T @ da
                dp["Wh"] += h.T @ da
                dp["b"] += da.sum(0)
                dx[:, t] = da @ Wx.T
                dh, dc = da @ Wh.T, self.cell_path(dc, f)
            return dp, dx

        return y, Pullback.whole(both, y)


class ForgetsFirst(Lstm):
    def first_step(self):
        return 1  # BUG: step 0 has no gradient; with h_0 = 0 it does not touch Wh


class NoCellPath(Lstm):
    def cell_path(self, dc, f):
        return 0 * dc  # BUG: the gradient does not flow from c_t to c_{t-1}


class AllZero(Lstm):
    def first_step(self):
        return 3  # BUG: the loop never runs: all gradients are zero


CHECK = gradients(2, 3, 4, Wx=(4, 20), Wh=(5, 20), b=(20,))
PLANTS = [
    Plant("LSTM: forgets the first step", CHECK, ForgetsFirst(), Lstm(), ("Wx", "b", "x")),
    Plant("LSTM: no path through the cell", CHECK, NoCellPath(), Lstm(), ("Wx", "Wh", "b", "x")),
    Plant("LSTM: all zero", CHECK, AllZero(), Lstm(), ("Wx", "Wh", "b", "x")),
]
