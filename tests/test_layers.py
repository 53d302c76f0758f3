"""Closed forms and properties of the activations, shapes, pooling, resampling and embedding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen import layers as L

SIZES = st.integers(1, 4)
SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=30, deadline=None)


def forward(layer, x):
    return layer.forward({}, np.asarray(x, np.float64))


def y_and_dx(layer, x, dy):
    y, backward = forward(layer, x)
    return y, backward.dx(np.asarray(dy, np.float64))


def test_leaky_relu_on_both_sides_of_zero():
    y, dx = y_and_dx(L.LeakyRelu(0.1), [-2, 0, 3], [5, 5, 5])
    np.testing.assert_allclose(y, [-0.2, 0, 3])
    np.testing.assert_allclose(dx, [0.5, 0.5, 5])


def test_leaky_relu_without_slope_is_relu(rng):
    x, dy = rng.normal(size=(2, 3, 5))
    for a, b in zip(y_and_dx(L.LeakyRelu(0), x, dy), y_and_dx(L.Relu(), x, dy), strict=True):
        np.testing.assert_array_equal(a, b)


def test_elu_on_both_sides_of_zero():
    y, dx = y_and_dx(L.Elu(), [-1, 0, 3], [1, 1, 1])
    np.testing.assert_allclose(y, [np.exp(-1) - 1, 0, 3])
    np.testing.assert_allclose(dx, [np.exp(-1), 1, 1])


@pytest.mark.parametrize("layer", [L.Elu(), L.Sigmoid(), L.Softplus(), L.Tanh(), L.Softmax()])
def test_no_activation_overflows(layer):
    x = np.array([[-1e4, -100, 0, 100, 1e4]])
    y, dx = y_and_dx(layer, x, np.ones_like(x))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("layer", [L.Elu(), L.Sigmoid(), L.Softplus()])
def test_large_arrays_in_blocks_equal_small_ones(layer, rng):
    """Above one block, and with strides, the fused passes take other ways."""
    x, dy = rng.normal(size=(2, 70_001))
    y, dx = y_and_dx(layer, x, dy)
    parts = [y_and_dx(layer, x[i : i + 999], dy[i : i + 999]) for i in range(0, x.size, 999)]
    np.testing.assert_allclose(y, np.concatenate([a for a, _ in parts]), rtol=1e-14)
    np.testing.assert_allclose(dx, np.concatenate([b for _, b in parts]), rtol=1e-14)
    strided, d = y_and_dx(layer, x[::3], dy[::3])
    np.testing.assert_allclose(strided, y[::3], rtol=1e-14)
    np.testing.assert_allclose(d, dx[::3], rtol=1e-14)


def test_maxout_takes_the_largest_of_neighbours():
    y, dx = y_and_dx(L.Maxout(3), [[1, 5, 2, -7, -9, -8]], [[10, 20]])
    np.testing.assert_array_equal(y, [[5, -7]])
    np.testing.assert_array_equal(dx, [[0, 10, 0, 20, 0, 0]])


def test_maxout_gives_a_tie_to_the_first():
    _, dx = y_and_dx(L.Maxout(3), [[4, 4, 4, 1, 6, 6]], [[10, 20]])
    np.testing.assert_array_equal(dx, [[10, 0, 0, 0, 20, 0]])


def test_maxout_of_x_and_its_negative_is_the_absolute_value(rng):
    x = rng.normal(size=(2, 5))
    y, _ = forward(L.Maxout(2), np.stack([x, -x], axis=-1).reshape(2, 10))
    np.testing.assert_array_equal(y, abs(x))


def test_gated_tanh_is_tanh_of_the_first_half_times_sigmoid_of_the_second(rng):
    x = rng.normal(size=(2, 3, 8))
    y, _ = forward(L.GatedTanh(), x)
    np.testing.assert_allclose(y, np.tanh(x[..., :4]) / (1 + np.exp(-x[..., 4:])), rtol=1e-14)


def test_gated_tanh_in_blocks_equals_row_by_row(rng):
    x, dy = rng.normal(size=(9000, 10)), rng.normal(size=(9000, 5))
    y, dx = y_and_dx(L.GatedTanh(), x, dy)
    for rows in (slice(0, 7), slice(8990, 9000)):
        y_part, dx_part = y_and_dx(L.GatedTanh(), x[rows], dy[rows])
        np.testing.assert_allclose(y[rows], y_part, rtol=1e-14)
        np.testing.assert_allclose(dx[rows], dx_part, rtol=1e-14)


def test_softmax_sums_to_one_and_ignores_a_shift(rng):
    x = rng.normal(size=(2, 3, 5))
    y, dx = y_and_dx(L.Softmax(), x, rng.normal(size=x.shape))
    np.testing.assert_allclose(y.sum(axis=-1), 1)
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=1e-15)
    np.testing.assert_allclose(forward(L.Softmax(), x + 3)[0], y)
    np.testing.assert_allclose(y / y[..., :1], np.exp(x - x[..., :1]))


def test_softmax_pullback_is_its_jacobian(rng):
    x = rng.normal(size=(1, 4))
    y, backward = forward(L.Softmax(), x)
    J = np.diag(y[0]) - np.outer(y[0], y[0])
    np.testing.assert_allclose([backward.dx(row[None])[0] for row in np.eye(4)], J, atol=1e-16)


def test_flatten_and_reshape_keep_the_order(rng):
    x = rng.normal(size=(2, 3, 4, 5))
    y, dx = y_and_dx(L.Flatten(), x, x.reshape(2, 60))
    np.testing.assert_array_equal(y, x.reshape(2, 60))
    np.testing.assert_array_equal(dx, x)
    z, dy = y_and_dx(L.Reshape((3, 4, 5)), y, x)
    np.testing.assert_array_equal(z, x)
    np.testing.assert_array_equal(dy, y)


def windows(x, kh, kw):
    """(N, H/kh, W/kw, C, kh kw), each block by a slice of its own."""
    N, H, W, C = x.shape
    blocks = [
        [x[:, i : i + kh, j : j + kw].reshape(N, kh * kw, C) for j in range(0, W, kw)]
        for i in range(0, H, kh)
    ]
    return np.moveaxis(np.array(blocks), [2, 3], [0, 4])


@quick
@given(SIZES, SIZES, SIZES, SIZES, SIZES, SIZES, SEEDS)
def test_pooling_is_mean_and_max_of_each_block(N, kh, kw, h, w, C, seed):
    x = np.random.default_rng(seed).normal(size=(N, h * kh, w * kw, C))
    np.testing.assert_allclose(
        forward(L.AvgPool2d((kh, kw)), x)[0], windows(x, kh, kw).mean(axis=-1), atol=1e-14
    )
    np.testing.assert_array_equal(
        forward(L.MaxPool2d((kh, kw)), x)[0], windows(x, kh, kw).max(axis=-1)
    )


@quick
@given(SIZES, SIZES, SIZES, SIZES, SIZES, SIZES, SEEDS)
def test_upsampling_is_adjoint_to_average_pooling_times_the_area(N, kh, kw, h, w, C, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(N, h * kh, w * kw, C)), rng.normal(size=(N, h, w, C))
    pooled, back = y_and_dx(L.AvgPool2d((kh, kw)), x, y)
    up, down = y_and_dx(L.Upsample2d((kh, kw)), y, x)
    np.testing.assert_allclose((pooled * y).sum() * kh * kw, (x * up).sum(), atol=1e-11)
    np.testing.assert_allclose(back * kh * kw, up, atol=1e-14)
    np.testing.assert_allclose(down, pooled * kh * kw, atol=1e-13)
    np.testing.assert_array_equal(up, y.repeat(kh, axis=1).repeat(kw, axis=2))


def test_max_pool_gives_a_tie_to_the_first_row_by_row():
    x = np.array([[3, 7, 0, 0], [7, 7, 0, 0]])[None, :, :, None]
    _, dx = y_and_dx(L.MaxPool2d(2), x, [[[[10], [20]]]])
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 10, 20, 0], [0, 0, 0, 0]])


@quick
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), SIZES, SIZES, SEEDS)
def test_reflection_is_numpys_and_its_pullback_the_adjoint(n, h, w, N, C, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, n + h, n + w, C))
    pad = ((0, 0), (n, n), (n, n), (0, 0))
    expected = np.pad(x, pad, mode="reflect")
    dy = rng.normal(size=expected.shape)
    y, dx = y_and_dx(L.ReflectionPad2d(n), x, dy)
    np.testing.assert_array_equal(y, expected)
    # the plain loop: each padded pixel adds its gradient to the pixel it was copied from
    source = np.pad(np.arange(x[0, :, :, 0].size).reshape(x.shape[1:3]), pad[1:3], mode="reflect")
    scattered = np.zeros((N, x[0, :, :, 0].size, C))
    np.add.at(scattered, (slice(None), source.ravel()), dy.reshape(N, -1, C))
    np.testing.assert_allclose(dx, scattered.reshape(x.shape), atol=1e-13)


@quick
@given(st.integers(1, 6), SIZES, SIZES, SIZES, SEEDS)
def test_embedding_is_the_product_with_one_hot_rows(n, dim, N, T, seed):
    rng = np.random.default_rng(seed)
    layer, x = L.Embedding(n, dim), rng.integers(0, n, size=(N, T))
    p, dy = layer.init(rng, np.float64), rng.normal(size=(N, T, dim))
    one_hot = np.eye(n)[x]
    y, backward = layer.forward(p, x)
    np.testing.assert_array_equal(y, one_hot @ p["W"])
    dW = np.einsum("ntk,ntd->kd", one_hot, dy)
    np.testing.assert_allclose(backward.dp(dy)["W"], dW, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_embedding_takes_labels_of_any_integer_type(dtype, rng):
    layer = L.Embedding(250, 130)  # 250 * 130 does not fit the small types
    p, x = layer.init(rng, np.float64), np.array([0, 120, 249, 120], np.uint8).astype(dtype)
    y, backward = layer.forward(p, x)
    np.testing.assert_array_equal(y, p["W"][[0, 120, 249, 120]])
    dy = rng.normal(size=y.shape)
    dW = backward.dp(dy)["W"]
    np.testing.assert_array_equal(dW[120], dy[1] + dy[3])
    np.testing.assert_array_equal(dW[249], dy[2])
    assert np.count_nonzero(abs(dW).sum(axis=1)) == 3
