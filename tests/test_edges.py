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


@pytest.mark.parametrize("taps", [(0, 3), (3, 6), (4, 9), (6, 9), (7, 8)])
@pytest.mark.parametrize("padding", [(1, 0), (0, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("stride, size", [((1, 1), (4, 5)), ((1, 1), (1, 4)), ((2, 1), (4, 5))])
def test_a_run_of_taps_is_the_kernel_with_zeros_at_any_padding(taps, padding, stride, size, rng):
    if min(windows.out_size(n, 3, 1, p) for n, p in zip(size, padding, strict=True)) < 1:
        return  # the padded image is smaller than the kernel
    x, W = rng.normal(size=(2, *size, 3)), rng.normal(size=(3, 3, 3, 4))
    kept = np.zeros((9, 1, 1))
    kept[slice(*taps)] = 1
    kept = kept.reshape(3, 3, 1, 1)
    y = windows.correlate(x, W * kept, stride, padding)
    np.testing.assert_allclose(windows.correlate(x, W, stride, padding, taps), y, atol=1e-12)
    dy = rng.normal(size=y.shape)
    dW = kept * windows.correlate_weight_grad(x, dy, (3, 3), stride, padding)
    given = windows.correlate_weight_grad(x, dy, (3, 3), stride, padding, taps)
    np.testing.assert_allclose(given, dW, atol=1e-12)
    if stride == (1, 1):
        dx = windows.correlate_input_grad(dy, W * kept, size, stride, padding)
        given = windows.correlate_input_grad(dy, W, size, stride, padding, taps)
        np.testing.assert_allclose(given, dx, atol=1e-12)
