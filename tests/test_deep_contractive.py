"""The Jacobian's norm of any encoder: closed form, finite differences, planted bugs, training."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.data import digits
from tinygen.models import deep_contractive
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    deep_contractive_autoencoder,
    dense_autoencoder,
)
from tinygen.models.contractive import SigmoidEncoder
from tinygen.models.deep_contractive import code_and_norm
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.tangent import RULES
from tinygen.tangent.elementwise import elementwise
from tinygen.training import Turn, train

DEEP = L.Sequential(L.Dense(6, 5), L.Tanh(), L.Dense(5, 4), L.Tanh())


def point(rng, net=DEEP, *shape):
    return jittered(rng, net.init(rng, np.float64)), rng.normal(size=shape or (3, 6))


def test_of_one_sigmoid_layer_it_is_the_closed_form(rng):
    """Values and gradients of one map told in two ways: the layer, and its closed form."""
    closed, net = SigmoidEncoder(6, 4), L.Sequential(L.Dense(6, 4), L.Sigmoid())
    p, x = point(rng, closed)
    p = tree.scale(p, 3.0)
    (found, backward), (expected, by_formula) = (
        code_and_norm(net, {"0": p}, x),
        code_and_norm(closed, p, x),
    )
    tree.map(np.testing.assert_allclose, found, expected)
    d = tuple(rng.normal(size=a.shape) for a in found)
    (dp, dx), (dp_closed, dx_closed) = backward(d), by_formula(d)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-13), dp["0"], dp_closed)
    np.testing.assert_allclose(dx, dx_closed, atol=1e-13)


def test_an_autoencoder_of_one_layer_is_the_contractive_one(rng):
    shape = (4, 3, 1)
    one = contractive_autoencoder(shape, 5, 0.7)
    deep = deep_contractive_autoencoder(shape, (), 5, 0.7, activation=L.Sigmoid())
    p, x = jittered(rng, one.init(rng, np.float64)), rng.random((3, *shape))
    q = {"encoder": {"1": {"W": p["W"], "b": p["b"]}}, "decoder": {"0": {"b": p["c"]}}}
    (value, backward), (expected, by_formula) = deep.loss(q, x), one.loss(p, x)
    assert value == pytest.approx(expected, rel=1e-13)
    (dq, dx), (dp, dx_closed) = backward(), by_formula()
    for ours, theirs in (
        (dq["encoder"]["1"]["W"], dp["W"]),
        (dq["encoder"]["1"]["b"], dp["b"]),
        (dq["decoder"]["0"]["b"], dp["c"]),
        (dx, dx_closed),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_the_norm_is_that_of_the_jacobian_of_finite_differences(rng):
    p, x = point(rng)
    (_, norm), _ = code_and_norm(DEEP, p, x)
    h, squares = 1e-6, np.zeros(3)
    for i in range(6):
        step = h * (np.arange(6) == i)
        column = (DEEP.forward(p, x + step)[0] - DEEP.forward(p, x - step)[0]) / (2 * h)
        squares += (column**2).sum(axis=1)
    np.testing.assert_allclose(norm, squares, rtol=1e-8)


def test_of_a_piecewise_linear_encoder_x_gets_the_codes_gradient_alone(rng):
    net = L.Sequential(L.Dense(6, 5), L.LeakyRelu(), L.Dense(5, 4))
    p, x = point(rng, net)
    (z, norm), backward = code_and_norm(net, p, x)
    dz, dnorm = rng.normal(size=z.shape), rng.normal(size=norm.shape)
    plain = net.forward(p, x)[1]
    np.testing.assert_allclose(backward.dx((dz, dnorm)), plain.dx(dz))
    dp, dp_plain = backward.dp((dz, dnorm)), plain.dp(dz)
    assert abs(dp["0"]["W"] - dp_plain["0"]["W"]).max() > 0.1
    np.testing.assert_array_equal(dp["0"]["b"], dp_plain["0"]["b"])


# Planted bugs


def passes(f):
    p, x = point(np.random.default_rng(0))
    return check_gradients(f, p, x, rng=np.random.default_rng(1)).passed


def with_half(factor):
    """The pullback of the norm, weighed wrongly."""

    def f(p, x):
        found, backward = code_and_norm(DEEP, p, x)
        return found, Pullback.whole(lambda d: backward((d[0], factor * d[1])), found)

    return f


def test_planted_bugs_are_rejected(monkeypatch):
    assert passes(with_half(1.0))
    assert not passes(with_half(0.5))  # u = g in the place of 2 g
    monkeypatch.setitem(RULES, L.Tanh, lambda layer, p, x: elementwise(*layer.forward(p, x)))
    assert not passes(with_half(1.0))  # f'' left out
    monkeypatch.undo()
    one_hot = deep_contractive.codes_like
    monkeypatch.setattr(deep_contractive, "codes_like", lambda z, j: one_hot(z, max(j, 1)))
    (_, norm), _ = code_and_norm(DEEP, *point(np.random.default_rng(0)))
    monkeypatch.undo()
    (_, right), _ = code_and_norm(DEEP, *point(np.random.default_rng(0)))
    assert abs(norm - right).max() > 0.01  # a number of the code left out, another counted twice


# Models


def test_any_autoencoder_takes_a_contraction(rng):
    model = dense_autoencoder((4, 3, 1), (7,), 5)
    p, x = model.init(rng), rng.random((3, 4, 3, 1), np.float32)
    held = dense_autoencoder((4, 3, 1), (7,), 5, contraction=0.7)
    value, backward = held.loss(p, x)
    norm = code_and_norm(model.encoder, p["encoder"], x)[0][1]
    assert value == pytest.approx(model.loss(p, x)[0] + 0.7 * norm.mean(), rel=1e-5)
    assert backward.terms["contraction"] == pytest.approx(0.7 * norm.mean(), rel=1e-5)
    assert value.dtype == np.float32


def test_each_weight_serves_both_nets_and_all_move(rng):
    model = deep_contractive_autoencoder((4, 3, 1), (7, 6), 5, 0.3)
    p, x = model.init(rng), rng.random((3, 4, 3, 1), np.float32)
    shapes = {name: leaf.shape for name, leaf in tree.leaves(p)}
    assert shapes == {
        **{"encoder.1.W": (12, 7), "encoder.1.b": (7,), "encoder.3.W": (7, 6)},
        **{"encoder.3.b": (6,), "encoder.5.W": (6, 5), "encoder.5.b": (5,)},
        **{"decoder.0.b": (6,), "decoder.2.b": (7,), "decoder.4.b": (12,)},
    }
    nets = model.nets(p)
    np.testing.assert_array_equal(nets["decoder"]["images"]["0"]["W"], p["encoder"]["5"]["W"].T)
    before, turn = tree.map(np.copy, p), Turn("a", model.loss, model.draw_noise, adam(1e-2))
    turn.play(p, turn.optimiser.init(p), x, rng)
    for (name, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True):
        assert (a != b).any(), name


def test_a_contraction_makes_a_deep_code_insensitive_beyond_its_scale():
    x, test = digits("train")[0], digits("test")[0]
    found = {}
    for weight in (0.0, 0.1):
        model = deep_contractive_autoencoder((8, 8, 1), (32,), 16, weight)
        rng = np.random.default_rng(0)
        turn = Turn("autoencoder", model.loss, model.draw_noise, adam(3e-3))
        p = train(turn, model.init(rng), x, rng=rng, epochs=20, batch=64, progress=False).p
        (z, norm), _ = code_and_norm(model.encoder, model.nets(p)["encoder"], test)
        found[weight] = float(norm.mean()), float(norm.mean() / z.var(axis=0).sum())
    (free, free_relative), (held, held_relative) = found[0.0], found[0.1]
    assert held < 0.5 * free and held_relative < 0.8 * free_relative, found


# What is refused


def test_a_code_that_is_no_row_of_numbers_is_refused(rng):
    net = L.Sequential(L.Conv2d(1, 2, 3))
    with pytest.raises(ValueError, match=r"code_and_norm: the code: expected x of shape \(N, Z\)"):
        code_and_norm(net, *point(rng, net, 2, 4, 4, 1))


def test_parameters_of_another_model_are_refused(rng):
    model = deep_contractive_autoencoder((4, 3, 1), (7,), 5)
    x = rng.random((3, 4, 3, 1), np.float32)
    with pytest.raises(ValueError, match="DeepTiedAutoencoder: expected the parameters"):
        model.loss({"encoder": {}}, x)
    p = model.init(rng)
    with pytest.raises(ValueError, match="DeepTiedAutoencoder's decoder: expected the parameters"):
        model.loss(p | {"decoder": {"0": p["decoder"]["0"]}}, x)
    with pytest.raises(ValueError, match="DeepTiedAutoencoder's encoder: expected the parameters"):
        model.loss(p | {"encoder": {"1": p["encoder"]["1"]}}, x)
