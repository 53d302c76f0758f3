"""Layers of a growing game: the spread of a batch, and weights scaled where they are used."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.optim import adam

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# Minibatch standard deviation


def test_the_last_channel_tells_the_mean_spread_of_each_group():
    x = np.random.default_rng(0).normal(size=(6, 5, 4, 3))
    y, _ = L.MinibatchStd(3).forward({}, x)
    assert y.shape == (6, 5, 4, 4)
    np.testing.assert_array_equal(y[..., :3], x)
    for n in (0, 3):
        spread = x[n : n + 3].std(axis=0).mean()
        np.testing.assert_allclose(y[n : n + 3, ..., 3], spread, rtol=1e-7)


def test_a_batch_of_equal_examples_has_no_spread_and_no_gradient_from_it():
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 5)), 4, axis=0)
    y, backward = L.MinibatchStd().forward({}, x)
    assert (y[:, -1] <= 1.01e-4).all()  # sqrt(eps)
    dy = np.zeros_like(y)
    dy[:, -1] = 1
    np.testing.assert_array_equal(backward.dx(dy), 0)


@both_dtypes
@pytest.mark.parametrize("group, shape", [(None, (4, 3)), (2, (6, 3, 5, 4)), (4, (4, 2, 2, 3))])
def test_minibatch_std_equals_pytorchs(group, shape, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(dtype)
    y, backward = L.MinibatchStd(group).forward({}, x)
    dy = rng.normal(size=y.shape).astype(dtype)
    t = torch.tensor(x, requires_grad=True)
    groups = t.reshape(-1, group or len(x), *shape[1:])
    std = (groups.var(dim=1, unbiased=False) + 1e-8).sqrt().flatten(1).mean(1)
    std = std.repeat_interleave(group or len(x)).reshape(-1, *[1] * (len(shape) - 1))
    theirs = torch.cat([t, std.expand(*shape[:-1], 1)], dim=-1)
    theirs.backward(torch.tensor(dy))
    tolerance = 1e-5 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(backward.dx(dy), t.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match=r"MinibatchStd: a batch of one .* give two examples"):
        L.MinibatchStd().forward({}, np.zeros((1, 3)))


def test_a_batch_that_makes_no_whole_groups_is_refused_with_the_remedy():
    says = r"7 examples .* groups of 4: .* such as 4, or take another group"
    with pytest.raises(ValueError, match=says):
        L.MinibatchStd(4).forward({}, np.zeros((7, 3)))


@pytest.mark.parametrize("given", [{"group": 1}, {"group": 2.5}])
def test_groups_of_one_are_refused(given):
    with pytest.raises(ValueError, match=r"MinibatchStd: group must be a whole"):
        L.MinibatchStd(**given)


@pytest.mark.parametrize("eps", [0.0, -1e-8, "1e-8", float("nan"), float("inf"), None])
def test_an_eps_that_is_no_number_above_zero_is_refused(eps):
    with pytest.raises(ValueError, match=r"MinibatchStd: eps must be a finite number > 0, got"):
        L.MinibatchStd(eps=eps)


# Equalised learning rate


@pytest.mark.parametrize(
    "layer, x, fan_in",
    [
        (L.Dense(50, 400), (200, 50), 50),
        (L.Conv2d(8, 60, 3), (20, 9, 9, 8), 72),
        (L.Conv1d(8, 60, 5), (20, 40, 8), 40),
    ],
)
def test_outputs_have_the_variance_of_hes_rule_and_weights_variance_1(layer, x, fan_in, rng):
    equal = L.Equalised(layer)
    p = equal.init(rng, np.float64)
    assert p["W"].var() == pytest.approx(1, abs=0.1)
    assert equal.scale == pytest.approx(np.sqrt(2 / fan_in))
    y, _ = equal.forward(p, rng.normal(size=x))
    assert y.var() == pytest.approx(2, rel=0.15)


@both_dtypes
def test_an_equalised_layer_is_the_layer_with_scaled_weights(dtype, rng):
    layer, gain = L.Conv2d(3, 4, 3, 1, 1), 0.7
    equal = L.Equalised(layer, gain)
    p, x = equal.init(rng, dtype), rng.normal(size=(2, 5, 4, 3)).astype(dtype)
    c = gain / np.sqrt(27)
    y, backward = equal.forward(p, x)
    plain, plain_backward = layer.forward({"W": (p["W"] * c).astype(dtype), "b": p["b"]}, x)
    np.testing.assert_allclose(y, plain, rtol=1e-5, atol=1e-6)
    dp, dx = backward(plain)
    inner, inner_dx = plain_backward(plain)
    np.testing.assert_allclose(dp["W"], c * inner["W"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(dp["b"], inner["b"])
    np.testing.assert_allclose(dx, inner_dx, rtol=1e-5, atol=1e-6)
    assert y.dtype == dp["W"].dtype == dtype


def test_a_step_of_adam_moves_all_layers_by_one_share_of_their_size(rng):
    """Section 3 of docs/derivations/equalised.md: without the constant the shares differ."""

    def shares(wrap, weights):
        found = []
        for n in (4, 400):
            layer = wrap(L.Dense(n, 30))
            p, x = layer.init(rng, np.float64, weights), rng.normal(size=(20, n))
            before, (y, backward) = p["W"].copy(), layer.forward(p, x)
            rule = adam(1e-3)
            rule.update(p, backward.dp(y), rule.init(p))
            found.append(np.abs(p["W"] - before).mean() / before.std())
        return found

    narrow, wide = shares(L.Equalised, "glorot")
    assert wide == pytest.approx(narrow, rel=0.2)
    narrow, wide = shares(lambda layer: layer, "he")
    assert wide > 5 * narrow


def test_zeros_are_zeros_and_no_bias_is_drawn_where_the_layer_has_none(rng):
    assert (L.Equalised(L.Dense(3, 4)).init(rng, np.float32, "zeros")["W"] == 0).all()
    assert L.Equalised(L.Dense(3, 4, bias=False)).init(rng).keys() == {"W"}


def test_layers_of_unknown_fan_in_and_bad_gains_are_refused():
    with pytest.raises(TypeError, match=r"Equalised: expected a Dense.*got ConvTranspose2d"):
        L.Equalised(L.ConvTranspose2d(3, 4, 2))
    for gain in (0.0, "2"):
        with pytest.raises(ValueError, match="Equalised: gain must be a finite number > 0"):
            L.Equalised(L.Dense(3, 4), gain)


@pytest.mark.parametrize("layer", [L.Dense(3, 4), L.Equalised(L.Dense(3, 4))])
@pytest.mark.parametrize("weights", ["glorot", "zeros"])
def test_a_seed_in_the_place_of_a_generator_draws_no_weights(layer, weights):
    with pytest.raises(TypeError, match=r"weights: expected rng as a NumPy Gen.*default_rng\(0\)"):
        layer.init(0, np.float32, weights)
