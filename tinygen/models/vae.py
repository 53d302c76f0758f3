"""The variational auto-encoder: D. P. Kingma and M. Welling, Auto-Encoding Variational Bayes,
ICLR 2014, arXiv 1312.6114; D. J. Rezende, S. Mohamed and D. Wierstra, ICML 2014, arXiv 1401.4082.

An encoder q(z|x) and a decoder p(x|z), fitted together by raising the evidence lower bound

    log p(x) >= E_{q(z|x)}[log p(x|z)] - KL(q(z|x) || p(z)),        p(z) = N(0, I)

with one draw z = mean + std eps an example.               docs/derivations/vae.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer
from tinygen.layers.base import check_sizes
from tinygen.likelihoods import Bernoulli, Likelihood
from tinygen.likelihoods.base import normal
from tinygen.models.iwae import importance_weighted_loss
from tinygen.models.latent import LatentModel, check_images
from tinygen.models.nets import CHANNELS, RELU, Shape
from tinygen.models.priors import StandardNormal
from tinygen.models.vae_kl import free_bits, mean_kl
from tinygen.models.vae_likelihood import mean_log_weight
from tinygen.models.vae_nets import conv_nets, dense_nets
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise


@dataclass(frozen=True)
class VAE(LatentModel):
    """A `LatentModel` that is fitted by the ELBO, or by a relative of it.

    encoder, decoder, n_latent, likelihood, prior, and p: see `LatentModel`
    beta      : weight of the KL in the loss; the bound has 1 (I. Higgins et al., beta-VAE, ICLR
                2017). Above 1 the code carries less, below 1 more.
    free_bits : nats that each latent dimension may carry for nothing (see `vae_kl.free_bits`);
                0 charges all. For a diagonal q and the standard normal prior only.
    samples   : K draws of z an example; above 1 the loss is the importance-weighted bound (see
                `iwae.importance_weighted_loss`), which is sampled in all its parts, while the
                loss of one draw has the KL in closed form where there is one
    """

    beta: float = 1.0
    free_bits: float = 0.0
    samples: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, samples=self.samples)
        check_weight("beta", self.beta)
        check_weight("free_bits", self.free_bits)
        if self.free_bits and not (isinstance(self.prior, StandardNormal) and self.samples == 1):
            raise ValueError(
                "VAE: free_bits need the KL of each dimension in closed form, which a prior of "
                f"{self.prior!r} with samples={self.samples} does not give: use StandardNormal() "
                "and samples=1, or free_bits=0"
            )

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Array:
        """eps ~ N(0, I) (N, Z), or (N, K, Z) of K > 1 samples, like x in dtype and device."""
        check_images(x)
        k = () if self.samples == 1 else (self.samples,)
        return normal(rng, (len(x), *k, self.n_latent), x)

    def loss(
        self, p: Params, x: Array, noise: Array, beta: float | None = None
    ) -> tuple[Array, Pullback]:
        """nll + beta kl, in nats per example, a mean over the batch; its pullback d -> (dp, dx).

        noise : eps, from `draw_noise`
        beta  : in place of the field, so that a training loop can warm the KL up by a schedule

        At beta = 1 and without free bits it is -ELBO. `backward.terms` holds its parts: "nll",
        the distortion, and "kl", the rate, whose sum is -ELBO whatever is minimised; with free
        bits also "kl_charged", what beta weighs. `backward.dp()` leaves the data's gradient out.
        """
        beta = self.beta if beta is None else check_weight("beta", beta)
        if self.samples > 1:
            return importance_weighted_loss(self, p, x, noise, beta)
        q, encoder_backward = self.encode_with_pullback(p, x)  # q(z|x)        (N, Z) each
        z, sample_backward = reparameterise(q, noise)  # z = mean + std eps    (N, Z)     (3)
        params, decoder_backward = self.decoder.forward(p["decoder"], z)
        nll, nll_backward = self.likelihood.nll(params, x)  # -log p(x|z)      (N,)
        kl, kl_backward = self.charge(p, q, noise)  # KL(q(z|x) || p(z))       ()         (4)
        terms = {"nll": nll.mean()} | kl_backward.terms
        value = terms["nll"] + beta * kl  # -ELBO where beta = 1               ()    (5) (10)

        def down_to_q(d: Array) -> tuple[Array, Params, Params]:
            dn = namespace(nll).full_like(nll, d / len(nll))  # of each example         (N,)
            ddecoder, dz = decoder_backward(nll_backward.dp(dn))
            dprior, dq = kl_backward(beta * d)
            dp = {"decoder": ddecoder} | ({"prior": dprior} if dprior else {})
            return dn, dp, tree.add(sample_backward.dp(dz), dq)  #             (N, Z)     (6)

        def dp(d: Array) -> Params:
            _, rest, dq = down_to_q(d)
            return {"encoder": encoder_backward.dp(dq)} | rest

        def both(d: Array) -> tuple[Params, Array]:
            dn, rest, dq = down_to_q(d)
            dencoder, dx = encoder_backward(dq)
            dx = dx + nll_backward.dx(dn)  # x is encoded, and it is the data to explain
            return {"encoder": dencoder} | rest, dx

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)

    def charge(self, p: Params, q: Params, noise: Array) -> tuple[Array, Pullback]:
        """What beta weighs in the loss: the mean KL (), with free bits clamped from below."""
        if self.free_bits:
            return free_bits(q, self.free_bits)
        return mean_kl(self.prior, p.get("prior", {}), q, noise)

    def elbo(self, p: Params, x: Array, noise: Array) -> Array:
        """The evidence lower bound of each example (N,), with the K draws of z that noise holds.

        It is the bound whatever the loss is: beta is 1 here, and each draw counts alike.
        """
        if self.samples > 1:
            return mean_log_weight(self, p, x, noise)
        q = self.encode(p, x)
        z, _ = reparameterise(q, noise)
        nll, _ = self.likelihood.nll(self.decode(p, z), x)
        kl, _ = self.prior.kl(p.get("prior", {}), q, noise)
        return -(nll + kl)


def check_weight(what: str, weight: Any) -> float:
    """The weight as a float (a NumPy double would promote), finite and >= 0, else ValueError."""
    if isinstance(weight, bool) or not 0 <= float(weight) < math.inf:
        raise ValueError(f"VAE: {what} must be a finite number >= 0, got {weight!r}")
    return float(weight)


def dense_vae(
    shape: int | Shape = 784,
    hidden: int | tuple[int, ...] = 400,
    n_latent: int = 20,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    posterior: str = "diagonal",
    activation: Layer = RELU,
    **objective: Any,
) -> VAE:
    """The VAE of two dense nets: I - H - Z - H - I, with as many hidden layers as are given.

    shape      : of one example: a number for rows (N, I), or (H, W, C) for images
    hidden     : the width of the hidden layer, or a tuple, from data to code: (256, 256)
    likelihood : Bernoulli() where not given
    variance   : for Gaussian() only; of each example and pixel, by the decoder ("pixel"), or
                 learned and the same for all examples: one a pixel ("shared"), or "one" in all
    posterior  : "diagonal" or "full", the covariance of q(z|x)
    activation : of the hidden layers, such as Tanh()
    objective  : prior, beta, free_bits and samples of the `VAE`

    NOTE: Kingma and Welling use tanh (appendix C); ReLU is what later work compares with.
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    nets = dense_nets(shape, hidden, n_latent, likelihood, variance, posterior, activation)
    return VAE(*nets, n_latent, likelihood, **objective)


def conv_vae(
    shape: Shape = (28, 28, 1),
    n_latent: int = 20,
    channels: tuple[int, ...] = CHANNELS,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    posterior: str = "diagonal",
    activation: Layer = RELU,
    **objective: Any,
) -> VAE:
    """The VAE of strided convolutions and, in a mirror, transposed ones, for images (N, H, W, C).

    channels : of each 3x3 convolution at stride 2, from image to code (`nets.conv_encoder`)

    The rest is as in `dense_vae`.
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    nets = conv_nets(shape, n_latent, channels, likelihood, variance, posterior, activation)
    return VAE(*nets, n_latent, likelihood, **objective)
