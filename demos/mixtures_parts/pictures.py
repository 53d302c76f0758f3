"""5. A mixture of Bernoullis on black and white digits: its components are pictures.

Pixels are drawn once, by the seed, from the grey levels. One component is a model of independent
pixels.
"""

import argparse
from typing import Any

import numpy as np

from mixtures_parts.setting import Answer, told
from tinygen import metrics, plots, to_device, to_host
from tinygen.data import binarise
from tinygen.data.dataset import Dataset
from tinygen.models import BernoulliMixture, em

COUNTS = (1, 10, 50, 200)
MOST = 20_000


def answer(args: argparse.Namespace, data: Dataset) -> Answer:
    """The likelihood by the number of components, and what a component knows of the digit."""
    rng = np.random.default_rng(args.seed)
    x, test = (pixels(data, part.x[:MOST], rng, args) for part in (data.train, data.test))
    y, y_test = data.train.labels, data.test.labels
    rows: dict[str, Any] = {}
    figures = {}
    for K in COUNTS[: 2 if args.quick else None]:
        model = BernoulliMixture(K)
        found = model.fit(x, rng, tol=1e-2)
        p = found.p
        rows["1 component: independent pixels" if K == 1 else f"{K} components"] = {
            "NLL, training": -found.log_likelihood[-1],
            "NLL, test": metrics.mean_and_error(-model.score_samples(p, test)),
            "steps": len(found.log_likelihood) - 1,
            "greatest fall of a step": told(em.falls(found.log_likelihood)),
        }
        if y is not None and y_test is not None and K > 1:
            right = to_host(by_components(model, p, x, y[: len(x)], test)) == y_test
            rows[f"{K} components"]["digit told, %"] = metrics.mean_and_error(100.0 * right)
        if len(rows) <= 3 and K > 1:
            order = np.argsort(-to_host(model.weights(p)))
            title = f"{K} components, the heaviest first"
            figures = {
                "components": plots.sample_grid(ink(model.means(p), data)[order], 10, title),
                "draws": draws(model, p, rng, data),
            }
    return rows, figures


def pixels(data: Dataset, grey: np.ndarray, rng: Any, args: argparse.Namespace) -> Any:
    """Black and white images on the device."""
    return to_device(grey if data.kind == "binary" else binarise(rng, grey), args.device)


def by_components(model: Any, p: Any, x: Any, y: np.ndarray, test: Any) -> np.ndarray:
    """sum_k p(y|k) p(k|x), with p(y|k) counted on the training images: the likeliest class."""
    share = to_host(model.predict_proba(p, x)).T @ np.eye(10)[y]  # (K, 10)
    share /= share.sum(axis=1, keepdims=True)
    return (to_host(model.predict_proba(p, test)) @ share).argmax(axis=1)


def draws(model: Any, p: Any, rng: Any, data: Dataset) -> Any:
    """Examples that the mixture makes: pixels are noise but for the component."""
    x = ink(model.sample(p, rng, 60), data)
    return plots.sample_grid(x, 15, "drawn from the mixture: within a component pixels are noise")


def ink(images: Any, data: Dataset) -> np.ndarray:
    """Images with 1 as ink."""
    x = to_host(images)
    return x if data.ink else 1 - x
