"""The conditional VAE: a VAE that is told the class of each example, in both its nets.

    log p(x|y) >= E_{q(z|x,y)}[log p(x|y,z)] - KL(q(z|x,y) || p(z)),        p(z) = N(0, I)

The code z need not say which class it is; what is left for it is how the example differs from
others of its class: its style. Decoded with another label it gives the same style of that class.

D. P. Kingma, D. J. Rezende, S. Mohamed and M. Welling, Semi-supervised Learning with Deep
Generative Models, NIPS 2014, arXiv 1406.5298 (model M2 with all labels known); K. Sohn, H. Lee
and X. Yan, NIPS 2015.                                     docs/derivations/conditional_vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import kl_to_standard_normal
from tinygen.layers import Dense, LabelledDense, Layer, Sequential
from tinygen.layers.base import check_names, check_nonempty, check_sizes
from tinygen.likelihoods import Bernoulli, Likelihood
from tinygen.likelihoods.base import normal
from tinygen.models import vae_likelihood
from tinygen.models.given import Given
from tinygen.models.labels import LABEL, check_examples, check_labels, check_pair
from tinygen.models.latent import check_images, check_part
from tinygen.models.nets import RELU, Shape
from tinygen.models.vae_nets import dense_nets
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise


@dataclass(frozen=True)
class ConditionalVAE:
    """p(x|y) = int p(x|y,z) p(z) dz     x (N, ...)   y (N,) whole numbers   z (N, Z)

    encoder    : x -> q(z|x,y), {"mean", "log_var"}; a Sequential whose layer "label" takes the
                 labels as its third argument, such as `LabelledDense`
    decoder    : z -> the parameters of p(x|y,z), with such a layer too
    n_latent   : Z
    classes    : K; labels are 0 .. K-1, of an integer dtype
    likelihood : p(x|y,z), such as Bernoulli()

    p = {"encoder", "decoder"}. Values are in nats. Bad input raises ValueError (labels out of
    range, pixels outside the likelihood's, NaN, shapes, an empty batch) or TypeError (labels that
    are no whole numbers, dtypes, devices).
    """

    encoder: Sequential
    decoder: Sequential
    n_latent: int
    classes: int
    likelihood: Likelihood

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        check_sizes(self, minimum=2, classes=self.classes)
        check_part("likelihood", self.likelihood, "nll", "Bernoulli()")

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both nets, drawn from `rng`; `weights` names the rule (`initialisers`)."""
        return {
            "encoder": self.encoder.init(rng, dtype, weights),
            "decoder": self.decoder.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, batch: tuple[Array, Array]) -> Array:
        """eps ~ N(0, I) (N, Z), like x in dtype and device."""
        x, _ = check_pair("ConditionalVAE", batch)
        check_images(x)
        return normal(rng, (len(x), self.n_latent), x)

    def loss(self, p: Params, batch: tuple[Array, Array], noise: Array) -> tuple[Array, Pullback]:
        """-ELBO of log p(x|y), in nats, a mean over the batch; d -> (dp, (dx, ())).

        Labels have no gradient. `backward.terms` holds the parts, "nll" and "kl".
        """
        x, y = check_examples("ConditionalVAE", batch, self.classes)
        bound, bound_backward = self.bound(p, x, y, noise)  #             (N,)
        value = bound.mean()

        def each(d: Array) -> Array:
            return namespace(bound).full_like(bound, d / len(bound))

        def both(d: Array) -> tuple[Params, Any]:
            dp, dx = bound_backward(each(d))
            return dp, (dx, ())

        return value, Pullback(
            lambda d: bound_backward.dp(each(d)),
            lambda d: both(d)[1],
            value,
            both,
            terms={name: part.mean() for name, part in bound_backward.terms.items()},
        )

    def bound(self, p: Params, x: Array, y: Array, eps: Array) -> tuple[Array, Pullback]:
        """-ELBO of each pair of an example and a label, and its pullback d -> (dp, dx).

        x   : (N, ...)
        y   : (N M,), M labels for each example, one after the other; M = 1: its own
        eps : (N M, Z)

        bound (N M,) = -log p(x|y,z) + KL(q(z|x,y) || p(z)),   z = mean + std eps
        `backward.terms` holds both parts (N M,).
        """
        check_images(x)
        check_nonempty("ConditionalVAE", x)
        p, xp = self.checked(p), namespace(x)
        m = max(1, len(y) // len(x))
        labels = check_labels("ConditionalVAE", y, m * len(x), self.classes)
        q, encoder_backward = self.encoder.forward(p["encoder"], x, {LABEL: labels})
        z, z_backward = reparameterise(q, eps)  # z = mean + std eps      (N M, Z)
        params, decoder_backward = self.decoder.forward(p["decoder"], z, {LABEL: labels})
        rows = xp.repeat(x, m, axis=0) if m > 1 else x  #                 (N M, ...)
        nll, nll_backward = self.likelihood.nll(params, rows)  #          (N M,)
        kl, kl_backward = kl_to_standard_normal(q)  #                     (N M,)
        value = nll + kl  #                                               (N M,)    (4)

        def down_to_q(d: Array) -> tuple[Params, Params]:
            ddecoder, dz = decoder_backward(nll_backward.dp(d))
            return ddecoder, tree.add(z_backward.dp(dz), kl_backward.dp(d))  #     (5)

        def dp(d: Array) -> Params:
            ddecoder, dq = down_to_q(d)
            return {"encoder": encoder_backward.dp(dq), "decoder": ddecoder}

        def both(d: Array) -> tuple[Params, Array]:
            ddecoder, dq = down_to_q(d)
            dencoder, dx = encoder_backward(dq)
            told = nll_backward.dx(d)  # x is encoded, and M times the data to explain
            dx = dx + (told.reshape(len(x), m, *x.shape[1:]).sum(axis=1) if m > 1 else told)
            return {"encoder": dencoder, "decoder": ddecoder}, dx

        terms = {"nll": nll, "kl": kl}
        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)

    def elbo(self, p: Params, batch: tuple[Array, Array], noise: Array) -> Array:
        """The lower bound of log p(x|y) of each example (N,), in nats."""
        return -self.bound(p, *check_examples("ConditionalVAE", batch, self.classes), noise)[0]

    def log_prob(
        self, p: Params, batch: tuple[Array, Array], rng: np.random.Generator, samples: int = 100
    ) -> tuple[Array, Array]:
        """log p(x|y) (N,) by importance sampling from q(z|x,y), and its standard error (N,).

        As `LatentModel.log_prob`: a lower bound in expectation, which rises with `samples`.
        """
        x, y = check_pair("ConditionalVAE", batch)
        check_sizes(self, samples=samples)
        check_images(x)
        check_nonempty("ConditionalVAE.log_prob", x)
        labels, parts = check_labels("ConditionalVAE", y, len(x), self.classes), []
        at_once = max(1, vae_likelihood.DECODER_ROWS // samples)
        for i in range(0, len(x), at_once):
            given = Given(self, labels[i : i + at_once])
            parts.append(vae_likelihood.log_prob(given, p, x[i : i + at_once], rng, samples))
        log_p, error = zip(*parts, strict=True)
        return namespace(x).concatenate(log_p), namespace(x).concatenate(error)

    def encode(self, p: Params, x: Array, y: Array) -> Params:
        """q(z|x,y): {"mean", "log_var"} (N, Z)."""
        labels = check_labels("ConditionalVAE", y, len(x), self.classes)
        return self.encoder.forward(self.checked(p)["encoder"], x, {LABEL: labels})[0]

    def decode(self, p: Params, z: Array, y: Array) -> Params:
        """The parameters of p(x|y,z) for z (N, Z), or for M labels each (N M,) of them."""
        labels = check_labels("ConditionalVAE", y, len(z) * max(1, len(y) // len(z)), self.classes)
        return self.decoder.forward(self.checked(p)["decoder"], z, {LABEL: labels})[0]

    def sample(self, p: Params, rng: np.random.Generator, y: Array, mean: bool = False) -> Array:
        """A new example of each class in y (N,): z ~ p(z), then x ~ p(x|y,z), or its mean."""
        like = next(leaf for _, leaf in tree.leaves(self.checked(p)))
        check_labels("ConditionalVAE", y, getattr(y, "size", 1) or 1, self.classes)
        return self.drawn(self.decode(p, normal(rng, (len(y), self.n_latent), like), y), rng, mean)

    def reconstruct(
        self, p: Params, batch: tuple[Array, Array], rng: np.random.Generator, mean: bool = False
    ) -> Array:
        """x through its code z ~ q(z|x,y), by its own label: a draw x ~ p(x|y,z), or its mean."""
        x, y = check_pair("ConditionalVAE", batch)
        z, _ = reparameterise(self.encode(p, x, y), self.draw_noise(rng, batch))
        return self.drawn(self.decode(p, z, y), rng, mean)

    def analogies(self, p: Params, batch: tuple[Array, Array]) -> Array:
        """The style of each example in every class: means of p(x|k,z), (N, K, ...).

        z = E q(z|x,y), by the example's own label y; k = 0 .. K-1.
        """
        x, y = check_pair("ConditionalVAE", batch)
        z = self.encode(p, x, y)["mean"]
        mean = self.likelihood.mean(self.decode(p, z, np.tile(np.arange(self.classes), len(x))))
        return mean.reshape(len(x), self.classes, *mean.shape[1:])

    def drawn(self, params: Params, rng: np.random.Generator, mean: bool) -> Array:
        """A draw from p(x|y,z), or its mean."""
        return self.likelihood.mean(params) if mean else self.likelihood.sample(params, rng)

    def checked(self, p: Params) -> Params:
        """p, after refusing what `init` did not return. Raises ValueError."""
        check_names("ConditionalVAE", p, {"encoder", "decoder"})
        return p


def dense_conditional_vae(
    shape: int | Shape = 784,
    hidden: int | tuple[int, ...] = 400,
    n_latent: int = 20,
    classes: int = 10,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    activation: Layer = RELU,
) -> ConditionalVAE:
    """The conditional VAE of dense nets; the label joins the input of the first layer of each.

    shape, hidden, n_latent, likelihood, variance, activation : as in `dense_vae`; one hidden
    layer at least
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    nets = dense_nets(shape, hidden, n_latent, likelihood, variance, "diagonal", activation)
    encoder, decoder = (labelled(net, classes) for net in nets)
    return ConditionalVAE(encoder, decoder, n_latent, classes, likelihood)


def labelled(net: Sequential, classes: int) -> Sequential:
    """The net with a `LabelledDense`, named "label", in the place of its first dense layer.

    Raises ValueError where no layer of the chain itself is dense.
    """
    layers: dict[str, Layer] = {}
    for name, layer in net.layers.items():
        if isinstance(layer, Dense) and LABEL not in layers:
            layers[LABEL] = LabelledDense(layer.n_in, classes, layer.n_out)
        else:
            layers[name] = layer
    if LABEL not in layers:
        raise ValueError(
            "ConditionalVAE: the label joins the first hidden layer, and there is none: give one "
            "width or more, as in hidden=(400,)"
        )
    return net.with_layers(layers)
