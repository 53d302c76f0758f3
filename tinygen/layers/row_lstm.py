"""The Row LSTM: an image read row by row, all pixels of a row at once.

a_r = K_is * x_r + K_ss * h_{r-1} + b = (a_i, a_f, a_g, a_o)       * runs along the row
i = sigmoid(a_i),  f = sigmoid(a_f),  g = tanh(a_g),  o = sigmoid(a_o)
c_r = f c_{r-1} + i g,   h_r = o tanh(c_r)                 docs/derivations/row_lstm.md

K_is is masked: it sees the pixel and those left of it. K_ss is not: the row above is past. Seen
from a pixel, what was before widens by a pixel to each side with each row: a triangle.
van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759, section 3.1, equation 3.

How it is laid out: features before pixels, so that a gate of a row is one block of memory. The k
neighbours in the row above stand below one another, with a row of ones for b: a row is one product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.gates import gate_gradients
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.layers.row_lstm_step import Step, row_steps
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class RowLSTM(Layer):
    """h (N, H, W, F) from x (N, H, W, C) and a state of zeros above the first row

    c_in, n_hidden : C and F
    mask           : "A" hides the pixel itself from K_is, "B" shows it
    channels       : 3 orders R < G < B inside a pixel, as in `MaskedConv2d`: C, and the F of each
                     gate, are contiguous thirds. Only the pixel itself needs it
    kernel         : k, odd: how many pixels of the row above K_ss sees
    p              : K_is ((k+1)/2, C, 4F), of the taps up to the pixel; K_ss (k, F, 4F); b (4F,)

    Raises ValueError for an even kernel, another mask, features that `channels` does not divide.
    NOTE: b starts at 1 for the forget gate and 0 elsewhere, K_ss orthogonal, a block a gate, as in
    `LSTM`; the paper does not say.
    """

    c_in: int
    n_hidden: int
    mask: str = "B"
    channels: int = 1
    kernel: int = 3

    def __post_init__(self) -> None:
        sizes = {"c_in": self.c_in, "n_hidden": self.n_hidden, "channels": self.channels}
        check_sizes(self, **sizes, kernel=self.kernel)
        if self.kernel % 2 == 0:
            raise ValueError(f"RowLSTM: the kernel must be odd, got {self.kernel}")
        if self.mask not in ("A", "B"):
            raise ValueError(f"RowLSTM: mask must be 'A' or 'B', got {self.mask!r}")
        if self.c_in % self.channels or self.n_hidden % self.channels:
            raise ValueError(
                f"RowLSTM: {self.channels} channels must divide c_in = {self.c_in} and n_hidden "
                f"= {self.n_hidden}: each channel owns an equal part of the features"
            )

    @property
    def taps(self) -> int:
        """How many pixels K_is reads: the pixel and those left of it."""
        return self.kernel // 2 + 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        C, F = self.c_in, self.n_hidden
        return {"K_is": (self.taps, C, 4 * F), "K_ss": (self.kernel, F, 4 * F), "b": (4 * F,)}

    def input_mask(self) -> np.ndarray:
        """M (taps, C, 4F) in 0 and 1: block-triangular at the pixel itself, 1 left of it."""
        channel_in = np.arange(self.c_in) // (self.c_in // self.channels)
        channel_out = np.arange(self.n_hidden) // (self.n_hidden // self.channels)
        before = np.less if self.mask == "A" else np.less_equal
        M = np.ones(self.shapes["K_is"])
        M[-1] = np.tile(before.outer(channel_in, channel_out), 4)
        return M

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        C, F, k = self.c_in, self.n_hidden, self.kernel
        fans = self.taps * C, self.taps * F
        K_is = [initialisers.draw(weights, rng, (self.taps, C, F), *fans, dtype) for _ in "ifgo"]
        K_ss = [initialisers.draw("orthogonal", rng, (k, F, F), k * F, F, dtype) for _ in "ifgo"]
        b = np.zeros(4 * F, dtype)
        b[F : 2 * F] = 1
        return {"K_is": np.concatenate(K_is, axis=2), "K_ss": np.concatenate(K_ss, axis=2), "b": b}

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        h, gradients = read_rows(self, p, x)

        def dp(dy: Array) -> Params:
            return gradients(dy, dx=False)[0]

        def dx(dy: Array) -> Array:
            return gradients(dy, dp=False)[1]

        return h, Pullback(dp, dx, h, gradients)

    def stepper(self, p: Params, n: int, H: int, W: int) -> Step:
        """step(r, c, x) -> h[r, c] (n, F) from x (n, C), the input at (r, c): see `row_steps`."""
        return row_steps(masked(self, p["K_is"]), p["K_ss"], p["b"], n, W)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        places = int(np.prod(y_shape[:3]))
        return places * (self.taps * self.c_in + self.kernel * self.n_hidden) * 4 * self.n_hidden


def read_rows(layer: RowLSTM, p: Params, x: Array) -> tuple[Array, Callable[..., Any]]:
    """h (N, H, W, F) and its pullback (dy, dp, dx) -> (dp, dx), None where not asked for."""
    xp, (N, H, W, C), F = namespace(x), x.shape, layer.n_hidden
    k, taps, NW = layer.kernel, layer.taps, x.shape[0] * x.shape[2]
    K_is, K_ss = masked(layer, p["K_is"]), p["K_ss"].reshape(k * F, 4 * F)
    # sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: with the columns of i, f and o halved, which is exact,
    # one tanh serves all four gates.                                              (8)
    half = halves(p["b"])
    W_is = K_is.reshape(taps * C, 4 * F) * half
    W_ss = xp.ascontiguousarray((xp.concatenate([K_ss, p["b"][None]]) * half).T)  # (4F, kF+1)

    # tap u of pixel j is the pixel at j + u - m; K_is has taps up to the pixel itself
    h_taps = [overlap(u - k // 2, W) for u in range(k)]
    x_taps = h_taps[:taps]
    xs = xp.zeros((H, N, W, taps, C), x.dtype)  # x at the taps of K_is
    for u, (to, of) in enumerate(x_taps):
        xs[:, :, to, u] = x.swapaxes(0, 1)[:, :, of]
    xs = xs.reshape(H, NW, taps * C)
    hs = xp.zeros((H + 1, k * F + 1, N, W), x.dtype)  # h_{r-1} at the taps of K_ss, and 1
    hs[:, -1] = 1
    cs = xp.zeros((H + 1, F, NW), x.dtype)  # c_0 = 0, c_1 .. c_H
    tanh_cs = xp.empty((H, F, NW), x.dtype)
    # K_is * x + K_ss * h, the first term for all rows at once                     (1)
    gates = xp.matmul(W_is.T, xs.swapaxes(1, 2))  #                   (H, 4F, NW)
    a, ig, h = (xp.empty((n, NW), x.dtype) for n in (4 * F, F, F))

    for r in range(H):
        gate = gates[r]
        i, f, g, o = gate.reshape(4, F, NW)
        xp.matmul(W_ss, hs[r].reshape(-1, NW), out=a)
        gate += a
        # i, f, o = sigmoid(a_i, a_f, a_o),  g = tanh(a_g)                         (2)-(5)
        xp.tanh(gate, out=gate)
        for part in (gate[: 2 * F], o):
            part *= 0.5
            part += 0.5
        # c_r = f c_{r-1} + i g                                                    (6)
        xp.multiply(f, cs[r], out=cs[r + 1])
        xp.multiply(i, g, out=ig)
        cs[r + 1] += ig
        # h_r = o tanh(c_r)                                                        (7)
        xp.tanh(cs[r + 1], out=tanh_cs[r])
        xp.multiply(o, tanh_cs[r], out=h)
        for u, (to, of) in enumerate(h_taps):
            hs[r + 1, u * F : (u + 1) * F, :, to] = h.reshape(F, N, W)[:, :, of]

    def gradients(dy: Array, dp: bool = True, dx: bool = True) -> tuple[Params, Array]:
        dh, dc = xp.zeros((F, N, W), x.dtype), xp.zeros((F, NW), x.dtype)
        das = xp.empty((H, 4 * F, NW), x.dtype)  # dL/da_r
        dhs = xp.empty((k * F, NW), x.dtype)  # dL/d of the taps of the row above
        u, v = xp.empty((F, NW), x.dtype), xp.empty((F, NW), x.dtype)
        dys = xp.ascontiguousarray(dy.transpose(1, 3, 0, 2))  #       (H, F, N, W)
        smallest = float(np.finfo(x.dtype).tiny / np.finfo(x.dtype).eps)

        for r in reversed(range(H)):
            gate, da = gates[r].reshape(4, F, NW), das[r].reshape(4, F, NW)
            # dh_r = dy_r + what the row below sent up                             (10)
            dh += dys[r]
            # da_r, and dc_{r-1} = dc_r f_r: back through the gates          (11)-(15)
            gate_gradients(dh.reshape(F, NW), dc, gate, tanh_cs[r], cs[r], da, u, v)
            # dh_{r-1}[j] = sum_u K_ss[u] da_r[j - u + m]                          (16)
            xp.matmul(K_ss, das[r], out=dhs)
            dh[...] = 0
            for t, (to, of) in enumerate(h_taps):
                dh[:, :, of] += dhs.reshape(k, F, N, W)[t, :, :, to]
            if r % 8 == 0:  # far from its output a gradient fades into denormal numbers,
                dh *= abs(dh) > smallest  # which are many times slower than others
                dc *= abs(dc) > smallest

        grads, x_grad = None, None
        if dp:
            # dK = sum_r da_r taps_r^T, with the row of ones for db                (18)-(20)
            dW = xp.matmul(das, hs[:H].reshape(H, -1, NW).swapaxes(1, 2)).sum(axis=0)
            dK_is = xp.matmul(das, xs).sum(axis=0).T.reshape(layer.shapes["K_is"])
            dK_ss = dW[:, :-1].T.reshape(layer.shapes["K_ss"])
            grads = {"K_is": masked(layer, dK_is), "K_ss": dK_ss, "b": dW[:, -1].copy()}
        if dx:
            # dx_r[j] = sum_u K_is[u] da_r[j - u + m]                              (17)
            dxs = xp.matmul(das.swapaxes(1, 2), K_is.reshape(taps * C, 4 * F).T)
            dxs = dxs.reshape(H, N, W, taps, C)
            x_grad = xp.zeros(x.shape, x.dtype)
            for t, (to, of) in enumerate(x_taps):
                x_grad.swapaxes(0, 1)[:, :, of] += dxs[:, :, to, t]
        return grads, x_grad

    y = hs[1:, k // 2 * F : (k // 2 + 1) * F]  # the tap that is the pixel itself
    return xp.ascontiguousarray(y.transpose(2, 0, 3, 1)), gradients


def masked(layer: RowLSTM, K_is: Array) -> Array:
    """M K_is."""
    M = layer.input_mask()
    return K_is if M.all() else K_is * namespace(K_is).asarray(M, K_is.dtype)


def halves(b: Array) -> Array:
    """1/2 for the columns of i, f and o, 1 for those of g: (4F,)."""
    half = namespace(b).full((4, len(b) // 4), 0.5, b.dtype)
    half[2] = 1
    return half.reshape(-1)


def overlap(d: int, W: int) -> tuple[slice, slice]:
    """(j, j + d): the pixels j of a row whose neighbour at distance d is in the row, and those."""
    return slice(max(-d, 0), max(W - max(d, 0), 0)), slice(max(d, 0), max(W + min(d, 0), 0))
