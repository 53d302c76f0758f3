"""Four models that differ in what they charge for a code, and the numbers that compare them.

VAE          the KL, once                              beta-VAE     the KL, beta times
FactorVAE    the KL, and gamma times the total         beta-TCVAE   the KL, its total correlation
             correlation that a discriminator finds                 beta times

One encoder, one decoder, one optimiser; each model draws its weights and its batches alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import metrics, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.game import Game, Turn
from tinygen.likelihoods import Likelihood
from tinygen.models.factor_vae import factor_vae
from tinygen.models.tc_vae import tc_vae
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.reparameterise import reparameterise
from tinygen.training import Trained, train

BETA, TC_BETA, GAMMA = 4.0, 6.0, 10.0
HIDDEN, LATENT = (256, 256), 10
DISCRIMINATOR = (256, 256, 256)
LR, BATCH = 1e-3, 128
AT_ONCE = 1000  # images encoded at once when measuring

Q = dict[str, Array]


@dataclass(frozen=True)
class Contender:
    """A model in training.

    vae  : encodes and decodes, with the parameters part(p)
    init : rng -> p
    """

    name: str
    game: Game
    vae: VAE
    init: Callable[[np.random.Generator], Params]
    part: Callable[[Params], Params] = lambda p: p

    def fit(self, x: Array, steps: int, seed: int, move: Callable[[Params], Params]) -> Trained:
        """`steps` steps from the seed; move puts parameters on the device of x."""
        rng = np.random.default_rng(seed)
        return train(self.game, move(self.init(rng)), x, rng=rng, steps=steps, batch=BATCH)


def contenders(
    shape: tuple[int, ...], examples: int, likelihood: Likelihood, hidden: tuple[int, ...] = HIDDEN
) -> list[Contender]:
    """The four, for images (H, W, C) of which there are so many to train on."""

    def vae(beta: float = 1.0) -> VAE:
        return dense_vae(shape, hidden, LATENT, likelihood, "one", beta=beta)

    def alone(name: str, model: VAE) -> Contender:
        turn = Turn(name, model.loss, model.draw_noise, adam(LR))
        return Contender(name, Game(turn), model, model.init)

    return [
        alone("VAE", vae()),
        alone("beta-VAE", vae(BETA)),
        factor(vae()),
        alone("beta-TCVAE", tc_vae(vae(), examples, TC_BETA)),
    ]


def factor(vae: VAE) -> Contender:
    """A game of two players."""
    model = factor_vae(vae, DISCRIMINATOR, GAMMA)
    game = Game(
        Turn("vae", model.vae_loss, model.draw_noise, adam(LR), player="vae"),
        Turn(
            *("discriminator", model.discriminator_loss, model.draw_shuffle),
            *(adam(LR, beta1=0.5), "discriminator"),
        ),
    )
    return Contender("FactorVAE", game, vae, model.init, lambda p: p["vae"])


def posteriors(vae: VAE, p: Params, x: Array) -> Q:
    """q(z|x) of many images."""
    parts = [vae.encode(p, x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    return {key: namespace(x).concatenate([part[key] for part in parts]) for key in parts[0]}


def bound(vae: VAE, p: Params, x: Array, q: Q, rng: np.random.Generator) -> tuple[float, float]:
    """-log p(x|z) at one draw and KL(q(z|x) || p(z)): means over the images, in nats."""
    nll = 0.0
    for i in range(0, len(x), AT_ONCE):
        rows = x[i : i + AT_ONCE]
        some = {key: a[i : i + AT_ONCE] for key, a in q.items()}
        z, _ = reparameterise(some, vae.draw_noise(rng, rows))
        nll += float(vae.likelihood.nll(vae.decode(p, z), rows)[0].sum())
    kl, _ = vae.prior.kl({}, q, q["mean"])
    return nll / len(x), float(kl.mean())


def measure(
    vae: VAE, p: Params, x: Array, factors: Mapping[str, np.ndarray], seed: int, draws: int = 2000
) -> dict[str, Any]:
    """What is known of a trained model on the examples x, whose factors are whole numbers."""
    rng = np.random.default_rng([seed, 1])
    q = posteriors(vae, p, x)
    nll, kl = bound(vae, p, x, q, rng)
    told = metrics.code_information(q, factors, rng, draws)
    gaps = metrics.gaps(told, factors)
    tc, tc_error = metrics.total_correlation(q, rng, draws)
    return {
        "nll": nll,
        "kl": kl,
        "tc": tc,
        "tc error": tc_error,
        "gaussian tc": metrics.gaussian_total_correlation(q["mean"], q["log_var"]),
        "MIG": float(np.mean(list(gaps.values()))),
        "gaps": gaps,
        "FactorVAE metric": metrics.factor_vae_metric(q["mean"], factors, rng),
        "active units": metrics.active_units(q["mean"]),
        "information": {name: to_host(row).tolist() for name, row in told.items()},
    }
