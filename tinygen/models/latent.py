"""A latent-variable model: codes z from a prior, data from codes, and an encoder to guess them.

    p(x) = int p(x|z) p(z) dz,    q(z|x) close to p(z|x)

What VAEs of every objective share: encoding, decoding, sampling, and the likelihood by importance
sampling.                                                  docs/derivations/vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, is_array
from tinygen.layers import Layer
from tinygen.layers.base import check_names, check_nonempty, check_sizes
from tinygen.likelihoods import Likelihood
from tinygen.likelihoods.base import normal
from tinygen.models import vae_likelihood
from tinygen.models.priors import STANDARD_NORMAL, Prior
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise


@dataclass(frozen=True)
class LatentModel:
    """p(x) = int p(x|z) p(z) dz        x (N, ...)   z, mean, log_var (N, Z)   L (N, Z, Z)

    encoder    : x -> q(z|x), a Gaussian: {"mean", "log_var"}, diagonal, or {"mean", "L"}, of the
                 covariance L L^T (see `Cholesky`)
    decoder    : z -> the parameters of the likelihood
    n_latent   : Z
    likelihood : p(x|z), such as Bernoulli()
    prior      : p(z), StandardNormal() or MixturePrior(K), which is learned

    p = {"encoder": ..., "decoder": ...}, and "prior" where the prior has parameters. All values
    are in nats. Bad input (pixels outside the likelihood's range, NaN, another width, an empty
    batch) raises ValueError, another dtype or device TypeError.
    """

    encoder: Layer
    decoder: Layer
    n_latent: int
    likelihood: Likelihood
    prior: Prior = STANDARD_NORMAL

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        check_part("likelihood", self.likelihood, "nll", "Bernoulli()")
        check_part("prior", self.prior, "log_prob", "StandardNormal()")

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both nets, drawn from `rng`; `weights` names the rule (`initialisers`)."""
        p = {
            "encoder": self.encoder.init(rng, dtype, weights),
            "decoder": self.decoder.init(rng, dtype, weights),
        }
        prior = self.prior.init(rng, self.n_latent, dtype)
        return p | {"prior": prior} if prior else p

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
        return vae_likelihood.log_prob(self, p, x, rng, samples)

    def encode(self, p: Params, x: Array) -> Params:
        """q(z|x): {"mean" (N, Z)} with "log_var" (N, Z), or with "L" (N, Z, Z)."""
        return self.encode_with_pullback(p, x)[0]

    def decode(self, p: Params, z: Array) -> Params:
        """The parameters of p(x|z), as the likelihood takes them, for z (N, Z)."""
        return self.decoder.forward(self.checked(p)["decoder"], z)[0]

    def sample(self, p: Params, rng: np.random.Generator, n: int, mean: bool = False) -> Array:
        """n new examples: z ~ p(z), then a draw x ~ p(x|z), or with `mean` the mean of p(x|z)."""
        check_sizes(self, n=n)
        like = next(leaf for _, leaf in tree.leaves(self.checked(p)))
        z = self.prior.sample(p.get("prior", {}), rng, (n, self.n_latent), like)
        params = self.decode(p, z)
        return self.likelihood.mean(params) if mean else self.likelihood.sample(params, rng)

    def reconstruct(
        self, p: Params, x: Array, rng: np.random.Generator, mean: bool = False
    ) -> Array:
        """x through its code: z ~ q(z|x), then a draw x ~ p(x|z), or with `mean` that mean.

        z is drawn in both cases; `mean` only says whether the pixels are.
        """
        q = self.encode(p, x)
        z, _ = reparameterise(q, normal(rng, q["mean"].shape, x))
        params = self.decode(p, z)
        return self.likelihood.mean(params) if mean else self.likelihood.sample(params, rng)

    def encode_with_pullback(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """q(z|x) and the encoder's pullback. Raises ValueError where q has not the width Z."""
        q, backward = self.encoder.forward(self.checked(p)["encoder"], x)
        if not isinstance(q, dict) or q.keys() not in ({"mean", "log_var"}, {"mean", "L"}):
            given = sorted(q) if isinstance(q, dict) else type(q).__name__
            raise ValueError(
                "VAE: the encoder must put out a dict of mean, log_var or of mean, L, "
                f"got {given}: use Fork"
            )
        if q["mean"].shape != (len(x), self.n_latent):
            raise ValueError(
                f"VAE: the encoder's mean has shape {q['mean'].shape}, expected "
                f"{(len(x), self.n_latent)}: give encoder and model the same n_latent"
            )
        return q, backward

    def checked(self, p: Params) -> Params:
        """p, after refusing what `init` did not return. Raises ValueError."""
        expected = {"encoder", "decoder"} | ({"prior"} if self.prior.learned else set())
        check_names("VAE", p, expected)
        return p


def check_part(what: str, given: Any, method: str, example: str) -> None:
    """Refuse a class, or what lacks the method. Raises TypeError."""
    if isinstance(given, type) or not hasattr(given, method):
        raise TypeError(f"VAE: expected a {what} such as {example}, got {given!r}")


def check_images(x: Array) -> None:
    """Refuse what is no array. Raises TypeError; the encoder looks at shape and dtype."""
    if not is_array(x):
        given = type(x).__name__
        raise TypeError(f"VAE: expected x as a NumPy or CuPy array, got {given}: use np.asarray")
