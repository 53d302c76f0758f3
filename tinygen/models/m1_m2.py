"""M1+M2: a semi-supervised VAE on the codes of a VAE, trained one after the other. D. P. Kingma,
D. J. Rezende, S. Mohamed and M. Welling, NIPS 2014, arXiv 1406.5298, section 4.1.

    p(x, y, z1, z2) = p(x|z1) p(z1|y,z2) p(y) p(z2)

M1, a VAE, has learnt q(z1|x) and p(x|z1) from examples without labels. M2 has z1 for its data,
drawn anew from q(z1|x) each time it is seen; of M1's dimensions it gets those that say something.

NOTE: recipe and rule for the dimensions are those of the authors' code, dpkingma/nips14-ssl.
                                                           docs/derivations/semi_supervised.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import normal
from tinygen.models.labels import check_pair
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE
from tinygen.models.vae import VAE
from tinygen.pullback import Pullback
from tinygen.reparameterise import log_density, reparameterise


@dataclass(frozen=True)
class M1M2:
    """M2 on the codes of M1     x (N, ...)   y (N,), -1: no label   z1 (N, Z1)   z2 (N, Z2)

    m1 : the VAE of x, with a diagonal q(z1|x)
    m2 : of rows (N, Z1)

    p = {"m1", "m2"}. Its `loss` moves m2 alone: train it as the player "m2".
    Raises ValueError where the codes of m1 are not what m2 takes.
    """

    m1: VAE
    m2: SemiSupervisedVAE

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both, drawn from `rng`: put a trained M1 in the place of "m1"."""
        return {
            "m1": self.m1.init(rng, dtype, weights),
            "m2": self.m2.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, batch: tuple[Array, Array]) -> Params:
        """{"m1": eps (N, Z1), "m2": M2's}."""
        x, y = check_pair("M1M2", batch)
        eps = normal(rng, (len(x), self.m1.n_latent), x)
        return {"m1": eps, "m2": self.m2.draw_noise(rng, (eps, y))}

    def loss(self, p: Params, batch: tuple[Array, Array], noise: Params) -> tuple[Array, Pullback]:
        """M2's loss at z1 ~ q(z1|x); d -> ({"m2": ...}, ((), ())): M1 and x stay as they are."""
        x, y = check_pair("M1M2", batch)
        if not isinstance(noise, dict) or noise.keys() != {"m1", "m2"}:
            raise ValueError(
                f"M1M2: expected noise {{'m1', 'm2'}}, got {type(noise).__name__}: use draw_noise"
            )
        z1, _ = reparameterise(self.m1.encode(p["m1"], x), noise["m1"])  # (N, Z1)
        value, backward = self.m2.loss(p["m2"], (z1, y), noise["m2"])
        return value, Pullback(
            lambda d: {"m2": backward.dp(d)},
            lambda d: ((), ()),
            value,
            terms=backward.terms,
        )

    def elbo(self, p: Params, x: Array, noise: Params) -> Array:
        """The lower bound of log p(x) of each example (N,), in nats, of both models together.

            E_{q(z1|x)}[log p(x|z1) - log q(z1|x) - U(z1)],   with M2's -U(z1) <= log p(z1)

        noise : {"m1": eps (N, Z1), "m2": eps (N K, Z2)}
        """
        q, eps = self.m1.encode(p["m1"], x), noise["m1"]
        z1, _ = reparameterise(q, eps)
        log_q, _ = log_density(q, eps)
        nll, _ = self.m1.likelihood.nll(self.m1.decode(p["m1"], z1), x)
        return self.m2.elbo(p["m2"], z1, noise["m2"]) - log_q - nll

    def features(self, p: Params, x: Array) -> Array:
        """The means of q(z1|x) (N, Z1), by which test examples are classed."""
        return self.m1.encode(p["m1"], x)["mean"]

    def errors(self, p: Params, x: Array, y: Array) -> np.ndarray:
        """Which examples q(y|z1) classes wrongly, (N,) of 0.0 and 1.0, on the host."""
        return self.m2.errors(p["m2"], self.features(p, x), y)

    def predict(self, p: Params, x: Array) -> Array:
        """The likeliest class of each example, (N,)."""
        return self.m2.predict(p["m2"], self.features(p, x))

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        mean: bool = False,
        y: Array | None = None,
    ) -> Array:
        """n new examples: y (n,) as given, or ~ p(y); z2 ~ p(z2), z1 ~ p(z1|y,z2), x ~ p(x|z1).

        `mean`: the mean of p(x|z1) in the place of x.
        """
        z1 = self.m2.sample(p["m2"], rng, n, y=y)
        params, likelihood = self.m1.decode(p["m1"], z1), self.m1.likelihood
        return likelihood.mean(params) if mean else likelihood.sample(params, rng)

    def analogies(self, p: Params, batch: tuple[Array, Array]) -> Array:
        """The style of each example in every class: M2's analogies of its code, (N, K, ...)."""
        x, y = check_pair("M1M2", batch)
        z1 = self.m2.vae.analogies(p["m2"]["vae"], (self.features(p, x), y))  # (N, K, Z1)
        images = self.m1.likelihood.mean(self.m1.decode(p["m1"], z1.reshape(-1, z1.shape[2])))
        return images.reshape(len(x), self.m2.classes, *images.shape[1:])


def informative(mean: Array, above: float = 0.1) -> np.ndarray:
    """The dimensions (n,) whose means of q(z|x) vary over examples by a std above this.

    mean : (N, Z). Raises ValueError where there is none: M1 has learnt nothing.
    """
    check_array("M1M2: mean", mean, "N", "Z")
    kept = np.flatnonzero(to_host(mean).std(axis=0) > above)
    if not len(kept):
        raise ValueError(
            f"M1M2: no dimension of M1's code varies by more than {above:g} over the examples: "
            "train M1 for longer"
        )
    return kept


def pruned(p: Params, kept: np.ndarray) -> Params:
    """The parameters of a VAE of `dense_vae` or `conv_vae`, with these latent dimensions alone.

    They fit the same VAE built with n_latent = len(kept). The decoder sees zero, the prior's
    mean, where a dimension is gone. The posterior must be diagonal.
    """
    encoder, decoder = p["encoder"], p["decoder"]
    W = decoder["0"]["W"]  #                                              (Z, H)
    index = namespace(W).asarray(kept)
    q = tree.map(lambda a: a[..., index], encoder["q"])  # mean and log_var, columns of both heads
    first = decoder["0"] | {"W": W[index]}
    return {"encoder": encoder | {"q": q}, "decoder": decoder | {"0": first}}


def draw_codes(rng: np.random.Generator, data: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """(z1, y) with z1 ~ N(mean, exp(log_var)), from (mean, log_var, y): a transform of `train`.

    On a CPU M1 need encode each example once: train M2 alone on its means and log-variances.
    """
    mean, log_var, y = data
    return mean + namespace(mean).exp(0.5 * log_var) * normal(rng, mean.shape, mean), y
