"""PixelRNN one place at a time, for drawing: each layer computes the new pixel's column alone.

What a column needs from before is kept: the canvas for the first layer, and for each LSTM the
states that its columns left (the layer's `stepper`). The other layers are 1x1.
                                                           docs/derivations/pixel_rnn.md
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import MaskedConv2d
from tinygen.layers.masked_conv import masked_centre
from tinygen.models.ancestral import Step

Column = Callable[[int, int, Array], Array]  # (r, c, x (n, C)) -> y (n, F) at the pixel (r, c)


def pixel_steps(model: Any, p: Params, n: int) -> Step:
    """step(i, x) -> the parameters of place i, as `Autoregressive.stepper` says.

    With several channels a pixel's column is computed again for each of them: what depends on the
    channels that are not drawn yet is not looked at, and is right once they are.
    """
    H, W, C = model.shape
    m, weight = model.kernel // 2, p["first"]["W"]
    xp, places = namespace(weight), list(np.ndindex(model.shape))
    canvas = xp.zeros((n, m + H, m + W + m, C), weight.dtype)  # the image in its frame of zeros
    first = pixelwise(model.first, p["first"])
    lstms = stack(model, p["lstms"], n)
    layers: Any = model.head_net.layers  # rectifier, head, rectifier, out, params
    head, out = (pixelwise(layers[name], p["head"][name]) for name in ("head", "out"))

    def step(i: int, x: Array) -> Any:
        r, c, channel = places[i]
        if i:
            before = places[i - 1]
            canvas[:, m + before[0], m + before[1], before[2]] = model.as_floats(
                p, x[(slice(None), *before)]
            )
        window = canvas[:, r : r + m + 1, c : c + 2 * m + 1].reshape(n, -1)
        x_0 = first(window)  #                                         (n, 2h)   (1)
        x_L = lstms(r, c, x_0)  #                                      (n, 2h)   (2), (3)
        y = out(xp.maximum(head(xp.maximum(x_L, 0)), 0))  #                      (4)
        params, _ = layers["params"].forward({}, y)  #                 (n, C, ..)
        return tree.map(lambda a: a[:, channel], params)

    return step


def pixelwise(layer: MaskedConv2d, p: Params) -> Callable[[Array], Array]:
    """The layer at one pixel: its window (n, taps C or more, in raster order) -> y (n, O)."""
    W = masked_centre(p["W"], layer) if layer.channels > 1 else p["W"]
    first, last = layer.taps
    W = W.reshape(-1, layer.c_out)[first * layer.c_in : last * layer.c_in]
    return lambda window: window[:, : len(W)] @ W + p["b"]


def stack(model: Any, p: Params, n: int) -> Column:
    """The LSTMs at one pixel, one upon the other: x_0 -> x_L and what the skips add."""
    H, W, _ = model.shape
    nets: Any = model.lstms.layers
    layers, skips = [], []
    for l in range(model.layers):
        net = nets[str(l)]
        chain, q = (net.layers["f"], p[str(l)]["f"]) if model.residual else (net, p[str(l)])
        lstm = chain.layers["lstm"].stepper(q["lstm"], n, H, W)
        layers.append((lstm, pixelwise(chain.layers["up"], q["up"])))
        if model.skip:
            skips.append(pixelwise(nets[f"skip{l}"], p[f"skip{l}"]))

    def column(r: int, c: int, x_0: Array) -> Array:
        x_l, sides = x_0, []
        for l, (lstm, up) in enumerate(layers):
            if model.skip:
                sides.append(skips[l](x_l))
            h = up(lstm(r, c, x_l))
            x_l = x_l + h if model.residual else h
        return sum(sides, x_l)

    return column
