"""Digits and their images under a known map; one half is mapped, the other is not: no pairs.

    inverted  b = 1 - a
    coloured  b = paper + (ink - paper) a, in three channels
    rotated   a quarter turn

The error of a translation is that to the true map, mean |G(a) - f(a)| over pixels of test digits;
whether it keeps the digit, a classifier says that learnt true b and their labels.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from cycle_parts.fit import fit
from tinygen import layers as L
from tinygen import to_device, to_host
from tinygen.arrays import Params
from tinygen.data.dataset import Dataset
from tinygen.models.classifier import dense_classifier
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.optim import adam
from tinygen.training import Turn, train

PAPER = np.array([0.95, 0.85, 0.2], np.float32)
INK = np.array([0.1, 0.2, 0.6], np.float32)
MAPS = {
    "inverted": lambda x: 1 - x,
    "coloured": lambda x: PAPER + (INK - PAPER) * x,
    "rotated": lambda x: np.ascontiguousarray(np.rot90(x, axes=(1, 2))),
}
NETS = ("local", "residual", "dense")
CYCLE = 10.0
LR = 1e-3
BATCH = 16
AT_ONCE = 250  # images translated


@dataclass(frozen=True)
class Trial:
    """One training: the map, the nets, the weight of the cycle loss, and what is random.

    identity : weight of the identity loss, as a share of the cycle's
    nets     : "local", 3x3 convolutions at full size with a way round them; "residual", the
               paper's generator with one halving, each place of which sees most of the digit; or
               "dense", which do not know that a picture is one. None has norms
    """

    map: str
    cycle: float
    seed: int
    steps: int
    nets: str = "local"
    identity: float = 0.0

    def model(self, shape: tuple[int, ...]) -> CycleGAN:
        """The model for digits of this shape."""
        other = (*shape[:2], 3) if self.map == "coloured" else shape
        options: dict[str, Any] = {"cycle": self.cycle, "identity": self.identity}
        small = shape[0] < 16
        if self.nets != "dense":
            local = self.nets == "local"
            net: dict[str, Any] = {"width": 8 if small else 16, "kernel": 3, "norm": False}
            net |= {"blocks": 1, "downs": 0} if local else {"blocks": 3, "downs": 1}
            net["patch_widths"] = (16, 32) if small else (16, 32, 64)
            return conv_cycle_gan(shape, other, **net, **options)
        return CycleGAN(
            dense(shape, other), dense(other, shape), critic(shape), critic(other),
            shape, other, signed=True, **options,
        )  # fmt: skip

    def run(
        self, data: Dataset, judge: "Judge", device: str
    ) -> tuple[dict[str, float], CycleGAN, Params]:
        """Train on unpaired halves, measure on test digits; judge: of the same map."""
        start = time.process_time()
        f, x = MAPS[self.map], data.train.x
        order = np.random.default_rng([self.seed, 2]).permutation(len(x))
        half = len(x) // 2
        sets = x[order[:half]], f(x[order[half:]]).astype(np.float32)
        model = self.model(data.shape)
        p, terms = fit(model, sets, self.seed, self.steps, BATCH, LR, device)
        a, b = data.test.x, f(data.test.x).astype(np.float32)
        to_b = translated(model, p, a, "b", device)
        to_a = translated(model, p, b, "a", device)
        back = translated(model, p, to_b, "a", device)
        y = data.test.labels
        return {
            "error to the true map": float(abs(to_b - b).mean()),
            "of the way back": float(abs(to_a - a).mean()),
            "there and back": float(abs(back - a).mean()),
            "digit kept": judge.right(to_b, y),
            "of true b": judge.right(b, y),
            "D_B right": (terms["discriminator_b.real"] + terms["discriminator_b.fake"]) / 2,
            "seconds": time.process_time() - start,
        }, model, p  # fmt: skip


def dense(shape: tuple[int, ...], other: tuple[int, ...], hidden: int = 256) -> L.Sequential:
    """Pixels to pixels by two hidden layers."""
    n_in, n_out = int(np.prod(shape)), int(np.prod(other))
    return L.Sequential(
        L.Flatten(), L.Dense(n_in, hidden), L.Relu(), L.Dense(hidden, hidden), L.Relu(),
        L.Dense(hidden, n_out), L.Tanh(), L.Reshape(other),
    )  # fmt: skip


def critic(shape: tuple[int, ...], hidden: int = 256) -> L.Sequential:
    """A score a picture."""
    return L.Sequential(
        L.Flatten(), L.Dense(int(np.prod(shape)), hidden), L.LeakyRelu(0.2),
        L.Dense(hidden, hidden), L.LeakyRelu(0.2), L.Dense(hidden, 1),
    )  # fmt: skip


def translated(model: CycleGAN, p: Params, x: np.ndarray, to: str, device: str) -> np.ndarray:
    """All of x as pictures of the set `to`, on the host."""
    parts = [x[i : i + AT_ONCE] for i in range(0, len(x), AT_ONCE)]
    return np.concatenate([to_host(model.translate(p, to_device(a, device), to)) for a in parts])


class Judge:
    """A dense classifier that learnt true b and their labels."""

    def __init__(self, map: str, data: Dataset, device: str, steps: int = 400):
        """Train it. Raises SystemExit where the digits have no labels."""
        if data.train.labels is None or data.test.labels is None:
            raise SystemExit(f"digits: {data.name} has no labels: use --data digits or mnist")
        x = MAPS[map](data.train.x).astype(np.float32)
        self.model, self.device = dense_classifier(x.shape[1:], 64, len(data.classes)), device
        rng = np.random.default_rng(0)
        turn = Turn("judge", self.model.loss, self.model.draw_noise, adam(2e-3))
        p = to_device(self.model.init(rng), device)
        both = to_device((x, data.train.labels), device)
        self.p = train(turn, p, both, rng=rng, steps=steps, batch=64, progress=False).p

    def right(self, x: np.ndarray, y: Any) -> float:
        """The share of pictures that it takes for their digit."""
        return self.model.accuracy(self.p, to_device(x, self.device), y)
