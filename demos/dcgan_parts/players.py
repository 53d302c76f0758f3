"""The three games of the demo, each trained once, when it is first asked for."""

import argparse
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from common import dataset
from disentangling_parts.judge import Judge

from dcgan_parts import teaching
from dcgan_parts.stages import fakes, grown
from tinygen import plots, to_device
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset
from tinygen.models.classifier import Classifier
from tinygen.models.dcgan import DCGAN, dcgan, default_features

IMAGES = 20_000  # of the training images; the first ones
NARROW, QUICK = 2, 16  # features are the paper's, divided by this; with --quick by the other
HIDDEN = 2048  # units of the dense layers of the players that are told the class, divided likewise
FILM = {"milliseconds": 500, "last": 4}


@dataclass
class Players:
    """Data, games, and a classifier of real digits.

    films : name -> GIF of the same codes as a training went on
    """

    args: argparse.Namespace
    digits: Dataset
    films: dict[str, bytes] = field(default_factory=dict)
    kept: dict[str, tuple[DCGAN, Params]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.digits.train.labels is None or self.digits.kind != "grey":
            raise SystemExit(
                f"dcgan: {self.digits.name} holds no grey images with labels: use --data mnist"
            )

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed, so that answers do not hang on their order."""
        return np.random.default_rng(self.args.seed)

    @cached_property
    def faces(self) -> Dataset:
        """Drawn ones."""
        return dataset(self.args, "drawn-faces")

    @cached_property
    def judge(self) -> Judge:
        """Who reads smile and turn off a face: learnt from the training faces."""
        return Judge.fit(self.faces.train.x, self.faces.train.factors)

    @property
    def classes(self) -> int:
        """Of the digits."""
        return len(self.digits.classes)

    @cached_property
    def images(self) -> np.ndarray:
        """The digits that are trained on."""
        return self.digits.train.x[:IMAGES]

    @cached_property
    def labels(self) -> np.ndarray:
        """Theirs."""
        assert self.digits.train.labels is not None
        return self.digits.train.labels[:IMAGES].astype(np.int64)

    def to(self, values: Any) -> Any:
        """Arrays on the device that was asked for."""
        return to_device(values, self.args.device)

    def game(self, name: str) -> tuple[DCGAN, Params]:
        """One of the three: "digits", "told" (digits and their class) or "faces"."""
        if name not in self.kept:
            data = self.faces if name == "faces" else self.digits
            narrow = QUICK if self.args.quick else NARROW
            widths = tuple(width // narrow for width in default_features(data.shape))
            classes = self.classes if name == "told" else 0
            hidden = HIDDEN // narrow if classes else 0
            model = dcgan(
                data.shape, 100, widths, classes, hidden=hidden, prior="normal", average=True
            )
            x = data.train.x[:IMAGES]
            p, frames = grown(self.args, name, model, self.to((x, self.labels) if classes else x))
            title = f"{data.name}: the same codes as the training goes on"
            figures = (plots.sample_grid(frame, 8, title) for frame in frames)
            self.films[f"grown_{name}"] = plots.moving(figures, **FILM)
            self.kept[name] = model, p
        return self.kept[name]

    def codes(self, name: str, n: int, rng: np.random.Generator | None = None) -> Array:
        """z ~ p(z) (n, Z) of a game, on the device."""
        model, p = self.game(name)
        return model.draw_z(rng or self.rng, n, p["generator"]["project"]["W"])

    def draw(self, name: str, z: Array, labels: np.ndarray | None = None) -> np.ndarray:
        """The fakes of codes, on the host."""
        model, p = self.game(name)
        return fakes(model, p, self.rng, len(z), labels, z)

    @cached_property
    def reader(self) -> tuple[Classifier, Params]:
        """A classifier of real digits."""
        model = teaching.reader(self.digits.shape, self.classes)
        return model, self.taught(model, self.images)

    def taught(self, model: Classifier, x: np.ndarray) -> Params:
        """A classifier's weights, learnt from images with the labels of the training images."""
        epochs = 1 if self.args.quick else teaching.EPOCHS
        return teaching.taught(model, x, self.labels, self.args.seed, self.args.device, epochs)
