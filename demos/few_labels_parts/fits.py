"""A classifier from few labels, on features that stay (a linear one) or move (fine-tuning).

The rules are the same for all features and all numbers n of labels:

    linear      l2 = STRENGTH / n, a Gaussian prior on the weights that does not hang on n;
                features centred and divided by one number, by all unlabelled training images
    fine-tuned  from the linear classifier on the frozen features; all weights move in STEPS steps
                of Adam, from 0.001 down half a cosine to 0, in batches of all labels or BATCH

Draw k of n labels is the same for all rows, so that rows are compared label set by label set.
"""

from dataclasses import dataclass

import numpy as np

from few_labels_parts.encoders import Encoder
from tinygen import to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.data import few_labels
from tinygen.game import Turn
from tinygen.layers import Dense, Sequential
from tinygen.metrics import FeatureScale, linear_probe
from tinygen.models import Classifier
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.systems.base import in_batches
from tinygen.training import train

STRENGTH = 0.1
STEPS, LR, BATCH = 300, 1e-3, 100


@dataclass(frozen=True)
class Trial:
    """What the classifiers of all rows have in common.

    x, y           : training images on the device, and the labels that are drawn from, on the host
    test_x, test_y : on which errors are measured
    draws          : how many label sets of each number
    """

    x: Array
    y: np.ndarray
    test_x: Array
    test_y: np.ndarray
    classes: int
    draws: int
    seed: int
    steps: int = STEPS

    def labelled(self, k: int, n: int) -> tuple[Array, Array]:
        """The indices of draw k, and their labels, on the device."""
        xp = namespace(self.x)
        index = few_labels(np.random.default_rng([self.seed, k]), self.y, n, self.classes)
        return xp.asarray(index), xp.asarray(self.y[index])

    def see(self, encoder: Encoder) -> "Seen":
        """The features of all images."""
        features = encoder.features(self.x)
        tests = encoder.features(self.test_x)
        return Seen(encoder, features, tests, FeatureScale.of(features))

    def linear(self, seen: "Seen", n: int, strength: float = STRENGTH) -> np.ndarray:
        """The test errors (draws,) in percent of linear classifiers on frozen features."""
        errors = []
        for k in range(self.draws):
            rows, y = self.labelled(k, n)
            p = linear_probe(seen.train[rows], y, self.classes, strength / n, seen.scale)
            errors.append(self.error(seen.test @ p["W"] + p["b"]))
        return np.array(errors)

    def fine_tuned(self, seen: "Seen", n: int) -> np.ndarray:
        """The test errors (draws,) in percent where the encoder's weights move too."""
        head = Dense(seen.train.shape[1], self.classes)
        model = Classifier(Sequential(features=seen.encoder.net, logits=head), self.classes)
        errors = []
        for k in range(self.draws):
            rows, y = self.labelled(k, n)
            start = linear_probe(seen.train[rows], y, self.classes, STRENGTH / n, seen.scale)
            p = {"features": seen.encoder.weights, "logits": start}
            p = self.tune(model, p, (self.x[rows], y), k)
            errors.append(self.error(logits_of(model, p, self.test_x)))
        return np.array(errors)

    def tune(self, model: Classifier, p: Params, data: tuple[Array, Array], k: int) -> Params:
        """The weights after all the steps: there are no labels to stop early by."""
        turn = Turn("p(y|x)", model.loss, model.draw_noise, adam(cosine(LR, self.steps)))
        rng = np.random.default_rng([self.seed, k])
        return train(turn, p, data, rng=rng, steps=self.steps, batch=BATCH, progress=False).p

    def error(self, logits: Array) -> float:
        """The share of the test images that are classed wrongly, in percent."""
        return 100 * float((to_host(logits).argmax(axis=1) != self.test_y).mean())


@dataclass(frozen=True)
class Seen:
    """What an encoder makes of the training and of the test images: features (N, F)."""

    encoder: Encoder
    train: Array
    test: Array
    scale: FeatureScale


def logits_of(model: Classifier, p: Params, x: Array) -> Array:
    """(N, K), some images at a time."""
    return in_batches(lambda rows: model.logits(p, rows), x)


def spread(errors: np.ndarray) -> tuple[float, float]:
    """The mean over the draws, and their standard deviation: of one draw, not of the mean."""
    return float(errors.mean()), float(errors.std(ddof=1))
