"""The variational auto-encoder: D. P. Kingma and M. Welling, Auto-Encoding Variational Bayes,
ICLR 2014, arXiv 1312.6114; D. J. Rezende, S. Mohamed and D. Wierstra, ICML 2014, arXiv 1401.4082.

An encoder q(z|x) and a decoder p(x|z), fitted together by raising the evidence lower bound

    log p(x) >= E_{q(z|x)}[log p(x|z)] - KL(q(z|x) || p(z)),        p(z) = N(0, I)

with one draw z = mean + std eps an example.               docs/derivations/vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.divergences import kl_to_standard_normal
from tinygen.layers import Bounded, Dense, Fork, Layer, Relu, Sequential, Shared
from tinygen.layers.base import check_nonempty, check_sizes
from tinygen.likelihoods import Bernoulli, Gaussian, Likelihood
from tinygen.likelihoods.base import normal
from tinygen.metrics.importance import importance_estimate
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise

DECODER_ROWS = 4096  # latents decoded at once by log_prob: bounds its memory, not its answer


@dataclass(frozen=True)
class VAE:
    """p(x) = int p(x|z) N(z; 0, I) dz        x (N, ...)   z, eps, mean, log_var (N, Z)

    encoder    : x -> {"mean", "log_var"} of q(z|x), a diagonal Gaussian
    decoder    : z -> the parameters of the likelihood
    n_latent   : Z
    likelihood : p(x|z), such as Bernoulli()

    p = {"encoder": ..., "decoder": ...}. All values are in nats. Bad input (pixels outside the
    likelihood's range, NaN, another width, an empty batch) raises ValueError, another dtype or
    device TypeError.
    """

    encoder: Layer
    decoder: Layer
    n_latent: int
    likelihood: Likelihood

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        given = self.likelihood
        if isinstance(given, type) or not hasattr(given, "nll"):
            raise TypeError(f"VAE: expected a likelihood such as Bernoulli(), got {given!r}")

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both nets, drawn from `rng`; `weights` names the rule (`initialisers`)."""
        return {
            "encoder": self.encoder.init(rng, dtype, weights),
            "decoder": self.decoder.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Array:
        """eps ~ N(0, I) (N, Z), of the dtype and on the device of x."""
        check_images(x)
        return normal(rng, (len(x), self.n_latent), x)

    def loss(self, p: Params, x: Array, noise: Array) -> tuple[Array, Pullback]:
        """-ELBO in nats per example, a mean over the batch, and its pullback d -> (dp, dx).

        noise : eps (N, Z), from `draw_noise`
        `backward.terms` holds its two parts, "nll" (reconstruction) and "kl";
        `backward.dp()` leaves the gradient of the data out.
        """
        q, encoder_backward = self.encode_with_pullback(p, x)  # q(z|x)        (N, Z) each
        z, sample_backward = reparameterise(q, noise)  # z = mean + std eps    (N, Z)     (3)
        params, decoder_backward = self.decoder.forward(p["decoder"], z)
        nll, nll_backward = self.likelihood.nll(params, x)  # -log p(x|z)      (N,)
        kl, kl_backward = kl_to_standard_normal(q)  # KL(q(z|x) || p(z))       (N,)       (4)
        terms = {"nll": nll.mean(), "kl": kl.mean()}
        value = terms["nll"] + terms["kl"]  # -ELBO                            ()         (5)

        def down_to_q(d: Array) -> tuple[Array, Params, Params]:
            dn = namespace(nll).full_like(nll, d / len(nll))  # of each example         (N,)
            ddecoder, dz = decoder_backward(nll_backward.dp(dn))
            dq = tree.add(sample_backward.dp(dz), kl_backward.dp(dn))  #       (N, Z)     (6)
            return dn, ddecoder, dq

        def dp(d: Array) -> Params:
            _, ddecoder, dq = down_to_q(d)
            return {"encoder": encoder_backward.dp(dq), "decoder": ddecoder}

        def both(d: Array) -> tuple[Params, Array]:
            dn, ddecoder, dq = down_to_q(d)
            dencoder, dx = encoder_backward(dq)
            dx = dx + nll_backward.dx(dn)  # x is encoded, and it is the data to explain
            return {"encoder": dencoder, "decoder": ddecoder}, dx

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)

    def elbo(self, p: Params, x: Array, noise: Array) -> Array:
        """The evidence lower bound of each example (N,), with one draw of z."""
        q = self.encode(p, x)
        z, _ = reparameterise(q, noise)
        nll, _ = self.likelihood.nll(self.decode(p, z), x)
        kl, _ = kl_to_standard_normal(q)
        return -(nll + kl)

    def log_prob(
        self, p: Params, x: Array, rng: np.random.Generator, samples: int = 100
    ) -> tuple[Array, Array]:
        """log p(x) (N,) by importance sampling from q(z|x), and its standard error (N,).

        log p(x) ~ log (1/K) sum_k w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x),  K = samples

        In expectation a lower bound that rises to log p(x) with K (Burda et al. 2016, arXiv
        1509.00519, theorem 1). The standard error is by the delta method; it is too small where
        few of the weights carry the sum.
        """
        check_sizes(self, samples=samples)
        check_images(x)
        check_nonempty("VAE.log_prob", x)
        xp = namespace(x)
        at_once = max(1, DECODER_ROWS // samples)
        estimates = []
        for i in range(0, len(x), at_once):
            q = self.encode(p, x[i : i + at_once])
            log_w = xp.concatenate(
                [
                    self.log_weights(p, x[i : i + at_once], q, rng, min(DECODER_ROWS, samples - k))
                    for k in range(0, samples, DECODER_ROWS)
                ],
                axis=1,
            )
            estimates.append(importance_estimate(log_w))  #                            (8) (9)
        log_p, error = zip(*estimates, strict=True)
        return xp.concatenate(log_p), xp.concatenate(error)

    def log_weights(
        self, p: Params, x: Array, q: Params, rng: np.random.Generator, samples: int
    ) -> Array:
        """log w = log p(x|z) + log p(z) - log q(z|x) at draws of z from q: (N, K)."""
        xp = namespace(x)
        eps = normal(rng, (len(x), samples, self.n_latent), x)  #            (N, K, Z)
        mean, log_var = q["mean"][:, None], q["log_var"][:, None]  #              (N, 1, Z)
        z = mean + xp.exp(log_var / 2) * eps  #                                   (N, K, Z)
        rows = xp.repeat(x, samples, axis=0)  #                                   (N K, ...)
        nll, _ = self.likelihood.nll(self.decode(p, z.reshape(-1, self.n_latent)), rows)
        # log p(z) - log q(z|x): the two log 2 pi cancel                          (N, K)    (7)
        log_ratio = ((eps * eps - z * z + log_var) / 2).sum(axis=2)
        return log_ratio - nll.reshape(len(x), samples)

    def encode(self, p: Params, x: Array) -> Params:
        """q(z|x) as {"mean": (N, Z), "log_var": (N, Z)}."""
        return self.encode_with_pullback(p, x)[0]

    def decode(self, p: Params, z: Array) -> Params:
        """The parameters of p(x|z), as the likelihood takes them, for z (N, Z)."""
        return self.decoder.forward(self.checked(p)["decoder"], z)[0]

    def sample(self, p: Params, rng: np.random.Generator, n: int, mean: bool = False) -> Array:
        """n new examples: z ~ p(z), then a draw x ~ p(x|z), or with `mean` the mean of p(x|z)."""
        check_sizes(self, n=n)
        like = next(leaf for _, leaf in tree.leaves(self.checked(p)))
        params = self.decode(p, normal(rng, (n, self.n_latent), like))
        return self.likelihood.mean(params) if mean else self.likelihood.sample(params, rng)

    def reconstruct(
        self, p: Params, x: Array, rng: np.random.Generator, mean: bool = False
    ) -> Array:
        """x through its code: z ~ q(z|x), then a draw x ~ p(x|z), or with `mean` that mean.

        z is drawn in both cases; `mean` only says whether the pixels are.
        """
        z, _ = reparameterise(self.encode(p, x), self.draw_noise(rng, x))
        params = self.decode(p, z)
        return self.likelihood.mean(params) if mean else self.likelihood.sample(params, rng)

    def encode_with_pullback(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """q(z|x) and the encoder's pullback. Raises ValueError where q has not the width Z."""
        q, backward = self.encoder.forward(self.checked(p)["encoder"], x)
        if not isinstance(q, dict) or q.keys() != {"mean", "log_var"}:
            given = sorted(q) if isinstance(q, dict) else type(q).__name__
            raise ValueError(
                f"VAE: the encoder must put out a dict of mean, log_var, got {given}: use Fork"
            )
        if q["mean"].shape != (len(x), self.n_latent):
            raise ValueError(
                f"VAE: the encoder's mean has shape {q['mean'].shape}, expected "
                f"{(len(x), self.n_latent)}: give encoder and VAE the same n_latent"
            )
        return q, backward

    def checked(self, p: Params) -> Params:
        """p, after refusing what `init` did not return. Raises ValueError."""
        if not isinstance(p, dict) or p.keys() != {"encoder", "decoder"}:
            given = sorted(p) if isinstance(p, dict) else type(p).__name__
            raise ValueError(
                f"VAE: expected the parameters ['decoder', 'encoder'], got {given}: "
                "use the dict that this model's init returns"
            )
        return p


def check_images(x: Array) -> None:
    """Refuse what is no array. Raises TypeError; the encoder looks at shape and dtype."""
    if not is_array(x):
        given = type(x).__name__
        raise TypeError(f"VAE: expected x as a NumPy or CuPy array, got {given}: use np.asarray")


def dense_vae(
    n_in: int = 784,
    n_hidden: int = 400,
    n_latent: int = 20,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
) -> VAE:
    """The VAE of two dense nets with one hidden ReLU layer each: I - H - Z - H - I.

    likelihood : Bernoulli() where not given
    variance   : for Gaussian() only, "pixel" (the decoder gives one an example and pixel) or
                 "shared" (one a pixel, learned, the same for all examples)

    NOTE: Kingma and Welling use tanh (appendix C); ReLU is what later work compares with.
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    if isinstance(likelihood, Likelihood) and not isinstance(likelihood, Bernoulli | Gaussian):
        raise ValueError(
            f"dense_vae: the decoder has heads for Bernoulli and Gaussian, got {likelihood!r}: "
            "build VAE(encoder, decoder, n_latent, likelihood) with a decoder for it"
        )
    encoder = Sequential(
        Dense(n_in, n_hidden),
        Relu(),
        q=Fork(
            mean=Dense(n_hidden, n_latent),
            log_var=Sequential(Dense(n_hidden, n_latent), Bounded()),
        ),
    )
    head: Layer = Dense(n_hidden, n_in)
    if isinstance(likelihood, Gaussian) and likelihood.std is None:
        kinds: dict[str, Layer] = {"pixel": Dense(n_hidden, n_in), "shared": Shared(n_in)}
        if variance not in kinds:
            raise ValueError(f"dense_vae: unknown variance {variance!r}: choose pixel or shared")
        head = Fork(mean=head, log_var=Sequential(kinds[variance], Bounded()))
    decoder = Sequential(Dense(n_latent, n_hidden), Relu(), out=head)
    return VAE(encoder, decoder, n_latent, likelihood)
