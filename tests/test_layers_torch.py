"""Layers equal PyTorch's on random configurations: outputs, input and parameter gradients."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree

torch = pytest.importorskip("torch")
F = torch.nn.functional

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}
DRAWS = 6

both_dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
some_draws = pytest.mark.parametrize("seed", range(DRAWS))


def to_torch(values, track=True):
    """A tree of arrays as tensors that track gradients."""
    return tree.map(lambda a: torch.tensor(a, requires_grad=track and a.dtype.kind == "f"), values)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def on_images(f):
    """PyTorch's function of NCHW images as one of NHWC images."""
    return lambda p, x: nhwc(f(nchw(x)))


def agree(layer, x, theirs, dtype, seed=0):
    """Our y, dp and dx against those of `theirs(p, x)`, a function of tensors."""
    rng = np.random.default_rng(seed)
    p = tree.map(
        lambda a: a + dtype(0.1) * rng.normal(size=a.shape).astype(dtype), layer.init(rng, dtype)
    )
    x = tree.map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, x)
    y, backward = layer.forward(p, x)
    dy = tree.map(lambda a: rng.normal(size=a.shape).astype(dtype), y)
    dp, dx = backward(dy)

    tp, tx = to_torch(p), to_torch(x)
    ty = theirs(tp, tx)
    sum((a * torch.tensor(b)).sum() for a, b in pairs(ty, dy)).backward()

    for ours, tensor in pairs(y, ty):
        close(ours, tensor, dtype)
    floats = [] if getattr(tx, "dtype", None) == torch.int64 else pairs(dx, tx)
    for ours, tensor in [*pairs(dp, tp), *floats]:
        close(ours, tensor.grad, dtype)


def pairs(a, b):
    return [
        (left, right) for (_, left), (_, right) in zip(tree.leaves(a), tree.leaves(b), strict=True)
    ]


def close(ours, theirs, dtype):
    theirs = theirs.detach().numpy()
    assert ours.dtype == theirs.dtype == dtype
    scale = max(1.0, abs(theirs).max())
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * scale)


def sizes(rng, count, most=7):
    """Different sizes, so that no axis can pass for another."""
    return tuple(int(size) for size in rng.choice(np.arange(1, most + 1), count, replace=False))


ACTIVATIONS = {
    "Relu": (L.Relu(), F.relu),
    "LeakyRelu": (L.LeakyRelu(), lambda x: F.leaky_relu(x, 0.2)),
    "LeakyRelu 0.05": (L.LeakyRelu(0.05), lambda x: F.leaky_relu(x, 0.05)),
    "Elu": (L.Elu(), F.elu),
    "Tanh": (L.Tanh(), torch.tanh),
    "Sigmoid": (L.Sigmoid(), torch.sigmoid),
    "Softplus": (L.Softplus(), F.softplus),
    "Softmax": (L.Softmax(), lambda x: F.softmax(x, -1)),
    "Flatten": (L.Flatten(), torch.nn.Flatten()),
}


@both_dtypes
@some_draws
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, seed, dtype):
    rng = np.random.default_rng(seed)
    layer, f = ACTIVATIONS[name]
    x = rng.normal(scale=4, size=sizes(rng, rng.integers(2, 5)))
    agree(layer, x, lambda p, x: f(x), dtype)


@both_dtypes
@some_draws
def test_dense(seed, dtype):
    rng = np.random.default_rng(seed)
    *leading, n_in, n_out = sizes(rng, rng.integers(3, 6))
    bias = bool(seed % 2)
    layer, x = L.Dense(n_in, n_out, bias), rng.normal(size=(*leading, n_in))
    agree(layer, x, lambda p, x: F.linear(x, p["W"].T, p.get("b")), dtype)


@both_dtypes
@some_draws
def test_maxout(seed, dtype):
    rng = np.random.default_rng(seed)
    *leading, n_out, pieces = sizes(rng, 4)
    x = rng.normal(size=(*leading, n_out * pieces))
    agree(L.Maxout(pieces), x, lambda p, x: x.unflatten(-1, (n_out, pieces)).amax(-1), dtype)


@both_dtypes
@some_draws
def test_gated_tanh(seed, dtype):
    rng = np.random.default_rng(seed)
    *leading, n_out = sizes(rng, 4)
    x = rng.normal(size=(*leading, 2 * n_out))

    def theirs(p, x):
        a, b = x.chunk(2, dim=-1)
        return torch.tanh(a) * torch.sigmoid(b)

    agree(L.GatedTanh(), x, theirs, dtype)


@both_dtypes
@some_draws
@pytest.mark.parametrize(("kind", "f"), [(L.AvgPool2d, F.avg_pool2d), (L.MaxPool2d, F.max_pool2d)])
def test_pooling(kind, f, seed, dtype):
    rng = np.random.default_rng(seed)
    N, H, W, C, kh, kw = sizes(rng, 6)
    x = rng.normal(size=(N, H * kh, W * kw, C))
    agree(kind((kh, kw)), x, on_images(lambda x: f(x, (kh, kw))), dtype)


@both_dtypes
@some_draws
def test_max_pool_at_ties(seed, dtype):
    """Among equals PyTorch's gradient too goes to the first, row by row."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, size=(2, 6, 8, 3)).astype(np.float64)
    agree(L.MaxPool2d((3, 2)), x, on_images(lambda x: F.max_pool2d(x, (3, 2))), dtype)


@both_dtypes
@some_draws
def test_upsampling(seed, dtype):
    rng = np.random.default_rng(seed)
    N, H, W, C, sh, sw = sizes(rng, 6)
    x = rng.normal(size=(N, H, W, C))
    agree(
        L.Upsample2d((sh, sw)),
        x,
        on_images(lambda x: F.interpolate(x, scale_factor=(sh, sw))),
        dtype,
    )


@both_dtypes
@some_draws
def test_reflection_padding(seed, dtype):
    rng = np.random.default_rng(seed)
    N, h, w, C = sizes(rng, 4)
    n = int(rng.integers(1, 4))
    x = rng.normal(size=(N, h + n, w + n, C))
    agree(L.ReflectionPad2d(n), x, on_images(lambda x: F.pad(x, (n,) * 4, mode="reflect")), dtype)


@both_dtypes
@some_draws
def test_embedding(seed, dtype):
    rng = np.random.default_rng(seed)
    *shape, n, dim = sizes(rng, 4)
    x = rng.integers(0, n, size=shape)
    agree(L.Embedding(n, dim), x, lambda p, x: F.embedding(x, p["W"]), dtype)


@both_dtypes
@some_draws
def test_composites(seed, dtype):
    """A net of each composite, against the same written with PyTorch's functions."""
    rng = np.random.default_rng(seed)
    N, I, A, B, O = sizes(rng, 5)
    net = L.Sequential(
        L.Residual(L.Sequential(L.Dense(I, A), L.Tanh(), L.Dense(A, I))),
        fork=L.Fork(a=L.Dense(I, A), b=L.Sequential(L.Dense(I, B), L.Relu())),
        join=L.Concat(),
        head=L.Dense(A + B, O),
    )

    def dense(p, x):
        return x @ p["W"] + p["b"]

    def theirs(p, x):
        f = p["0"]["f"]
        h = x + dense(f["2"], torch.tanh(dense(f["0"], x)))
        a, b = dense(p["fork"]["a"], h), F.relu(dense(p["fork"]["b"]["0"], h))
        return dense(p["head"], torch.cat([a, b], -1))

    agree(net, rng.normal(size=(N, I)), theirs, dtype)
    fork = L.Fork(a=L.Dense(I, A), b=L.Tanh())
    agree(
        fork,
        rng.normal(size=(N, I)),
        lambda p, x: {"a": dense(p["a"], x), "b": torch.tanh(x)},
        dtype,
    )
    join = {"v": rng.normal(size=(N, I)), "u": rng.normal(size=(N, A))}
    agree(L.Concat(), join, lambda p, x: torch.cat([x["v"], x["u"]], -1), dtype)


@both_dtypes
def test_a_large_array_takes_the_blocked_way_to_the_same_numbers(dtype):
    x = np.random.default_rng(0).normal(scale=4, size=(50, 7, 130))
    for name in ("Elu", "Tanh", "Sigmoid", "Softplus", "Relu", "LeakyRelu"):
        layer, f = ACTIVATIONS[name]
        agree(layer, x, lambda p, x, f=f: f(x), dtype)


def test_a_wrong_layer_does_not_agree():
    x = np.random.default_rng(0).normal(size=(3, 5))
    with pytest.raises(AssertionError, match="Mismatch"):
        agree(L.LeakyRelu(0.1), x, lambda p, x: F.leaky_relu(x, 0.1 + 1e-3), np.float64)
    with pytest.raises(AssertionError, match="Mismatch"):
        agree(L.Relu(), x, lambda p, x: F.relu(x).detach() + 0 * x, np.float64)
