"""What a discriminator has learnt about images, as features for a linear classifier.

    f(x) = [max over each cell of a 4x4 grid, of each channel of each convolution's output]

The discriminator of a DCGAN never saw a label; its activations, pooled by maxima and put in a row,
serve a linear classifier (`metrics.linear_probe`). A. Radford et al., arXiv 1511.06434, section
5.1.                                                       docs/derivations/dcgan.md
"""

from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import BatchNorm, LeakyRelu, Sequential, calibrate
from tinygen.layers.base import check_array
from tinygen.layers.compose import holds
from tinygen.models.adversary_input import shown
from tinygen.models.gan import GAN

GRID = 4
AT_ONCE = 500  # images


def feature_statistics(model: GAN, p: Params, x: Array, batch: int = 128) -> Params:
    """What `discriminator_features` needs of D's batch norms: their means over images x (N, ...).

    x : data, such as the training images, in 0..1 where the model is `signed`

    {} where there are no batch norms, as of images that are halved once.
    """
    net = checked_net(model)
    if not holds(net, BatchNorm):
        return {}
    images, _ = model.parts(x)
    # of as many images each, or one more: one alone, left over, would have no spread
    parts = namespace(images).array_split(images, max(1, len(images) // batch))
    return calibrate(net, p["discriminator"], parts)


def discriminator_features(
    model: GAN, p: Params, x: Array, statistics: Params | None = None, grid: int = GRID
) -> Array:
    """f (N, F) of images x (N, H, W, C): maxima, grid x grid, behind each LeakyReLU of pixels.

    statistics : from `feature_statistics`; without them, those of the images x
    grid       : cells a side; an output of fewer pixels is taken as it is

    Raises ValueError for a conditional discriminator, whose activations hang on a label too, and
    for pixels outside 0..1; on a GPU those give NaN.
    """
    net = checked_net(model)
    check_array("discriminator_features", x, "N", "H", "W", "C")
    statistics = feature_statistics(model, p, x) if statistics is None else statistics
    xp, found = namespace(x), []
    for i in range(0, len(x), AT_ONCE):
        h, rows = x[i : i + AT_ONCE], []
        h = shown("discriminator_features", h, model.generator, model.signed)
        for name, layer in net.layers.items():
            h, _ = net.run(name, p["discriminator"], h, statistics)
            if isinstance(layer, LeakyRelu) and h.ndim == 4:
                rows.append(grid_maxima(h, grid).reshape(len(h), -1))
        found.append(xp.concatenate(rows, axis=1))
    return xp.concatenate(found)


def grid_maxima(h: Array, grid: int) -> Array:
    """max_{i in I_a, j in J_b} h[n,i,j,c]: (N, H, W, C) -> (N, grid, grid, C).      (7)

    Cell a of H pixels is I_a = floor(a H / grid) .. ceil((a + 1) H / grid) - 1: cells share a row
    where the grid does not divide H, so that all are of about one size.
    """
    xp, (H, W) = namespace(h), h.shape[1:3]

    def cells(size: int) -> list[slice]:
        n = min(grid, size)
        return [slice(a * size // n, -(-(a + 1) * size // n)) for a in range(n)]

    rows = [xp.stack([h[:, i, j].max(axis=(1, 2)) for j in cells(W)], axis=1) for i in cells(H)]
    return xp.stack(rows, axis=1)


def checked_net(model: Any) -> Sequential:
    """The discriminator, after refusing those that no features are read off. Raises ValueError."""
    if model.classes:
        raise ValueError(
            "discriminator_features: the discriminator is told a label beside each image, and its "
            "activations are of the two: train the GAN without classes"
        )
    net = model.discriminator
    if not isinstance(net, Sequential):
        raise ValueError(
            f"discriminator_features: expected a Sequential of convolutions, got "
            f"{type(net).__name__}: use the discriminator of dcgan(...)"
        )
    return net
