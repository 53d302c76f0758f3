"""Normal beats to learn from and to be tested on, abnormal ones to be found, and two scores."""

import argparse
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Array, Params, device_of
from tinygen.data.dataset import Dataset
from tinygen.models import LSTMDensity, pca_autoencoder, reconstruction_error
from tinygen.models.autoencoder_nets import linear_autoencoder
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.training import Turn, train

HIDDEN, BATCH, LR = 64, 25, 5e-3
SHARES = (0.6, 0.1)  # of the normal beats: to train on, to validate on; the rest is tested


@dataclass(frozen=True)
class Split:
    """Beats (N, 140); `kinds` are the labels of the abnormal ones."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    abnormal: np.ndarray
    kinds: np.ndarray


def split(data: Dataset, rng: np.random.Generator) -> Split:
    """All beats of the set, dealt out anew; kind 0 is normal. All abnormal ones are to be found."""
    x = np.concatenate([part.x for part in data.parts.values()])
    kinds = np.concatenate([part.labels for part in data.parts.values()])
    normal = rng.permutation(np.flatnonzero(kinds == 0))
    ends = np.cumsum([round(share * len(normal)) for share in SHARES])
    for_train, for_validation, for_test = np.split(normal, ends)
    abnormal = kinds != 0
    return Split(x[for_train], x[for_validation], x[for_test], x[abnormal], kinds[abnormal])


@dataclass(frozen=True)
class Beats:
    """A density of beats, learnt from normal ones with noise of this standard deviation added."""

    model: LSTMDensity
    p: Params

    @classmethod
    def fit(
        cls, s: Split, noise: float, rng: np.random.Generator, args: argparse.Namespace
    ) -> "Beats":
        """-log p down; of all epochs the one that is best on the validation beats."""
        model = LSTMDensity(1, (HIDDEN,))
        x, x_v = (to_device(a[..., None], args.device) for a in (s.train, s.validation))
        rate = cosine(LR, args.epochs * -(-len(x) // BATCH))
        turn = Turn("beats", model.loss, model.draw_noise, adam(rate))
        p = to_device(model.init(rng), args.device)
        done = train(
            turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, validation=x_v, progress=False,
            transform=partial(noisy, std=noise) if noise else None,
        )  # fmt: skip
        return cls(model, done.best)

    def step_scores(self, x: np.ndarray) -> np.ndarray:
        """-log p(x_t | x_<t) of beats (N, T), in nats: (N, T)."""
        at = to_device(x[..., None], device_of(self.p["start"]))
        return -to_host(self.model.log_probs(self.p, at)[0]).astype(np.float64)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """-log p(x) (N,)."""
        return self.step_scores(x).sum(axis=1)

    def draw(self, rng: np.random.Generator, n: int, steps: int) -> np.ndarray:
        """n new beats (n, steps)."""
        return to_host(self.model.sample(self.p, rng, n, steps))[..., 0]

    def go_on(self, rng: np.random.Generator, x: np.ndarray, steps: int) -> np.ndarray:
        """The beginnings x (N, T), each drawn on for so many steps (N, steps)."""
        at = to_device(x[..., None], device_of(self.p["start"]))
        state = self.model.log_probs(self.p, at)[1]
        return to_host(self.model.sample(self.p, rng, len(x), steps, state=state))[..., 0]


def noisy(rng: np.random.Generator, x: Array, std: float) -> Array:
    """x with normal noise, drawn anew for each batch."""
    eps = std * rng.standard_normal(x.shape, dtype=np.float32)
    return x + to_device(eps, device_of(x))


def pca_scores(s: Split, components: int, *beats: np.ndarray) -> list[np.ndarray]:
    """Squared error of what so many components of the training beats recover, for each array."""
    shape = (s.train.shape[1], 1, 1)
    p, _ = pca_autoencoder(s.train, components)
    model = linear_autoencoder(shape, components)
    errors = (reconstruction_error(model, p, x.reshape(-1, *shape)) for x in beats)
    return [error.astype(np.float64) for error in errors]
