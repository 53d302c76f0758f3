"""Dynamic binarisation: black and white images drawn from grey ones, anew each time.

x_d ~ Bernoulli(grey_d), each pixel by itself.   R. Salakhutdinov and I. Murray, On the quantitative
analysis of deep belief networks, ICML 2008.

NOTE: likelihoods on dynamically binarised images, on a fixed binarisation and on thresholded
images are three different numbers. Never compare one with another.
"""

import numpy as np

from tinygen.arrays import Array, device_of, is_array, to_device
from tinygen.layers.base import check_nonempty


def binarise(rng: np.random.Generator, grey: Array) -> Array:
    """x ~ Bernoulli(grey): zeros and ones of the shape, dtype and device of `grey`.

    grey in [0, 1]; drawn on the host, so that both devices see the same pictures.
    Raises ValueError for grey levels outside [0, 1] or none at all, TypeError for no array.
    """
    if not is_array(grey):
        raise TypeError(
            f"binarise: expected a NumPy or CuPy array, got {type(grey).__name__}: "
            "use np.asarray(grey, dtype=np.float32)"
        )
    check_nonempty("binarise", grey)
    low, high = float(grey.min()), float(grey.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"binarise: grey levels must lie in [0, 1], got {low:g} to {high:g}: "
            "divide by the largest level first (16 for digits, 255 for bytes)"
        )
    u = rng.random(grey.shape, np.float32)  # uniform on [0, 1): below 1 always, below 0 never
    return (to_device(u, device_of(grey)) < grey).astype(grey.dtype)
