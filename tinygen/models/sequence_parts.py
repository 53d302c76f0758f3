"""The head of a density of sequences, by its likelihood, and the refusal of bad sequences.

The head maps h (M, H), the LSTM's output at M steps, to the parameters of p(x_t | past), as the
likelihood takes them for rows x (M, C) or (M,).           docs/derivations/lstm_density.md
"""

from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, is_array
from tinygen.layers import Bounded, Dense, Fork, Layer, Reshape, Sequential
from tinygen.layers.base import check_array, check_nonempty
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, MixtureDensity


def head(likelihood: Likelihood, hidden: int, channels: int) -> Layer:
    """h (M, hidden) -> the parameters of the likelihood. Raises TypeError for other likelihoods.

    Log-variances are bounded by 10, see `Bounded`.
    """
    if isinstance(likelihood, Categorical):
        return Dense(hidden, likelihood.levels)
    if isinstance(likelihood, Bernoulli) or (isinstance(likelihood, Gaussian) and likelihood.std):
        return Dense(hidden, channels)
    if isinstance(likelihood, Gaussian):
        log_var = Sequential(Dense(hidden, channels), Bounded())
        return Fork(mean=Dense(hidden, channels), log_var=log_var)
    if isinstance(likelihood, MixtureDensity):
        K, C = likelihood.components, channels
        return Fork(
            logits=Dense(hidden, K),
            mean=Sequential(Dense(hidden, K * C), Reshape((K, C))),
            log_var=Sequential(Dense(hidden, K * C), Bounded(), Reshape((K, C))),
        )
    raise TypeError(
        f"LSTMDensity: no head is known for the likelihood {likelihood!r}: use Gaussian(), "
        "MixtureDensity(K), Bernoulli() or Categorical(K)"
    )


def spread(p: Params, likelihood: Likelihood) -> Params:
    """Parameters of a head in which the components of a mixture start apart, evenly in -1 .. 1.

    From one place they would need long to part: each gets the same gradient there.
    """
    if not isinstance(likelihood, MixtureDensity):
        return p
    b = p["mean"]["0"]["b"]
    places = np.linspace(-1, 1, likelihood.components, dtype=b.dtype)  #    (K,)
    apart = b.reshape(len(places), -1) + places[:, None]  #                 (K, C)
    return {**p, "mean": {**p["mean"], "0": {**p["mean"]["0"], "b": apart.reshape(-1)}}}


def check_sequences(x: Array, channels: int, levels: int) -> None:
    """Refuse what is no batch of sequences. Raises TypeError, ValueError.

    The likelihood looks at the range of the values, the embedding at that of whole numbers.
    """
    if not levels:
        return check_array("LSTMDensity", x, "N", "T", channels)
    if not is_array(x) or x.dtype.kind not in "iu":
        got = x.dtype if is_array(x) else type(x).__name__
        raise TypeError(
            f"LSTMDensity: expected an array of whole numbers 0..{levels - 1}, got {got}: "
            "use x.astype(np.int64)"
        )
    if x.ndim != 2:
        raise ValueError(
            f"LSTMDensity: expected whole numbers of shape (N, T), got {x.shape}: reshape x"
        )
    check_nonempty("LSTMDensity", x)


def check_inputs(u: Any, n: int, steps: int, width: int) -> None:
    """Refuse inputs where the model has none, and those of another shape. Raises as above."""
    if width and u is None:
        raise ValueError(
            f"LSTMDensity: the model takes inputs, {width} a step: give data as (x, u) with u of "
            f"shape ({n}, {steps}, {width})"
        )
    if not width and u is not None:
        raise ValueError(
            "LSTMDensity: the model takes no inputs: build it with inputs=U, or drop u"
        )
    if width:
        check_array("LSTMDensity: u", u, n, steps, width)


def check_precision(u: Array | None, like: Array) -> None:
    """Refuse inputs of another dtype than the parameters, which would be cast. Raises TypeError."""
    if u is not None and u.dtype != like.dtype:
        raise TypeError(
            f"LSTMDensity: u is {u.dtype}, the parameters are {like.dtype}: use "
            f"u.astype({str(like.dtype)!r})"
        )


def check_state(state: Any, n: int, layers: int) -> None:
    """Refuse the state of other sequences or another model. Raises ValueError, TypeError."""
    whole = isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], tuple)
    if not whole or not all(isinstance(layer, tuple) for layer in state[1]):
        raise TypeError(
            "LSTMDensity: expected a state, as log_probs returns it behind the log-probabilities"
        )
    if len(state[1]) != layers:
        raise ValueError(
            f"LSTMDensity: the state is of {len(state[1])} LSTM layers, the model has {layers}: "
            "give one that this model's log_probs returned"
        )
    if len(state[0]) != n:
        raise ValueError(
            f"LSTMDensity: the state is of {len(state[0])} sequences, expected {n}: "
            "give one row for each sequence"
        )
