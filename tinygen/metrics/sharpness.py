"""How sharp images are: the energy of their gradients, relative to their contrast.

    S(x) = sum |grad x|^2 / sum (x - mean)^2            mean: of the image's pixels, by channel

grad by forward differences in both directions. By Parseval's theorem S is the mean squared
frequency of the image, weighed by its spectrum (up to how a difference bends high frequencies):
brightness, contrast and the amount of ink cancel, and blur, which takes from high frequencies
first, lowers it.

It says how sharp, not how good: noise and stray pixels raise it too. So it is read relative to that
of real images, and a number above theirs is no praise.
"""

from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array


def sharpness(images: Array) -> Array:
    """S of each image (N, H, W, C) -> (N,); of noise without structure about 4, of one colour 0.

    Nothing is added around an image: no differences across its border are counted. Raises
    ValueError for other shapes, NaN and an empty batch, TypeError for no floats.
    """
    check_array("sharpness", images, "N", "H", "W", "C")
    right = images[:, :, 1:] - images[:, :, :-1]
    down = images[:, 1:] - images[:, :-1]
    energy = (right * right).sum(axis=(1, 2, 3)) + (down * down).sum(axis=(1, 2, 3))  # (N,)
    contrast = images - images.mean(axis=(1, 2), keepdims=True)
    spread = (contrast * contrast).sum(axis=(1, 2, 3))  #                               (N,)
    return energy / namespace(images).where(spread > 0, spread, 1)
