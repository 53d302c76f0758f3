"""A Diagonal BiLSTM place by place, with the errors that published code makes and some more.

Three kinds of errors: what leaks is found by the causality check, a wrong backward by the gradient
check. A wrong forward with its own right backward is another layer; that it is not this one is
found beside the library's layer.
"""

import numpy as np

from plants.common import Plant, gradients
from tinygen.check import Report, check_causal
from tinygen.check.report import Row
from tinygen.layers import DiagonalBiLSTM
from tinygen.pullback import Pullback


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Diagonal:
    """x (N, H, W, C) -> h (N, H, W, F)   K_is (2, C, 4F)   K_ss (2, 2, F, 4F)   b (2, 4F)"""

    def together(self, left, right):
        h = left.copy()
        h[:, 1:] += right[:, :-1]
        return h

    def apart(self, dh):
        dright = np.zeros_like(dh)
        dright[:, :-1] = dh[:, 1:]
        return dh, dright

    def above(self, r, c):
        return r - 1, c

    def used_above(self, r, c):
        return r - 1, c

    def first_column(self):
        return 0

    def outside(self, K_is, K_ss, b):
        return 0.0

    def forward(self, p, x):
        halves = [{name: value[k] for name, value in p.items()} for k in (0, 1)]
        left, left_backward = self.sweep(halves[0], x)
        right, right_backward = self.sweep(halves[1], x[:, :, ::-1])
        y = self.together(left, right[:, :, ::-1])

        def both(dy):
            dleft, dright = self.apart(dy)
            dp, dx = left_backward(dleft)
            dq, dx_mirrored = right_backward(dright[:, :, ::-1])
            return {name: np.stack([dp[name], dq[name]]) for name in p}, dx + dx_mirrored[
                :, :, ::-1
            ]

        return y, Pullback.whole(both, y)

    def sweep(self, p, x):
        K_is, K_ss, b = p["K_is"], p["K_ss"], p["b"]
        N, H, W, _ = x.shape
        F = K_ss.shape[1]
        # a frame of states around the image: those outside of it are what `outside` says
        h = np.full((N, H + 2, W + 2, F), self.outside(K_is, K_ss, b))
        c = h.copy()
        kept = {}
        places = sorted(np.ndindex(H, W), key=sum)  # diagonal by diagonal
        for r, j in places:
            up, beside = self.above(r, j), (r, j - 1)
            h_up, h_beside, c_beside = at(h, up), at(h, beside), at(c, beside)
            a = x[:, r, j] @ K_is + h_up @ K_ss[0] + h_beside @ K_ss[1] + b
            i, f, o = (sigmoid(a[:, k * F : (k + 1) * F]) for k in (0, 1, 3))
            g = np.tanh(a[:, 2 * F : 3 * F])
            at(c, (r, j))[...] = f * c_beside + i * g
            at(h, (r, j))[...] = o * np.tanh(at(c, (r, j)))
            kept[r, j] = i, f, g, o, np.tanh(at(c, (r, j)))

        def backward(dh_out):
            dp, dx = {name: np.zeros_like(value) for name, value in p.items()}, np.zeros_like(x)
            dh, dc = np.zeros_like(h), np.zeros_like(c)
            dh[:, 1:-1, 1:-1] = dh_out
            for r, j in reversed(places):
                i, f, g, o, tc = kept[r, j]
                up, beside = self.above(r, j), (r, j - 1)
                dh_, dc_ = at(dh, (r, j)), at(dc, (r, j))
                dc_ += dh_ * o * (1 - tc * tc)
                da = [
                    dc_ * g * i * (1 - i),
                    dc_ * at(c, beside) * f * (1 - f),
                    dc_ * i * (1 - g * g),
                    dh_ * tc * o * (1 - o),
                ]
                da = np.concatenate(da, axis=1)
                if j >= self.first_column():
                    dp["K_is"] += x[:, r, j].T @ da
                    dp["K_ss"] += np.stack([at(h, up).T @ da, at(h, beside).T @ da])
                    dp["b"] += da.sum(0)
                dx[:, r, j] = da @ K_is.T
                at(dh, self.used_above(r, j))[...] += da @ K_ss[0].T
                at(dh, beside)[...] += da @ K_ss[1].T
                at(dc, beside)[...] += dc_ * f
            return dp, dx

        return h[:, 1:-1, 1:-1].copy(), backward


def at(states, place):
    """The states at a place, in their frame."""
    return states[:, place[0] + 1, place[1] + 1]


class ZeroRowBelow(Diagonal):
    def together(self, left, right):
        h = left.copy()
        h[:, :-1] += right[:, 1:]  # BUG: moved up, with the zero row at the bottom
        return h

    def apart(self, dh):
        dright = np.zeros_like(dh)
        dright[:, 1:] = dh[:, :-1]
        return dh, dright


class NotMoved(Diagonal):
    def together(self, left, right):
        return left + right  # BUG: right sees what follows in its row

    def apart(self, dh):
        return dh, dh


class ForgetsFirstColumn(Diagonal):
    def first_column(self):
        return 1  # BUG: the sums for the weights begin at the second column


class HandsBackBeside(Diagonal):
    def used_above(self, r, c):
        return r - 1, c - 1  # BUG: not where forward read it


class AboveOnTheLeft(Diagonal):
    def above(self, r, c):
        return r - 1, c - 1  # BUG: of column t - 2 of the skewed map, in place of t - 1

    used_above = above


class OwnColumn(Diagonal):
    def above(self, r, c):
        return r - 1, c + 1  # BUG: of column t of the skewed map, which is being computed

    used_above = above


class StatesOutside(Diagonal):
    def outside(self, K_is, K_ss, b):
        """BUG: in place of zero, the states that b makes where the skewed map holds no pixel."""
        i, _, g, o = np.split(b, 4)
        return sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))


SHAPES = {"K_is": (2, 2, 8), "K_ss": (2, 2, 2, 8), "b": (2, 8)}
GRADIENTS = gradients(1, 2, 3, 2, **SHAPES)


def point():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=s) for name, s in SHAPES.items()}, rng.normal(size=(1, 3, 4, 2))


def causal(f):
    return check_causal(f, *point(), strict=False)


def same(f):
    """The outputs beside those of the library's layer."""
    p, x = point()
    error = abs(f.forward(p, x)[0] - DiagonalBiLSTM(2, 2).forward(p, x)[0]).max()
    report = Report("a Diagonal BiLSTM beside the library's")
    report.rows.append(Row("h", error, None, "ok" if error < 1e-12 else "WRONG: differs"))
    return report


RIGHT = Diagonal()
LEAKS = ("values", "gradient")
PLANTS = [
    Plant("BiLSTM: zero row below", causal, ZeroRowBelow(), RIGHT, LEAKS),
    Plant("BiLSTM: right not moved", causal, NotMoved(), RIGHT, LEAKS),
    Plant(
        "BiLSTM: no first column",
        GRADIENTS,
        ForgetsFirstColumn(),
        RIGHT,
        ("K_is", "K_ss", "b"),
    ),
    Plant(
        "BiLSTM: handed back to another column",
        GRADIENTS,
        HandsBackBeside(),
        RIGHT,
        ("K_is", "K_ss", "b", "x"),
    ),
    Plant("BiLSTM: above from column t - 2", same, AboveOnTheLeft(), RIGHT, ("h",)),
    Plant("BiLSTM: above from column t", same, OwnColumn(), RIGHT, ("h",)),
    Plant("BiLSTM: states outside", same, StatesOutside(), RIGHT, ("h",)),
]
