"""A classifier that judges images: a dense net trained on the labels of the data set."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoencoder_parts.setting import Setting, mean_and_error
from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.models.classifier import Classifier, dense_classifier

WIDTHS = (256, 64)
BELIEVED = 0.9
REFERENCE = 10_000  # training images, to whose features others are compared


@dataclass
class Judge:
    """A trained classifier, and the features of real images."""

    classifier: Classifier
    p: Params
    reference: Array

    @classmethod
    def of(cls, setting: Setting) -> "Judge":
        """Trained once for all the questions that ask."""
        if "judge" not in setting.kept:
            setting.kept["judge"] = cls.fit(setting)
        return setting.kept["judge"]

    @classmethod
    def fit(cls, setting: Setting) -> "Judge":
        """Trained on all training images, as many steps as the autoencoders."""
        data, device = setting.data, setting.args.device
        model = dense_classifier(data.shape, WIDTHS, len(data.classes))
        seen = (to_device((p.x, p.labels), device) for p in (data.train, data.validation))
        p = setting.fit("classifier", model, *seen)
        self = cls(model, p, setting.train[:0])
        self.reference = self.features(to_device(data.train.x[-REFERENCE:], device))
        return self

    def features(self, images: Array) -> Array:
        """What the last layer sees of images (N, ...): (N, F)."""
        net: Any = self.classifier.net
        return net.layers["features"].forward(self.p["features"], images)[0]

    def logits(self, images: Array) -> Array:
        """(N, K)."""
        return self.classifier.logits(self.p, images)

    def believed(self, images: Array) -> tuple[float, float]:
        """The share of images, in percent, with a confidence of 0.9 or more."""
        return mean_and_error(100.0 * (metrics.confidence(self.logits(images)) >= BELIEVED))

    def accuracy(self, images: Array, labels: np.ndarray) -> tuple[float, float]:
        """In percent."""
        return mean_and_error(100.0 * (to_host(self.logits(images)).argmax(axis=1) == labels))

    def verdict(self, images: Array) -> dict[str, Any]:
        """The share believed, the classes found, and the Frechet distance to real images."""
        distance = metrics.frechet_distance(self.features(images), self.reference)
        return {
            "believed, %": self.believed(images),
            "classes found": metrics.classes_found(self.logits(images)),
            "Frechet distance": distance,
        }
