"""Convolutions: against PyTorch, as adjoints, causal where masked, and with bad input refused."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.check import check_adjoint, check_causal
from tinygen.kernels import winograd

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}


def close(ours, theirs, dtype):
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    assert error <= TOLERANCE[dtype], f"relative error {error:.1e}"


def configurations(count=12):
    rng = np.random.default_rng(3)
    for _ in range(count):
        kernel = tuple(int(k) for k in rng.integers(1, 5, 2))
        stride = tuple(int(s) for s in rng.integers(1, 4, 2))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        size = tuple(int(rng.integers(k, k + 8)) for k in kernel)
        channels = tuple(int(c) for c in rng.integers(1, 7, 2))
        yield kernel, stride, padding, size, channels, bool(rng.integers(2))
    yield (3, 3), (1, 1), (1, 1), (12, 16), (16, 20), True  # by tiles


IMAGES = (0, 3, 1, 2), (0, 2, 3, 1), (3, 2, 0, 1), (2, 3, 1, 0)  # NHWC <-> NCHW, x and W
SEQUENCES = (0, 2, 1), (0, 2, 1), (2, 1, 0), (2, 1, 0)


def compare(layer, size, orders, dtype, theirs):
    """Outputs and gradients of a layer against theirs(torch, X, W, b), in PyTorch's layout."""
    torch = pytest.importorskip("torch")
    to_x, from_x, to_W, from_W = orders

    def leaf(a, order):
        return torch.tensor(np.ascontiguousarray(a.transpose(order))).requires_grad_()

    rng = np.random.default_rng(5)
    p = layer.init(rng, dtype)
    if "b" in p:
        p["b"] += rng.normal(size=p["b"].shape).astype(dtype)
    x = rng.normal(size=(3, *size, layer.c_in)).astype(dtype)
    y, backward = layer.forward(p, x)
    dy = rng.normal(size=y.shape).astype(dtype)
    dp, dx = backward(dy)
    X, W = leaf(x, to_x), leaf(p["W"], to_W)
    b = torch.tensor(p["b"]).requires_grad_() if "b" in p else None
    Y = theirs(torch, X, W, b)
    Y.backward(torch.tensor(np.ascontiguousarray(dy.transpose(to_x))))
    close(y, Y.detach().numpy().transpose(from_x), dtype)
    close(dx, X.grad.numpy().transpose(from_x), dtype)
    close(dp["W"], W.grad.numpy().transpose(from_W), dtype)
    if b is not None:
        close(dp["b"], b.grad.numpy(), dtype)
    return dp


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("config", list(configurations()), ids=str)
def test_conv2d_equals_pytorch(config, dtype):
    kernel, stride, padding, size, (C, O), bias = config
    layer = L.Conv2d(C, O, kernel, stride, padding, bias)
    compare(
        *(layer, size, IMAGES, dtype),
        lambda torch, X, W, b: torch.nn.functional.conv2d(X, W, b, stride, padding),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("config", list(configurations()), ids=str)
def test_conv_transpose2d_equals_pytorch(config, dtype):
    kernel, stride, padding, size, (C, O), bias = config
    extra = tuple(s - 1 for s in stride)
    layer = L.ConvTranspose2d(C, O, kernel, stride, padding, extra, bias)
    compare(
        *(layer, size, IMAGES, dtype),
        lambda torch, X, W, b: torch.nn.functional.conv_transpose2d(
            X, W, b, stride, padding, extra
        ),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernel, stride, padding", [(3, 1, 1), (4, 2, 1), (2, 3, 0), (5, 1, 2)])
def test_conv1d_equals_pytorch(kernel, stride, padding, dtype):
    compare(
        *(L.Conv1d(3, 4, kernel, stride, padding), (11,), SEQUENCES, dtype),
        lambda torch, X, W, b: torch.nn.functional.conv1d(X, W, b, stride, padding),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mask, channels", [("A", 1), ("B", 1), ("A", 3), ("B", 3)])
def test_masked_conv_equals_pytorch_with_masked_weights(mask, channels, dtype):
    layer = L.MaskedConv2d(3, 6, 5, mask, channels)
    M = np.ascontiguousarray(layer.full_mask().astype(dtype).transpose(3, 2, 0, 1))
    dp = compare(
        *(layer, (7, 6), IMAGES, dtype),
        lambda torch, X, W, b: torch.nn.functional.conv2d(X, W * torch.tensor(M), b, padding=2),
    )
    assert (dp["W"][layer.full_mask() == 0] == 0).all()


@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_transposed_convolution_is_the_adjoint_of_convolution(kernel, stride, padding, rng):
    H, W = 8, 7
    if padding >= kernel:
        return
    conv = L.Conv2d(3, 6, kernel, stride, padding, bias=False)
    extra = tuple((n + 2 * padding - kernel) % stride for n in (H, W))
    adjoint = L.ConvTranspose2d(6, 3, kernel, stride, padding, extra, bias=False)
    p = conv.init(rng, np.float64)
    out = conv.forward(p, np.zeros((2, H, W, 3)))[0].shape
    report = check_adjoint(
        lambda x: conv.forward(p, x)[0],
        lambda y: adjoint.forward(p, y)[0],
        (2, H, W, 3),
        out,
        rng=rng,
    )
    assert report.passed, str(report)


@pytest.mark.parametrize("mask, strict", [("A", True), ("B", False)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernel", [3, 5])
def test_masked_conv_is_causal_to_the_bit(mask, strict, channels, kernel, rng):
    layer = L.MaskedConv2d(3, 6, kernel, mask, channels)
    p = layer.init(rng, np.float64)
    x = rng.normal(size=(1, 5, 4, 3))
    report = check_causal(layer, p, x, strict=strict, channels=channels)
    assert report.passed, str(report)


def test_a_wide_masked_conv_never_takes_the_tiled_path(rng, monkeypatch):
    """Tiles round through later pixels: 1e-17 of a leak is a leak."""
    monkeypatch.setattr(winograd, "correlate", None)
    monkeypatch.setattr(winograd, "weight_grad", None)
    layer = L.MaskedConv2d(16, 16, 3, "B")
    p = layer.init(rng, np.float64)
    y, backward = layer.forward(p, rng.normal(size=(1, 8, 8, 16)))
    dy = np.zeros_like(y)
    dy[0, 3, 3] = 1
    _, dx = backward(dy)
    assert (dx[0, 3, 4:] == 0).all() and (dx[0, 4:] == 0).all() and dx[0, 3, 3].any()


def test_hidden_weights_are_never_read(rng):
    layer = L.MaskedConv2d(3, 6, 3, "A", channels=3)
    p = layer.init(rng, np.float64)
    x = rng.normal(size=(2, 4, 5, 3))
    moved = {**p, "W": np.where(layer.full_mask() == 1, p["W"], 1e6)}
    assert (layer.forward(p, x)[0] == layer.forward(moved, x)[0]).all()


def test_masked_dense_hides_what_its_mask_says(rng):
    M = np.array([[1, 0], [1, 1], [0, 1]])
    layer = L.MaskedDense(M)
    p = layer.init(rng, np.float64)
    x = rng.normal(size=(4, 3))
    y, backward = layer.forward(p, x)
    np.testing.assert_allclose(y, x @ (p["W"] * M), atol=1e-14)
    dp, _ = backward(np.ones_like(y))
    assert (dp["W"][M == 0] == 0).all() and (dp["W"][M == 1] != 0).all()


def test_a_kernel_larger_than_the_padded_image_is_refused(rng):
    layer = L.Conv2d(3, 4, 5, padding=1)
    with pytest.raises(ValueError, match=r"Conv2d: the kernel \(5, 5\) is larger .*\(4, 4\)"):
        layer.forward(layer.init(rng), np.ones((1, 2, 2, 3), np.float32))
    layer = L.Conv1d(3, 4, 5)
    with pytest.raises(ValueError, match=r"Conv1d: the kernel \(5,\) is larger"):
        layer.forward(layer.init(rng), np.ones((1, 4, 3), np.float32))


def test_a_transposed_convolution_without_output_is_refused(rng):
    layer = L.ConvTranspose2d(3, 4, 2, 1, 1)
    with pytest.raises(ValueError, match=r"ConvTranspose2d: .*output of"):
        layer.forward(layer.init(rng), np.ones((1, 1, 1, 3), np.float32))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: L.Conv2d(0, 4, 3), "c_in must be a whole number >= 1, got 0"),
        (lambda: L.Conv2d(3, 4, 3, stride=0), "stride must be"),
        (lambda: L.Conv2d(3, 4, 3, padding=-1), "padding must be a whole number >= 0"),
        (lambda: L.Conv2d(3, 4, (3, 3, 3)), r"one number or \(rows, columns\)"),
        (lambda: L.Conv2d(3, 4, 2.5), "kernel must be a whole number"),
        (lambda: L.Conv1d(3, 4, 0), "kernel must be"),
        (lambda: L.ConvTranspose2d(3, 4, 3, 2, 1, 2), "output_padding 2 must be smaller"),
        (lambda: L.MaskedConv2d(3, 4, 4, "A"), "the kernel must be odd, got 4"),
        (lambda: L.MaskedConv2d(3, 4, 3, "C"), "mask must be 'A' or 'B'"),
        (lambda: L.MaskedConv2d(3, 4, 3, "A", channels=3), "must divide"),
        (lambda: L.MaskedDense([[1, 2]]), "zeros and ones"),
        (lambda: L.MaskedDense([1, 0]), "must be a matrix"),
    ],
)
def test_bad_sizes_are_refused_at_construction(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_images_of_another_width_are_refused_with_both_shapes(rng):
    layer = L.Conv2d(3, 4, 3)
    with pytest.raises(ValueError, match=r"Conv2d: expected x of shape \(N, H, W, 3\), got \(2, 3"):
        layer.forward(layer.init(rng), np.ones((2, 3, 5, 5), np.float32))
