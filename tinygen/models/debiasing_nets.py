"""Debiasing VAEs of dense and convolutional nets: a VAE's, with one linear layer for the class.

    x - hidden layers - logits, q(z|x),        z - the same in reverse - p(x|z)

The model is debiasing_vae.py.
"""

from typing import Any

from tinygen.layers import Dense, Fork, Layer, Sequential
from tinygen.likelihoods import Bernoulli, Likelihood
from tinygen.models.debiasing_vae import DebiasingVAE
from tinygen.models.nets import CHANNELS, RELU, Shape
from tinygen.models.vae_nets import Nets, conv_nets, dense_nets


def dense_debiasing_vae(
    shape: int | Shape = 784,
    hidden: int | tuple[int, ...] = 400,
    n_latent: int = 20,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    activation: Layer = RELU,
    classes: int = 2,
    **objective: Any,
) -> DebiasingVAE:
    """The debiasing VAE of two dense nets; one linear layer more reads the class.

    objective : debiased, weight, beta and prior of the `DebiasingVAE`; the rest as in `dense_vae`
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    nets = dense_nets(shape, hidden, n_latent, likelihood, variance, "diagonal", activation)
    return DebiasingVAE(
        *with_logits(nets, classes), n_latent, likelihood, classes=classes, **objective
    )


def conv_debiasing_vae(
    shape: Shape = (28, 28, 1),
    n_latent: int = 20,
    channels: tuple[int, ...] = CHANNELS,
    likelihood: Likelihood | None = None,
    variance: str = "pixel",
    activation: Layer = RELU,
    classes: int = 2,
    **objective: Any,
) -> DebiasingVAE:
    """The debiasing VAE of convolutions: see `dense_debiasing_vae` and `conv_vae`."""
    likelihood = Bernoulli() if likelihood is None else likelihood
    nets = conv_nets(shape, n_latent, channels, likelihood, variance, "diagonal", activation)
    return DebiasingVAE(
        *with_logits(nets, classes), n_latent, likelihood, classes=classes, **objective
    )


def with_logits(nets: Nets, classes: int) -> Nets:
    """The nets of a VAE, with one more output of the encoder: (N, F) -> logits (N, K)."""
    encoder, decoder = nets
    *trunk, q = encoder.layers.values()
    assert isinstance(q, Fork)
    mean = q.layers["mean"]
    assert isinstance(mean, Dense)
    heads = Fork(logits=Dense(mean.n_in, classes), **q.layers)
    return Sequential(*trunk, out=heads), decoder
