"""5. What lies between two codes? Straight lines in latent space, of an autoencoder and of a VAE.

    z(t) = (1 - t) z_0 + t z_1,    decoded at t = 0 ... 1

Beside them the straight line between the images themselves, a cross-fade. Three judges: a
classifier; the squared distance to the nearest training image; log p(x) by another VAE.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from autoencoder_parts import space
from autoencoder_parts.drawing import draw_rows
from autoencoder_parts.judge import BELIEVED, Judge
from autoencoder_parts.setting import Answer, Numbers, mean_and_error
from autoencoder_parts.setting import Setting as Grey
from vae_parts.setting import Setting

from tinygen import metrics, to_host
from tinygen.arrays import Array, namespace
from tinygen.data import binarise
from tinygen.plots.style import LINES, SMALL, dress, new_figure

LATENT, PAIRS, STEPS = 20, 300, 11
SAMPLES = 100  # of log p
SHOWN = 2  # pairs in the picture
PIXELS = "pixels"


def answer(setting: Setting) -> Answer:
    """The three judges along the paths, at the ends and in the middle."""
    grey: Grey = setting.kept["grey"]
    judge = Judge.of(grey)
    first, second = pairs(grey)
    nets: dict[str, Any] = {"AE": grey.dense(LATENT), "VAE": space.fit_vae(grey, LATENT)}
    t = np.linspace(0, 1, STEPS, dtype=np.float32)
    paths: dict[str, list[Array]] = {}  # name -> images at each t
    for name, net in nets.items():
        a, b = net.codes(first), net.codes(second)
        paths[name] = [net.decode((1 - s) * a + s * b) for s in map(float, t)]
    paths[PIXELS] = [(1 - s) * first + s * second for s in map(float, t)]
    curves = {name: Curve.of(setting, grey, judge, images) for name, images in paths.items()}
    middle = STEPS // 2
    numbers: Numbers = {}
    for name, curve in curves.items():
        for where, i in (("ends", 0), ("middle", middle)):
            numbers[f"{name}, {where}"] = {
                "confidence": mean_and_error(curve.confidence[i]),
                f"believed ({BELIEVED:g}), %": mean_and_error(
                    100.0 * (curve.confidence[i] >= BELIEVED)
                ),
                "nearest image": mean_and_error(curve.distance[i]),
                "log p(x)": mean_and_error(curve.log_p[i]),
            }
    words = (
        f"{len(first)} pairs of test images of two classes. `confidence` is the largest "
        "probability that a classifier gives to a class, `nearest image` the squared distance to "
        "the nearest training image, and log p(x) that of the picture, binarised, under the VAE of "
        "question 1. A step from one class to another has to pass between them on every path: what "
        "counts is how far the middle falls below the ends."
    )
    return Answer(words, numbers, picture(grey, t, paths, curves))


def pairs(grey: Grey) -> tuple[Array, Array]:
    """Test images (PAIRS, H, W, 1) of two different classes each."""
    labels = grey.data.test.labels
    assert labels is not None
    one, two = grey.rng.integers(len(labels), size=(2, 4 * PAIRS))
    kept = np.flatnonzero(labels[one] != labels[two])[:PAIRS]
    xp = namespace(grey.x)
    return grey.x[xp.asarray(one[kept])], grey.x[xp.asarray(two[kept])]


@dataclass
class Curve:
    """What the judges say at each t: (STEPS, PAIRS) each."""

    confidence: np.ndarray
    distance: np.ndarray
    log_p: np.ndarray

    @classmethod
    def of(cls, setting: Setting, grey: Grey, judge: Judge, images: list[Array]) -> "Curve":
        """Of the images at each t."""
        rows = []
        for x in images:
            x = x.clip(0, 1)
            rows.append(
                (
                    to_host(metrics.confidence(judge.logits(x))),
                    nearest(x, grey.train),
                    log_p(setting, x),
                )
            )
        return cls(*(np.stack(a).astype(np.float64) for a in zip(*rows, strict=True)))


def nearest(x: Array, train: Array) -> np.ndarray:
    """min_m |x_n - y_m|^2 (N,), over the training images."""
    a, b = x.reshape(len(x), -1), train.reshape(len(train), -1)
    squares = (b * b).sum(axis=1) - 2 * (a @ b.T)  # |y|^2 - 2 x . y      (N, M)
    return to_host((a * a).sum(axis=1) + squares.min(axis=1))


def log_p(setting: Setting, x: Array) -> np.ndarray:
    """log p(x) (N,) of the images, binarised, by the VAE of black and white pixels."""
    model, p = setting.plain
    samples = setting.samples if setting.args.quick else SAMPLES
    return to_host(model.log_prob(p, binarise(setting.rng, x), setting.rng, samples)[0])


def picture(
    grey: Grey, t: np.ndarray, paths: dict[str, list[Array]], curves: dict[str, Curve]
) -> Any:
    """Some paths in rows; the judges along t."""
    figure = new_figure(12.5, 3.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=(2.2, 1, 1))
    rows = {}
    for i in range(SHOWN):
        for name, images in paths.items():
            rows[f"{name}{' ' * i}"] = grey.ink(namespace(grey.x).stack([x[i] for x in images]))
    draw_rows(left, rows)
    for name, colour in zip(curves, LINES, strict=False):
        middle.plot(t, curves[name].confidence.mean(axis=1), ".-", color=colour, label=name)
        right.plot(t, curves[name].log_p.mean(axis=1), ".-", color=colour, label=name)
    dress(middle, "confidence of a classifier", "t")
    dress(right, "log p(x) by another VAE, nats", "t")
    middle.legend(frameon=False, fontsize=SMALL)
    return figure
