"""Autoencoders of images (N, H, W, C): linear, dense, convolutional, tied sigmoid layers.

The decoder ends in a head:

    linear    pixels without bounds, as PCA has them
    sigmoid   pixels in (0, 1); x outside [0, 1] is refused

Linear is the default. The squared error of a sigmoid has the slope 2 (r - x) r (1 - r), which dies
where r is near 0 or 1, right or wrong: on MNIST two of three convolutional ones (code of 20, Adam
1e-3) never left the black image. Pixels of a linear head are clipped for display alone.
                                                           docs/derivations/autoencoder.md
"""

from math import prod
from typing import Any

from tinygen.layers import Dense, Layer, Sequential, Sigmoid, Tanh
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.contractive import SigmoidEncoder
from tinygen.models.corruption import Corruption
from tinygen.models.deep_tied import DeepTiedAutoencoder
from tinygen.models.nets import (
    CHANNELS,
    RELU,
    Shape,
    conv_decoder,
    conv_encoder,
    conv_features,
    dense_decoder,
    dense_encoder,
    dense_features,
)
from tinygen.models.tied import TiedAutoencoder

TANH = Tanh()
HEADS: dict[str, dict[str, Layer]] = {"linear": {}, "sigmoid": {"head": Sigmoid()}}


def dense_autoencoder(
    shape: Shape,
    hidden: tuple[int, ...] = (400,),
    n_latent: int = 20,
    *,
    activation: Layer = RELU,
    head: str = "linear",
    corruption: Corruption | None = None,
    contraction: float = 0.0,
) -> Autoencoder:
    """Images - hidden - Z - hidden reversed - images, the code itself linear.

    shape      : (H, W, C) of one image
    hidden      : the encoder's widths, each followed by the activation; (1000, 500, 250) and a code
                  of 30 are Hinton and Salakhutdinov's
    head        : "linear" or "sigmoid"
    corruption  : such as Masking(0.3), for the denoising autoencoder
    contraction : the weight of |dz/dx|^2; the decoder has weights of its own, and can undo a
                  smaller code: see `deep_contractive_autoencoder`

    Raises ValueError for other shapes, widths and heads.
    """
    encoder = Sequential(
        features=dense_encoder(shape, hidden, activation),
        code=Dense(dense_features(shape, hidden), n_latent),
    )
    decoder = dense_decoder(n_latent, hidden[::-1], shape, activation)
    return Autoencoder(
        encoder,
        **headed(decoder, head),
        n_latent=n_latent,
        corruption=corruption,
        contraction=contraction,
    )


def linear_autoencoder(shape: Shape, n_latent: int = 20) -> Autoencoder:
    """Images - Z - images without a nonlinearity: at its best it is PCA (`pca_autoencoder`)."""
    return dense_autoencoder(shape, (), n_latent)


def conv_autoencoder(
    shape: Shape,
    n_latent: int = 20,
    channels: tuple[int, ...] = CHANNELS,
    *,
    activation: Layer = RELU,
    head: str = "linear",
    corruption: Corruption | None = None,
) -> Autoencoder:
    """Strided convolutions down to the code, transposed convolutions in a mirror back up.

    channels : of each convolution, which halves the image; else as `dense_autoencoder`
    """
    encoder = Sequential(
        features=conv_encoder(shape, channels, activation),
        code=Dense(conv_features(shape, channels), n_latent),
    )
    decoder = conv_decoder(n_latent, shape, channels, activation=activation)
    return Autoencoder(encoder, **headed(decoder, head), n_latent=n_latent, corruption=corruption)


def tied_autoencoder(
    shape: Shape,
    n_latent: int = 20,
    *,
    contraction: float = 0.0,
    head: str = "linear",
    corruption: Corruption | None = None,
) -> TiedAutoencoder:
    """One sigmoid layer to the code, and its transpose back: the denoising papers' own form.

    contraction : the weight of |dz/dx|^2; else as `dense_autoencoder`
    """
    decoder = dense_decoder(n_latent, (), shape)
    return TiedAutoencoder(
        SigmoidEncoder(prod(shape), n_latent),
        **headed(decoder, head),
        n_latent=n_latent,
        corruption=corruption,
        contraction=contraction,
    )


def contractive_autoencoder(
    shape: Shape,
    n_latent: int = 20,
    contraction: float = 0.1,
    *,
    head: str = "linear",
    corruption: Corruption | None = None,
) -> TiedAutoencoder:
    """`tied_autoencoder` whose code resists changes of the image (Rifai et al. 2011).

    NOTE: Rifai et al. take the cross-entropy of a sigmoid head; here it is the squared error.
    """
    return tied_autoencoder(
        shape, n_latent, contraction=contraction, head=head, corruption=corruption
    )


def deep_contractive_autoencoder(
    shape: Shape,
    hidden: tuple[int, ...] = (256,),
    n_latent: int = 20,
    contraction: float = 0.1,
    *,
    activation: Layer = TANH,
    head: str = "linear",
    corruption: Corruption | None = None,
) -> DeepTiedAutoencoder:
    """Images - hidden - Z - hidden reversed - images, tied, a code that resists changes of x.

    hidden      : the encoder's widths; () with sigmoids is `contractive_autoencoder` again
    contraction : the weight of |dz/dx|^2 of the whole stack; a step costs about Z backward passes
                  and Z tangents of the encoder more
    activation  : after each layer but the images, the code too; else as `dense_autoencoder`

    NOTE: sigmoids are the paper's; two of them in a row learn slowly (contractive.md).
    """
    features = dense_encoder(shape, hidden, activation)
    code = Dense(dense_features(shape, hidden), n_latent)
    return DeepTiedAutoencoder(
        Sequential(*features.layers.values(), code, activation),
        **headed(dense_decoder(n_latent, hidden[::-1], shape, activation), head),
        n_latent=n_latent,
        corruption=corruption,
        contraction=contraction,
    )


def headed(decoder: Layer, head: str) -> dict[str, Any]:
    """The decoder with its head, and the bounds of its pixels. ValueError for an unknown head."""
    if head not in HEADS:
        raise ValueError(f"autoencoder: unknown head {head!r}: choose {' or '.join(HEADS)}")
    bounds = (0.0, 1.0) if head == "sigmoid" else None
    return {"decoder": Sequential(images=decoder, **HEADS[head]), "bounds": bounds}
