"""The kernels of the convolutions are their plain definitions, on every path."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.check import check_adjoint
from tinygen.kernels import columns, windows, winograd


def plain_correlate(x, W, stride, padding, taps=None):
    """The definition, one product at a time."""
    (N, H, Wd, _), (kh, kw, _, O) = x.shape, W.shape
    ho, wo = map(windows.out_size, (H, Wd), (kh, kw), stride, padding)
    first, last = taps or (0, kh * kw)
    y = np.zeros((N, ho, wo, O))
    for i, j, u, v in itertools.product(range(ho), range(wo), range(kh), range(kw)):
        a, b = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
        if first <= u * kw + v < last and 0 <= a < H and 0 <= b < Wd:
            y[:, i, j] += x[:, a, b] @ W[u, v]
    return y


def plain_weight_grad(x, dy, kernel, stride, padding, taps=None):
    (_, H, Wd, C), (_, ho, wo, O) = x.shape, dy.shape
    first, last = taps or (0, kernel[0] * kernel[1])
    dW = np.zeros((*kernel, C, O))
    for i, j, u, v in itertools.product(*map(range, (ho, wo, *kernel))):
        a, b = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
        if first <= u * kernel[1] + v < last and 0 <= a < H and 0 <= b < Wd:
            dW[u, v] += x[:, a, b].T @ dy[:, i, j]
    return dW


small = st.integers(1, 4)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(small, small),
    stride=st.tuples(small, small),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    seed=st.integers(0, 1000),
)
def test_the_three_sums_equal_their_definitions(size, kernel, stride, padding, seed):
    if any(k > n + 2 * p for n, k, p in zip(size, kernel, padding, strict=True)):
        return
    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=(2, *size, 3)), rng.normal(size=(*kernel, 3, 5))
    y = windows.correlate(x, W, stride, padding)
    np.testing.assert_allclose(y, plain_correlate(x, W, stride, padding), atol=1e-12)
    dy = rng.normal(size=y.shape)
    dW = windows.correlate_weight_grad(x, dy, kernel, stride, padding)
    np.testing.assert_allclose(dW, plain_weight_grad(x, dy, kernel, stride, padding), atol=1e-12)
    dx = windows.correlate_input_grad(dy, W, size, stride, padding)
    assert dx.shape == x.shape
    assert abs((x * dx).sum() - (y * dy).sum()) <= 1e-12 * np.abs(y * dy).sum()


@pytest.mark.parametrize("taps", [(0, 4), (0, 5), (4, 9), (2, 3), (5, 9), (0, 0)])
def test_a_run_of_taps_is_the_kernel_with_the_others_zero(taps, rng):
    x, W = rng.normal(size=(5, 6, 4, 3)), rng.normal(size=(3, 3, 3, 2))
    kept = W.reshape(9, 3, 2).copy()
    kept[: taps[0]] = kept[taps[1] :] = 0
    kept = kept.reshape(W.shape)
    y = windows.correlate(x, W, (1, 1), (1, 1), taps)
    np.testing.assert_allclose(y, plain_correlate(x, kept, (1, 1), (1, 1)), atol=1e-12)
    dy = rng.normal(size=y.shape)
    dW = windows.correlate_weight_grad(x, dy, (3, 3), (1, 1), (1, 1), taps)
    expected = plain_weight_grad(x, dy, (3, 3), (1, 1), (1, 1), taps)
    np.testing.assert_allclose(dW, expected, atol=1e-12)
    dx = windows.correlate_input_grad(dy, W, (6, 4), (1, 1), (1, 1), taps)
    np.testing.assert_allclose((x * dx).sum(), (y * dy).sum(), rtol=1e-12)


@pytest.mark.parametrize("size", [(6, 2), (2, 6), (2, 2), (1, 2), (2, 1)])
def test_an_image_may_be_narrower_than_half_the_kernel(size, rng):
    """7x7 around two pixels: the last taps lie beyond the image, whichever the window."""
    x, W, dy = (rng.normal(size=s) for s in ((2, *size, 3), (7, 7, 3, 5), (2, *size, 5)))
    geometry = (1, 1), (3, 3)
    for taps in (None, (0, 24)):
        y = windows.correlate(x, W, *geometry, taps)
        np.testing.assert_allclose(y, plain_correlate(x, W, *geometry, taps), atol=1e-12)
        dW = windows.correlate_weight_grad(x, dy, (7, 7), *geometry, taps)
        plain = plain_weight_grad(x, dy, (7, 7), *geometry, taps)
        np.testing.assert_allclose(dW, plain, atol=1e-12)
        dx = windows.correlate_input_grad(dy, W, size, *geometry, taps)
        np.testing.assert_allclose((dx * x).sum(), (dy * y).sum(), rtol=1e-11)


def test_many_images_are_cut_in_blocks_and_the_last_is_shorter(rng, monkeypatch):
    x, W = rng.normal(size=(7, 6, 5, 2)), rng.normal(size=(3, 3, 2, 4))
    dy = rng.normal(size=(7, 6, 5, 4))
    for stride in ((1, 1), (2, 2)):
        out = windows.correlate(x, W, stride, (1, 1))
        dW = windows.correlate_weight_grad(
            x, dy[:, : out.shape[1], : out.shape[2]], (3, 3), stride, (1, 1)
        )
        monkeypatch.setattr(windows, "CPU_ENTRIES", 1100)
        monkeypatch.setattr(columns, "ROWS", 60)
        again = windows.correlate(x, W, stride, (1, 1))
        dW_again = windows.correlate_weight_grad(
            x, dy[:, : out.shape[1], : out.shape[2]], (3, 3), stride, (1, 1)
        )
        monkeypatch.undo()
        np.testing.assert_allclose(again, out, atol=1e-12)
        np.testing.assert_allclose(dW_again, dW, atol=1e-12)


@pytest.mark.parametrize("stride, padding", [((1, 1), (0, 0)), ((2, 3), (1, 2))])
def test_fold_is_the_adjoint_of_unfold(stride, padding, rng):
    kernel, shape = (3, 2), (2, 6, 7, 3)
    windows_shape = windows.unfold(np.zeros(shape), kernel, stride, padding).shape
    report = check_adjoint(
        lambda x: windows.unfold(x, kernel, stride, padding),
        lambda c: windows.fold(c, shape[1:3], stride, padding),
        shape,
        windows_shape,
        rng=rng,
    )
    assert report.passed, str(report)


@pytest.mark.parametrize("size, padding", [((8, 8), (1, 1)), ((7, 9), (1, 1)), ((10, 6), (0, 2))])
def test_winograd_is_the_correlation(size, padding, rng, monkeypatch):
    monkeypatch.setattr(winograd, "ENTRIES", 36 * 4 * 5 * 2)  # blocks of two images and one
    x, W = rng.normal(size=(3, *size, 5)), rng.normal(size=(3, 3, 5, 4))
    y = winograd.correlate(x, W, padding)
    np.testing.assert_allclose(y, plain_correlate(x, W, (1, 1), padding), atol=1e-11)
    dy = rng.normal(size=y.shape)
    dW = winograd.weight_grad(x, dy, padding)
    expected = plain_weight_grad(x, dy, (3, 3), (1, 1), padding)
    np.testing.assert_allclose(dW, expected, atol=1e-10)


def test_winograd_rounds_in_float32_to_a_few_millionths_of_the_largest_output(rng):
    x, W = rng.normal(size=(4, 28, 28, 64)), rng.normal(size=(3, 3, 64, 64))
    exact = columns.correlate(x, W.reshape(-1, 64), (3, 3), (1, 1), (0, 9))
    y = winograd.correlate(x.astype(np.float32), W.astype(np.float32), (1, 1))
    assert np.abs(y - exact).max() <= 4e-6 * np.abs(exact).max()


def test_tiles_are_used_where_they_pay():
    assert winograd.suits((64, 28, 28, 64), (3, 3), (1, 1), 64)
    assert not winograd.suits((64, 28, 28, 3), (3, 3), (1, 1), 64)  # few channels
    assert not winograd.suits((64, 5, 5, 64), (3, 3), (1, 1), 64)  # tiles hang over
    assert not winograd.suits((64, 28, 28, 64), (5, 5), (2, 2), 64)
