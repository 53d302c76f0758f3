"""What the questions share: data, one small net, a training, and the numbers of a trained model.

Numbers with an error are pairs (mean, standard error over the images), in nats an image.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.data import binarise
from tinygen.data.dataset import Dataset, Transform
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.likelihoods.base import normal
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.reparameterise import reparameterise
from tinygen.training import Trained, Turn, train

TRAINING = 10_000  # images: a fifth of MNIST, for two dozen trainings in minutes
HIDDEN, LATENT, BATCH = 200, 32, 100
LR = 1e-3
USED = 0.1  # a variance of the means: between the used dimensions and the idle ones, in the picture
AT_ONCE = 1000  # images encoded at once when measuring

Numbers = dict[str, Any]


@dataclass
class Setting:
    """Data on the device; the test images are binarised once, by the seed.

    train, x : images (N, H, W, 1); `transform` makes pixels 0 or 1 of the training images
    labels   : of the test images x
    scored   : how many test images the importance-sampled log p is a mean over
    samples  : of that estimate, an image
    kept     : what was trained once for several questions
    """

    args: argparse.Namespace
    train: Array
    x: Array
    labels: np.ndarray | None
    transform: Transform | None
    scored: int = 2000
    samples: int = 200
    kept: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Dataset, args: argparse.Namespace) -> "Setting":
        """The first TRAINING training images and all test images. Refuses other data."""
        if data.kind not in ("grey", "binary"):
            raise SystemExit(
                f"vae: {data.name} holds {data.kind}; expected grey or black and white images, "
                "whose pixels a Bernoulli decoder explains: use --data mnist"
            )
        transform = binarise if data.kind == "grey" else data.transform
        part = data.test
        x = transform(np.random.default_rng(args.seed), part.x) if transform else part.x
        self = cls(
            args,
            to_device(data.train.x[:TRAINING], args.device),
            to_device(x, args.device),
            part.labels,
            transform,
        )
        return replace(self, scored=200, samples=20) if args.quick else self

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed, so that answers do not hang on their order."""
        return np.random.default_rng(self.args.seed)

    def model(self, n_latent: int = LATENT, **objective: Any) -> VAE:
        """A dense VAE of these images, with one hidden layer on either side."""
        return dense_vae(self.train.shape[1:], HIDDEN, n_latent, **objective)

    def fit(
        self,
        name: str,
        model: VAE,
        x: Array | None = None,
        validation: Array | None = None,
        schedules: Mapping[str, Callable[[int], float]] | None = None,
        p: Params | None = None,
        player: str | None = None,
    ) -> Trained:
        """As many steps for each model, whatever x; without early stopping.

        x      : other training images than `train`; they are taken as they are
        p      : where to begin, on the host; the model's own `init` where not given
        player : the part of p that is trained, such as "encoder"; all of it where not given
        """
        data = self.train if x is None else x
        name = name.replace(".", ",")  # a turn's name holds no dots
        return train(
            Turn(name, model.loss, model.draw_noise, adam(LR), player, schedules=schedules or {}),
            to_device(model.init(self.rng) if p is None else p, self.args.device),
            data,
            rng=self.rng,
            steps=self.steps,
            batch=BATCH,
            validation=validation,
            transform=self.transform if x is None else None,
        )

    @property
    def steps(self) -> int:
        """Of each training: the epochs over `train` that were asked for."""
        return int(self.args.epochs) * -(-len(self.train) // BATCH)

    @cached_property
    def plain(self) -> tuple[VAE, Params]:
        """The VAE as it is, of LATENT dimensions: several questions look at it."""
        model = self.model()
        return model, self.fit("beta 1", model).p

    def measure(self, model: VAE, p: Params, x: Array | None = None) -> Numbers:
        """-ELBO and its two parts, and the active units, on the test images or on x."""
        x = self.x if x is None else x
        nll, kl = distortion_and_rate(model, p, x, self.rng)
        mean = codes(model, p, x)["mean"]
        return {
            "minus ELBO": metrics.mean_and_error(nll + kl),
            "distortion": metrics.mean_and_error(nll),
            "rate": metrics.mean_and_error(kl),
            "active units": metrics.active_units(mean),
            "above 0.1": metrics.active_units(mean, USED),
        }

    def nll(self, model: VAE, p: Params) -> np.ndarray:
        """-log p(x) of the first test images (scored,), by importance samples."""
        log_p, _ = model.log_prob(p, self.x[: self.scored], self.rng, self.samples)
        return -to_host(log_p).astype(np.float64)


def distortion_and_rate(
    model: VAE, p: Params, x: Array, rng: np.random.Generator, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """-log p(x|z) and KL(q(z|x) || p(z)) of each image, (N,) both, at one draw of z.

    noise : z = mean + noise sigma eps; at other values than 1 their sum is no -ELBO
    """
    parts = []
    for i in range(0, len(x), AT_ONCE):
        rows = x[i : i + AT_ONCE]
        q = model.encode(p, rows)
        eps = normal(rng, q["mean"].shape, rows)
        z, _ = reparameterise(q, noise * eps)
        nll, _ = model.likelihood.nll(model.decode(p, z), rows)
        kl, _ = model.prior.kl(p.get("prior", {}), q, eps)
        parts.append((to_host(nll), to_host(kl)))
    nll, kl = (np.concatenate(a).astype(np.float64) for a in zip(*parts, strict=True))
    return nll, kl


def codes(model: VAE, p: Params, x: Array) -> dict[str, Array]:
    """q(z|x) of many images."""
    parts = [model.encode(p, x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    xp = namespace(x)
    return {name: xp.concatenate([part[name] for part in parts]) for name in parts[0]}


def log_aggregate(q: dict[str, Array], z: Array) -> np.ndarray:
    """log q(z) = log (1/N) sum_n q(z|x_n) at the places z (M, Z), of a diagonal q: (M,)."""
    xp = namespace(z)
    found = []
    for i in range(0, len(z), 100):
        e = z[i : i + 100, None] - q["mean"]  #                               (M, N, Z)
        square = e * e * xp.exp(-q["log_var"]) + q["log_var"] + np.log(2 * np.pi)
        found.append(log_sum_exp(-0.5 * square.sum(axis=2), axis=1) - np.log(len(e[0])))
    return to_host(xp.concatenate(found)).astype(np.float64)
