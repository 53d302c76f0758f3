"""Models of one likelihood: a VAE, two backgrounds, and a VAE that was shown known outliers."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from outliers_parts.sets import Sets
from tinygen import metrics, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data import binarise
from tinygen.likelihoods import Bernoulli, Gaussian, Likelihood
from tinygen.models import (
    VAE,
    LocalModel,
    OutlierExposure,
    beside,
    conv_local_model,
    dense_vae,
    likelihood_ratio,
    mutate,
    negative_elbo,
    negative_log_prob,
    reconstruction_error,
)
from tinygen.optim import adam
from tinygen.training import Turn, train

HIDDEN, LATENT, BATCH = 200, 20, 128
SAMPLES = 20  # of the importance-sampled log p
RATES = (0.1, 0.3)  # of mutations; the better one on known outliers is taken
LOCAL_STEPS, LOCAL_BATCH = 30, 32  # steps an epoch of the local background: it has few weights
MARGIN = 0.125  # nats a pixel, by which the exposed model shall tell known outliers

Draw = Callable[[np.random.Generator, Array], Array]


@dataclass(frozen=True)
class Pixels:
    """What p(x|z) is, and what the pixels are made for it."""

    likelihood: Likelihood
    variance: str = "pixel"
    draw: Draw | None = None
    levels: int = 256


PIXELS = {
    "Bernoulli, binarised": Pixels(Bernoulli(), draw=binarise, levels=2),
    "Bernoulli, grey": Pixels(Bernoulli(grey=True)),
    "Gaussian, one sigma": Pixels(Gaussian(std=0.15)),
    "Gaussian, sigma a pixel": Pixels(Gaussian(), "pixel"),
}


@dataclass
class Detectors:
    """The models, trained.

    rate : of the mutations that the background VAE has seen
    """

    vae: VAE
    plain: Params
    mutated: Params
    rate: float
    local: LocalModel
    local_p: Params
    exposed: Params
    seed: int

    def scores(self, x: Array) -> dict[str, np.ndarray]:
        """Name -> scores (N,), higher for outliers; each starts from the seed."""
        vae, p = self.vae, self.plain
        ratio = partial(likelihood_ratio, vae, p)
        found = {
            "reconstruction error": reconstruction_error(vae, p, x),
            "-ELBO": negative_elbo(vae, p, x, self.rng),
            "-log p": negative_log_prob(vae, p, x, self.rng, SAMPLES),
            "-log p, local model": -self.local.log_prob(self.local_p, x)[0],
            "ratio to a mutated VAE": ratio(vae, self.mutated, x, self.rng, SAMPLES),
            "ratio to the local model": ratio(self.local, self.local_p, x, self.rng, SAMPLES),
            "-ELBO, exposed": negative_elbo(vae, self.exposed, x, self.rng),
            "-log p, exposed": negative_log_prob(vae, self.exposed, x, self.rng, SAMPLES),
        }
        return {name: to_host(s).astype(np.float64) for name, s in found.items()}

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed."""
        return np.random.default_rng(self.seed)


def fit(name: str, pixels: Pixels, sets: Sets, args: argparse.Namespace) -> Detectors:
    """Train them all; the VAEs with as many epochs each."""
    vae = dense_vae(sets.train.shape[1:], HIDDEN, LATENT, pixels.likelihood, pixels.variance)
    local = conv_local_model(likelihood=pixels.likelihood)

    def trained(
        what: str, model: Any, p: Params, then: Any = None, lr: float = 1e-3, **how: Any
    ) -> Params:
        turn = Turn(f"{name}: {what}".replace(".", ","), model.loss, model.draw_noise, adam(lr))
        rng = np.random.default_rng(args.seed)
        how = how or {"epochs": args.epochs, "batch": BATCH}
        return train(turn, p, sets.train, rng=rng, transform=chain(pixels.draw, then), **how).p

    start, start_local = (
        to_device(model.init(np.random.default_rng(args.seed)), args.device)
        for model in (vae, local)
    )
    plain = trained("plain", vae, start)
    mutated = {
        rate: trained(
            *(f"mutated {rate:g}", vae, start),
            partial(mutate, rate=rate, levels=pixels.levels),
        )
        for rate in RATES
    }
    rate = max(mutated, key=lambda r: found_known(vae, plain, mutated[r], pixels, sets, args.seed))
    few = {"steps": LOCAL_STEPS * args.epochs, "batch": LOCAL_BATCH, "lr": 3e-3}
    local_p = trained("local", local, start_local, **few)
    known = seen(pixels, sets.known, args.seed)
    exposure = OutlierExposure(vae, MARGIN * sets.train[0].size)
    exposed = trained("exposed", exposure, plain, beside(known))  # fine-tuned, as in the paper
    return Detectors(vae, plain, mutated[rate], rate, local, local_p, exposed, args.seed)


def found_known(
    vae: VAE, plain: Params, mutated: Params, pixels: Pixels, sets: Sets, seed: int
) -> float:
    """The area of the ratio on validation images and outliers of the known kind: to choose by."""
    rng = np.random.default_rng(seed)
    x = (seen(pixels, a[:500], seed) for a in (sets.validation, sets.known_kind))
    return metrics.auroc(*(likelihood_ratio(vae, plain, vae, mutated, a, rng, SAMPLES) for a in x))


def chain(first: Draw | None, then: Any) -> Any:
    """One transform of two, either of which may be absent."""
    if first is None or then is None:
        return first or then
    return lambda rng, x: then(rng, first(rng, x))


def seen(pixels: Pixels, x: Array, seed: int) -> Array:
    """x as the likelihood takes it: binarised once, by the seed, where it wants that."""
    return x if pixels.draw is None else pixels.draw(np.random.default_rng(seed), x)
