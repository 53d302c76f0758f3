"""Optimisers, one idea a file. The only code of the library that writes to arrays.

optimiser = adam(1e-3)
state = optimiser.init(p)
optimiser.update(p, dp, state)         p and state change in place
"""

from tinygen.optim.adagrad import adagrad
from tinygen.optim.adam import adam
from tinygen.optim.clipping import ClipWeights, clip_norm, clip_value, global_norm
from tinygen.optim.ema import Ema, ema
from tinygen.optim.optimiser import Optimiser
from tinygen.optim.renewed import renewed
from tinygen.optim.rmsprop import rmsprop
from tinygen.optim.sgd import momentum, sgd

__all__ = [
    "ClipWeights",
    "Ema",
    "Optimiser",
    "adagrad",
    "adam",
    "clip_norm",
    "clip_value",
    "ema",
    "global_norm",
    "momentum",
    "renewed",
    "rmsprop",
    "sgd",
]
