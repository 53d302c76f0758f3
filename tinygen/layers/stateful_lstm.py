"""The LSTM with its state in the open: a first state goes in, the last one comes out.

(h_1 .. h_T, h_T, c_T) = LSTM(x_1 .. x_T, h_0, c_0)        docs/derivations/lstm.md, section 4

A long sequence can so be run in pieces, and a sampler step by step.
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.layers.base import check_array, check_device, check_input
from tinygen.layers.lstm import LSTM, unroll
from tinygen.pullback import Pullback

State = tuple[Array, Array, Array]


@dataclass(frozen=True)
class StatefulLSTM(LSTM):
    """(h, h_T, c_T) from (x, h_0, c_0)    x (N, T, I)   h (N, T, H)   h_0, c_0, h_T, c_T (N, H)

    The parameters are those of `LSTM`. The gradient of the input is a tuple as well.

    Raises ValueError where x is no tuple of three, or a state's shape is not (N, H).
    """

    def forward(self, p: Params, x: State) -> tuple[State, Pullback]:
        if not isinstance(x, tuple) or len(x) != 3:
            got = f"a tuple of {len(x)}" if isinstance(x, tuple) else type(x).__name__
            raise ValueError(f"StatefulLSTM: expected the tuple (x, h_0, c_0), got {got}")
        inputs, h_0, c_0 = x
        check_input(self, p, inputs, "N", "T", self.n_in)
        for name, state in (("h_0", h_0), ("c_0", c_0)):
            check_array(f"StatefulLSTM: {name}", state, inputs.shape[0], self.n_hidden)
            if state.dtype != inputs.dtype:
                raise TypeError(
                    f"StatefulLSTM: x is {inputs.dtype}, {name} is {state.dtype}: "
                    f"use {name}.astype({str(inputs.dtype)!r})"
                )
            check_device("StatefulLSTM", inputs, state)
        h, h_T, c_T, gradients = unroll(p, inputs, h_0, c_0)
        y = (h, h_T, c_T)

        def dp(dy: State) -> Params:
            return gradients(*dy, dx=False)[0]

        def dx(dy: State) -> State:
            return gradients(*dy, dp=False)[1:]

        def both(dy: State) -> tuple[Params, State]:
            grads = gradients(*dy)
            return grads[0], grads[1:]

        return y, Pullback(dp, dx, y, both)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        return super().multiply_adds(x_shape[0], y_shape)
