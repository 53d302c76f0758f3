"""What no gradient check sees: conventions at a kink, frames of zeros, what masks let through."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.check import dependencies
from tinygen.kernels import windows


@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (0, 1), (2, 3)])
def test_pad_is_numpys_pad(padding, rng):
    x = rng.normal(size=(2, 4, 5, 3))
    (ph, pw) = padding
    expected = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    np.testing.assert_array_equal(windows.pad(x, padding), expected)


@pytest.mark.parametrize("layer, slope", [(L.Relu(), 0.0), (L.LeakyRelu(0.2), 0.2), (L.Elu(), 1.0)])
def test_the_derivative_at_zero_is_that_of_the_left(layer, slope):
    _, backward = layer.forward({}, np.zeros((2, 3)))
    np.testing.assert_array_equal(backward.dx(np.ones((2, 3))), np.full((2, 3), slope))


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("mask, sees_itself", [("A", False), ("B", True)])
def test_a_masked_conv_sees_everything_before(mask, sees_itself, channels, rng):
    """On 2 x 2 pixels a 3x3 kernel reaches the whole past: the dependencies are a full triangle."""
    layer = L.MaskedConv2d(2 * channels, 3 * channels, 3, mask, channels=channels)
    p = layer.init(rng, np.float64)
    sees = dependencies(layer, p, rng.normal(size=(1, 2, 2, 2 * channels)), channels)
    expected = np.tri(4 * channels, k=0 if sees_itself else -1, dtype=bool)
    np.testing.assert_array_equal(sees, expected)
