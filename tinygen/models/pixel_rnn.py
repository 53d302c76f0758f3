"""PixelRNN: each pixel given those before it, whose memory is carried by two-dimensional LSTMs.

    x_0 = A * x                               7x7, mask A: sees the pixels before alone
    x_l = x_{l-1} + U_l LSTM_l(x_{l-1})       2h -> h -> 2h, mask B                l = 1 .. L
    the parameters of all places = head(x_L)  1x1, mask B

The LSTMs are Row LSTMs or Diagonal BiLSTMs. No kernel bounds what they see: the state is handed
on from row to row, or from diagonal to diagonal, and so training is sequential too.
van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759.
                                                           docs/derivations/pixel_rnn.md
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.layers import MaskedConv2d, Sequential
from tinygen.layers.base import check_names, check_sizes
from tinygen.layers.compose import Composite
from tinygen.models.ancestral import Step, check_fits
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.pixel_rnn_nets import LSTMS, lstm_stack, pixel_head
from tinygen.models.pixel_rnn_step import pixel_steps
from tinygen.models.place_params import outputs
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class PixelRNN(Autoregressive):
    """p(x) of images x (N, H, W, C), in reading order, at a pixel in the order of the channels

    features   : h, the state of each LSTM; 2h are carried past it
    layers     : L
    lstm       : "row" or "diagonal"
    head       : the width of the 1x1 layer before the last
    residual   : False leaves x_{l-1} out of x_l
    skip       : True adds a 1x1 map of each x_l, l < L, to x_L
    kernel     : of the first layer, odd
    components : of a LogisticMixture
    likelihood : Bernoulli, Categorical (a softmax a channel), LogisticMixture

    p = {"first", "lstms", "head"}. The weights are alike at all pixels: those of one H and W
    serve any other.

    Raises ValueError for an even kernel, another LSTM, and features or a head that C does not
    divide.
    """

    features: int = 16
    layers: int = 7
    lstm: str = "diagonal"
    head: int = 32
    residual: bool = True
    skip: bool = False
    kernel: int = 7
    components: int = 5

    at_once = 50  # few, for each layer keeps its gates

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shape) != 3:
            raise ValueError(f"PixelRNN: shape must be (H, W, C), got {self.shape}")
        if self.lstm not in LSTMS:
            raise ValueError(f"PixelRNN: lstm must be 'row' or 'diagonal', got {self.lstm!r}")
        sizes = {"features": self.features, "layers": self.layers, "head": self.head}
        check_sizes(self, **sizes, components=self.components)
        C = self.shape[2]
        if self.features % C or self.head % C:
            raise ValueError(
                f"PixelRNN: with {C} channels, features and head must be multiples of {C}, so "
                f"that each channel owns a part of both; got features={self.features}, "
                f"head={self.head}"
            )
        _ = self.first, self.rest  # refuse an even kernel and an unknown likelihood now

    @cached_property
    def first(self) -> MaskedConv2d:
        """Mask A: from the image to features, of the pixels before alone."""
        C = self.shape[2]
        return MaskedConv2d(C, 2 * self.features, self.kernel, "A", C)

    @cached_property
    def lstms(self) -> Composite:
        """x_0 -> x_L, and what the skips add."""
        sizes = self.features, self.layers, self.shape[2]
        return lstm_stack(self.lstm, *sizes, self.residual, self.skip)

    @cached_property
    def head_net(self) -> Sequential:
        """From there to the parameters of all places."""
        numbers = outputs("PixelRNN", self.likelihood, self.components)
        return pixel_head(self.features, self.head, numbers, self.likelihood, self.shape[2])

    @property
    def rest(self) -> Sequential:
        """The LSTMs and the head."""
        return Sequential(lstms=self.lstms, head=self.head_net)

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters drawn from `rng`."""
        first = self.first.init(rng, dtype, weights)
        return {"first": first, **self.rest.init(rng, dtype, weights)}

    def conditionals(self, p: Params, x: Array, condition: Any = None) -> tuple[Any, Pullback]:
        """The parameters of p(x_i | x_<i) of all places, and the pullback."""
        self.check_told(p, condition)
        x_0, first = self.first.forward(p["first"], self.as_floats(p, x))  # (N, H, W, 2h)  (1)
        after = {"lstms": p["lstms"], "head": p["head"]}
        params, rest = self.rest.forward(after, x_0)  #                                (2)-(4)

        def dp(dparams: Any) -> Params:
            drest, dx_0 = rest(dparams)
            return {"first": first.dp(dx_0), **drest}

        def dx(dparams: Any) -> Any:
            return () if self.levels else first.dx(rest.dx(dparams))

        def both(dparams: Any) -> tuple[Params, Any]:
            drest, dx_0 = rest(dparams)
            dx = () if self.levels else first.dx(dx_0)
            return {"first": first.dp(dx_0), **drest}, dx

        return params, Pullback(dp, dx, params, both)

    def stepper(self, p: Params, n: int, condition: Any = None) -> Step:
        """Each place's own column of each layer, with the states that the columns before left."""
        self.check_told(p, condition)
        check_fits(self, p)
        return pixel_steps(self, p, n)

    def check_told(self, p: Params, condition: Any) -> None:
        """Refuse parameters of other names, and a condition. Raises ValueError."""
        check_names("PixelRNN", p, {"first", "lstms", "head"})
        self.check_untold(condition)
