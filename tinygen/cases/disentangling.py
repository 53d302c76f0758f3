"""Cases of the models that charge for the total correlation of their codes: both players too."""

from typing import Any

import numpy as np

from tinygen.cases.common import Case, beside, jittered
from tinygen.cases.vae import D, N, Z, dense
from tinygen.models.aggregate import batch_weights, log_aggregate
from tinygen.models.factor_vae import FactorVAE, factor_vae
from tinygen.models.tc_vae import TCVAE, decomposed_kl, tc_vae
from tinygen.pullback import Pullback

EXAMPLES = 11


def posteriors(rng: np.random.Generator) -> tuple[Any, Any]:
    """q of a batch, and codes near its means."""
    q = {"mean": rng.normal(size=(N, Z)), "log_var": 0.5 * rng.normal(size=(N, Z))}
    return q, q["mean"] + rng.normal(size=(N, Z))


def aggregate_case(sampling: str) -> Case:
    """log q(z) and sum_j log q(z_j): q stands as the parameters, the codes as the input."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        weights = batch_weights(sampling, N, EXAMPLES)
        return lambda q, z: log_aggregate(q, z, *weights), *posteriors(rng)

    return Case(f"log density of the aggregate, {sampling}", make, of=(log_aggregate,))


def decomposed_case() -> Case:
    """The weighed parts of the KL, with draws z that do not move with q."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        eps, weights = rng.normal(size=(N, Z)), batch_weights("stratified", N, EXAMPLES)
        q, z = posteriors(rng)
        return (
            lambda q, z: decomposed_kl(q, z, beside(eps, z), (0.7, 3.0, 1.6), weights), q, z,
        )  # fmt: skip

    return Case("parts of the KL", make, of=(decomposed_kl,))


def tc_vae_case(name: str, **options: Any) -> Case:
    """The loss of a beta-TCVAE at given noise."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model = tc_vae(dense(), EXAMPLES, **options)
        p, x = jittered(rng, model.init(rng, "float64")), rng.uniform(0.1, 0.9, size=(N, D))
        noise = model.draw_noise(rng, x)
        return lambda p, x: model.loss(p, x, beside(noise, x)), p, x

    return Case(f"beta-TCVAE, {name}", make, of=(TCVAE, tc_vae))


def factor_point(rng: np.random.Generator) -> tuple[FactorVAE, Any, Any]:
    """A small FactorVAE, its parameters and data."""
    model = factor_vae(dense(), (5, 6), gamma=3.0)
    p = jittered(rng, model.init(rng, "float64"))
    return model, p, rng.uniform(0.1, 0.9, size=(N, D))


def factor_vae_case() -> Case:
    """The VAE's turn: the discriminator's parameters stand still."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model, p, x = factor_point(rng)
        noise, still = model.draw_noise(rng, x), p["discriminator"]

        def f(vae: Any, x: Any) -> Any:
            both = {"vae": vae, "discriminator": beside(still, x)}
            value, backward = model.vae_loss(both, x, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)["vae"], backward.dx, value)

        return f, p["vae"], x

    return Case("FactorVAE, the VAE's turn", make, of=(FactorVAE, factor_vae))


def discriminator_case() -> Case:
    """The discriminator's turn: the VAE's parameters stand still, codes are data."""

    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        model, p, x = factor_point(rng)
        noise, still = model.draw_shuffle(rng, x), p["vae"]

        def f(discriminator: Any, x: Any) -> Any:
            both = {"vae": beside(still, x), "discriminator": discriminator}
            value, backward = model.discriminator_loss(both, x, beside(noise, x))
            return value, Pullback(lambda d: backward.dp(d)["discriminator"], backward.dx, value)

        return f, p["discriminator"], x

    return Case("FactorVAE, the discriminator's turn", make, wrt_x=False, of=(FactorVAE,))


CASES = [
    aggregate_case("weighted"),
    aggregate_case("stratified"),
    decomposed_case(),
    tc_vae_case("minibatch-weighted sampling"),
    tc_vae_case("stratified sampling", sampling="stratified", alpha=0.5, beta=3.0, gamma=1.5),
    tc_vae_case("without mutual information", alpha=0.0),
    factor_vae_case(),
    discriminator_case(),
]
