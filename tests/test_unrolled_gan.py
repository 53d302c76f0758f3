"""The unrolled GAN: the generator's gradient through the discriminator's own steps."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Wasserstein,
)
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.models import unrolled_gan
from tinygen.models.gan import GAN
from tinygen.models.penalties import R1
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.optim import adam, sgd
from tinygen.pullback import Pullback
from tinygen.systems.duel import duel
from tinygen.tangent import second
from tinygen.tangent.second import trace


def nets():
    G = L.Sequential(L.Dense(3, 2), L.Tanh(), L.Dense(2, 2))
    D = L.Sequential(L.Dense(2, 6), L.Tanh(), L.Dense(6, 4), L.Softplus(), L.Dense(4, 1))
    return G, D


def small(rng, kind=UnrolledGAN, objective=None, **options):
    model = kind(*nets(), 3, objective or Minimax(), **options)
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.normal(size=(6, 2))
    return model, p, x, model.draw_noise(rng, x)


def checked(model, p, x, noise):
    def f(own, x):
        value, backward = model.generator_loss(p | {"generator": own}, x, noise)
        return value, Pullback(lambda d: backward.dp(d)["generator"], lambda d: (), value)

    rng = np.random.default_rng(5)
    return check_gradients(f, p["generator"], x, rng=rng, wrt_x=False).passed


def grads(model, p, x, noise):
    return model.generator_loss(p, x, noise)[1].dp()["generator"]


def assert_trees_close(a, b, rtol):
    tree.map(lambda u, v: np.testing.assert_allclose(u, v, rtol=rtol, atol=1e-14), a, b)


@pytest.mark.parametrize(
    "objective",
    [Minimax(), NonSaturating(), LeastSquares(), Hinge(), Wasserstein(), Wasserstein(drift=0.3)],
    ids=repr,
)
def test_the_curvature_is_the_slope_of_the_pullback_score_by_score(rng, objective):
    real, fake = rng.normal(size=(2, 5, 1))  # none near the kinks of a hinge
    assert min(abs(real - 1).min(), abs(fake + 1).min()) > 1e-3
    h = 1e-5

    def slopes(step):
        return objective.discriminator(real + step, fake + step)[1].dx(1.0)

    found = unrolled_gan.curvature(objective, real, fake)
    for bend, up, down in zip(found, slopes(h), slopes(-h), strict=True):
        np.testing.assert_allclose(bend, (up - down) / (2 * h), atol=1e-9)


def test_the_hessian_times_a_direction_is_the_gradients_derivative(rng):
    _, D = nets()
    p, x, dy = (
        jittered(rng, D.init(rng, np.float64)),
        rng.normal(size=(5, 2)),
        rng.normal(size=(5, 1)),
    )
    way, h = tree.map(lambda a: rng.normal(size=a.shape), p), 1e-5
    here = trace(D, p, x)
    _, _, dys = here.pull(dy)
    v, back = here.along(way)
    rdp, rdx = back(dys, np.zeros_like(v))  # dy stands still

    def at(t):
        y, backward = D.forward(tree.map(lambda a, b: a + t * b, p, way), x)
        return (y, *backward(dy))

    numeric = tree.map(lambda a, b: (a - b) / (2 * h), at(h), at(-h))
    assert_trees_close((v, rdp, rdx), numeric, 1e-6)


def test_the_trace_is_the_forward_and_backward_pass(rng):
    _, D = nets()
    p, x, dy = D.init(rng, np.float64), rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    here, (y, backward) = trace(D, p, x), D.forward(p, x)
    np.testing.assert_array_equal(here.y, y)
    assert_trees_close(here.pull(dy)[:2], backward(dy), 1e-14)


def test_the_loss_is_that_of_the_discriminator_after_k_steps_of_descent(rng):
    """One by one, by the plain GAN's loss and the package's own gradient descent."""
    model, p, x, noise = small(rng, steps=4, lr=0.3)
    plain, theta, rule = GAN(*nets(), 3, Minimax()), tree.map(np.copy, p), sgd(0.3)
    state = rule.init(theta["discriminator"])
    for _ in range(4):
        dp = plain.discriminator_loss(theta, x, noise)[1].dp()["discriminator"]
        rule.update(theta["discriminator"], dp, state)
    expected = -plain.discriminator_loss(theta, x, noise)[0]
    value, backward = model.generator_loss(p, x, noise)
    assert value == pytest.approx(expected, rel=1e-13)
    now = -plain.discriminator_loss(p, x, noise)[0]
    assert backward.terms["now"] == pytest.approx(now, rel=1e-13)
    assert value > now, "the discriminator's own steps did not help it"


def test_without_steps_it_is_the_minimax_game(rng):
    model, p, x, noise = small(rng, steps=0)
    plain = GAN(*nets(), 3, Minimax())
    assert_trees_close(grads(model, p, x, noise), grads(plain, p, x, noise), 1e-12)


def test_a_discriminator_that_hardly_moves_leaves_the_minimax_gradient(rng):
    model, p, x, noise = small(rng, steps=3, lr=1e-9)
    plain = GAN(*nets(), 3, Minimax())
    assert_trees_close(grads(model, p, x, noise), grads(plain, p, x, noise), 1e-6)


def test_first_order_is_the_minimax_gradient_against_the_moved_discriminator(rng):
    model, p, x, noise = small(rng, steps=2, lr=0.5, first_order=True)
    plain, theta = GAN(*nets(), 3, Minimax()), p
    for _ in range(2):
        dp = plain.discriminator_loss(theta, x, noise)[1].dp()["discriminator"]
        moved = tree.map(lambda w, g: w - 0.5 * g, theta["discriminator"], dp)
        theta = p | {"discriminator": moved}
    assert_trees_close(grads(model, p, x, noise), grads(plain, theta, x, noise), 1e-11)
    full = small(np.random.default_rng(0), steps=2, lr=0.5)[0]
    assert full.generator_loss(p, x, noise)[0] == model.generator_loss(p, x, noise)[0]


def test_the_full_gradient_passes_and_first_order_is_rejected(rng):
    model, *point = small(rng, steps=3, lr=0.7)
    assert checked(model, *point)
    assert not checked(small(rng, steps=3, lr=0.7, first_order=True)[0], *point)


@pytest.mark.parametrize(
    "plant",
    ["no Hessian", "no curvature", "no moved weights", "data left out", "a bend that is missing"],
)
def test_a_planted_error_is_rejected(rng, monkeypatch, plant):
    model, *point = small(rng, objective=LeastSquares(), steps=3, lr=0.7)
    if plant == "no Hessian":
        seconds = unrolled_gan.Moment.second

        def without(self, way):
            H, mixed = seconds(self, way)
            return tree.scale(H, 0.0), mixed

        monkeypatch.setattr(unrolled_gan.Moment, "second", without)
    elif plant == "no curvature":
        zeros = lambda o, r, f: (0 * r, 0 * f)  # noqa: E731
        monkeypatch.setattr(unrolled_gan, "curvature", zeros)
    elif plant == "no moved weights":
        part = second.dense_part
        monkeypatch.setattr(
            second, "dense_part", lambda way, link: (0 * part(way, link)[0], part(way, link)[1])
        )
    elif plant == "data left out":
        pull = second.Trace.pull

        def fakes_only(self, dy):
            dy = np.concatenate([0 * dy[: len(dy) // 2], dy[len(dy) // 2 :]])
            return pull(self, dy)

        at = unrolled_gan.Moment.at.__func__
        calls = []

        def last_without_data(cls, *args):
            calls.append(None)
            if len(calls) % 4 == 0:  # after three steps
                monkeypatch.setattr(second.Trace, "pull", fakes_only)
            made = at(cls, *args)
            monkeypatch.setattr(second.Trace, "pull", pull)
            return made

        monkeypatch.setattr(unrolled_gan.Moment, "at", classmethod(last_without_data))
    else:
        monkeypatch.setattr(second, "bent", lambda back, rdy, dy: back.dx((rdy, 0 * dy))[0])
    assert not checked(model, *point)


def test_each_turn_moves_all_of_its_player_and_no_bit_of_the_other(rng):
    model, p, x, _ = small(rng, steps=2, lr=0.3)
    game = duel(model, adam(1e-2), adam(1e-2))
    state = game.init(p)
    for turn, mine, other in zip(
        game.turns, ("discriminator", "generator"), ("generator", "discriminator"), strict=True
    ):
        before = tree.map(np.copy, p)
        turn.play(p, state[turn.name], x, rng)
        for (name, a), (_, b) in zip(tree.leaves(p[mine]), tree.leaves(before[mine]), strict=True):
            assert (a != b).all(), name
        tree.map(np.testing.assert_array_equal, p[other], before[other])


def test_the_generators_gradient_follows_the_discriminator(rng):
    model, p, x, noise = small(rng, steps=2, lr=0.3)
    other = p | {"discriminator": tree.scale(p["discriminator"], 1.1)}
    a, b = grads(model, p, x, noise), grads(model, other, x, noise)
    assert all(abs(u - v).max() > 1e-6 for (_, u), (_, v) in zip(
        tree.leaves(a), tree.leaves(b), strict=True))  # fmt: skip


def test_single_precision_stays_single(rng):
    model, p, x, noise = small(rng, steps=2, lr=0.3)
    p, x, noise = tree.map(lambda a: a.astype(np.float32), (p, x, noise))
    value, backward = model.generator_loss(p, x, noise)
    assert value.dtype == np.float32
    assert {g.dtype for _, g in tree.leaves(backward.dp())} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, r"UnrolledGAN: steps must be a whole number >= 0, got -1"),
        ({"lr": 0.0}, r"UnrolledGAN: lr must be"),
        ({"penalty": R1()}, r"the inner steps know no penalty .* leave both out"),
        ({"classes": 3}, r"the inner steps know no penalty and no classes"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        UnrolledGAN(*nets(), 3, **options)


def test_a_layer_whose_second_derivative_is_unknown_is_refused(rng):
    D = L.Sequential(L.Dense(2, 4), L.LayerNorm(4), L.Dense(4, 1))
    model = UnrolledGAN(nets()[0], D, 3, steps=1)
    p, x = model.init(rng), np.zeros((4, 2), np.float32)
    with pytest.raises(NotImplementedError, match=r"LayerNorm has parameters.*Dense alone"):
        model.generator_loss(p, x, model.draw_noise(rng, x))


def test_a_chain_without_parameters_is_refused(rng):
    with pytest.raises(ValueError, match=r"no parameters to move"):
        trace(L.Sequential(L.Tanh()), {}, rng.normal(size=(2, 3))).along({})


def test_an_objective_of_ones_own_is_refused(rng):
    class Mine(NonSaturating, Objective):
        pass

    assert unrolled_gan.curvature(Mine(), np.zeros((2, 1)), np.zeros((2, 1)))[0][0] == 1 / 8
    with pytest.raises(NotImplementedError, match=r"second derivative of Objective is not known"):
        unrolled_gan.curvature(Objective(), np.zeros((2, 1)), np.zeros((2, 1)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (L.MinibatchStd(), r"holds a MinibatchStd, .* score both in one pass"),
        (L.Dropout(0.5), r"holds a Dropout, .* masks of their own"),
    ],
)
def test_a_discriminator_that_the_inner_steps_would_see_otherwise_is_refused(layer, message):
    extra = isinstance(layer, L.MinibatchStd)
    D = L.Sequential(L.Dense(2, 4), L.Sequential(layer), L.Dense(4 + extra, 1))
    with pytest.raises(ValueError, match=message):
        UnrolledGAN(nets()[0], D, 3)


def test_no_pack_holds_data_beside_fakes(rng):
    D = L.Sequential(L.Pack(2), L.Dense(4, 1))
    model, x = UnrolledGAN(nets()[0], D, 3), rng.normal(size=(3, 2))
    p = model.init(rng, np.float64)
    with pytest.raises(ValueError, match=r"a batch of 3 examples does not make whole packs"):
        model.generator_loss(p, x, model.draw_noise(rng, x))
