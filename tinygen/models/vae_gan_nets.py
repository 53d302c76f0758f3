"""VAE-GANs of dense layers and of convolutions; the discriminator in two parts.

    features : the stack of an encoder, LeakyReLU(.2) after each layer, flattened; images are
               compared in what it puts out
    score    : a hidden layer, and one number

NOTE: the paper's nets have batch norm throughout, and theirs are of 64 x 64 colours; here are none,
so that a score never hangs on the rest of a batch.
"""

from typing import Any

from tinygen.layers import Dense, LeakyRelu, Sequential, Sigmoid
from tinygen.likelihoods import Bernoulli
from tinygen.models.nets import (
    CHANNELS,
    Shape,
    check_shape,
    conv_encoder,
    conv_features,
    dense_encoder,
    dense_features,
)
from tinygen.models.vae_gan import VAEGAN
from tinygen.models.vae_nets import conv_nets, dense_nets

LEAKY = LeakyRelu(0.2)
SCORING = 64  # hidden units between the features and the score


def dense_vae_gan(
    shape: Shape,
    hidden: tuple[int, ...] = (400,),
    n_latent: int = 20,
    features: tuple[int, ...] = (400,),
    scoring: int = SCORING,
    **options: Any,
) -> VAEGAN:
    """Dense nets for images (H, W, C) in 0..1.

    hidden   : widths of the encoder, and in reverse of the decoder
    features : widths of the discriminator, from image to features
    scoring  : hidden units between the features and the score
    options  : gamma, precision, objective, see `VAEGAN`

    Raises ValueError for a shape that is not (H, W, C), and for widths below 1.
    """
    check_shape("dense_vae_gan", shape)
    encoder, decoder = dense_nets(shape, hidden, n_latent, Bernoulli())
    return VAEGAN(
        encoder,
        Sequential(logits=decoder, pixels=Sigmoid()),
        dense_encoder(shape, features, LEAKY),
        scorer(dense_features(shape, features), scoring),
        n_latent,
        **options,
    )


def conv_vae_gan(
    shape: Shape,
    n_latent: int = 20,
    channels: tuple[int, ...] = CHANNELS,
    features: tuple[int, ...] | None = None,
    scoring: int = SCORING,
    **options: Any,
) -> VAEGAN:
    """Convolutions at stride 2 for images (H, W, C) in 0..1, of any size.

    channels : of the encoder, and in reverse of the decoder
    features : of the discriminator; those of the encoder where not given

    scoring, options, and what is raised: as for `dense_vae_gan`.
    """
    features = channels if features is None else features
    encoder, decoder = conv_nets(shape, n_latent, channels, Bernoulli())
    return VAEGAN(
        encoder,
        Sequential(logits=decoder, pixels=Sigmoid()),
        conv_encoder(shape, features, LEAKY),
        scorer(conv_features(shape, features), scoring),
        n_latent,
        **options,
    )


def scorer(width: int, scoring: int) -> Sequential:
    """Features (N, width) -> scores (N, 1)."""
    return Sequential(Dense(width, scoring), LEAKY, Dense(scoring, 1))
