"""Drawing from Gated PixelCNN without computing anything twice.

The vertical stack sees whole rows: when a row is complete, its features in all layers are
computed at once, and what they add to the horizontal stack of the next row is kept. The
horizontal stack is then a matter of one row: a new pixel costs its own column of each layer,

    b = sum_t h_kept[j - t] W_t + kept[j],    g = gate(b),    h'[j] = h[j] + R g.

                                                           docs/derivations/gated_pixelcnn.md
"""

from typing import Any

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels import windows
from tinygen.kernels.elementwise import sigmoid
from tinygen.layers import GatedBlock
from tinygen.layers.masked_conv import masked_centre
from tinygen.models.ancestral import Step


def stepper(model: Any, p: Params, n: int, condition: Any) -> Step:
    """step(i, x) -> the parameters of place i of n examples, for `GatedPixelCNN.stepper`."""
    _, W, C = model.shape
    m, _ = model.message(p, n, condition)
    stacks = [Stacks(block, p[name], n, W, m) for name, block in model.blocks.items()]
    head = Head(model, p["head"])

    def step(place: int, x: Array) -> Any:
        (i, j), k = divmod(place // C, W), place % C
        if j == 0 and k == 0:
            if i > 0:
                v = model.as_floats(p, x[:, i - 1])  # the row that is now complete  (n, W, C)
                for stack in stacks:
                    v = stack.finish_row(i - 1, v)
            for stack in stacks:
                stack.start_row(i)
        if k == 0 and j > 0:
            stacks[0].h[:, stacks[0].q + j - 1] = model.as_floats(p, x[:, i, j - 1])
        if k > 0:  # the channels before, of this pixel; the others are masked
            stacks[0].h[:, stacks[0].q + j] = model.as_floats(p, x[:, i, j])
        for here, above in zip(stacks, [*stacks[1:], None], strict=True):
            h = here.column(j)
            if above is not None:
                above.h[:, above.q + j] = h
        return tree.map(lambda a: a[:, k], head(h))  # (n,) or (n, K)

    return step


class Stacks:
    """One block's part of both stacks for n images: what was computed, where it is looked for."""

    def __init__(self, block: GatedBlock, p: Params, n: int, width: int, m: Array | None):
        L = p["link"]
        xp, C, F = namespace(L), block.c_in, block.features
        self.block, self.p, self.m, self.L, self.q = block, p, m, L, block.kernel // 2
        self.n, self.width = n, width
        # v: the last (k+1)/2 rows of the input, h: the present row, in frames of zeros
        self.v = xp.zeros((n, block.vertical.rows, width + 2 * self.q, C), L.dtype)
        self.h = xp.zeros((n, width + self.q, C), L.dtype)
        taps = block.horizontal.taps[1]
        self.taps = taps
        horizontal = p["horizontal"]["W"]
        if block.channels > 1:
            horizontal = masked_centre(horizontal, block.horizontal)
        self.W_h = horizontal[0, :taps].reshape(-1, 2 * F)  #              (taps C, 2F)
        self.R, self.b = p["residual"]["W"], p["residual"]["b"]
        if block.channels > 1:
            self.R = masked_centre(self.R, block.residual)
        self.R = self.R[0, 0]
        self.fed = xp.zeros((n, width, 2 * F), L.dtype)  # by the row above

    def finish_row(self, i: int, v: Array) -> Array:
        """Row i of v' (n, W, F) from row i of v (n, W, C), which is complete."""
        q, k, rows = self.q, self.block.kernel, self.block.vertical.rows
        self.v[:, :-1] = self.v[:, 1:].copy()
        self.v[:, -1, q : q + self.width] = v
        A = windows.unfold(self.v, (rows, k), (1, 1), (0, 0))  #           (n, 1, W, rows, k, C)
        W, b = self.p["vertical"]["W"], self.p["vertical"]["b"]
        a = A.reshape(self.n, self.width, -1) @ W.reshape(-1, W.shape[3]) + b  # (n, W, 2F)
        if self.m is not None:
            a = a + self.told(self.m, "vertical", i)
        self.fed = a @ self.L
        return self.gate(a)

    def start_row(self, i: int) -> None:
        """What the pixels of row i are fed: a bias, the row above, the message."""
        self.base = self.fed + self.p["horizontal"]["b"]  #                (n, W, 2F)
        if self.m is not None:
            self.base = self.base + self.told(self.m, "horizontal", i)
        self.h[...] = 0

    def told(self, m: Array, stack: str, i: int) -> Array:
        """What the message adds in row i, (n, 1, 2F) or (n, W, 2F)."""
        return (m[:, None] if m.ndim == 2 else m[:, i]) @ self.p["V"][stack]

    def column(self, j: int) -> Array:
        """h' (n, F) at column j of the present row."""
        window = self.h[:, j : j + self.taps].reshape(self.n, -1)  #       (n, taps C)
        g = self.gate(window @ self.W_h + self.base[:, j])
        y = g @ self.R + self.b
        return y + self.h[:, self.q + j] if self.block.mask == "B" else y

    def gate(self, a: Array) -> Array:
        """tanh(a_1) sigmoid(a_2) in each channel's part of (..., 2F): (..., F)."""
        parts = a.reshape(*a.shape[:-1], self.block.channels, 2, -1)
        y = namespace(a).tanh(parts[..., 0, :]) * sigmoid(parts[..., 1, :])
        return y.reshape(*a.shape[:-1], -1)


class Head:
    """The layers behind the stacks, at one pixel: (n, F) -> the parameters of its C places."""

    def __init__(self, model: Any, p: Params):
        self.layers, self.p = model.net.layers, p
        self.weights = {}
        for name in ("head", "out"):
            W, layer = p[name]["W"], self.layers[name]
            W = masked_centre(W, layer) if layer.channels > 1 else W
            self.weights[name] = W[0, 0], p[name]["b"]

    def __call__(self, h: Array) -> Any:
        """Q r(P r(h)), in the likelihood's form: arrays (n, C) or (n, C, K)."""
        xp = namespace(h)
        for W, b in self.weights.values():
            h = xp.maximum(h, 0) @ W + b
        return self.layers["params"].forward({}, h)[0]
