"""One layer of Gated PixelCNN: a vertical and a horizontal stack, each with a gate.

    a = W_v * v + m V_v                        v' = tanh(a_1) sigmoid(a_2)      vertical     (1)
    b = W_h * h + shift(a) L + m V_h           g  = tanh(b_1) sigmoid(b_2)      horizontal   (2)
    h' = h + R g                                                                             (3)

W_v sees the rows up to its own; shifted down by one, a has seen the rows before. W_h sees the
pixels before in the row; so h' sees all that was before, and there is no blind spot. m is a
message: what the model is told beside the picture. van den Oord et al. 2016, arXiv 1606.05328,
figure 2 and equations 2 to 4.                             docs/derivations/gated_pixelcnn.md
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_array, check_names, check_sizes
from tinygen.layers.gated import GatedTanh
from tinygen.layers.masked_conv import MaskedConv2d
from tinygen.layers.vertical_conv import VerticalConv2d
from tinygen.pullback import Pullback

GATE = GatedTanh()


@dataclass(frozen=True)
class GatedBlock(Layer):
    """(v, h) (N, H, W, C) each -> (v', h') (N, H, W, F) each; with a message (v, h, m)

    c_in     : C
    features : F
    kernel   : k: W_v has (k+1)/2 rows of k taps, W_h one row of k
    mask     : "A" hides the pixel itself from W_h, and there is no way round (h' = R g): the
               first layer, where v = h = x. "B" shows it, and C = F
    channels : 3 orders R < G < B inside a pixel in the horizontal stack, as in `MaskedConv2d`.
               The two halves that a gate takes lie side by side in each third
    message  : M of a message m (N, M) for all pixels alike, or (N, H, W, M); 0 without

    p = {"vertical", "horizontal": {W, b}, "link": L (2F, 2F), "residual": {W, b}}, and with a
    message "V" {"vertical", "horizontal"}, (M, 2F) each.

    NOTE: the paper shifts inside the convolution, by padding and cropping; here a has seen its
    own row, and is shifted where it enters the horizontal stack. It then sees one row more.
    Raises ValueError as `MaskedConv2d`, and for C other than F with mask B.
    """

    c_in: int
    features: int
    kernel: int
    mask: str
    channels: int = 1
    message: int = 0

    def __post_init__(self) -> None:
        check_sizes(self, c_in=self.c_in, features=self.features)
        check_sizes(self, 0, message=self.message)
        _ = self.vertical, self.horizontal, self.residual  # refuse their sizes now
        if self.mask == "B" and self.c_in != self.features:
            raise ValueError(
                f"GatedBlock: with mask B the input goes round the layer, so c_in = {self.c_in} "
                f"must be features = {self.features}"
            )

    @cached_property
    def vertical(self) -> VerticalConv2d:
        """W_v."""
        return VerticalConv2d(self.c_in, 2 * self.features, self.kernel)

    @cached_property
    def horizontal(self) -> MaskedConv2d:
        """W_h."""
        sizes = self.c_in, 2 * self.features, (1, self.kernel)
        return MaskedConv2d(*sizes, self.mask, self.channels)

    @cached_property
    def residual(self) -> MaskedConv2d:
        """R, which keeps the order of the channels."""
        return MaskedConv2d(self.features, self.features, 1, "B", self.channels)

    @property
    def names(self) -> set[str]:
        """The names of the parameters."""
        return {"vertical", "horizontal", "link", "residual"} | ({"V"} if self.message else set())

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        wide = 2 * self.features
        p = {
            "vertical": self.vertical.init(rng, dtype, weights),
            "horizontal": self.horizontal.init(rng, dtype, weights),
            "link": initialisers.draw(weights, rng, (wide, wide), wide, wide, dtype),
            "residual": self.residual.init(rng, dtype, weights),
        }
        if self.message:
            shape = (self.message, wide)
            V = {
                stack: initialisers.draw(weights, rng, shape, *shape, dtype)
                for stack in ("vertical", "horizontal")
            }
            p["V"] = V
        return p

    def forward(self, p: Params, x: tuple[Array, ...]) -> tuple[Any, Pullback]:
        v, h, *rest = x
        check_names("GatedBlock", p, self.names, "layer")
        m = self.message_of(rest, v)
        L, V = p["link"], p.get("V")
        a, vertical = self.vertical.forward(p["vertical"], v)  #             (N, H, W, 2F)
        if m is not None:
            a = a + beside(m @ V["vertical"])  # the same for all pixels, or a pixel each
        v_out, gate_v = self.gate(a)  # tanh(a_1) sigmoid(a_2)               (N, H, W, F)   (1)
        b, horizontal = self.horizontal.forward(p["horizontal"], h)  #       (N, H, W, 2F)
        b = b + shift_down(a @ L)
        if m is not None:
            b = b + beside(m @ V["horizontal"])  #                           (N, H, W, 2F)
        g, gate_h = self.gate(b)  # tanh(b_1) sigmoid(b_2)                   (N, H, W, F)   (2)
        h_out, residual = self.residual.forward(p["residual"], g)
        if self.mask == "B":
            h_out = h_out + h  #                                             (N, H, W, F)   (3)

        def back(dy: tuple[Array, Array], dp: bool = True, dx: bool = True) -> tuple[Any, Any]:
            dv_out, dh_out = dy
            db = gate_h(residual.dx(dh_out))  #                              (N, H, W, 2F)  (4)
            up = shift_up(db)  #                                             (N, H, W, 2F)
            da = gate_v(dv_out) + up @ L.T  #                                (N, H, W, 2F)  (5)
            grads: Params = {}
            inputs: tuple[Array, ...] = ()
            if dp:
                grads = {
                    "vertical": vertical.dp(da),
                    "horizontal": horizontal.dp(db),
                    "link": rows(a).T @ rows(up),  # dL = a^T shift^T db     (2F, 2F)       (6)
                    "residual": residual.dp(dh_out),
                }
                if m is not None:
                    grads["V"] = {"vertical": outer(m, da), "horizontal": outer(m, db)}  #  (7)
            if dx:
                dh = horizontal.dx(db)
                if self.mask == "B":
                    dh = dh + dh_out  # round the layer
                inputs = (vertical.dx(da), dh)
                if m is not None:
                    dm = over(m, da) @ V["vertical"].T + over(m, db) @ V["horizontal"].T
                    inputs = (*inputs, dm)  #                                               (8)
            return grads, inputs

        y = (v_out, h_out)
        return y, Pullback(
            lambda dy: back(dy, dx=False)[0], lambda dy: back(dy, dp=False)[1], y, back
        )

    def gate(self, a: Array) -> tuple[Array, Any]:
        """tanh(a_1) sigmoid(a_2) within each channel's part of a (..., 2F): (..., F), and dy -> da.

        A view, so that the halves are found in each third.
        """
        parts = a.reshape(*a.shape[:-1], self.channels, -1)  #         (..., C, 2F/C)
        y, backward = GATE.forward({}, parts)  #                       (..., C, F/C)
        y = y.reshape(*a.shape[:-1], self.features)

        def dx(dy: Array) -> Array:
            return backward.dx(dy.reshape(*parts.shape[:-1], -1)).reshape(a.shape)

        return y, dx

    def message_of(self, rest: list[Array], v: Array) -> Array | None:
        """m, None where the layer takes none. Raises ValueError for one too many or too few."""
        if len(rest) != bool(self.message):
            wants = f"a message of {self.message} features" if self.message else "no message"
            raise ValueError(
                f"GatedBlock: the layer takes {wants}, got {len(rest)}: give x as "
                f"{'(v, h, m)' if self.message else '(v, h)'}"
            )
        if not rest:
            return None
        m = rest[0]
        check_array("GatedBlock message", m, "...", self.message)
        if m.shape[:-1] not in (v.shape[:1], v.shape[:3]):
            raise ValueError(
                f"GatedBlock: expected a message of shape {(len(v), self.message)} or "
                f"{(*v.shape[:3], self.message)}, got {m.shape}: one row an example, or a pixel"
            )
        return m


def shift_down(a: Array) -> Array:
    """Each row where the next one was, zeros in the first: row i holds a[i - 1]."""
    y = namespace(a).empty_like(a)
    y[:, :1] = 0
    y[:, 1:] = a[:, :-1]
    return y


def shift_up(dy: Array) -> Array:
    """The adjoint of `shift_down`."""
    da = namespace(dy).empty_like(dy)
    da[:, :-1] = dy[:, 1:]
    da[:, -1:] = 0
    return da


def rows(a: Array) -> Array:
    """(N, H, W, F) as a matrix (N H W, F)."""
    return a.reshape(-1, a.shape[-1])


def beside(told: Array) -> Array:
    """What is added to (N, H, W, F): (N, F) as (N, 1, 1, F)."""
    return told[:, None, None] if told.ndim == 2 else told


def over(m: Array, da: Array) -> Array:
    """da summed over the pixels that share a message."""
    return da.sum(axis=(1, 2)) if m.ndim == 2 else da


def outer(m: Array, da: Array) -> Array:
    """dV = sum m^T da, (M, 2F)."""
    return rows(m).T @ rows(over(m, da))
