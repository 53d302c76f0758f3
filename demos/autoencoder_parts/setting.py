"""What the questions share: data, a training, a trained autoencoder, and what an answer is."""

import argparse
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.data.dataset import Dataset
from tinygen.game import Turn
from tinygen.models import Autoencoder, dense_autoencoder
from tinygen.optim import adam
from tinygen.systems.base import in_batches
from tinygen.training import train

TRAINING, VALIDATION = 10_000, 2000  # images
HIDDEN = (512, 128)  # of the dense nets, from image to code
LR, BATCH, QUICK_BATCH = 1e-3, 128, 32

Numbers = dict[str, dict[str, Any]]


@dataclass
class Answer:
    """A sentence or two, rows of numbers, and a picture; no numbers where it was left out.

    numbers : row -> column -> a number, or (mean, standard error)
    """

    words: str
    numbers: Numbers = field(default_factory=dict)
    figure: Any = None


@dataclass
class Trained:
    """An autoencoder and its weights."""

    model: Autoencoder
    p: Params

    def reconstruct(self, x: Array) -> Array:
        """x through its code."""
        return in_batches(lambda rows: self.model.reconstruct(self.p, rows), x)

    def codes(self, x: Array) -> Array:
        """(N, Z)."""
        return in_batches(lambda rows: self.model.encode(self.p, rows), x)

    def decode(self, z: Array) -> Array:
        """Images of codes (N, Z), clipped to [0, 1]."""
        return in_batches(lambda rows: self.model.decode(self.p, rows), z).clip(0, 1)

    def error(self, x: Array) -> tuple[float, float]:
        """The squared error on x: the mean over the images, and its standard error."""
        return mean_and_error(in_batches(lambda rows: self.model.errors(self.p, rows), x))


@dataclass
class Setting:
    """Data on the device, and what was trained on it.

    data : as it was loaded, with the labels;  train, validation, x : images; x are the test images
    kept : name -> what was trained once for several questions
    """

    args: argparse.Namespace
    data: Dataset
    train: Array
    validation: Array
    x: Array
    kept: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Dataset, args: argparse.Namespace) -> "Setting":
        """The first TRAINING and VALIDATION images and all test images. Refuses other data."""
        if data.kind != "grey" or data.train.labels is None:
            raise SystemExit(
                f"autoencoder: {data.name} holds {data.kind} examples, expected grey images with "
                "labels, for a classifier is to judge what is made: use --data mnist"
            )
        parts = (data.train.x[:TRAINING], data.validation.x[:VALIDATION], data.test.x)
        return cls(args, data, *(to_device(x, args.device) for x in parts))

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed, so that answers do not hang on their order."""
        return np.random.default_rng(self.args.seed)

    @property
    def batch(self) -> int:
        """Images a step."""
        return QUICK_BATCH if self.args.quick else BATCH

    @property
    def steps(self) -> int:
        """Of each training: the epochs over `train` that were asked for."""
        return int(self.args.epochs) * -(-len(self.train) // self.batch)

    def fit(self, name: str, model: Any, x: Any = None, validation: Any = None) -> Params:
        """The best weights by validation, after as many steps for each model."""
        return train(
            Turn(name, model.loss, model.draw_noise, adam(LR)),
            to_device(model.init(self.rng), self.args.device),
            self.train if x is None else x,
            rng=self.rng,
            steps=self.steps,
            batch=self.batch,
            validation=self.validation if validation is None else validation,
        ).best

    def autoencoder(self, name: str, model: Autoencoder) -> Trained:
        """Trained on these images, once for all the questions that ask for it by this name."""
        if name not in self.kept:
            self.kept[name] = Trained(model, self.fit(name, model))
        return self.kept[name]

    def dense(self, n_latent: int) -> Trained:
        """The dense autoencoder."""
        model = dense_autoencoder(self.data.shape, HIDDEN, n_latent)
        return self.autoencoder(f"dense, code of {n_latent}", model)

    def mean_image_error(self) -> tuple[float, float]:
        """Of always giving the mean training image: what a code of size 0 would reach."""
        error = self.x - self.train.mean(axis=0)
        return mean_and_error((error * error).reshape(len(self.x), -1).sum(axis=1))

    def ink(self, images: Array) -> np.ndarray:
        """Images on the host in [0, 1], with 1 as ink, whatever 1 is in the data."""
        x = to_host(images).clip(0, 1)
        return x if self.data.ink else 1 - x


def mean_and_error(values: Array) -> tuple[float, float]:
    """The mean and its standard error, in double precision, on the host."""
    return metrics.mean_and_error(to_host(values).astype(np.float64))


def normal_codes(rng: np.random.Generator, n: int, n_latent: int, like: Array) -> Array:
    """z ~ N(0, I) (n, Z), drawn on the host, on the device of `like`."""
    return namespace(like).asarray(rng.standard_normal((n, n_latent), np.float32))
