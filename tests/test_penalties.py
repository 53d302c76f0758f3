"""Penalties on a critic's slope: closed forms, finite differences, PyTorch, and planted bugs.

That their gradients are the derivatives of their values, for dense and convolutional critics with
LeakyReLU, tanh, norms, labels and packs, is in the table of cases (tests/test_gradients.py).
"""

import dataclasses

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import Wasserstein
from tinygen.cases.common import jittered
from tinygen.cases.tangent import CRITICS, penalty_case
from tinygen.check import check_gradients
from tinygen.kernels import windows
from tinygen.models.gan import GAN
from tinygen.models.penalties import R1, GradientPenalty, slope
from tinygen.optim import adam
from tinygen.tangent import RULES
from tinygen.tangent.elementwise import elementwise
from tinygen.tangent.rule import PairPullback
from tinygen.training import Game, Turn

GP = GradientPenalty(10.0)


def draw(rng, critic, *shape):
    """A critic's parameters, data and fakes."""
    return jittered(rng, critic.init(rng, np.float64)), *rng.normal(size=(2, *shape))


# Closed forms


def test_the_penalty_of_a_linear_critic_is_that_of_its_weights(rng):
    critic = L.Sequential(L.Dense(5, 1))
    p, real, fake = draw(rng, critic, 4, 5)
    w = p["0"]["W"]
    norm = np.linalg.norm(w)
    for target in (1.0, 0.0, 2.5):
        penalty = GradientPenalty(10.0, target)
        value, backward = penalty.value(critic, p, real, fake, penalty.draw_noise(rng, real))
        assert value == pytest.approx(10 * (norm - target) ** 2, rel=1e-9)
        dW = backward.dp(2.0)["0"]["W"]
        np.testing.assert_allclose(dW, 2 * 20 * (norm - target) * w / norm, rtol=1e-9)
        assert backward.terms["norm"] == pytest.approx(norm)


def test_r1_of_a_linear_critic_is_half_the_square_of_its_weights(rng):
    critic = L.Sequential(L.Dense(5, 1))
    p, real, fake = draw(rng, critic, 4, 5)
    value, backward = R1(3.0).value(critic, p, real, fake, {})
    w = p["0"]["W"]
    assert value == pytest.approx(1.5 * (w * w).sum())
    np.testing.assert_allclose(backward.dp()["0"]["W"], 3 * w, rtol=1e-12)
    assert backward.dp()["0"]["b"] == 0


def test_the_slope_is_that_of_finite_differences_also_where_a_layer_sees_the_whole_batch(rng):
    critic, shape, _ = CRITICS["a batch at once"]
    p, x, _ = draw(rng, critic, *shape)
    g = slope(critic, p, x, None)[2]
    h, numeric = 1e-6, np.empty_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        up, down = (critic.forward(p, x + s)[0].sum() for s in (step, -step))
        numeric[i] = (up - down) / (2 * h)
    np.testing.assert_allclose(g, numeric, atol=1e-8)
    alone = slope(critic, p, x[:2], None)[2]
    assert abs(alone - g[:2]).max() > 1e-3  # the gradient of the sum: other scores moved too


def test_a_flat_critic_pays_the_whole_target_and_has_a_gradient(rng):
    """|g| has no derivative at g = 0, but for the tiny number under its root."""
    critic = L.Sequential(L.Dense(5, 3), L.Tanh(), L.Dense(3, 1))
    p, real, fake = draw(rng, critic, 4, 5)
    flat = tree.map(np.zeros_like, p)
    value, backward = GP.value(critic, flat, real, fake, GP.draw_noise(rng, real))
    assert value == pytest.approx(10, rel=1e-5)
    assert all((g == 0).all() for _, g in tree.leaves(backward.dp()))


# What is constant while a parameter moves


def test_u_stays_what_it_was_while_the_parameters_move(rng):
    """d/dtheta of u . g is the penalty's where u is held; where u follows it counts twice."""
    critic, shape, _ = CRITICS["dense, tanh, layer norm"]
    p, x, _ = draw(rng, critic, *shape)
    along = tree.map(lambda a: rng.normal(size=a.shape), p)
    weight, h = 3.0, 1e-5

    def g(step):
        return slope(critic, tree.add(p, tree.scale(along, step)), x, None)[2]

    def slope_of(f):
        return (f(h) - f(-h)) / (2 * h)

    u = weight * g(0.0) / len(x)
    held = slope_of(lambda step: (u * g(step)).sum())
    follows = slope_of(lambda step: weight * (g(step) ** 2).sum() / len(x))
    penalty = slope_of(lambda step: weight / 2 * (g(step) ** 2).sum() / len(x))
    assert held == pytest.approx(penalty, rel=1e-6)
    assert follows == pytest.approx(2 * penalty, rel=1e-6)
    dp = R1(weight).value(critic, p, x, x, {})[1].dp()
    exact = sum(
        (a * b).sum() for (_, a), (_, b) in zip(*map(tree.leaves, (dp, along)), strict=True)
    )
    assert exact == pytest.approx(held, rel=1e-6)


def test_the_second_pass_repeats_no_backward_pass_of_the_first(rng, monkeypatch):
    critic = L.Sequential(
        *(L.Conv2d(1, 2, 3), L.LeakyRelu(), L.Conv2d(2, 3, 3), L.LeakyRelu()),
        *(L.Flatten(), L.Dense(27, 1)),
    )
    p, x, _ = draw(rng, critic, 2, 7, 7, 1)
    calls, plain = [], windows.correlate_input_grad
    monkeypatch.setattr(
        windows, "correlate_input_grad", lambda *args: calls.append(0) or plain(*args)
    )
    _, backward = R1(1.0).value(critic, p, x, x, {})
    assert len(calls) == 2  # g, through both convolutions
    backward.dp()
    assert len(calls) == 2


# Planted bugs


def without_curvature(layer, p, x):
    return elementwise(*layer.forward(p, x))


def without_bias_gradient(layer, p, x):
    at = DENSE(layer, p, x)

    def push(u):
        v, backward = at.push(u)

        def dp(d):
            dp = backward.dp(d)
            return dp | {"b": 0 * dp["b"]}

        return v, PairPullback(dp, backward.dx, at.y)

    return dataclasses.replace(at, push=push)


def with_the_bias_in_the_tangent(layer, p, x):
    at = DENSE(layer, p, x)

    def push(u):
        v, backward = at.push(u)
        return v + p["b"], backward

    return dataclasses.replace(at, push=push)


def with_a_constant_jacobian(layer, p, x):
    """As if gamma J moved with neither x nor gamma."""
    at = NORM(layer, p, x)

    def push(u):
        v, backward = at.push(u)

        def dp(d):
            return tree.map(np.zeros_like, p) if d[0] is None else at.backward.dp(d[0])

        def dx(d):
            return None if d[0] is None else at.backward.dx(d[0]), backward.dx(d)[1]

        return v, PairPullback(dp, dx, at.y)

    return dataclasses.replace(at, push=push)


class Following(R1):
    """u moves with the parameters."""

    def value(self, *args):
        value, backward = super().value(*args)
        return value, lambda d=1.0: (tree.scale(backward.dp(d), 2.0), ())


DENSE, NORM = RULES[L.Dense], RULES[L.LayerNorm]
BUGS = {  # the rule, what stands in its place, and the leaves whose gradient it spoils
    "f'' left out": (L.Tanh, without_curvature, {"0.W", "0.b", "1.gamma", "1.beta"}),
    "db left out": (L.Dense, without_bias_gradient, {"0.b"}),
    "a bias in the tangent": (
        *(L.Dense, with_the_bias_in_the_tangent),
        {"0.W", "0.b", "1.gamma", "1.beta", "3.W"},
    ),
    "a norm whose Jacobian stands still": (
        *(L.LayerNorm, with_a_constant_jacobian),
        {"0.W", "0.b", "1.gamma"},
    ),
}


def report(penalty, name="dense, tanh, layer norm"):
    case = penalty_case(name, penalty, *CRITICS[name])
    f, p, x = case.make(np.random.default_rng(0))
    return check_gradients(f, p, x, rng=np.random.default_rng(1), wrt_x=False, zero=case.zero)


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("penalty", [GP, R1(3.0)], ids=str)
def test_a_planted_bug_in_a_rule_is_rejected(bug, penalty, monkeypatch):
    assert report(penalty).passed
    kind, wrong, rows = BUGS[bug]
    monkeypatch.setitem(RULES, kind, wrong)
    found = report(penalty)
    assert {row.name for row in found.rows if not row.passed} == rows, str(found)


def test_a_u_that_follows_the_parameters_is_rejected():
    assert not report(Following(3.0)).passed


# What one example is


def test_a_pack_is_one_point_its_norm_runs_over_all_of_it(rng):
    critic, shape, _ = CRITICS["in packs"]
    p, real, fake = draw(rng, critic, *shape)
    inner = L.Sequential(**{name: critic.layers[name] for name in ("1", "2", "3")})
    t = GP.draw_noise(rng, real)
    whole = [a.reshape(3, 10) for a in (real, fake)]
    value, backward = GP.value(critic, p, real, fake, t)
    expected, expected_backward = GP.value(inner, p, *whole, t[::2])
    assert value == pytest.approx(expected, rel=1e-12)
    tree.map(np.testing.assert_allclose, backward.dp(), expected_backward.dp())
    value = R1(1.0).value(critic, p, real, fake, {})[0]
    assert value == pytest.approx(R1(1.0).value(inner, p, *whole, {})[0], rel=1e-12)


def test_packs_of_packs_are_one_point_too(rng):
    tail = (L.Dense(12, 4), L.Tanh(), L.Dense(4, 1))
    nested = L.Sequential(L.Pack(2), L.Sequential(L.Pack(3), *tail))
    p, real, fake = draw(rng, nested, 12, 2)
    t = GP.draw_noise(rng, real)
    value, _ = GP.value(L.Sequential(L.Pack(6), *tail), p["1"], real, fake, t)
    assert GP.value(nested, p, real, fake, t)[0] == pytest.approx(value, rel=1e-12)


def test_a_label_is_a_constant_of_its_example(rng):
    critic, shape, _ = CRITICS["with labels"]
    p, real, fake = draw(rng, critic, *shape)
    t, labels = GP.draw_noise(rng, real), np.array([0, 2, 1, 2])
    together = GP.value(critic, p, real, fake, t, labels)[0]
    plain = L.Sequential(first=L.Dense(5, 7), bend=L.Tanh(), head=L.Dense(7, 1))
    alone = []
    for i, k in enumerate(labels):  # the critic of that label, on that example
        first = {"W": p["label"]["W"], "b": p["label"]["b"] + p["label"]["V"][k]}
        one = slice(i, i + 1)
        q = {"first": first, "head": p["head"]}
        alone.append(GP.value(plain, q, real[one], fake[one], t[one])[0])
    assert together == pytest.approx(np.mean(alone), rel=1e-12)
    other = GP.value(critic, p, real, fake, t, np.array([1, 2, 1, 2]))[0]
    assert abs(other - together) > 1e-4


def test_points_lie_between_data_and_fakes(rng):
    """A critic that is curved only there sees t."""
    critic = L.Sequential(L.Dense(1, 1), L.Softplus())
    p = {"0": {"W": np.ones((1, 1)), "b": np.zeros(1)}}
    real, fake, t = np.full((3, 1), 2.0), np.full((3, 1), -1.0), np.array([0.0, 0.25, 1.0])
    s = 1 / (1 + np.exp(-(2 * t - (1 - t))))  # softplus' at x_hat
    value = GP.value(critic, p, real, fake, t)[0]
    assert value == pytest.approx(10 * ((s - 1) ** 2).mean(), rel=1e-9)
    value = R1(2.0).value(critic, p, real, fake, {})[0]
    assert value == pytest.approx(1 / (1 + np.exp(-2)) ** 2, rel=1e-12)


def test_noise_is_one_number_an_example_of_the_dtype_of_the_data(rng):
    t = GP.draw_noise(rng, np.zeros((500, 2, 3), np.float32))
    assert t.shape == (500,) and t.dtype == np.float32
    assert 0 <= t.min() < 0.02 and 0.98 < t.max() < 1
    assert R1().draw_noise(rng, t) == {}


# In a game


def wgan(penalty):
    G = L.Sequential(L.Dense(2, 8), L.Tanh(), L.Dense(8, 2))
    D = L.Sequential(L.Dense(2, 32), L.Softplus(), L.Dense(32, 32), L.Tanh(), L.Dense(32, 1))
    return GAN(G, D, 2, Wasserstein(), penalty)


def critic_turn(model):
    return Turn(
        *("critic", model.discriminator_loss, model.draw_noise, adam(3e-3)), player="discriminator"
    )


@pytest.mark.parametrize("penalty", [GP, R1(1.0)], ids=str)
def test_the_critic_moves_all_its_parameters_and_no_bit_of_the_generator(rng, penalty):
    model = wgan(penalty)
    p, x = model.init(rng), rng.normal(size=(16, 2)).astype(np.float32)
    before, turn = tree.map(np.copy, p), critic_turn(model)
    turn.play(p, Game(turn).init(p)["critic"], x, rng)
    tree.map(np.testing.assert_array_equal, p["generator"], before["generator"])
    moved = {
        name: bool((a != b).any())
        for (name, a), (_, b) in zip(
            tree.leaves(p["discriminator"]), tree.leaves(before["discriminator"]), strict=True
        )
    }
    # the last bias adds the same to real and fake scores, and nothing to a slope
    assert [name for name, did in moved.items() if not did] == ["4.b"]


def test_the_slope_of_a_penalised_critic_comes_near_its_target(rng):
    model = wgan(GP)
    p = model.init(rng)
    x = rng.normal((3, 0), 1, size=(64, 2)).astype(np.float32)
    turn = critic_turn(model)
    state = Game(turn).init(p)["critic"]
    for _ in range(100):
        terms = turn.play(p, state, x, rng)
    fake = model.sample(p, rng, 64)
    norm = GP.value(*(model.discriminator, p["discriminator"], x, fake), GP.draw_noise(rng, x))[
        1
    ].terms["norm"]
    assert norm == pytest.approx(1, abs=0.15)
    assert terms["penalty"] < 0.5


# What is refused


def test_a_critic_of_other_scores_is_refused(rng):
    for critic in (L.Sequential(L.Dense(5, 2)), L.Sequential(L.Flatten())):
        p, real, fake = draw(rng, critic, 4, 5)
        with pytest.raises(ValueError, match=r"expected a critic's scores \(M, 1\)"):
            R1().value(critic, p, real, fake, {})


def test_a_critic_with_batch_norm_is_refused(rng):
    critic = L.Sequential(L.Dense(5, 3), L.BatchNorm(3), L.Dense(3, 1))
    p, real, fake = draw(rng, critic, 4, 5)
    with pytest.raises(NotImplementedError, match="BatchNorm takes its statistics from the batch"):
        GP.value(critic, p, real, fake, GP.draw_noise(rng, real))


def test_fakes_and_noise_of_another_batch_are_refused(rng):
    critic = L.Sequential(L.Dense(5, 1))
    p, real, fake = draw(rng, critic, 4, 5)
    with pytest.raises(ValueError, match=r"fakes of shape \(1, 5\) have no points between"):
        GP.value(critic, p, real, fake[:1], GP.draw_noise(rng, real))
    with pytest.raises(ValueError, match=r"GradientPenalty: expected noise of shape \(4,\)"):
        GP.value(critic, p, real, fake, GP.draw_noise(rng, real[:1]))


@pytest.mark.parametrize("make", [GradientPenalty, R1, lambda w: GradientPenalty(1.0, w)])
def test_weights_below_zero_are_refused(make):
    with pytest.raises(ValueError, match="must be a finite number >= 0, got -1"):
        make(-1)
    with pytest.raises(ValueError, match="must be a finite number >= 0, got nan"):
        make(float("nan"))
