"""What no gradient check can see: conventions at a kink, the frame around an image."""

import numpy as np
import pytest

from tinygen import layers as L
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
