"""What generated images teach: a classifier learns from them alone, and is tested on real ones.

A conditional generator that draws what it is told, in all its variety, is as good a teacher as the
data. One that obeys but always draws the same seven teaches little; so does one that draws
varied digits of the wrong class. The test needs no downloaded net and tells both.
"""

from typing import Any

import numpy as np

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.game import Turn
from tinygen.layers import Dense, Sequential
from tinygen.models.classifier import Classifier
from tinygen.models.nets import conv_encoder, conv_features
from tinygen.optim import adam
from tinygen.systems.base import in_batches
from tinygen.training import train

CHANNELS, LR, BATCH = (32, 64), 1e-3, 128
EPOCHS = 4  # of a classifier

Shares = tuple[float, float]  # a mean, and its standard error, in percent


def reader(shape: tuple[int, ...], classes: int) -> Classifier:
    """Two convolutions and a linear layer."""
    logits = Dense(conv_features(shape, CHANNELS), classes)
    return Classifier(Sequential(features=conv_encoder(shape, CHANNELS), logits=logits), classes)


def taught(
    model: Classifier, x: np.ndarray, y: np.ndarray, seed: int, device: str, epochs: int = EPOCHS
) -> Params:
    """The classifier's weights after so many epochs over the images x with labels y."""
    rng = np.random.default_rng(seed)
    turn = Turn("reader", model.loss, model.draw_noise, adam(LR))
    data = to_device((np.asarray(x, np.float32), np.asarray(y, np.int64)), device)
    p = to_device(model.init(rng), device)
    return train(turn, p, data, rng=rng, epochs=epochs, batch=BATCH, progress=False).p


def logits_of(model: Classifier, p: Params, x: Array) -> np.ndarray:
    """(N, K) on the host."""
    return to_host(in_batches(lambda rows: model.logits(p, rows), x))


def right(model: Classifier, p: Params, x: Any, y: np.ndarray) -> Shares:
    """The share of images that are read as y, in percent, with its standard error."""
    told = logits_of(model, p, x).argmax(axis=1) == y
    mean, error = metrics.mean_and_error(100.0 * told)
    return float(mean), float(error or 0.0)
