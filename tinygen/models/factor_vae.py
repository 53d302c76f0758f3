"""FactorVAE: H. Kim and A. Mnih, Disentangling by Factorising, ICML 2018, arXiv 1802.05983.

A VAE that also pays for the total correlation TC = KL(q(z) || prod_j q(z_j)) of its codes, which
a discriminator D estimates: it tells codes z ~ q(z) from codes with each dimension shuffled over
the batch, whose dimensions no longer depend on each other.

    vae           : -ELBO + gamma (1/N) sum_n log D(z_n) / (1 - D(z_n))
    discriminator : -(1/2N) sum_n [log D(z_n) + log(1 - D(z'_n))],   z' shuffled

A game of two players, each of whom moves its own parameters.   docs/derivations/factor_vae.md
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.layers import Dense, Layer, LeakyRelu, Sequential
from tinygen.likelihoods import Bernoulli
from tinygen.likelihoods.base import normal
from tinygen.models.code_penalty import penalised_loss
from tinygen.models.latent import check_images
from tinygen.models.nets import check_widths
from tinygen.models.priors import StandardNormal
from tinygen.models.vae import VAE, check_weight
from tinygen.models.vae_kl import mean_kl
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise

WIDTHS = (1000,) * 5  # the paper's discriminator: six layers, the last one linear


@dataclass(frozen=True)
class FactorVAE:
    """A VAE and a discriminator of its codes.

    vae           : with the prior N(0, I) and the plain bound (beta 1, free_bits 0, samples 1)
    discriminator : z (N, Z) -> logits (N, 1) of "drawn from q(z), not shuffled"
    gamma         : weight of the total correlation

    p = {"vae": ..., "discriminator": ...}. Samples, likelihoods and codes are those of the
    VAE: `model.vae.encode(p["vae"], x)`.
    """

    vae: VAE
    discriminator: Layer
    gamma: float = 35.0

    def __post_init__(self) -> None:
        check_weight("gamma", self.gamma)
        v = self.vae
        if v.beta != 1 or v.free_bits or v.samples != 1 or not isinstance(v.prior, StandardNormal):
            raise ValueError(
                "FactorVAE: expected a VAE of the plain bound, got "
                f"beta={v.beta}, free_bits={v.free_bits}, samples={v.samples}, prior={v.prior!r}: "
                "the weight of the total correlation is gamma"
            )

    @property
    def n_latent(self) -> int:
        """Z."""
        return self.vae.n_latent

    @property
    def prior(self) -> Any:
        """p(z) = N(0, I)."""
        return self.vae.prior

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both players, drawn from `rng`."""
        return {
            "vae": self.vae.init(rng, dtype, weights),
            "discriminator": self.discriminator.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Array:
        """The VAE's: eps ~ N(0, I) (N, Z)."""
        return self.vae.draw_noise(rng, x)

    def draw_shuffle(self, rng: np.random.Generator, x: Array) -> Params:
        """The discriminator's: eps of the codes and of those to be shuffled, and the shuffle.

        {"eps" (N, Z), "eps_shuffled" (N, Z), "order" (N, Z)}; each column of order is a
        permutation of 0 .. N-1, independent of the others.
        """
        check_images(x)
        shape = (len(x), self.n_latent)
        order = rng.permuted(np.tile(np.arange(len(x))[:, None], (1, self.n_latent)), axis=0)
        return {
            "eps": normal(rng, shape, x),
            "eps_shuffled": normal(rng, shape, x),
            "order": to_device(order, device_of(x)),
        }

    def vae_loss(
        self, p: Params, x: Array, noise: Array, gamma: float | None = None
    ) -> tuple[Array, Pullback]:
        """-ELBO + gamma TC in nats per example, a mean over the batch; pullback d -> (dp, dx).

        noise : eps, from `draw_noise`;  gamma: in place of the field, for a schedule

        dp holds the key "vae" alone. `backward.terms`: "nll", "kl", and "tc", the discriminator's
        estimate of the total correlation, which is right where the discriminator is at its best.
        """
        gamma = self.gamma if gamma is None else check_weight("gamma", gamma)

        def penalty(q: Params, z: Array, eps: Array) -> tuple[Array, Pullback]:
            kl, kl_backward = mean_kl(self.prior, {}, q, eps)  #          ()         (1)
            logits, d_backward = self.discriminator.forward(p["discriminator"], z)  # (N, 1)
            tc = logits.mean()  # log D/(1 - D) is the logit              ()         (4)

            def dz(d: Array) -> Array:
                return d_backward.dx(namespace(z).full_like(logits, gamma * d / len(z)))  # (6)

            terms = {"kl": kl, "tc": tc}
            value = kl + gamma * tc
            return value, Pullback(kl_backward.dx, dz, value, terms=terms)

        value, backward = penalised_loss(self.vae, p["vae"], x, noise, penalty)  #   (5)

        def both(d: Array) -> tuple[Params, Array]:
            dvae, dx = backward(d)
            return {"vae": dvae}, dx

        return value, Pullback(
            lambda d: {"vae": backward.dp(d)}, backward.dx, value, both, terms=backward.terms
        )

    def discriminator_loss(self, p: Params, x: Array, noise: Params) -> tuple[Array, Pullback]:
        """-(1/2N) sum_n [log D(z_n) + log(1 - D(z'_n))], in nats; dp holds "discriminator" alone.

        noise : from `draw_shuffle`

        To this player codes are data: no gradient reaches the encoder, and dx is the empty tree.
        `backward.terms` holds "correct", the share of codes that are told rightly; 1/2 where
        the dimensions are independent.

        NOTE: the paper shuffles the codes of a second batch; here both sets come from one, each
        with draws of its own, which leaves the expectation of each logarithm as it is.
        """
        n, xp = len(x), namespace(x)
        q = self.vae.encode(p["vae"], x)
        z, _ = reparameterise(q, noise["eps"])  # ~ q(z)                  (N, Z)
        other, _ = reparameterise(q, noise["eps_shuffled"])
        shuffled = xp.take_along_axis(other, noise["order"], axis=0)  # ~ prod_j q(z_j)     (2)
        logits, d_backward = self.discriminator.forward(
            p["discriminator"], xp.concatenate([z, shuffled])
        )  # log D / (1 - D)                                              (2N, 1)
        real = (xp.arange(2 * n) < n).astype(x.dtype)[:, None]
        nll, nll_backward = Bernoulli().nll(logits, real)  # -log D, -log(1 - D)     (2N,)
        value = nll.mean()  #                                             ()         (3)
        terms = {"correct": ((logits > 0) == (real > 0)).mean()}

        def dp(d: Array) -> Params:
            dn = xp.full_like(nll, d / (2 * n))  #                        (2N,)
            return {"discriminator": d_backward.dp(nll_backward.dp(dn))}

        return value, Pullback(dp, lambda d: (), value, terms=terms)


def factor_vae(vae: VAE, widths: tuple[int, ...] = WIDTHS, gamma: float = 35.0) -> FactorVAE:
    """A VAE such as `dense_vae(...)` with a discriminator of dense layers, LeakyReLU between them.

    widths : of the discriminator's hidden layers
    """
    sizes = (vae.n_latent, *check_widths("widths", widths))
    layers: list[Layer] = []
    for n_in, n_out in pairwise(sizes):
        layers += [Dense(n_in, n_out), LeakyRelu(0.2)]
    return FactorVAE(vae, Sequential(*layers, Dense(sizes[-1], 1)), gamma)
