"""What a classifier says of generated images, and what it learns from them alone.

A conditional generator that draws what it is told, in all its variety, is as good a teacher as the
data. One that obeys but always draws the same seven teaches little; so does one that draws
varied digits of the wrong class. The test needs no downloaded net and tells both. The other way
round, one that learnt from real images says how sure it is of what a generator without labels
draws, and into how many classes that falls.
"""

from typing import Any

import numpy as np

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset
from tinygen.game import Turn
from tinygen.layers import Dense, Sequential
from tinygen.models.classifier import Classifier
from tinygen.models.nets import conv_encoder, conv_features
from tinygen.optim import adam
from tinygen.systems.base import in_batches
from tinygen.training import train

CHANNELS, LR, BATCH = (32, 64), 1e-3, 128
EPOCHS = 4  # of a classifier that is told of in percent
READ = 50_000  # images that one has seen which says how sure it is

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


def verdicts(
    data: Dataset, of: dict[str, Array], seed: int, device: str, read: int = READ
) -> dict[str, dict[str, Any]]:
    """Whose images -> how sure a reader of the training images is of each, and of what classes.

    of   : images in the data's shape and range; nothing is said where the data have no labels
    read : images that the reader learns from, with repetitions, in whole epochs
    """
    if data.train.labels is None:
        return {who: {} for who in of}
    model = reader(data.shape, len(data.classes))
    epochs = max(1, read // len(data.train))
    p = taught(model, data.train.x, data.train.labels, seed, device, epochs)
    logits_by = {who: logits_of(model, p, to_device(x, device)) for who, x in of.items()}
    return {
        who: {
            "confidence": metrics.mean_and_error(metrics.confidence(logits.astype(np.float64))),
            "classes found": float(metrics.classes_found(logits)),
        }
        for who, logits in logits_by.items()
    }
