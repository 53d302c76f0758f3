"""The peak signal-to-noise ratio: how near an image came to another, in decibels."""

import math

import numpy as np

from tinygen.arrays import Array, namespace
from tinygen.layers.base import check_array
from tinygen.likelihoods.base import check_beside


def psnr(images: Array, truth: Array) -> Array:
    """-10 log_10 of the mean squared error of each image (N,), of pixels in 0..1: in dB.

    Both (N, ...), of one shape. Infinite where they are equal. 6 dB more is half the error.
    Raises ValueError for another shape, NaN and an empty batch, TypeError for other dtypes.
    """
    check_array("psnr, the truth", truth, "...")
    check_array("psnr", images, *truth.shape)
    check_beside("psnr", "images", images, truth)
    xp, error = namespace(truth), images - truth
    square = (error * error).reshape(len(truth), -1).mean(axis=1)  #       (N,)
    with np.errstate(divide="ignore"):
        return -10 / math.log(10) * xp.log(square)  # 10 log_10 (1^2 / mean square)
