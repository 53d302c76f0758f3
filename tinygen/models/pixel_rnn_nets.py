"""The stack of LSTMs of PixelRNN, and its head.

    x_l = x_{l-1} + U_l LSTM_l(x_{l-1})    LSTM 2h -> h, U_l 1x1 h -> 2h, mask B       l = 1 .. L
    y   = x_L                              or, with skips, x_L + sum_{l < L} S_l x_l

van den Oord et al. 2016, arXiv 1601.06759, figure 5 and section 3.3.
                                                           docs/derivations/pixel_rnn.md
"""

from typing import Any

from tinygen.arrays import Array, Params
from tinygen.layers import (
    DiagonalBiLSTM,
    Layer,
    MaskedConv2d,
    Relu,
    Residual,
    RowLSTM,
    Sequential,
)
from tinygen.layers.compose import Composite
from tinygen.likelihoods import Likelihood
from tinygen.models.pixelcnn_nets import Places
from tinygen.pullback import Pullback

LSTMS: dict[str, Any] = {"row": RowLSTM, "diagonal": DiagonalBiLSTM}


def lstm_stack(
    lstm: str, features: int, layers: int, channels: int, residual: bool, skip: bool
) -> Composite:
    """x (N, H, W, 2h) -> y (N, H, W, 2h), where y at a pixel sees x there and before.

    lstm     : a key of LSTMS
    features : h
    layers   : L
    channels : 3 keeps the order R < G < B, in each third of the features (`MaskedConv2d`)
    residual : False leaves x_{l-1} out of x_l
    skip     : True adds S_l x_l to the output
    """
    h = features
    parts: list[Layer] = []
    for _ in range(layers):
        chain = Sequential(
            lstm=LSTMS[lstm](2 * h, h, "B", channels),
            up=MaskedConv2d(h, 2 * h, 1, "B", channels),
        )
        parts.append(Residual(chain) if residual else chain)  # (2)
    if not skip:
        return Sequential(*parts)
    return Skipping(parts, [MaskedConv2d(2 * h, 2 * h, 1, "B", channels) for _ in parts])


def pixel_head(
    features: int, head: int, outputs: int, likelihood: Likelihood, channels: int
) -> Sequential:
    """x_L (N, H, W, 2h) -> the parameters of all places: 2h -> head -> outputs a place. (4)"""
    return Sequential(
        relu_head=Relu(),
        head=MaskedConv2d(2 * features, head, 1, "B", channels),
        relu_out=Relu(),
        out=MaskedConv2d(head, channels * outputs, 1, "B", channels),
        params=Places(likelihood, channels),
    )


class Skipping(Composite):
    """x_l = f_l(x_{l-1}), y = x_L + sum_{l < L} S_l x_l       p = {"0", "skip0", "1", "skip1", ..}

    layers : f_1 .. f_L
    skips  : S_0 .. S_{L-1}

    NOTE: the paper's skip connections run "from each layer to the output", and it does not say
    where they join; here they do before the head's rectifier.
    """

    def __init__(self, layers: list[Layer], skips: list[Layer]):
        self.depth = len(layers)
        named: dict[str, Layer] = {}
        for l, (layer, skip) in enumerate(zip(layers, skips, strict=True)):
            named |= {str(l): layer, f"skip{l}": skip}
        super().__init__(named)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        """y (N, H, W, 2h) and its pullback."""
        self.check_names(p, {})
        x_l, sides, pulls = x, [], {}
        for l in range(self.depth):
            side, pulls[f"skip{l}"] = self.run(f"skip{l}", p, x_l, {})  # S_l x_l
            x_l, pulls[str(l)] = self.run(str(l), p, x_l, {})  # x_{l+1}
            sides.append(side)
        y = x_l
        for side in sides:
            y = y + side  # x_L + sum_l S_l x_l                                            (3)

        def dx(dy: Array) -> Array:
            dx_l = dy
            for l in reversed(range(self.depth)):  # x_l is used in f_{l+1} and in S_l     (5)
                dx_l = pulls[str(l)].dx(dx_l) + pulls[f"skip{l}"].dx(dy)
            return dx_l

        def both(dy: Array) -> tuple[Params, Array]:
            grads, dx_l = {}, dy
            for l in reversed(range(self.depth)):
                grads[f"skip{l}"], side = pulls[f"skip{l}"](dy)
                grads[str(l)], dx_l = pulls[str(l)](dx_l)
                dx_l = dx_l + side
            return {name: grads[name] for name in self.layers}, dx_l

        return y, Pullback(lambda dy: both(dy)[0], dx, y, both)
