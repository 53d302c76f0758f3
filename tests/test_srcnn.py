"""Enlarging pictures: the bicubic way, SRCNN's, and how near they come in decibels."""

import math

import numpy as np
import pytest

from tinygen import metrics, tree
from tinygen.cases import srcnn as case
from tinygen.check import check_gradients
from tinygen.layers import AvgPool2d, Bicubic2d, Conv2d, Tanh
from tinygen.layers.bicubic import kernel, matrix
from tinygen.models import SRCNN
from tinygen.optim import adam
from tinygen.training import Turn, train


def enlarged(x, scale, a=-0.5):
    return Bicubic2d(scale, a).forward({}, x)[0]


def test_the_kernel_passes_through_the_pixels_and_is_smooth():
    assert np.array_equal(kernel(np.array([0.0, 1.0, -1.0, 2.0, 5.0]), -0.5), [1, 0, 0, 0, 0])
    h = 1e-6
    for t in (0.0, 1.0, 2.0):
        left, right = (kernel(np.array([t, t - h, t + h]), -0.5)[[0, i]] for i in (1, 2))
        assert (left[0] - left[1]) / h == pytest.approx((right[1] - right[0]) / h, abs=1e-4)


@pytest.mark.parametrize("a, highest", [(-0.5, 2), (-0.75, 0)])
def test_keys_reproduces_parabolas_and_no_other_slope_does(a, highest):
    u = (np.arange(40) + 0.5) / 4 - 0.5
    inside = (u >= 1) & (u <= 8)
    for power in range(4):
        error = abs(matrix(10, 4, a) @ np.arange(10.0) ** power - u**power)[inside].max()
        assert (error < 1e-12) == (power <= highest), power


def test_a_picture_of_one_colour_stays_one_to_the_border():
    x = np.full((2, 3, 1, 2), 0.7)
    np.testing.assert_allclose(enlarged(x, (4, 5)), np.full((2, 12, 5, 2), 0.7), rtol=1e-12)


def test_rows_and_columns_are_enlarged_alike(rng):
    x = rng.random((2, 5, 4, 3))
    turned = enlarged(x.swapaxes(1, 2), (3, 2)).swapaxes(1, 2)
    np.testing.assert_allclose(enlarged(x, (2, 3)), turned, rtol=1e-12)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_it_is_that_of_pytorch(rng, dtype, tolerance):
    torch = pytest.importorskip("torch")
    x = rng.random((2, 5, 4, 3)).astype(dtype)
    there = torch.nn.functional.interpolate(
        torch.tensor(x.transpose(0, 3, 1, 2)), scale_factor=(4, 3), mode="bicubic"
    )
    y = enlarged(x, (4, 3), a=-0.75)  # PyTorch's slope
    assert y.dtype == dtype
    np.testing.assert_allclose(y, there.numpy().transpose(0, 2, 3, 1), rtol=0, atol=tolerance)


def test_the_image_library_has_keys_slope_too(rng):
    """With antialiasing PyTorch takes -1/2, as Pillow does; away from the border they agree."""
    torch = pytest.importorskip("torch")
    x = rng.random((1, 8, 8, 1))
    there = torch.nn.functional.interpolate(
        torch.tensor(x.transpose(0, 3, 1, 2)), scale_factor=4, mode="bicubic", antialias=True
    ).numpy()
    inside = slice(8, 24)
    here = enlarged(x, 4).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(here[..., inside, inside], there[..., inside, inside], atol=1e-12)


def test_decibels_are_those_of_the_definition(rng):
    x = rng.random((3, 4, 5, 1))
    np.testing.assert_allclose(metrics.psnr(x + 0.1, x), np.full(3, 20.0), rtol=1e-12)
    np.testing.assert_allclose(metrics.psnr(x + 0.05, x) - 20, np.full(3, 20 * math.log10(2)))
    assert metrics.psnr(x, x)[0] == np.inf


def test_srcnn_is_its_three_convolutions_behind_the_bicubic_picture(rng):
    model = SRCNN(3, 2, filters=(6, 4), kernels=(5, 3, 1))
    p, small = model.init(rng, np.float64), rng.random((2, 4, 3, 2))
    h = enlarged(small, 3)
    for name, (c_in, c_out, k) in {
        "extract": (2, 6, 5),
        "map": (6, 4, 3),
        "paint": (4, 2, 1),
    }.items():
        h = Conv2d(c_in, c_out, k, 1, k // 2).forward(p[name], h)[0]
        h = h if name == "paint" else np.maximum(h, 0)
    np.testing.assert_allclose(model.enlarge(p, small), h, rtol=1e-12)
    truth = rng.random(h.shape)
    assert model.loss(p, (truth, small))[0] == pytest.approx(((h - truth) ** 2).sum() / 2)


def test_the_papers_sizes_are_the_defaults():
    shapes = {name: a.shape for name, a in tree.leaves(SRCNN().init(np.random.default_rng(0)))}
    assert shapes["extract.W"] == (9, 9, 1, 64)
    assert shapes["map.W"] == (1, 1, 64, 32) and shapes["paint.W"] == (5, 5, 32, 1)


def test_every_parameter_moves_after_one_step(rng):
    model = SRCNN(2, filters=(4, 3), kernels=(3, 1, 3), activation=Tanh())
    p, x = model.init(rng), rng.random((3, 8, 6, 1), np.float32)
    small = AvgPool2d(2).forward({}, x)[0]
    before, rule = tree.map(np.copy, p), adam(1e-2)
    rule.update(p, model.loss(p, (x, small))[1].dp(), rule.init(p))
    for (name, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True):
        assert (a != b).all(), name


def test_a_little_training_beats_the_bicubic_picture():
    """On blobs with sharp edges, which an average blurs."""
    rng = np.random.default_rng(0)
    centre, radius = rng.uniform(4, 12, (300, 2, 1, 1)), rng.uniform(2, 5, (300, 1, 1))
    row, column = np.mgrid[:16, :16]
    far = np.hypot(row - centre[:, 0], column - centre[:, 1])
    x = (far < radius)[..., None].astype(np.float32)
    small = AvgPool2d(2).forward({}, x)[0]
    model = SRCNN(2, filters=(8, 8), kernels=(5, 1, 3))
    turn = Turn("srcnn", model.loss, model.draw_noise, adam(1e-2))
    data = (x[:200], small[:200])
    p = train(turn, model.init(rng), data, rng=rng, epochs=30, batch=20, progress=False).p
    bicubic = metrics.psnr(enlarged(small[200:], 2), x[200:]).mean()
    assert metrics.psnr(model.enlarge(p, small[200:]), x[200:]).mean() > bicubic + 1


def test_a_loss_that_forgets_the_factor_two_is_rejected(rng):
    f, p, x = case.make(rng)

    def wrong(p, x):
        value, backward = f(p, x)
        return value, lambda d: tree.map(lambda a: a / 2, backward(d))

    assert not check_gradients(wrong, p, x, rng=rng).passed


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: SRCNN(0), r"SRCNN: scale must be a whole number >= 1, got 0"),
        (lambda: SRCNN(2, kernels=(8, 1, 5)), r"SRCNN: kernels must be odd, got \(8, 1, 5\)"),
        (lambda: SRCNN(2, kernels=(9, 5)), r"SRCNN: kernels must be 3 whole numbers"),
        (lambda: SRCNN(2, filters=(64,)), r"SRCNN: filters must be 2 whole numbers"),
        (lambda: Bicubic2d(0), r"Bicubic2d: scale must be a whole number >= 1, got 0"),
        (lambda: Bicubic2d(2, a=math.nan), r"Bicubic2d: a must be a finite number, got nan"),
    ],
)
def test_sizes_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_pictures_that_do_not_fit_are_refused(rng):
    model = SRCNN(2, filters=(4, 3), kernels=(3, 1, 3))
    p, x, small = model.init(rng), np.zeros((1, 8, 8, 1), "f4"), np.zeros((1, 3, 4, 1), "f4")
    with pytest.raises(
        ValueError, match=r"SRCNN pictures: expected x of shape \(1, 6, 8, 1\), got"
    ):
        model.loss(p, (x, small))
    with pytest.raises(TypeError, match=r"SRCNN: expected x as a tuple \(pictures, small pict"):
        model.loss(p, x)
    with pytest.raises(ValueError, match=r"psnr: expected x of shape \(1, 8, 8, 1\), got"):
        metrics.psnr(x[:, :4], x)
