"""Stacks of layers that autoencoders and VAEs share: images to features, codes to images.

An encoder maps images (N, H, W, C) to features (N, F), without a head: one puts Dense(F, Z) or a
Fork behind it. A decoder maps codes (N, Z) to images (N, H', W', C') and ends in a linear layer:
means, or logits.

The convolutional pair halves the image with each layer and doubles it back to the same sizes:

    s_l = floor((s_{l-1} - 1) / 2) + 1,    s_{l-1} = 2 s_l - 1 + q_l,    q_l = (s_{l-1} - 1) mod 2

A 3x3 kernel at stride 2 with padding 1 does so for every size, down to one pixel; q_l is the
output padding of docs/derivations/conv_transpose.md.
"""

from itertools import pairwise
from math import prod
from typing import Any

from tinygen.arguments import is_whole
from tinygen.layers import (
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    Layer,
    Relu,
    Reshape,
    Sequential,
)

Shape = tuple[int, ...]  # (H, W, C); `check_shape` refuses others

KERNEL, STRIDE, PADDING = 3, 2, 1
CHANNELS = (32, 64, 64, 64)
RELU = Relu()


def dense_encoder(shape: Shape, hidden: tuple[int, ...], activation: Layer = RELU) -> Sequential:
    """Images (N, *shape) -> features (N, F), F = dense_features(shape, hidden).

    shape      : (H, W, C) of one image
    hidden     : the widths, each followed by the activation; () only flattens
    activation : such as Relu() or Tanh()

    Raises ValueError for a shape that is not (H, W, C) and for widths below 1.
    """
    widths = (prod(check_shape("dense_encoder", shape)), *check_widths("hidden", hidden))
    layers: list[Layer] = [Flatten()]
    for n_in, n_out in pairwise(widths):
        layers += [Dense(n_in, n_out), activation]
    return Sequential(*layers)


def dense_features(shape: Shape, hidden: tuple[int, ...]) -> int:
    """F, the width of what `dense_encoder` puts out."""
    return hidden[-1] if hidden else prod(shape)


def dense_decoder(
    n_latent: int, hidden: tuple[int, ...], shape: Shape, activation: Layer = RELU
) -> Sequential:
    """Codes (N, n_latent) -> images (N, *shape), linear at the end.

    hidden : the widths in the order from code to image, each followed by the activation

    Raises ValueError as `dense_encoder`.
    """
    check_shape("dense_decoder", shape)
    widths = (n_latent, *check_widths("hidden", hidden))
    layers: list[Layer] = []
    for n_in, n_out in pairwise(widths):
        layers += [Dense(n_in, n_out), activation]
    return Sequential(*layers, Dense(widths[-1], prod(shape)), Reshape(shape))


def conv_encoder(
    shape: Shape, channels: tuple[int, ...] = CHANNELS, activation: Layer = RELU
) -> Sequential:
    """Images (N, *shape) -> features (N, F), F = conv_features(shape, channels).

    shape      : (H, W, C) of one image
    channels   : of each 3x3 convolution at stride 2, which halves the image (rounding up)
    activation : after each of them

    Raises ValueError for a shape that is not (H, W, C), no channels, and counts below 1.
    """
    check_shape("conv_encoder", shape)
    depths = (shape[2], *check_widths("channels", channels, fewest=1))
    layers: list[Layer] = [Reshape(shape)]  # refuses images of another size
    for c_in, c_out in pairwise(depths):
        layers += [Conv2d(c_in, c_out, KERNEL, STRIDE, PADDING), activation]
    return Sequential(*layers, Flatten())


def conv_sizes(shape: Shape, channels: tuple[int, ...] = CHANNELS) -> list[tuple[int, int]]:
    """(H, W) of the image, then after each layer of `conv_encoder`."""
    sizes = [(shape[0], shape[1])]
    for _ in channels:
        height, width = sizes[-1]
        sizes.append(((height - 1) // STRIDE + 1, (width - 1) // STRIDE + 1))  # s_l
    return sizes


def conv_features(shape: Shape, channels: tuple[int, ...] = CHANNELS) -> int:
    """F, the width of what `conv_encoder` puts out."""
    return prod(conv_sizes(shape, channels)[-1]) * channels[-1]


def conv_decoder(
    n_latent: int,
    shape: Shape,
    channels: tuple[int, ...] = CHANNELS,
    out_channels: int | None = None,
    activation: Layer = RELU,
) -> Sequential:
    """Codes (N, n_latent) -> images (N, H, W, out_channels): `conv_encoder` in a mirror.

    shape        : (H, W, C) of the images that the encoder takes
    channels     : the encoder's, in its order: from image to code
    out_channels : C where not given; 2 C for two numbers a pixel

    A dense layer paints the smallest image; transposed convolutions double it, each back to the
    size that its mirror was given. The last one is linear. Raises ValueError as `conv_encoder`.

    NOTE: a kernel of 3 at stride 2 puts 1, 2 or 4 taps on a pixel by its place, and can leave a
    chequered pattern (Odena et al. 2016, distill.pub/2016/deconv-checkerboard). One of 4 would
    not, but fits no image below 2 pixels.
    """
    check_shape("conv_decoder", shape)
    check_widths("channels", channels, fewest=1)
    out_channels = shape[2] if out_channels is None else out_channels
    depths, sizes = (out_channels, *channels), conv_sizes(shape, channels)
    smallest = (*sizes[-1], channels[-1])
    layers: list[Layer] = [Dense(n_latent, prod(smallest)), activation, Reshape(smallest)]
    for i in reversed(range(len(channels))):
        height, width = sizes[i]  # the mirror's input
        q = ((height - 1) % STRIDE, (width - 1) % STRIDE)  # q_l
        up = ConvTranspose2d(depths[i + 1], depths[i], KERNEL, STRIDE, PADDING, q)
        layers += [up, activation] if i else [up]
    return Sequential(*layers)


def check_shape(name: str, shape: Any) -> Shape:
    """Refuse what is not (H, W, C), three whole numbers >= 1. Raises ValueError."""
    if not is_sizes(shape) or len(shape) != 3:
        raise ValueError(
            f"{name}: shape must be (H, W, C) of one image, three whole numbers >= 1, "
            f"got {shape!r}: digits of 28 x 28 pixels have (28, 28, 1)"
        )
    return shape


def check_widths(what: str, widths: Any, fewest: int = 0) -> tuple[int, ...]:
    """Refuse what is not a tuple of whole numbers >= 1. Raises ValueError."""
    if not is_sizes(widths) or len(widths) < fewest:
        raise ValueError(
            f"{what} must be a tuple of {fewest} or more whole numbers >= 1, got {widths!r}: "
            "one layer of 400 is (400,)"
        )
    return widths


def is_sizes(sizes: Any) -> bool:
    """Whether it is a tuple of whole numbers >= 1."""
    return isinstance(sizes, tuple) and all(map(is_whole, sizes))
