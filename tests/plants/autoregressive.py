"""Masks that let the future in. Their gradients are right: only the causality check sees it."""

import numpy as np

from plants.common import Plant
from plants.convolution import correlate, padded
from tinygen.check import check_causal
from tinygen.pullback import Pullback


class MaskedConv:
    """3x3 on one channel, mask A: the taps above and to the left of the centre."""

    def mask(self):
        return np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]])

    def forward(self, p, x):
        W = p["W"] * self.mask()[:, :, None, None]
        y = correlate(padded(x, 1), W)
        turned = W[::-1, ::-1].swapaxes(2, 3)
        return y, Pullback(lambda dy: {}, lambda dy: correlate(padded(dy, 1), turned), y)


class MaskB(MaskedConv):
    def mask(self):
        return np.array(
            [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
        )  # BUG: B where the pixel must not see itself


class Transposed(MaskedConv):
    def mask(self):
        return np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0]])  # BUG: columns for rows


class Dead(MaskedConv):
    def mask(self):
        return np.zeros((3, 3))  # BUG: nothing sees anything, which is causal too


class ThreeChannels(MaskedConv):
    """1x1 inside a pixel, R < G < B, two features a channel; mask B: a channel sees itself."""

    def blocks(self):
        return np.triu(np.ones((3, 3)))

    def forward(self, p, x):
        W = p["W"] * np.kron(self.blocks(), np.ones((2, 2)))
        y = x @ W
        return y, Pullback(lambda dy: {}, lambda dy: dy @ W.T, y)


class Reversed(ThreeChannels):
    def blocks(self):
        return np.tril(np.ones((3, 3)))  # BUG: B < G < R


class Interleaved(ThreeChannels):
    def forward(self, p, x):
        W = p["W"] * np.kron(np.ones((2, 2)), self.blocks())  # BUG: groups r g b r g b
        y = x @ W
        return y, Pullback(lambda dy: {}, lambda dy: dy @ W.T, y)


class Made:
    """Germain et al. 2015, arXiv 1502.03509: degrees m of the units; M_hk = [m_h >= m_k]."""

    inputs, hidden = np.array([1, 2, 3, 4]), np.array([1, 2, 3, 1, 2, 3, 3])

    def output_mask(self):
        return self.inputs[None, :] > self.hidden[:, None]

    def forward(self, p, x):
        W = p["W"] * (self.hidden[None, :] >= self.inputs[:, None])
        V = p["V"] * self.output_mask()
        h = np.tanh(x @ W)
        y = h @ V
        return y, Pullback(lambda dy: {}, lambda dy: (dy @ V.T * (1 - h * h)) @ W.T, y)


class LeakingMade(Made):
    def output_mask(self):
        return self.inputs[None, :] >= self.hidden[:, None]  # BUG: >= in the last layer too


def causal(x_shape, strict=True, channels=1, **shapes):
    def check(f):
        rng = np.random.default_rng(0)
        p = {name: rng.normal(size=s) for name, s in shapes.items()}
        return check_causal(f, p, rng.normal(size=x_shape), strict, channels)

    return check


IMAGE = causal((2, 4, 5, 1), W=(3, 3, 1, 1))
PIXEL = causal((2, 2, 3, 6), strict=False, channels=3, W=(6, 6))
SEES = ("values", "gradient")
PLANTS = [
    Plant("masked conv: B for A", IMAGE, MaskB(), MaskedConv(), SEES),
    Plant("masked conv: columns for rows", IMAGE, Transposed(), MaskedConv(), SEES),
    Plant("masked conv: dead", IMAGE, Dead(), MaskedConv(), ("alive",)),
    Plant("masked conv: B < G < R", PIXEL, Reversed(), ThreeChannels(), SEES),
    Plant("masked conv: groups interleaved", PIXEL, Interleaved(), ThreeChannels(), SEES),
    Plant("MADE: leaking mask", causal((3, 4), W=(4, 7), V=(7, 4)), LeakingMade(), Made(), SEES),
]
