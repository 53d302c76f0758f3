"""The GAN: who moves, which gradient passes through whom, and what is planted is found."""

import dataclasses

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from tinygen import arrays, to_device, to_host, tree
from tinygen import layers as L
from tinygen.adversarial import Hinge, Minimax, NonSaturating, Wasserstein
from tinygen.cases import CASES
from tinygen.cases.common import jittered
from tinygen.cases.gan import conditional_gan, conv_gan, dense_gan, dropout_gan
from tinygen.check import check_gradients
from tinygen.game import Game
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import (
    dense_discriminator,
    dense_generator,
    draw_masks,
    maxout_discriminator,
)
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.optim import ClipWeights, Ema, adam, sgd
from tinygen.pullback import Pullback, no_params
from tinygen.systems.duel import averaged, duel
from tinygen.training import train

OTHER = {"generator": "discriminator", "discriminator": "generator"}
N = 6
MODELS = {
    "dense": (dense_gan, (7,)),
    "dropout": (dropout_gan, (7,)),
    "conv": (lambda: conv_gan(NonSaturating()), (4, 3, 2)),
    "conditional": (conditional_gan, (7,)),
    "gradient penalty": (lambda: dense_gan(penalty=GradientPenalty(10.0)), (7,)),
    "R1": (lambda: dense_gan(penalty=R1(10.0)), (7,)),
}
# The gradient is zero by the mathematics: the batch norm after it takes the bias away again.
STILL = {("conditional", "generator"): {"label.b"}}
every_model = pytest.mark.parametrize("name", MODELS)
either = pytest.mark.parametrize("player", OTHER)


def point(rng, name="dense", model=None):
    """A model, its parameters and a batch, in double precision."""
    build, shape = MODELS[name]
    model = model or build()
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.uniform(0.1, 0.9, size=(N, *shape))
    return model, p, (x, rng.integers(4, size=N)) if model.classes else x


def loss_of(model, player):
    return getattr(model, f"{player}_loss")


def bits(p):
    return {name: leaf.tobytes() for name, leaf in tree.leaves(p)}


# Whose parameters move


@either
@every_model
def test_a_turn_moves_all_of_its_player_and_no_bit_of_the_other(rng, name, player):
    model, p, x = point(rng, name)
    game = duel(model, adam(1e-3), adam(1e-3))
    before, state = tree.map(np.copy, p), game.init(p)
    turn = next(t for t in game.turns if t.player == player)
    turn.play(p, state[turn.name], x, rng)
    assert bits(p[OTHER[player]]) == bits(before[OTHER[player]])
    moved = {k for k, b in bits(p[player]).items() if b != bits(before[player])[k]}
    still = bits(p[player]).keys() - moved
    # rounding may leave a gradient of 1e-18 where none should be, and Adam steps on it
    assert still <= STILL.get((name, player), set())


@either
@every_model
def test_the_gradient_of_a_player_holds_that_player_alone(rng, name, player):
    model, p, x = point(rng, name)
    backward = loss_of(model, player)(p, x, model.draw_noise(rng, x))[1]
    assert backward.dp().keys() == {player} and backward.dx() == ()


@either
@every_model
def test_a_player_answers_to_the_other_ones_weights(rng, name, player):
    model, p, x = point(rng, name)
    noise = model.draw_noise(rng, x)
    changed = p | {OTHER[player]: tree.scale(p[OTHER[player]], 1.1)}
    a, b = (loss_of(model, player)(q, x, noise)[1].dp()[player] for q in (p, changed))
    gap = max(abs(u - v).max() for (_, u), (_, v) in zip(*map(tree.leaves, (a, b)), strict=True))
    assert gap > 1e-5


def test_rounds_log_both_losses_both_gradients_and_how_much_d_tells(rng):
    model, p, x = point(rng)
    done = train(duel(model, adam(1e-3), adam(1e-3), k=2), p, x, rng=rng, epochs=2, batch=3,
                 progress=False)  # fmt: skip
    told = {f"discriminator.{k}" for k in ("loss", "real", "fake", "gradient")}
    assert done.log[-1]["train"].keys() == told | {"generator.loss", "generator.gradient"}
    assert all(np.isfinite(v) for v in done.log[-1]["train"].values())


# Planted: gradients that go astray


class Deaf(GAN):
    """A generator that never receives a gradient: its fakes were detached in its own turn."""

    def generator_loss(self, p, x, noise):
        value, backward = super().generator_loss(p, x, noise)
        return value, Pullback(lambda d: tree.scale(backward.dp(d), 0.0), backward.dx, value)


class Stiff(GAN):
    """G's gradient skips D: the slope of the score is taken for that of every pixel."""

    def generator_loss(self, p, x, noise):
        value, _ = super().generator_loss(p, x, noise)
        fake, backward = self.generator.forward(p["generator"], noise["z"])

        def dp(d):
            return {"generator": backward.dp(np.full_like(fake, -0.5 * d / len(fake)))}

        return value, Pullback(dp, lambda d: (), value)


class Half(GAN):
    """D learns from fakes alone: the gradient of its pass over real data is forgotten."""

    def discriminator_loss(self, p, x, noise):
        value, _ = super().discriminator_loss(p, x, noise)
        D, p_D = self.discriminator, p["discriminator"]
        fake, _ = self.generator.forward(p["generator"], noise["z"])
        (real_scores, _), (fake_scores, backward) = D.forward(p_D, x), D.forward(p_D, fake)
        _, paid = self.objective.discriminator(real_scores, fake_scores)
        return value, Pullback(
            lambda d: {"discriminator": backward.dp(paid.dx(d)[1])}, lambda d: (), value
        )


class Leaky(GAN):
    """D's parameters get a gradient in G's turn, too: G's loss is D's to lower."""

    def generator_loss(self, p, x, noise):
        value, backward = super().generator_loss(p, x, noise)
        fake, _ = self.generator.forward(p["generator"], noise["z"])
        scores, d_backward = self.discriminator.forward(p["discriminator"], fake)
        _, paid = self.objective.generator(scores)

        def dp(d):
            return backward.dp(d) | {"discriminator": d_backward.dp(paid.dx(d))}

        return value, Pullback(dp, backward.dx, value)


def checked(rng, kind, player):
    """The report of a player's turn of a small GAN of that class."""
    plain = dense_gan()
    model = kind(plain.generator, plain.discriminator, plain.n_latent)
    model, p, x = point(rng, model=model)
    noise = model.draw_noise(rng, x)

    def f(own, x):
        value, backward = loss_of(model, player)(p | {player: own}, x, noise)
        return value, Pullback(lambda d: backward.dp(d)[player], lambda d: 0 * x, value)

    return check_gradients(f, p[player], x, rng=rng, wrt_x=False)


@pytest.mark.parametrize(
    "kind, player", [(Deaf, "generator"), (Stiff, "generator"), (Half, "discriminator")]
)
def test_a_detach_in_the_wrong_place_is_caught(rng, kind, player):
    assert checked(rng, GAN, player).passed
    report = checked(rng, kind, player)
    assert not report.passed, str(report)


def test_a_leak_into_the_other_player_is_seen_and_does_not_move_it(rng):
    plain = dense_gan()
    model, p, x = point(rng, model=Leaky(plain.generator, plain.discriminator, plain.n_latent))
    backward = model.generator_loss(p, x, model.draw_noise(rng, x))[1]
    assert backward.dp().keys() == {"generator", "discriminator"}  # what the test above refuses
    game, before = duel(model, sgd(0.1), sgd(0.1)), tree.map(np.copy, p)
    game.turns[1].play(p, game.init(p)["generator"], x, rng)
    assert bits(p["discriminator"]) == bits(before["discriminator"])


# What the losses mean


def gaussians(shift):
    """Data N(0, 1), fakes N(shift, 1), and D at its best: log p - log p_G, a line."""
    model = GAN(L.Dense(1, 1), L.Dense(1, 1), 1, Minimax())
    p = {
        "generator": {"W": np.eye(1), "b": np.array([shift])},
        "discriminator": {"W": np.array([[-shift]]), "b": np.array([shift**2 / 2])},
    }
    return model, p


def jensen_shannon(shift):
    """JS(N(0, 1), N(shift, 1)) by quadrature, in nats."""
    t, w = hermegauss(60)
    w = w / w.sum()
    # log p / m and log q / m, at draws of p and of q
    of_p = np.log(2) - np.logaddexp(0, shift * t - shift**2 / 2)
    of_q = np.log(2) - np.logaddexp(0, -shift * t - shift**2 / 2)
    return (w @ of_p + w @ of_q) / 2


@pytest.mark.parametrize("shift", [0.0, 0.7, 2.0])
def test_at_d_s_best_the_game_is_worth_twice_jensen_shannon_less_log_four(shift):
    rng, (model, p) = np.random.default_rng(0), gaussians(shift)
    x = rng.normal(size=(40_000, 1))
    value, backward = model.discriminator_loss(p, x, model.draw_noise(rng, x))
    expected = -np.log(4) + 2 * jensen_shannon(shift)
    assert -value == pytest.approx(expected, abs=0.02 if shift else 1e-12)
    best = backward.dp()["discriminator"]  # no other line does better
    assert abs(best["W"]).max() < 0.02 and abs(best["b"]).max() < 0.02


def test_two_lines_find_the_mean_of_the_data():
    """With R1 the players come to rest: G's fakes lie where the data do."""
    rng, (model, p) = np.random.default_rng(0), gaussians(2.0)
    model = dataclasses.replace(model, penalty=R1(1.0))
    x = rng.normal(size=(256, 1))
    x -= x.mean()
    done = train(duel(model, sgd(0.3), sgd(0.3)), p, x, rng=rng, epochs=60, batch=256,
                 progress=False)  # fmt: skip
    assert abs(done.p["generator"]["b"][0]) < 0.15
    assert done.log[-1]["train"]["discriminator.loss"] == pytest.approx(np.log(4), abs=0.02)


@pytest.mark.parametrize(
    "objective, real, fake",
    [(Minimax(), 1 / 4, 3 / 4), (Hinge(), 1 / 4, 3 / 4), (Wasserstein(), -0.45, -0.2)],
)
def test_verdicts_are_shares_told_rightly_or_mean_scores(objective, real, fake):
    model = GAN(L.Dense(1, 1), L.Dense(1, 1), 1, objective)
    line = {"W": np.eye(1), "b": np.zeros(1)}  # G and D leave what they get as it is
    x = np.array([[-1.0], [-2.0], [0.0], [1.2]])  # 0 is not above the threshold: taken for a fake
    z = np.array([[-1.0], [-2.0], [0.0], [2.2]])
    p = {"generator": line, "discriminator": line}
    terms = model.discriminator_loss(p, x, {"z": z})[1].terms
    assert (terms["real"], terms["fake"]) == pytest.approx((real, fake))


def test_a_penalty_is_added_and_told(rng):
    model, p, x = point(rng, "gradient penalty")
    noise = model.draw_noise(rng, x)
    value, backward = model.discriminator_loss(p, x, noise)
    plain = dataclasses.replace(model, penalty=None).discriminator_loss(p, x, noise)[0]
    assert backward.terms["penalty"] > 0.1
    assert value == pytest.approx(plain + backward.terms["penalty"], rel=1e-12)
    assert model.generator_loss(p, x, noise)[0] == pytest.approx(
        dataclasses.replace(model, penalty=None).generator_loss(p, x, noise)[0]
    )


# Noise, dropout, samples


@pytest.mark.parametrize("prior, variance, most", [("normal", 1.0, 9.0), ("uniform", 1 / 3, 1.0)])
def test_the_prior_is_what_its_name_says(rng, prior, variance, most):
    z = GAN(L.Dense(5, 2), L.Dense(2, 1), 5, prior=prior).draw_z(rng, 4000, np.zeros(1))
    assert z.shape == (4000, 5) and abs(z).max() <= most
    assert z.var() == pytest.approx(variance, rel=0.05) and abs(z.mean()) < 0.03


def test_each_pass_has_masks_of_its_own_and_g_meets_those_of_the_fakes(rng):
    model, p, x = point(rng, "dropout")
    noise = model.draw_noise(rng, x)
    names = {"drop", "drop0", "drop1"}
    assert noise["real"].keys() == noise["fake"].keys() == names
    assert all((noise["real"][k] != noise["fake"][k]).any() for k in names)
    ones = {k: np.ones_like(m) for k, m in noise["real"].items()}
    plain = {"z": noise["z"]}
    for batch, moves in (("real", False), ("fake", True)):
        masked = plain | {batch: noise[batch]}
        d, g = (loss_of(model, who) for who in ("discriminator", "generator"))
        assert d(p, x, masked)[0] != d(p, x, plain)[0]
        assert (g(p, x, masked)[0] != g(p, x, plain)[0]) == moves
        assert d(p, x, plain | {batch: ones})[0] == pytest.approx(d(p, x, plain)[0], rel=1e-12)


def test_masks_have_the_shapes_rates_and_mean_of_their_layers(rng):
    D = maxout_discriminator((28, 28, 1))
    masks = draw_masks(D, rng, np.zeros((50, 28, 28, 1), np.float32))
    shapes = {"drop": (784,), "drop0": (240,), "drop1": (240,)}
    assert {k: m.shape[1:] for k, m in masks.items()} == shapes
    for name, rate in {"drop": 0.2, "drop0": 0.5, "drop1": 0.5}.items():
        assert masks[name].dtype == np.float32
        assert (masks[name] == 0).mean() == pytest.approx(rate, abs=0.02)
        assert masks[name].mean() == pytest.approx(1, abs=0.04)


def test_masks_reach_dropouts_at_any_depth_and_beside_labels(rng):
    inner = L.Sequential(L.Dense(4, 3), L.Dropout(0.5))
    net = L.Sequential(label=L.LabelledDense(7, 4, 4), inner=inner, rest=L.Dropout(0.0))
    masks = draw_masks(net, rng, np.zeros((6, 7)), classes=4)
    assert masks.keys() == {"inner"} and masks["inner"].keys() == {"1"}
    assert masks["inner"]["1"].shape == (6, 3)
    assert draw_masks(L.Dense(7, 1), rng, np.zeros((6, 7))) == {}


class Watch(L.Layer):
    """A discriminator that remembers what it was shown."""

    def __init__(self):
        self.seen = []

    def forward(self, p, x):
        self.seen.append(x)
        y = x.reshape(len(x), -1)[:, :1] * 0
        return y, Pullback(no_params, lambda d: x * 0, y)


def test_signed_nets_see_images_between_minus_one_and_one(rng):
    watch = Watch()
    model = GAN(dense_generator(3, (4,), (2, 2, 1), L.Tanh()), watch, 3, signed=True)
    p, x = model.init(rng, np.float64), rng.random((N, 2, 2, 1))
    model.discriminator_loss(p, x, model.draw_noise(rng, x))
    real, fake = watch.seen
    np.testing.assert_allclose(real, 2 * x - 1)
    assert fake.min() < 0
    drawn = model.sample(p, rng, 50)
    assert 0 <= drawn.min() < 0.5 < drawn.max() <= 1


def test_a_fake_does_not_hang_on_those_beside_it(rng):
    model, p, _ = point(rng, "conv")
    z = rng.normal(size=(5, 3))
    many = model.sample(p, np.random.default_rng(1), 5, z=z)
    one = model.sample(p, np.random.default_rng(1), 1, z=z[2:3])
    np.testing.assert_allclose(one[0], many[2], rtol=0, atol=1e-12)


def test_samples_are_of_the_running_mean_where_there_is_one(rng):
    model, p, _ = point(rng)
    z = rng.normal(size=(4, 3))
    still = model.sample(p, rng, 4, z=z)
    p = averaged(p)
    np.testing.assert_array_equal(model.sample(p, rng, 4, z=z), still)
    moved = p | {"generator": tree.scale(p["generator"], 2.0)}
    np.testing.assert_array_equal(model.sample(moved, rng, 4, z=z), still)
    place = dataclasses.replace(model, average=True).init(rng)
    assert bits(place["average"]) == bits(place["generator"])
    assert not np.shares_memory(place["average"]["pixels"]["W"], place["generator"]["pixels"]["W"])


def test_labels_decide_what_is_drawn(rng):
    model, p, _ = point(rng, "conditional")
    z = np.tile(rng.normal(size=(1, 3)), (4, 1))
    drawn = model.sample(p, rng, 4, labels=np.arange(4), z=z)
    assert len(np.unique(drawn.round(9), axis=0)) == 4


# Devices


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
@pytest.mark.parametrize("name", ["dropout", "conditional", "conv"])
def test_a_game_is_played_alike_on_any_device(name, device):
    def outcome(place):
        rng = np.random.default_rng(0)
        model, p, x = point(rng, name)
        p, x = (to_device(tree.map(single, v), place) for v in (averaged(p), x))
        game = duel(model, adam(1e-3), adam(1e-3), 2, project=ClipWeights(0.5), ema=Ema(0.9))
        terms = game.play(p, game.init(p), [x, x], rng)
        labels = None if not model.classes else x[1]
        return p, model.sample(p, rng, N, labels), terms

    (p, drawn, terms), (q, there, told) = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves((p, drawn)), tree.leaves((q, there)), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=3e-4, err_msg=leaf)
    assert told == pytest.approx(terms, rel=1e-3, abs=1e-4)


def single(a):
    return a.astype(np.float32) if a.dtype.kind == "f" else a


# What is refused


def test_models_that_cannot_be_are_refused():
    G, D = L.Dense(3, 2), L.Dense(2, 1)
    with pytest.raises(ValueError, match="unknown prior 'cauchy': choose one of"):
        GAN(G, D, 3, prior="cauchy")
    with pytest.raises(ValueError, match="n_latent must be a whole number >= 1, got 0"):
        GAN(G, D, 0)
    with pytest.raises(ValueError, match="classes must be a whole number >= 0, got -1"):
        GAN(G, D, 3, classes=-1)
    with pytest.raises(ValueError, match="the generator holds a Dropout, whose mask nobody draws"):
        GAN(L.Sequential(G, L.Dropout(0.5)), D, 3)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: dense_generator(3, (), 7), "hidden must be a tuple of 1 or more"),
        (lambda: dense_generator(3, 400, 7), "hidden must be a tuple of 1 or more"),
        (lambda: dense_discriminator(7, ()), "hidden must be a tuple of 1 or more"),
        (lambda: dense_discriminator(7, (4,), 1.0), r"Dropout: rate must be in \[0, 1\)"),
    ],
)
def test_nets_that_cannot_be_are_refused(build, says):
    with pytest.raises(ValueError, match=says):
        build()


def test_labels_that_are_missing_wrong_or_unwanted_are_refused(rng):
    model, p, (x, y) = point(rng, "conditional")
    noise = model.draw_noise(rng, (x, y))
    for player in OTHER:
        loss = loss_of(model, player)
        with pytest.raises(TypeError, match=r"GAN: expected \(x, y\), data and their labels"):
            loss(p, x, noise)
        with pytest.raises(ValueError, match=r"labels lie in 4\.\.9, expected 0\.\.3"):
            loss(p, (x, np.array([4, 9, 5, 5, 5, 5])), noise)
    with pytest.raises(ValueError, match="the model has 4 classes, and labels were not given"):
        model.sample(p, rng, 3)
    plain, q, _ = point(rng)
    with pytest.raises(ValueError, match="the model has 0 classes, and labels were given: leave"):
        plain.sample(q, rng, 3, labels=np.arange(3))


def test_a_discriminator_of_two_scores_is_refused(rng):
    model = GAN(L.Dense(3, 2), L.Dense(2, 2), 3)
    p, x = model.init(rng, np.float64), rng.random((4, 2))
    for player in OTHER:
        with pytest.raises(ValueError, match=r"scores: expected x of shape \(N, 1\), got \(4, 2\)"):
            loss_of(model, player)(p, x, model.draw_noise(rng, x))


def test_both_players_of_every_kind_of_net_are_among_the_cases():
    names = {case.name for case in CASES if GAN in case.of}
    kinds = ("dense", "Wasserstein", "maxout and dropout", "conv, batch norm", "conditional")
    assert {f"GAN, {kind}, {who}'s turn" for kind in kinds for who in "DG"} <= names


# Fakes that both turns share


@pytest.mark.parametrize("k", [1, 3])
@every_model
def test_a_round_that_shares_fakes_is_one_that_paints_them_again(rng, name, k):
    model, p, x = point(rng, name)
    noise, painted = model.draw_noise(rng, x), []

    class Counted(type(model.generator)):
        def forward(self, *args):
            painted.append(1)
            return super().forward(*args)

    counted = dataclasses.replace(model, generator=Counted(**model.generator.layers))
    ends = []
    for shares in (False, True):
        painted.clear()
        game = duel(counted, adam(1e-3), adam(1e-3), k, shares=shares)
        turns = [dataclasses.replace(turn, draw_noise=lambda rng, x: noise) for turn in game.turns]
        game, q = Game(*turns), tree.map(lambda w: w.copy(), p)
        game.play(q, game.init(q), [x] * k, rng)
        ends.append(bits(q))
        assert len(painted) == (k if shares else k + 1)
    assert ends[0] == ends[1]
