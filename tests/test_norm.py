"""Norms and dropout: closed forms, PyTorch's numbers, statistics as values, refused input."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.layers import norm
from tinygen.layers.calibrate import population

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}
NORMS = {"BatchNorm": L.BatchNorm, "InstanceNorm": L.InstanceNorm, "LayerNorm": L.LayerNorm}

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def close(ours, theirs, dtype, floor=1.0):
    """Equal relative to the size of what is compared, and of the terms it is a difference of."""
    error = abs(ours - theirs).max() / max(abs(theirs).max(), floor)
    assert ours.dtype == dtype
    assert error <= TOLERANCE[dtype], f"relative error {error:.1e}"


def sizes(seed):
    return tuple(int(n) for n in np.random.default_rng(seed).integers(2, 9, 4))


def torch_norm(F, kind, x, gamma, beta):
    """The output of PyTorch's norm for x (N, H, W, C)."""
    if kind == "LayerNorm":
        return F.layer_norm(x, x.shape[-1:], gamma, beta)
    x = x.movedim(-1, 1)
    if kind == "BatchNorm":
        y = F.batch_norm(x, None, None, gamma, beta, training=True)
    else:
        y = F.instance_norm(x, weight=gamma, bias=beta)
    return y.movedim(1, -1)


@both_dtypes
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", NORMS)
def test_norms_equal_pytorch(kind, seed, dtype):
    torch = pytest.importorskip("torch")
    rng, shape = np.random.default_rng(seed), sizes(seed)
    layer = NORMS[kind](shape[-1])
    p = jittered(rng, layer.init(rng, np.float64))
    p = tree.map(lambda a: a.astype(dtype), p)
    x, dy = (2 + 3 * rng.normal(size=shape)).astype(dtype), rng.normal(size=shape).astype(dtype)
    y, backward = layer.forward(p, x)
    dp, dx = backward(dy)
    X, gamma, beta = (torch.tensor(a).requires_grad_() for a in (x, p["gamma"], p["beta"]))
    Y = torch_norm(torch.nn.functional, kind, X, gamma, beta)
    Y.backward(torch.tensor(dy))
    close(y, Y.detach().numpy(), dtype)
    close(dx, X.grad.numpy(), dtype)
    close(dp["gamma"], gamma.grad.numpy(), dtype)
    close(dp["beta"], beta.grad.numpy(), dtype)


@both_dtypes
@pytest.mark.parametrize("shape", [(7, 3), (2, 5, 4, 3)])
def test_batch_norm_with_statistics_equals_pytorch_in_evaluation(shape, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    p = {"gamma": rng.normal(size=3).astype(dtype), "beta": rng.normal(size=3).astype(dtype)}
    s = {"mean": rng.normal(size=3).astype(dtype), "var": rng.uniform(1, 2, 3).astype(dtype)}
    x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    y, backward = L.BatchNorm(3).forward(p, x, s)
    dp, dx = backward(dy)
    X, gamma, beta = (torch.tensor(a).requires_grad_() for a in (x, p["gamma"], p["beta"]))
    mean, var = torch.tensor(s["mean"]), torch.tensor(s["var"])
    Y = torch.nn.functional.batch_norm(X.movedim(-1, 1), mean, var, gamma, beta).movedim(1, -1)
    Y.backward(torch.tensor(dy))
    close(y, Y.detach().numpy(), dtype)
    close(dx, X.grad.numpy(), dtype)
    close(dp["gamma"], gamma.grad.numpy(), dtype)
    close(dp["beta"], beta.grad.numpy(), dtype)


@both_dtypes
@pytest.mark.parametrize("seed", range(4))
def test_pixel_norm_equals_autograd_of_its_formula(seed, dtype):
    torch = pytest.importorskip("torch")
    rng, shape = np.random.default_rng(seed), sizes(seed)
    x, dy = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    y, backward = L.PixelNorm().forward({}, x)
    X = torch.tensor(x).requires_grad_()
    Y = X / torch.sqrt((X * X).mean(dim=-1, keepdim=True) + 1e-8)
    Y.backward(torch.tensor(dy))
    close(y, Y.detach().numpy(), dtype)
    close(backward.dx(dy), X.grad.numpy(), dtype)


def axes_of(kind):
    return {"BatchNorm": (0, 1, 2), "InstanceNorm": (1, 2), "LayerNorm": 3}[kind]


@pytest.mark.parametrize("kind", NORMS)
def test_the_output_has_mean_beta_and_standard_deviation_gamma(kind, rng):
    x = 5 + 3 * rng.normal(size=(4, 6, 5, 7))
    p = {"gamma": np.full(7, 2.5), "beta": np.full(7, -1.5)}
    y, _ = NORMS[kind](7).forward(p, x)
    np.testing.assert_allclose(y.mean(axes_of(kind)), -1.5, atol=1e-12)
    np.testing.assert_allclose(y.std(axes_of(kind)), 2.5, rtol=1e-4)  # eps takes the rest


@pytest.mark.parametrize("kind", NORMS)
def test_a_shift_and_a_positive_scale_of_the_input_change_nothing(kind, rng):
    layer = NORMS[kind](7, eps=1e-12)
    p, x = layer.init(rng, np.float64), rng.normal(size=(4, 6, 5, 7))
    np.testing.assert_allclose(
        layer.forward(p, 3 * x + 2)[0], layer.forward(p, x)[0], rtol=0, atol=1e-9
    )


def test_pixel_norm_gives_unit_mean_square_and_keeps_a_black_pixel(rng):
    x = rng.normal(size=(2, 3, 4, 5)) * 100
    x[0, 0, 0] = 0
    y, _ = L.PixelNorm().forward({}, x)
    square = (y * y).mean(-1)
    assert square[0, 0, 0] == 0
    np.testing.assert_allclose(square[1], 1, rtol=1e-9)


def test_instance_norm_treats_each_image_by_itself_and_batch_norm_does_not(rng):
    x = rng.normal(size=(3, 4, 5, 2))
    moved = x.copy()
    moved[2] *= 4
    for kind, same in (("InstanceNorm", True), ("BatchNorm", False)):
        layer = NORMS[kind](2)
        p = layer.init(rng, np.float64)
        y, y_moved = (layer.forward(p, a)[0][:2] for a in (x, moved))
        assert np.array_equal(y, y_moved) == same, kind


def test_a_large_mean_does_not_cancel_the_variance(rng):
    x = (1000 + rng.normal(size=(64, 8, 8, 2))).astype(np.float32)
    y, _ = L.BatchNorm(2).forward(L.BatchNorm(2).init(rng), x)
    exact = (x.astype(np.float64) - x.mean((0, 1, 2), np.float64)) / x.std((0, 1, 2), np.float64)
    np.testing.assert_allclose(y, exact, atol=5e-3)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, rtol=1e-4)


@pytest.mark.parametrize("block", [1, 7, 16, 40, 100, 10**6])
@pytest.mark.parametrize("groups", [1, 5])
def test_any_division_into_blocks_gives_the_same_numbers(groups, block, rng, monkeypatch):
    x, dy = rng.normal(size=(5, 3, 2, 4)), rng.normal(size=(5, 3, 2, 4))
    p = {"gamma": rng.normal(size=4), "beta": rng.normal(size=4)}
    y, backward = norm.normalise("Norm", p, x, groups, 1e-5)
    dp, dx = backward(dy)
    monkeypatch.setattr(norm, "BLOCK", block)
    y2, backward2 = norm.normalise("Norm", p, x, groups, 1e-5)
    dp2, dx2 = backward2(dy)
    for a, b in ((y, y2), (dx, dx2), (dp["gamma"], dp2["gamma"]), (dp["beta"], dp2["beta"])):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    rows = x.reshape(groups, -1, 4)
    seen = np.zeros(rows.shape)
    for g, m in norm.blocks(rows):
        seen[g, m] += 1
    assert (seen == 1).all(), "a row lies in no block, or in two"


def test_a_bias_before_batch_norm_has_zero_gradient_and_no_other_leaf_has(rng):
    net = L.Sequential(L.Dense(4, 3), L.BatchNorm(3), L.Tanh())
    p, x = jittered(rng, net.init(rng, np.float64)), rng.normal(size=(6, 4))
    report = check_gradients(net, p, x, rng=rng, zero=("0.b",))
    assert report.passed, str(report)
    assert report.zeros == ("0.b",)
    assert not check_gradients(net, p, x, rng=rng).passed


def test_a_bias_before_batch_norm_with_given_statistics_has_a_gradient(rng):
    net = L.Sequential(L.Dense(4, 3), L.BatchNorm(3), L.Tanh())
    p, x = jittered(rng, net.init(rng, np.float64)), rng.normal(size=(6, 4))
    extras = L.calibrate(net, p, x)
    report = check_gradients(lambda p, x: net.forward(p, x, extras), p, x, rng=rng)
    assert report.passed, str(report)


def test_the_gradient_of_batch_norm_is_orthogonal_to_constants(rng):
    layer = L.BatchNorm(3)
    p, x = jittered(rng, layer.init(rng, np.float64)), rng.normal(size=(2, 5, 4, 3))
    _, backward = layer.forward(p, x)
    dx = backward.dx(rng.normal(size=x.shape))
    assert abs(dx).max() > 0.1
    np.testing.assert_allclose(dx.sum((0, 1, 2)), 0, atol=1e-12)


# calibration


def test_statistics_of_the_same_batch_give_the_training_output(rng):
    for layer, shape in ((L.BatchNorm(3), (7, 3)), (L.BatchNorm(3), (2, 5, 4, 3))):
        p, x = jittered(rng, layer.init(rng, np.float64)), 2 + rng.normal(size=shape)
        s = L.calibrate(layer, p, x)
        np.testing.assert_allclose(s["mean"], x.reshape(-1, 3).mean(0), rtol=1e-12)
        np.testing.assert_allclose(s["var"], x.reshape(-1, 3).var(0), rtol=1e-12)
        np.testing.assert_allclose(
            layer.forward(p, x, s)[0], layer.forward(p, x)[0], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("cuts", [(4, 8), (3, 5, 10)])
def test_calibration_over_batches_is_the_moments_of_all_their_values(cuts, rng):
    x = rng.normal(size=(12, 3)) + np.arange(12)[:, None]  # the batches have different means
    layer = L.BatchNorm(3)
    s = L.calibrate(layer, layer.init(rng, np.float64), iter(np.split(x, cuts)))
    np.testing.assert_allclose(s["mean"], x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(s["var"], x.var(0), rtol=1e-12)


def test_population_is_mean_of_variances_plus_variance_of_means():
    seen = [(5, np.array([1.0]), np.array([2.0])), (5, np.array([4.0]), np.array([6.0]))]
    s = population(seen)
    assert s == {"mean": np.array([2.5]), "var": np.array([4.0 + 2.25])}


def nested():
    inner = L.Sequential(L.Dense(4, 4, bias=False), norm=L.BatchNorm(4), act=L.Tanh())
    heads = L.Fork(mean=L.Dense(4, 2), log_var=L.Sequential(L.Dense(4, 3), L.BatchNorm(3)))
    return L.Sequential(L.Dense(5, 4), L.BatchNorm(4), block=L.Residual(inner), heads=heads)


def test_calibrate_finds_batch_norms_at_any_depth_and_leaves_p_alone(rng):
    net = nested()
    p, x = jittered(rng, net.init(rng, np.float64)), rng.normal(size=(9, 5))
    before = {name: a.tobytes() for name, a in tree.leaves(p)}
    extras = L.calibrate(net, p, [x])
    assert {name: a.tobytes() for name, a in tree.leaves(p)} == before
    assert [name for name, _ in tree.leaves(extras)] == [
        "1.mean",
        "1.var",
        "block.f.norm.mean",
        "block.f.norm.var",
        "heads.log_var.1.mean",
        "heads.log_var.1.var",
    ]
    trained, sampled = net.forward(p, x)[0], net.forward(p, x, extras)[0]
    for (name, a), (_, b) in zip(tree.leaves(trained), tree.leaves(sampled), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12, err_msg=name)


def test_with_statistics_an_example_does_not_depend_on_its_neighbours(rng):
    net = nested()
    p, x = net.init(rng, np.float64), rng.normal(size=(9, 5))
    extras = L.calibrate(net, p, [x])
    whole, alone = net.forward(p, x, extras)[0], net.forward(p, x[:1], extras)[0]
    np.testing.assert_allclose(alone["mean"], whole["mean"][:1], rtol=0, atol=1e-12)


def test_calibration_keeps_the_dtype_and_knows_nets_without_batch_norm(rng):
    layer = L.BatchNorm(3)
    s = L.calibrate(layer, layer.init(rng), rng.normal(size=(5, 3)).astype(np.float32))
    assert s["mean"].dtype == s["var"].dtype == np.float32
    net = L.Sequential(L.Dense(3, 2), L.Tanh())
    with pytest.raises(ValueError, match="found no BatchNorm in Sequential"):
        L.calibrate(net, net.init(rng, np.float64), rng.normal(size=(5, 3)))


# dropout


def test_a_mask_is_zero_at_the_rate_and_keeps_the_mean(rng):
    mask = L.Dropout(0.3).draw_mask(rng, (200, 500))
    assert mask.dtype == np.float32
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    assert abs((mask == 0).mean() - 0.3) < 0.006  # four standard errors
    assert abs(mask.mean(dtype=np.float64) - 1) < 0.009


@both_dtypes
def test_dropout_equals_pytorch_on_its_mask(dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X = torch.ones((6, 7), dtype=getattr(torch, np.dtype(dtype).name)).requires_grad_()
    Y = torch.nn.functional.dropout(X, 0.4, training=True)
    dy = np.random.default_rng(0).normal(size=X.shape).astype(dtype)
    Y.backward(torch.tensor(dy))
    mask = Y.detach().numpy()  # of an input of ones
    y, backward = L.Dropout(0.4).forward({}, np.ones((6, 7), dtype), mask)
    close(y, Y.detach().numpy(), dtype)
    close(backward.dx(dy), X.grad.numpy(), dtype)
    ours = np.unique(L.Dropout(0.4).draw_mask(np.random.default_rng(0), (50, 50), dtype))
    close(ours, np.unique(mask), dtype)


def test_without_a_mask_dropout_is_the_identity(rng):
    x, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    y, backward = L.Dropout(0.9).forward({}, x)
    assert np.array_equal(y, x)
    assert np.array_equal(backward.dx(dy), dy)


def test_a_chain_routes_the_mask_to_its_dropout(rng):
    net = L.Sequential(L.Dense(4, 6), drop=L.Dropout(0.5))
    p, x = net.init(rng, np.float64), rng.normal(size=(3, 4))
    mask = L.Dropout(0.5).draw_mask(rng, (3, 6), np.float64)
    y, _ = net.forward(p, x, {"drop": mask})
    assert ((y == 0) == (mask == 0)).all()
    assert (mask == 0).any() and (mask != 0).any()


# refused input


def p_of(layer):
    return layer.init(np.random.default_rng(0), np.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.BatchNorm(0), "BatchNorm: n must be a whole number >= 1, got 0"),
        (lambda: L.InstanceNorm(2.5), "InstanceNorm: n must be a whole number"),
        (lambda: L.LayerNorm(1), "LayerNorm: n must be a whole number >= 2, got 1"),
        (lambda: L.BatchNorm(3, eps=0), "BatchNorm: eps must be > 0"),
        (lambda: L.PixelNorm(eps=-1.0), "PixelNorm: eps must be > 0"),
        (lambda: L.Dropout(1.0), r"Dropout: rate must be in \[0, 1\), got 1.0"),
        (lambda: L.Dropout(-0.1), r"Dropout: rate must be in \[0, 1\)"),
        (lambda: L.Dropout(float("nan")), r"Dropout: rate must be in \[0, 1\)"),
        (lambda: L.Dropout("half"), r"Dropout: rate must be in \[0, 1\)"),
    ],
)
def test_bad_sizes_and_rates_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (L.BatchNorm(3), (5, 4), r"BatchNorm: expected x of shape \(..., 3\), got \(5, 4\)"),
        (L.BatchNorm(3), (1, 3), "one value per channel, so no variance: give a larger batch"),
        (L.BatchNorm(3), (1, 1, 1, 3), "one value per channel"),
        (L.BatchNorm(3), (0, 3), "empty"),
        (L.InstanceNorm(3), (5, 3), r"InstanceNorm: expected x of shape \(N, H, W, 3\)"),
        (L.InstanceNorm(3), (2, 1, 1, 3), "one pixel an image"),
        (L.LayerNorm(3), (5, 4), r"LayerNorm: expected x of shape \(..., 3\)"),
        (L.PixelNorm(), (5,), "PixelNorm: expected x of shape"),
    ],
)
def test_a_bad_shape_is_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(p_of(layer), np.ones(shape))


@pytest.mark.parametrize("layer", [L.BatchNorm(3), L.InstanceNorm(3), L.LayerNorm(3)])
def test_nan_and_another_dtype_are_refused(layer):
    x = np.ones((2, 4, 5, 3))
    with pytest.raises(TypeError, match=r"parameter 'gamma' is float64: use x.astype"):
        layer.forward(p_of(layer), x.astype(np.float32))
    x[1, 0, 0, 2] = np.nan
    with pytest.raises(ValueError, match=r"1 values that are NaN.*\(1, 0, 0, 2\)"):
        layer.forward(p_of(layer), x)


@pytest.mark.parametrize(
    ("statistics", "error", "message"),
    [
        ({"mean": np.zeros(3)}, ValueError, r"keys \['mean', 'var'\], got \['mean'\]"),
        (np.zeros(3), ValueError, "keys .* got ndarray"),
        ({"mean": np.zeros(3), "var": np.ones(4)}, ValueError, r"'var' must have shape \(3,\)"),
        ({"mean": np.zeros(3), "var": -np.ones(3)}, ValueError, "'var' is negative"),
        ({"mean": np.full(3, np.nan), "var": np.ones(3)}, ValueError, "'mean'.*NaN"),
        (
            {"mean": np.zeros(3, np.float32), "var": np.ones(3)},
            TypeError,
            "x is float64, statistics 'mean' is float32: use .astype",
        ),
    ],
)
def test_bad_statistics_are_refused(statistics, error, message):
    layer = L.BatchNorm(3)
    with pytest.raises(error, match=message):
        layer.forward(p_of(layer), np.ones((5, 3)), statistics)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((4, 3)), ValueError, r"a mask of x's shape \(3, 4\), got \(4, 3\)"),
        (np.ones(4), ValueError, "a mask of x's shape"),
        (2.0, ValueError, "got float"),
        (np.ones((3, 4), np.float32), TypeError, "x is float64, the mask is float32"),
        (np.ones((3, 4), bool), TypeError, "mask: expected floats"),
        (np.full((3, 4), np.inf), ValueError, "mask: x holds 12 values"),
    ],
)
def test_bad_masks_are_refused(mask, error, message):
    with pytest.raises(error, match=message):
        L.Dropout(0.5).forward({}, np.ones((3, 4)), mask)


def test_calibration_without_batches_is_refused():
    with pytest.raises(ValueError, match="calibrate: no batches"):
        L.calibrate(L.BatchNorm(3), p_of(L.BatchNorm(3)), [])


def test_extras_of_a_layer_that_is_not_there_are_refused(rng):
    net = nested()
    with pytest.raises(ValueError, match=r"extras for \['2'\]"):
        net.forward(net.init(rng, np.float64), np.ones((3, 5)), {"2": {}})


@pytest.mark.parametrize(
    "layer", [L.BatchNorm(3), L.InstanceNorm(3), L.LayerNorm(3), L.PixelNorm()], ids=repr
)
def test_a_square_that_overflows_is_refused_instead_of_giving_zeros(layer, rng):
    x = (1e30 * rng.normal(size=(2, 5, 4, 3))).astype(np.float32)
    says = f"^{type(layer).__name__}: x is so large that its square overflows float32"
    for batch in (x, x[:1]):  # one image is as many groups of an InstanceNorm as of a BatchNorm
        with np.errstate(over="ignore"), pytest.raises(ValueError, match=says):
            layer.forward(layer.init(rng), batch)
