"""DCGAN: A. Radford, L. Metz and S. Chintala, ICLR 2016, arXiv 1511.06434.

A GAN of convolutions, by the paper's rules: strides in the place of pooling; batch norm in both
nets, but not at G's output and D's input; no dense layers within; ReLU in G and tanh at its end,
LeakyReLU of slope 0.2 in D; all weights ~ N(0, 0.02^2).

    G   z -> dense to h x w x F_L, BN, ReLU; doubled L times by 4x4 kernels of stride 2 -> tanh
    D   x halved L times by 4x4 kernels of stride 2 -> dense to one score

s_l = s_{l-1} / 2: a 4x4 kernel at stride 2 with padding 1 halves an even side, and its transpose
doubles it; but for the border each pixel that G paints meets as many taps.
                                                           docs/derivations/dcgan.md

    told labels: behind each layer but the last the label adds a bias of its own, before the norm

NOTE: the paper's kernels are 5x5; 4x4 is what its authors' and most later code for PyTorch took,
and puts the same number of taps on each pixel inside; a 5x5 kernel at stride 2 puts 4, 6 or 9.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from tinygen.adversarial import NonSaturating, Objective
from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params
from tinygen.layers import (
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Dense,
    Flatten,
    LabelBias,
    Layer,
    LeakyRelu,
    Relu,
    Reshape,
    Sequential,
    Tanh,
)
from tinygen.models.gan import GAN
from tinygen.models.labels import LABEL
from tinygen.models.nets import Shape, check_shape, check_widths

KERNEL, STRIDE, PADDING = 4, 2, 1
SLOPE = 0.2
WIDTH, SMALLEST = 64, 4  # features of the first layer; sides below which nothing is halved unasked


@dataclass(frozen=True)
class DCGAN(GAN):
    """A GAN whose weights start by the paper's rule, and whose batches hold two images or more.

    Images are in 0..1 for the caller, in -1..1 within (`signed`). A loss is refused (ValueError)
    for a batch of one image: batch norms would compare it with itself.
    """

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "dcgan"
    ) -> Params:
        """Parameters of both players, ~ N(0, 0.02^2); gamma ~ N(1, 0.02^2), biases 0."""
        return super().init(rng, dtype, weights)

    def parts(self, x: Any) -> tuple[Array, Array | None]:
        """Data as the nets see them, and labels or None. Raises ValueError or TypeError."""
        images, labels = super().parts(x)
        if len(images) == 1:
            raise ValueError(
                "DCGAN: a batch of one image leaves batch norm nothing to compare it with: give "
                "two or more, and where one is left over at the end of an epoch, another batch size"
            )
        return images, labels


def dcgan(
    shape: Shape,
    n_latent: int = 100,
    features: tuple[int, ...] | None = None,
    classes: int = 0,
    *,
    hidden: int = 0,
    objective: Objective | None = None,
    prior: str = "uniform",
    average: bool = False,
) -> DCGAN:
    """The DCGAN of images (H, W, C).

    features : of D's convolutions, from the image on; G has them in a mirror. (64, 128, ...), as
               many as the sides can be halved to 4 or more, where not given
    classes  : K of a conditional one (M. Mirza and S. Osindero, arXiv 1411.1784): in each net the
               label adds its own bias behind each layer but the last. NOTE: the code of the DCGAN's
               authors for digits, github.com/Newmu/dcgan_code, has it behind the last, too
    hidden   : units of one dense layer more, between z and G's images and between D's images and
               its score, with batch norm; the same code has 1024. 0: none, as in the paper
    prior    : "uniform" in (-1, 1), the paper's, or "normal"
    average  : whether the game keeps a running mean of G's weights

    Raises ValueError for a shape that is not (H, W, C), widths below 1, and sides that the strides
    cannot reach.
    """
    features = default_features(shape) if features is None else features
    if type(hidden) is not int or hidden != 0:
        check_whole("dcgan", "hidden (0: none)", hidden)
    return DCGAN(
        generator(shape, n_latent, features, classes, hidden),
        discriminator(shape, features, classes, hidden),
        n_latent,
        NonSaturating() if objective is None else objective,
        prior=prior,
        signed=True,
        classes=classes,
        average=average,
    )


def generator(
    shape: Shape, n_latent: int, features: tuple[int, ...], classes: int = 0, hidden: int = 0
) -> Sequential:
    """z (N, Z) -> images (N, H, W, C) in -1..1. Arguments and errors as of `dcgan`."""
    smallest = (*sizes(shape, features)[-1], features[-1])
    layers: dict[str, Layer] = {}
    if hidden:
        layers["hidden"] = Dense(n_latent, hidden, bias=False)
        layers |= label_layer("_hidden", classes, hidden)
        layers |= {"norm_hidden": BatchNorm(hidden), "relu_hidden": Relu()}
    layers["project"] = Dense(hidden or n_latent, prod(smallest), bias=False)
    layers |= label_layer("0", classes, prod(smallest))
    layers |= {"shape": Reshape(smallest), "norm0": BatchNorm(features[-1]), "relu0": Relu()}
    for i, (c_in, c_out) in enumerate(pairwise(features[::-1]), start=1):
        layers[f"up{i}"] = ConvTranspose2d(c_in, c_out, KERNEL, STRIDE, PADDING, bias=False)
        layers |= label_layer(f"{i}", classes, c_out)
        layers |= {f"norm{i}": BatchNorm(c_out), f"relu{i}": Relu()}
    last = ConvTranspose2d(features[0], shape[2], KERNEL, STRIDE, PADDING)
    return Sequential(**layers, **{f"up{len(features)}": last}, tanh=Tanh())


def discriminator(
    shape: Shape, features: tuple[int, ...], classes: int = 0, hidden: int = 0
) -> Sequential:
    """Images (N, H, W, C) in -1..1 -> scores (N, 1). Arguments and errors as of `dcgan`."""
    width = prod(sizes(shape, features)[-1]) * features[-1]
    layers: dict[str, Layer] = {"conv1": Conv2d(shape[2], features[0], KERNEL, STRIDE, PADDING)}
    layers |= label_layer("1", classes, features[0]) | {"leak1": LeakyRelu(SLOPE)}
    for i, (c_in, c_out) in enumerate(pairwise(features), start=2):
        layers[f"conv{i}"] = Conv2d(c_in, c_out, KERNEL, STRIDE, PADDING, bias=False)
        layers |= label_layer(f"{i}", classes, c_out)
        layers |= {f"norm{i}": BatchNorm(c_out), f"leak{i}": LeakyRelu(SLOPE)}
    layers["flat"] = Flatten()
    if hidden:
        layers["hidden"] = Dense(width, hidden, bias=False)
        layers |= label_layer("_hidden", classes, hidden)
        layers |= {"norm_hidden": BatchNorm(hidden), "leak_hidden": LeakyRelu(SLOPE)}
    return Sequential(**layers, score=Dense(hidden or width, 1))


def label_layer(place: str, classes: int, n: int) -> dict[str, Layer]:
    """The layer that adds the label's bias there, of n channels; none without classes."""
    return {LABEL + place: LabelBias(classes, n)} if classes else {}


def sizes(shape: Shape, features: tuple[int, ...]) -> list[tuple[int, int]]:
    """(H, W) of the image, then after each of D's convolutions: each half of the one before.

    Raises ValueError where a side is odd before it is to be halved.
    """
    check_shape("dcgan", shape)
    found = [(shape[0], shape[1])]
    for _ in check_widths("features", features, fewest=1):
        height, width = found[-1]
        if height % STRIDE or width % STRIDE:
            times, most = len(features), len(found) - 1
            raise ValueError(
                f"dcgan: {shape[0]} x {shape[1]} pixels cannot be halved {times} times, for "
                f"{height} x {width} is odd: "
                + (f"give {most} features, or " if most else "")
                + f"crop or pad the images to sides that {STRIDE**times} divides"
            )
        found.append((height // STRIDE, width // STRIDE))  # s_l = s_{l-1} / 2   (1)
    return found


def default_features(shape: Shape) -> tuple[int, ...]:
    """(64, 128, ...), doubled as often as both sides can be halved to 4 pixels or more."""
    height, width, _ = check_shape("dcgan", shape)
    times = 0
    while not height % STRIDE and not width % STRIDE and min(height, width) >= 2 * SMALLEST:
        height, width, times = height // STRIDE, width // STRIDE, times + 1
    return tuple(WIDTH * 2**i for i in range(max(times, 1)))
