"""Encoders and decoders of VAEs: the stacks of nets.py, with heads for q(z|x) and p(x|z).

    dense : x - hidden layers - q,        z - the same in reverse - p(x|z)
    conv  : x - strided convolutions - q, z - dense, transposed convolutions - p(x|z)

A Gaussian decoder of learned variance (docs/derivations/gaussian.md) has two heads on its last
hidden layer; a posterior of full covariance puts out a Cholesky factor
(docs/derivations/cholesky.md).
"""

from tinygen.layers import Bounded, Cholesky, Dense, Fork, Layer, Sequential, Shared
from tinygen.likelihoods import Bernoulli, Gaussian, Likelihood
from tinygen.models.nets import (
    RELU,
    Shape,
    conv_decoder,
    conv_encoder,
    conv_features,
    dense_decoder,
    dense_encoder,
    dense_features,
    is_sizes,
)

POSTERIORS = ("diagonal", "full")
VARIANCES = ("pixel", "shared", "one")

Nets = tuple[Sequential, Sequential]


def dense_nets(
    shape: int | Shape,
    hidden: int | tuple[int, ...],
    n_latent: int,
    likelihood: Likelihood,
    variance: str = "pixel",
    posterior: str = "diagonal",
    activation: Layer = RELU,
) -> Nets:
    """(encoder, decoder) of dense layers: see `vae.dense_vae`."""
    rows = not isinstance(shape, tuple)
    image = shape if isinstance(shape, tuple) else (1, 1, shape)
    if not is_sizes(image):
        raise ValueError(
            "dense_vae: shape must be a whole number >= 1, the length of a row, or (H, W, C), "
            f"got {shape!r}"
        )
    check_latent("dense_vae", n_latent)
    hidden = hidden if isinstance(hidden, tuple) else (hidden,)
    encoder = list(dense_encoder(image, hidden, activation).layers.values())
    n_features = dense_features(image, hidden)
    decoder = dense_decoder(n_latent, hidden[::-1], image, activation)
    *trunk, dense, reshape = decoder.layers.values()
    if rows:  # neither flattened nor shaped back
        encoder, last = encoder[1:], [dense]
    else:
        last = [dense, reshape]
    data = image[2:] if rows else image
    return (
        Sequential(*encoder, q=posterior_head(posterior, n_features, n_latent)),
        Sequential(*trunk, out=likelihood_head("dense_vae", last, likelihood, variance, data)),
    )


def conv_nets(
    shape: Shape,
    n_latent: int,
    channels: tuple[int, ...],
    likelihood: Likelihood,
    variance: str = "pixel",
    posterior: str = "diagonal",
    activation: Layer = RELU,
) -> Nets:
    """(encoder, decoder) of convolutions and transposed convolutions: see `vae.conv_vae`."""
    check_latent("conv_vae", n_latent)
    encoder = conv_encoder(shape, channels, activation)
    n_features = conv_features(shape, channels)
    decoder = conv_decoder(n_latent, shape, channels, activation=activation)
    *trunk, last = decoder.layers.values()
    return (
        Sequential(*encoder.layers.values(), q=posterior_head(posterior, n_features, n_latent)),
        Sequential(*trunk, out=likelihood_head("conv_vae", [last], likelihood, variance, shape)),
    )


def posterior_head(posterior: str, n_features: int, n_latent: int) -> Fork:
    """Features (N, F) -> {"mean", "log_var"} of a diagonal Gaussian, or {"mean", "L"} of a full.

    Raises ValueError for another name.
    """
    mean = Dense(n_features, n_latent)
    if posterior == "diagonal":
        return Fork(mean=mean, log_var=Sequential(Dense(n_features, n_latent), Bounded()))
    if posterior == "full":
        factor = Cholesky(n_latent)
        return Fork(mean=mean, L=Sequential(Dense(n_features, factor.n_in), factor))
    raise ValueError(f"VAE: unknown posterior {posterior!r}: choose {' or '.join(POSTERIORS)}")


def likelihood_head(
    name: str, last: list[Layer], likelihood: Likelihood, variance: str, data: tuple[int, ...]
) -> Layer:
    """The decoder's last, linear layers, as often as the likelihood has parameters.

    data : the shape of one example
    Raises ValueError for likelihoods and variances without a head; `name` begins the message.
    """
    if isinstance(likelihood, Likelihood) and not isinstance(likelihood, Bernoulli | Gaussian):
        raise ValueError(
            f"{name}: the decoder has heads for Bernoulli and Gaussian, got {likelihood!r}: "
            "build VAE(encoder, decoder, n_latent, likelihood) with a decoder for it"
        )
    linear = Sequential(*last) if len(last) > 1 else last[0]
    if not isinstance(likelihood, Gaussian) or likelihood.std is not None:
        return linear
    log_vars: dict[str, Layer] = {"pixel": linear, "shared": Shared(data), "one": Shared(1)}
    if variance not in log_vars:
        raise ValueError(f"{name}: unknown variance {variance!r}: choose {', '.join(VARIANCES)}")
    return Fork(mean=linear, log_var=Sequential(log_vars[variance], Bounded()))


def check_latent(name: str, n_latent: int) -> None:
    """Refuse what is no whole number >= 1. Raises ValueError."""
    if not is_sizes((n_latent,)):
        raise ValueError(f"{name}: n_latent must be a whole number >= 1, got {n_latent!r}")
