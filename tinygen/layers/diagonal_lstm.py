"""The Diagonal BiLSTM of PixelRNN: two LSTMs that sweep the image along its diagonals.

    h[r, c] = left[r, c] + right[r - 1, c]                (right is zero above the first row)   (1)

left runs from the top left corner: its state at (r, c) follows from the pixel there and the states
at (r - 1, c) and (r, c - 1). right is the same on the mirrored image: from (r - 1, c) and
(r, c + 1). Moved down by a row, it sees no pixel that h[r, c] may not see; together the two see
all pixels before (r, c).    van den Oord et al. 2016, arXiv 1601.06759, sections 3.2 and 3.4
                                                           docs/derivations/diagonal_lstm.md

How it is laid out: a step is one diagonal of both sweeps (kernels/skew.py). Features stand in
rows, places in columns: s = (h above, h beside, x, 1), all weights in one matrix K, so that a step
is one product, and so is each gradient; and a gate is a block of neighbouring rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.skew import diagonals, skew, unskew
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_params, check_sizes
from tinygen.layers.diagonal_step import Step, stepper
from tinygen.layers.diagonal_sweep import sweep
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class DiagonalBiLSTM(Layer):
    """x (N, H, W, C) -> h (N, H, W, F); h[r, c] sees x before (r, c), and there what the mask lets

    c_in, n_hidden : C and F
    mask           : "B" (behind a first masked layer): h[r, c] sees x[r, c] too. "A": it does not
    channels       : 3 orders R < G < B inside a pixel: the features, in and out, are contiguous
                     thirds that belong to R, G and B; at (r, c) itself a third of h sees the
                     thirds of x before it (and its own, with mask B)
    p              : K_is (2, C, 4F), K_ss (2, 2, F, 4F), b (2, 4F); first left, then right; in K_ss
                     first the weights of the state above, then of the one beside

    Raises ValueError for another mask, features that `channels` does not divide, sizes below 1,
    and on input that is no (N, H, W, C).
    NOTE: the mask concerns left alone; right is moved down, and no pixel of it is hidden.
    NOTE: mask A would hide a pixel from a 1x1 convolution for ever. So with it K_is (2, 2C, 4F)
    has two taps: the pixel itself, masked, and whole the one that the sweep met before it.
    NOTE: b starts at 1 for the forget gate, K_ss orthogonal, a block a gate, as in `LSTM`.
    """

    c_in: int
    n_hidden: int
    mask: str = "B"
    channels: int = 1

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, n_hidden=self.n_hidden, channels=self.channels)
        if self.mask not in ("A", "B"):
            raise ValueError(f"DiagonalBiLSTM: mask must be 'A' or 'B', got {self.mask!r}")
        if self.c_in % self.channels or self.n_hidden % self.channels:
            raise ValueError(
                f"DiagonalBiLSTM: {self.channels} channels must divide c_in = {self.c_in} and "
                f"n_hidden = {self.n_hidden}: each channel owns an equal part of the features"
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        I, F = self.c_in * (2 if self.mask == "A" else 1), self.n_hidden
        return {"K_is": (2, I, 4 * F), "K_ss": (2, 2, F, 4 * F), "b": (2, 4 * F)}

    def input_mask(self) -> np.ndarray:
        """M of K_is, in True and False: block-triangular for left's own pixel, in each gate."""
        channel_in = np.arange(self.c_in) // (self.c_in // self.channels)
        channel_out = np.arange(self.n_hidden) // (self.n_hidden // self.channels)
        before = np.less if self.mask == "A" else np.less_equal
        M = np.ones(self.shapes["K_is"], bool)
        M[0, : self.c_in] = np.tile(before.outer(channel_in, channel_out), 4)
        return M

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        I, F = self.shapes["K_is"][1], self.n_hidden
        K_is = [initialisers.draw(weights, rng, (I, F), I, F, dtype) for _ in range(8)]
        K_ss = [initialisers.draw("orthogonal", rng, (2, F, F), F, F, dtype) for _ in range(8)]
        b = np.zeros((2, 4 * F), dtype)
        b[:, F : 2 * F] = 1
        both = [slice(0, 4), slice(4, 8)]  # i, f, g, o of left, and of right
        return {
            "K_is": np.stack([np.concatenate(K_is[gates], axis=-1) for gates in both]),
            "K_ss": np.stack([np.concatenate(K_ss[gates], axis=-1) for gates in both]),
            "b": b,
        }

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "N", "H", "W", self.c_in)
        xp, (N, H, W, _), F = namespace(x), x.shape, self.n_hidden
        M, steps = xp.asarray(self.input_mask()), diagonals(H, W, N)
        inputs = self.inputs(x)
        xs = [skew(inputs[k], steps, mirrored=bool(k)) for k in (0, 1)]
        hs, pull = sweep(self.stacked(p), xs, steps, F)
        h, right = (unskew([s[k] for s in hs], steps, (N, H, W, F), bool(k)) for k in (0, 1))
        h[:, 1:] += right[:, :-1]  #                                      (N, H, W, F)    (1)

        def gradients(dh: Array, dp: bool = True, dx: bool = True) -> tuple[Params, Array]:
            dright = xp.zeros_like(dh)
            dright[:, :-1] = dh[:, 1:]  # the last row of right is not looked at            (9)
            dhs = skew(dh, steps), skew(dright, steps, mirrored=True)
            dK, dxs = pull(dhs, dp, dx)
            grads, x_grad = None, None
            if dp:
                K_ss, K_is, b = dK[:, : 2 * F], dK[:, 2 * F : -1], dK[:, -1]
                grads = {"K_is": K_is * M, "K_ss": K_ss.reshape(2, 2, F, 4 * F), "b": b}
            if dx:
                shape = inputs[0].shape
                x_grad = self.inputs_adjoint(
                    *(unskew([s[k] for s in dxs], steps, shape, bool(k)) for k in (0, 1))
                )
            return grads, x_grad

        def only_dp(dh: Array) -> Params:
            return gradients(dh, dx=False)[0]

        def only_dx(dh: Array) -> Array:
            return gradients(dh, dp=False)[1]

        return h, Pullback(only_dp, only_dx, h, gradients)

    def stacked(self, p: Params) -> Array:
        """K (2, 2F + I + 1, 4F): K_ss, the masked K_is and b, one below the other."""
        xp, F = namespace(p["K_is"]), self.n_hidden
        K_is = p["K_is"] * xp.asarray(self.input_mask())
        return xp.concatenate([p["K_ss"].reshape(2, 2 * F, 4 * F), K_is, p["b"][:, None]], axis=1)

    def inputs(self, x: Array) -> tuple[Array, Array]:
        """What left and right read at each place (N, H, W, I)."""
        if self.mask == "B":
            return x, x
        xp = namespace(x)
        met_left, met_right = xp.zeros_like(x), xp.zeros_like(x)
        met_left[:, :, 1:] = x[:, :, :-1]
        met_right[:, :, :-1] = x[:, :, 1:]
        return xp.concatenate([x, met_left], axis=3), xp.concatenate([x, met_right], axis=3)

    def inputs_adjoint(self, left: Array, right: Array) -> Array:
        """The gradient of x (N, H, W, C) from those of both sweeps' inputs."""
        d, C = left + right, self.c_in
        if self.mask == "B":
            return d
        dx = d[..., :C].copy()
        dx[:, :, :-1] += left[:, :, 1:, C:]
        dx[:, :, 1:] += right[:, :, :-1, C:]
        return dx

    def stepper(self, p: Params, n: int, H: int, W: int) -> Step:
        """step(r, c, x) -> h[r, c] (n, F) from x (n, C), the input at (r, c), for a sampler.

        Equal to `forward`. Places come in raster order; one may come again, when more channels
        of its pixel are known, and its last x counts. Raises ValueError for another order.
        """
        check_params(self, p, self.shapes)
        check_sizes(self, n=n, H=H, W=W)
        return stepper(self.stacked(p), n, H, W, self.c_in)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        places = int(np.prod(x_shape[:3]))
        return 2 * places * (self.shapes["K_is"][1] + 2 * self.n_hidden) * 4 * self.n_hidden
