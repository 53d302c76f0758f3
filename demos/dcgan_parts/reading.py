"""What a linear classifier reads off pixels, and off what discriminators make of them.

The labels that are drawn are the same for all rows; the rules are those of the demo of few labels.
"""

from typing import Any

import numpy as np
from few_labels_parts.fits import STRENGTH, spread

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Params, device_of
from tinygen.data import few_labels
from tinygen.data.dataset import Dataset
from tinygen.models.dcgan import DCGAN
from tinygen.models.dcgan_features import discriminator_features, feature_statistics

LABELS = (100, 1000)


def feature_errors(
    model: DCGAN, p: Params, data: Dataset, images: int, draws: int, seed: int = 0
) -> dict[str, dict[str, tuple[float, float]]]:
    """Row -> "100 labels" -> the test error in percent: mean and standard deviation over draws.

    images : how many training images serve, for the statistics and to draw labels from
    """
    x, test = data.train.x[:images], data.test.x
    assert data.train.labels is not None
    y, truth = data.train.labels[:images].astype(np.int64), data.test.labels
    rows = {"pixels": (x.reshape(len(x), -1), test.reshape(len(test), -1))}
    device = device_of(p["discriminator"]["score"]["W"])
    x, test = to_device((x, test), device)
    fresh = to_device(model.init(np.random.default_rng(seed)), device)
    for name, weights in {"a discriminator as it is drawn": fresh, "the trained one": p}.items():
        told = feature_statistics(model, weights, x)
        known, asked = (discriminator_features(model, weights, a, told) for a in (x, test))
        rows[name] = to_host(known), to_host(asked)
    found: dict[str, Any] = {}
    for name, (known, asked) in rows.items():
        size = metrics.FeatureScale.of(known)
        found[name] = {}
        for n in (n for n in LABELS if 2 * n <= len(known)):
            errors = []
            for k in range(draws):
                rng = np.random.default_rng([seed, k])
                chosen = few_labels(rng, y, n, len(data.classes))
                l2 = STRENGTH / n
                w = metrics.linear_probe(known[chosen], y[chosen], len(data.classes), l2, size)
                errors.append(100 * ((asked @ w["W"] + w["b"]).argmax(axis=1) != truth).mean())
            found[name][f"{n} labels"] = spread(np.array(errors))
    return found
