"""PixelCNN's residual stack: a chain of layers, and on the CPU the same sums in a faster order.

h_b = h_(b-1) + U r(V * r(D r(h_(b-1)))),        y = Q r(P r(h_B))
                                                       docs/derivations/pixelcnn.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels import causal_column, causal_stack
from tinygen.kernels.causal_stack import Block
from tinygen.layers import Layer, MaskedConv2d, Relu, Residual, Sequential
from tinygen.layers.base import Pair, check_input, check_names, check_params
from tinygen.layers.masked_conv import masked_centre
from tinygen.pullback import Pullback


def residual_block(features: int, channels: int = 1) -> Residual:
    """x (N, H, W, F) -> x + f(x), where f looks at the pixels before through F/2 features.

    channels : 3 keeps the order R < G < B, in each third of the features (`MaskedConv2d`)
    """
    half = features // 2
    return Residual(
        Sequential(
            relu_down=Relu(),
            down=MaskedConv2d(features, half, 1, "B", channels),
            relu_past=Relu(),
            past=MaskedConv2d(half, half, 3, "B", channels),
            relu_up=Relu(),
            up=MaskedConv2d(half, features, 1, "B", channels),
        )
    )


class ResidualStack(Sequential):
    """x (N, H, W, F), features of pixels before -> y (N, H, W, O), likewise

    blocks   : how many `residual_block`s
    head     : the width of the hidden layer behind them
    channels : as in `MaskedConv2d`

    The layers are those of a Sequential, which serves on a GPU. On the CPU `causal_stack` takes a
    few images at a time through all of them; tests hold the two equal.
    """

    def __init__(self, features: int, blocks: int, head: int, outputs: int, channels: int = 1):
        layers: dict[str, Layer] = {
            f"block{i}": residual_block(features, channels) for i in range(blocks)
        }
        super().__init__(
            **layers,
            relu_head=Relu(),
            head=MaskedConv2d(features, head, 1, "B", channels),
            relu_out=Relu(),
            out=MaskedConv2d(head, outputs, 1, "B", channels),
        )
        self.blocks = tuple(layers)

    def forward(
        self, p: Params, x: Array, extras: dict[str, Any] | None = None
    ) -> tuple[Array, Pullback]:
        """y and its pullback."""
        if device_of(x) != "cpu":
            return super().forward(p, x, extras)
        self.check_names(p, extras or {})
        blocks, P, Q = self.matrices(p)
        check_input(self.head, p["head"], x, "N", "H", "W", self.head.c_in)
        with np.errstate(invalid="ignore", over="ignore"):
            y, back = causal_stack.forward(blocks, P, Q, x)
        if not np.isfinite(float(np.vdot(y, y))):
            return super().forward(p, x, extras)  # says which layer was the first

        def both(dy: Array) -> tuple[Params, Array]:
            dblocks, dP, dQ, dx = back(dy)
            grads: Params = {}
            for name, block in zip(self.blocks, dblocks, strict=True):
                pairs = zip(self.convs(name).items(), block, strict=True)
                grads[name] = {"f": {part: weights(conv, d) for (part, conv), d in pairs}}
            return {**grads, "head": weights(self.head, dP), "out": weights(self.out, dQ)}, dx

        return y, Pullback.whole(both, y)

    def with_layers(self, layers: dict[str, Layer]) -> Sequential:
        """A plain chain: other layers may not be those that the kernel knows."""
        return Sequential(**layers)

    def column(self, p: Params, n: int, size: Pair) -> Callable[[int, int, Array], Array]:
        """The stack at one pixel after the other: see `columns.column`."""
        self.check_names(p, {})
        return causal_column.bind(*self.matrices(p), n, *size)

    @property
    def head(self) -> Any:
        """The layer P."""
        return self.layers["head"]

    @property
    def out(self) -> Any:
        """The layer Q."""
        return self.layers["out"]

    def convs(self, block: str) -> dict[str, Any]:
        """The layers D, V and U of a block, by name."""
        inner: Any = self.layers[block]
        layers = inner.layers["f"].layers
        return {name: layers[name] for name in ("down", "past", "up")}

    def matrices(self, p: Params) -> tuple[list[Block], Array, Array]:
        """The blocks, P and Q as matrices. Raises ValueError for other parameters."""
        check_names("ResidualStack", p, {*self.blocks, "head", "out"}, "layer")
        blocks = [
            Block(*(matrix(conv, p[name]["f"][part]) for part, conv in self.convs(name).items()))
            for name in self.blocks
        ]
        return blocks, matrix(self.head, p["head"]), matrix(self.out, p["out"])


def matrix(layer: MaskedConv2d, p: Params) -> Array:
    """The masked weights and the bias of a layer as one matrix (O, taps C + 1)."""
    check_params(layer, p, layer.shapes)
    W = masked_centre(p["W"], layer) if layer.channels > 1 else p["W"]
    rows = W.reshape(-1, layer.c_out)[: layer.taps[1] * layer.c_in]  #  (taps C, O)
    xp = namespace(W)
    return xp.ascontiguousarray(xp.concatenate([rows, p["b"][None]]).T)


def weights(layer: MaskedConv2d, d: Array) -> Params:
    """The gradient of such a matrix as that of the parameters: the adjoint of `matrix`."""
    dW = np.zeros(layer.shapes["W"], d.dtype)
    dW.reshape(-1, layer.c_out)[: layer.taps[1] * layer.c_in] = d[:, :-1].T
    return {"W": masked_centre(dW, layer) if layer.channels > 1 else dW, "b": d[:, -1].copy()}
