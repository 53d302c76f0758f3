"""First weights have the scale that their papers give, on every dtype the same."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.layers import initialisers

SHAPE, FAN_IN, FAN_OUT = (300, 400), 300, 400
VARIANCE = {"glorot": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "dcgan": 0.02**2}


def draw(name, seed=0, shape=SHAPE, dtype=np.float64):
    return initialisers.draw(name, np.random.default_rng(seed), shape, FAN_IN, FAN_OUT, dtype)


@pytest.mark.parametrize("name", VARIANCE)
def test_mean_and_variance_are_those_of_the_paper(name):
    W = draw(name)
    # standard errors at n = 120000: of the mean std / sqrt(n), of the variance < var sqrt(2 / n)
    assert abs(W.mean()) < 5 * np.sqrt(VARIANCE[name] / W.size)
    assert abs(W.var() / VARIANCE[name] - 1) < 5 * np.sqrt(2 / W.size)


def test_glorot_is_uniform_within_its_bound():
    W, a = draw("glorot"), np.sqrt(6 / (FAN_IN + FAN_OUT))
    assert a * 0.999 < abs(W).max() <= a
    quarters = np.histogram(W, bins=4, range=(-a, a))[0] / W.size
    np.testing.assert_allclose(quarters, 0.25, atol=0.01)


@pytest.mark.parametrize("name", ["he", "dcgan"])
def test_normal_rules_are_normal(name):
    W = draw(name) / np.sqrt(VARIANCE[name])
    np.testing.assert_allclose((abs(W) < 1).mean(), 0.6827, atol=0.01)
    np.testing.assert_allclose((W**4).mean(), 3, atol=0.1)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 2, 4)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(shape):
    W = draw("orthogonal", shape=shape)
    assert W.shape == shape
    W = W.reshape(-1, shape[-1])
    gram = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(gram, np.eye(min(W.shape)), atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    """Haar measure: every entry has mean 0 and variance 1 / n; plain QR has a signed diagonal."""
    rng = np.random.default_rng(0)
    Q = np.stack([initialisers.draw("orthogonal", rng, (3, 3), 3, 3, float) for _ in range(4000)])
    np.testing.assert_allclose(Q.mean(axis=0), 0, atol=5 / np.sqrt(3 * 4000))
    np.testing.assert_allclose((Q**2).mean(axis=0), 1 / 3, atol=0.03)


def test_zeros_are_zero():
    assert not draw("zeros").any()


@pytest.mark.parametrize("name", initialisers.RULES)
def test_one_seed_gives_one_weight_in_every_dtype(name):
    double, single = draw(name), draw(name, dtype=np.float32)
    assert (double.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(double.astype(np.float32), single)
    np.testing.assert_array_equal(draw(name), double)
    assert name == "zeros" or (draw(name, seed=1) != double).any()


def test_an_unknown_rule_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"unknown initialiser 'xavier': choose one of glorot, he"):
        L.Dense(3, 2).init(np.random.default_rng(0), weights="xavier")


LAYERS = {
    "Dense": L.Dense(40, 60),
    "Embedding": L.Embedding(50, 60),
    "Sequential": L.Sequential(L.Dense(4, 6), L.Tanh(), head=L.Dense(6, 3)),
    "Residual": L.Residual(L.Dense(4, 4)),
    "Fork": L.Fork(a=L.Dense(4, 6), b=L.Tanh()),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("weights", initialisers.RULES)
def test_layers_draw_by_the_rule_and_in_the_dtype_asked_for(layer, weights):
    p = layer.init(np.random.default_rng(0), np.float64, weights=weights)
    single = layer.init(np.random.default_rng(0), weights=weights)
    for (name, a), (_, b) in zip(tree.leaves(p), tree.leaves(single), strict=True):
        assert (a.dtype, b.dtype) == (np.float64, np.float32), name
        np.testing.assert_array_equal(a.astype(np.float32), b)
        if name.endswith("b"):
            assert not a.any(), "biases start at zero"
        elif weights != "zeros":
            assert a.std() > 0


def test_dense_weights_know_their_fans():
    W = L.Dense(100, 500).init(np.random.default_rng(0), np.float64)["W"]
    np.testing.assert_allclose(abs(W).max(), np.sqrt(6 / 600), rtol=1e-3)
    W = L.Dense(100, 500).init(np.random.default_rng(0), np.float64, weights="he")["W"]
    np.testing.assert_allclose(W.var(), 2 / 100, rtol=0.03)


@pytest.mark.parametrize(
    ("layer", "fan_in", "fan_out"),
    [
        (L.Conv2d(8, 16, (3, 5)), 15 * 8, 15 * 16),
        (L.Conv1d(16, 48, 5), 5 * 16, 5 * 48),
        (L.ConvTranspose2d(16, 48, 4), 16 * 16, 16 * 48),
        # of 16 taps, an output pixel meets those of its phase among 2 x 2
        (L.ConvTranspose2d(16, 48, 4, stride=2, padding=1), 4 * 16, 16 * 48),
        (L.MaskedConv2d(16, 48, 5, "A"), 12 * 16, 12 * 48),
        (L.MaskedConv2d(16, 48, 5, "B"), 13 * 16, 13 * 48),
        (L.MaskedDense(np.ones((40, 90))), 40, 90),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else type(value).__name__,
)
def test_convolutions_know_their_fans(layer, fan_in, fan_out):
    W = layer.init(np.random.default_rng(0), np.float64)["W"]
    np.testing.assert_allclose(abs(W).max(), np.sqrt(6 / (fan_in + fan_out)), rtol=2e-3)
    W = layer.init(np.random.default_rng(0), np.float64, weights="he")["W"]
    np.testing.assert_allclose(W.var(), 2 / fan_in, rtol=5 * np.sqrt(2 / W.size))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_transposed_convolution_keeps_the_variance_with_he_weights(stride):
    """Without its phases counted the variance would fall by stride^2."""
    layer = L.ConvTranspose2d(32, 24, 4, stride=stride, padding=1, bias=False)
    rng = np.random.default_rng(0)
    y, _ = layer.forward(layer.init(rng, np.float64, "he"), rng.normal(size=(4, 32, 32, 32)))
    np.testing.assert_allclose(y[:, 4:-4, 4:-4].var(), 2, rtol=0.06)


def test_an_embedding_is_a_dense_layer_of_fan_in_one():
    W = L.Embedding(500, 29).init(np.random.default_rng(0), np.float64)["W"]
    np.testing.assert_allclose(abs(W).max(), np.sqrt(6 / 30), rtol=1e-3)
