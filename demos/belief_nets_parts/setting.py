"""What the questions share: digits in black and white, and the models that are trained on them."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Array, Params, device_of
from tinygen.data import binarise
from tinygen.data.dataset import Dataset
from tinygen.models import MADE, NADE, BernoulliMixture, FullyVisibleBeliefNet
from tinygen.models.autoregressive import Autoregressive
from tinygen.models.place_params import outputs
from tinygen.optim import adam
from tinygen.training import Turn, train

BATCH, HIDDEN, COMPONENTS = 100, 200, 30
MOST = 20_000  # training images
RATES = {"FVBN": 0.01}  # step sizes; 0.001 where none stands
Answer = tuple[Mapping[str, Mapping[str, Any]], dict[str, Any]]  # a table, and pictures


def models(shape: tuple[int, ...], hidden: int = HIDDEN) -> dict[str, Autoregressive]:
    """The nets: no hidden layer, one a place, one for all places."""
    return {
        "FVBN": FullyVisibleBeliefNet(shape),
        "NADE": NADE(shape, hidden, "relu"),
        "MADE": MADE(shape, (2 * hidden,)),
    }


@dataclass(frozen=True)
class Digits:
    """Images in 0..1 to train on, pixels drawn anew each time; validation and test drawn once."""

    train: Array
    validation: Array
    test: Array
    ink: bool
    epochs: int

    @classmethod
    def of(cls, data: Dataset, args: argparse.Namespace) -> "Digits":
        """Those of a data set, on the device."""
        rng = np.random.default_rng(args.seed)
        first, *others = [to_device(part.x, args.device) for part in data.parts.values()]
        validation, test = (binarise(rng, x) for x in others)
        return cls(first[:MOST], validation, test, data.ink, args.epochs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image."""
        return tuple(self.train.shape[1:])

    def in_order(self, order: np.ndarray) -> "Digits":
        """The same pixels in another order."""

        def turned(x: Array) -> Array:
            return x.reshape(len(x), -1)[:, order].reshape(x.shape)

        train, validation, test = (turned(x) for x in (self.train, self.validation, self.test))
        return Digits(train, validation, test, self.ink, self.epochs)

    def fit(self, name: str, model: Autoregressive, rng: np.random.Generator) -> Params:
        """The weights of least validation loss."""
        he = isinstance(model, NADE)  # its hidden units are ReLUs
        p = model.init(rng, weights="he" if he else "glorot")
        turn = Turn(name, model.loss, model.draw_noise, adam(RATES.get(name, 0.001)))
        done = train(
            turn, to_device(p, self.device), self.train, rng=rng, epochs=self.epochs, batch=BATCH,
            validation=self.validation, transform=binarise,
        )  # fmt: skip
        return done.best

    @property
    def device(self) -> str:
        """Where the images are."""
        return device_of(self.train)

    def mixture(self, components: int, rng: np.random.Generator) -> tuple[Any, Params]:
        """A mixture of Bernoullis, fitted by EM to pixels that were drawn once."""
        model = BernoulliMixture(components)
        return model, model.fit(binarise(rng, self.train), rng, tol=1e-2).p

    def drawn(self, images: Array) -> np.ndarray:
        """Images with 1 as ink."""
        x = to_host(images)
        return x if self.ink else 1 - x


def weights_read(model: Autoregressive) -> int:
    """How many weights a net's likelihood depends on."""
    D, O = model.size, outputs("a net", model.likelihood)
    if isinstance(model, FullyVisibleBeliefNet):
        return D * (D - 1) // 2 * O + D * O
    if isinstance(model, NADE):
        return (D - 1) * model.n_hidden + model.n_hidden + D * O * (model.n_hidden + 1)
    assert isinstance(model, MADE)
    masks = model.connections(0).masks(O)
    return int(sum(mask.sum() + mask.shape[1] for mask in masks))
