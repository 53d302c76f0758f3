"""Three VAEs of one likelihood: the plain one, a background model, one that saw known outliers."""

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
    OutlierExposure,
    beside,
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
SAMPLES = 50  # of the importance-sampled log p
RATES = (0.1, 0.3)  # of the background's mutations; the better one on known outliers is taken
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
    """The three models, trained."""

    vae: VAE
    pixels: Pixels
    plain: Params
    background: Params
    exposed: Params
    rate: float
    seed: int

    def scores(self, x: Array) -> dict[str, np.ndarray]:
        """Name -> scores (N,), higher for outliers; each starts from the seed."""
        ratio = partial(likelihood_ratio, self.vae, self.plain, self.vae, self.background)
        found = {
            "reconstruction error": reconstruction_error(self.vae, self.plain, x),
            "-ELBO": negative_elbo(self.vae, self.plain, x, self.rng),
            "-log p": negative_log_prob(self.vae, self.plain, x, self.rng, SAMPLES),
            "likelihood ratio": ratio(x, self.rng, SAMPLES),
            "-ELBO, exposed": negative_elbo(self.vae, self.exposed, x, self.rng),
            "-log p, exposed": negative_log_prob(self.vae, self.exposed, x, self.rng, SAMPLES),
        }
        return {name: to_host(s).astype(np.float64) for name, s in found.items()}

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts at the seed."""
        return np.random.default_rng(self.seed)


def fit(name: str, pixels: Pixels, sets: Sets, args: argparse.Namespace) -> Detectors:
    """Train the three, with as many epochs each."""
    vae = dense_vae(sets.train.shape[1:], HIDDEN, LATENT, pixels.likelihood, pixels.variance)
    start = to_device(vae.init(np.random.default_rng(args.seed)), args.device)

    def trained(what: str, model: Any, then: Draw | None, p: Params) -> Params:
        turn = Turn(f"{name}: {what}".replace(".", ","), model.loss, model.draw_noise, adam(1e-3))
        rng = np.random.default_rng(args.seed)
        steps = {"epochs": args.epochs, "batch": BATCH}
        return train(turn, p, sets.train, rng=rng, transform=chain(pixels.draw, then), **steps).p

    plain = trained("plain", vae, None, start)
    found = {}
    for rate in RATES:
        mutated = partial(mutate, rate=rate, levels=pixels.levels)
        p = trained(f"background {rate:g}", vae, mutated, start)
        rng = np.random.default_rng(args.seed)
        at = [  # chosen on normal images of the validation part, and on outliers of the known kind
            to_host(likelihood_ratio(vae, plain, vae, p, seen(pixels, x, args.seed), rng, SAMPLES))
            for x in (sets.validation[:500], sets.known_kind[:500])
        ]
        found[rate] = metrics.auroc(*at), p
    rate = max(found, key=lambda r: found[r][0])
    known = seen(pixels, sets.known, args.seed)
    exposure = OutlierExposure(vae, MARGIN * sets.train[0].size)
    exposed = trained("exposed", exposure, beside(known), plain)  # fine-tuned, as in the paper
    return Detectors(vae, pixels, plain, found[rate][1], exposed, rate, args.seed)


def chain(first: Draw | None, then: Any) -> Any:
    """One transform of two, either of which may be absent."""
    if first is None or then is None:
        return first or then
    return lambda rng, x: then(rng, first(rng, x))


def seen(pixels: Pixels, x: Array, seed: int) -> Array:
    """x as the likelihood takes it: binarised once, by the seed, where it wants that."""
    return x if pixels.draw is None else pixels.draw(np.random.default_rng(seed), x)
