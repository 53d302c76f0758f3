"""Where features come from: pixels, PCA, and the encoders of trained models, all as nets x -> f.

All models have the widths of M1 (D. P. Kingma et al., arXiv 1406.5298): 784-500-500-50, here with
ReLU. No label is seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygen import to_device
from tinygen.arrays import Array, Params, device_of
from tinygen.data import binarise
from tinygen.game import Turn
from tinygen.layers import Flatten, Sequential
from tinygen.models import (
    Masking,
    dense_autoencoder,
    dense_vae,
    encoder_net,
    linear_autoencoder,
    pca_autoencoder,
)
from tinygen.models.nets import Shape
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.systems.base import in_batches
from tinygen.training import train

HIDDEN, CODE = (500, 500), 50
DAMAGE = Masking(0.5)  # half of the pixels are gone; the denoising autoencoder paints them
LR = 1e-3

FitModel = Callable[[str, Any, Any], Params]  # name, model, transform of its data -> weights


@dataclass(frozen=True)
class Encoder:
    """A net from images to features, and its weights; {} where it has none."""

    net: Sequential
    weights: Params

    def features(self, x: Array) -> Array:
        """f (N, F) of images, as rows."""
        return in_batches(lambda rows: self.net.forward(self.weights, rows)[0], x)


def pixels() -> Encoder:
    """The pixels as they are."""
    return Encoder(Sequential(pixels=Flatten()), {})


def principal_components(x: Array) -> Encoder:
    """The codes of PCA on the images x, as many as the other codes have numbers."""
    size = code_size(x.shape[1:])
    model = linear_autoencoder(x.shape[1:], size)
    return Encoder(*encoder_net(model, pca_autoencoder(x, size)[0]))


def untrained(x: Array, part: str, rng: np.random.Generator) -> Encoder:
    """The encoder that the others began as: its weights are drawn, and that is all."""
    model = dense_autoencoder(x.shape[1:], HIDDEN, code_size(x.shape[1:]))
    return Encoder(*encoder_net(model, to_device(model.init(rng), device_of(x)), part))


def models(shape: Shape) -> dict[str, tuple[Any, Any]]:
    """Name -> (model, transform of its data): the VAE's pixels are binarised in each batch."""
    plain = dense_autoencoder(shape, HIDDEN, code_size(shape))
    return {
        "AE": (plain, None),
        "denoising AE": (replace(plain, corruption=DAMAGE), None),
        "VAE": (dense_vae(shape, HIDDEN, code_size(shape)), binarise),
    }


def trained(fit: FitModel, shape: Shape, names: tuple[str, ...] = ()) -> dict[str, Encoder]:
    """Both features of each model, trained once: "AE code", "AE hidden", ..., "VAE mean"."""
    found = {}
    for name, (model, transform) in models(shape).items():
        if names and name not in names:
            continue
        p = fit(name, model, transform)
        code = f"{name} {'mean' if name == 'VAE' else 'code'}"
        found[code] = Encoder(*encoder_net(model, p, "code"))
        found[f"{name} hidden"] = Encoder(*encoder_net(model, p, "hidden"))
    return found


def fit_model(
    name: str,
    model: Any,
    transform: Any,
    x: Array,
    validation: Array,
    epochs: int,
    seed: int,
    batch: int = 128,
    run: Run | None = None,
) -> Params:
    """The weights of least validation loss; the validation images too have no labels."""
    rng = np.random.default_rng(seed)
    return train(
        Turn(name, model.loss, model.draw_noise, adam(LR)),
        to_device(model.init(rng), device_of(x)),
        x,
        rng=rng,
        epochs=epochs,
        batch=batch,
        validation=validation,
        transform=transform,
        run=run,
    ).best


def code_size(shape: Shape) -> int:
    """CODE, or a quarter of the pixels where these are few."""
    return min(CODE, int(np.prod(shape)) // 4)
