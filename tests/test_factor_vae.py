"""FactorVAE: two players, codes shuffled by dimension, a discriminator that learns a ratio."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import MixturePrior, dense_vae
from tinygen.models.factor_vae import FactorVAE, factor_vae
from tinygen.models.vae import VAE
from tinygen.optim import adam
from tinygen.pullback import Pullback, no_params
from tinygen.training import Game, Turn, train

GREY = Bernoulli(grey=True)
RHO = 0.8
TC = -0.5 * np.log(1 - RHO**2)  # of two numbers with the correlation RHO


def small(rng, n=6, gamma=3.0):
    """A small FactorVAE, its parameters and data, in double precision."""
    model = factor_vae(dense_vae(7, 5, 3, GREY), (8, 6), gamma)
    p = jittered(rng, model.init(rng, np.float64))
    return model, p, rng.uniform(0.1, 0.9, size=(n, 7))


def turns(model, lr=1e-2):
    return (
        Turn("vae", model.vae_loss, model.draw_noise, adam(lr), "vae"),
        Turn(
            *("discriminator", model.discriminator_loss, model.draw_shuffle, adam(lr)),
            player="discriminator",
        ),
    )


def assert_equal_bits(a, b):
    for (name, one), (_, other) in zip(tree.leaves(a), tree.leaves(b), strict=True):
        assert one.tobytes() == other.tobytes(), name


# The two players


@pytest.mark.parametrize(
    "mine, other, i", [("vae", "discriminator", 0), ("discriminator", "vae", 1)]
)
def test_a_turn_moves_all_of_its_player_and_no_bit_of_the_other(rng, mine, other, i):
    model, p, x = small(rng)
    before, turn = tree.map(np.copy, p), turns(model)[i]
    turn.play(p, Game(turn).init(p)[turn.name], x, rng)
    assert_equal_bits(p[other], before[other])
    for (name, a), (_, b) in zip(tree.leaves(p[mine]), tree.leaves(before[mine]), strict=True):
        assert (a != b).any(), name


def test_the_gradient_of_a_player_holds_that_player_alone(rng):
    model, p, x = small(rng)
    assert model.vae_loss(p, x, model.draw_noise(rng, x))[1].dp().keys() == {"vae"}
    backward = model.discriminator_loss(p, x, model.draw_shuffle(rng, x))[1]
    assert backward.dp().keys() == {"discriminator"} and backward.dx() == ()


def test_the_vae_follows_the_discriminator(rng):
    model, p, x = small(rng)
    eps = model.draw_noise(rng, x)
    other = p | {"discriminator": tree.scale(p["discriminator"], 1.1)}
    a, b = (model.vae_loss(q, x, eps)[1].dp()["vae"] for q in (p, other))
    assert abs(a["encoder"]["0"]["W"] - b["encoder"]["0"]["W"]).max() > 1e-4
    decoders = a["decoder"], b["decoder"]  # which no discriminator sees
    assert_equal_bits(*decoders)


def test_without_the_penalty_it_is_the_vae(rng):
    model, p, x = small(rng, gamma=0.0)
    eps = model.draw_noise(rng, x)
    (value, backward), (expected, plain) = (
        model.vae_loss(p, x, eps),
        model.vae.loss(p["vae"], x, eps),
    )
    assert value == pytest.approx(expected, rel=1e-12)
    for (name, a), (_, b) in zip(
        tree.leaves((backward.dp()["vae"], backward.dx())), tree.leaves(plain()), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12, err_msg=name)


def test_gamma_weighs_the_mean_logit(rng):
    model, p, x = small(rng)
    eps = model.draw_noise(rng, x)
    value, backward = model.vae_loss(p, x, eps)
    t = backward.terms
    assert value == pytest.approx(t["nll"] + t["kl"] + 3 * t["tc"], rel=1e-12)
    assert value - model.vae_loss(p, x, eps, gamma=1.0)[0] == pytest.approx(2 * t["tc"])


def test_a_game_of_both_is_played_epoch_by_epoch(rng):
    model, p, x = small(rng, n=9)
    done = train(Game(*turns(model)), p, x, rng=rng, epochs=2, batch=4, progress=False)
    assert done.log[-1]["step"] == 6  # the last batch holds one example
    assert {"vae.tc", "vae.nll", "vae.kl", "discriminator.loss"} <= done.log[-1]["train"].keys()


# The shuffle


def test_each_dimension_is_shuffled_by_a_permutation_of_its_own(rng):
    model, _, x = small(rng, n=50)
    noise = model.draw_shuffle(rng, x)
    np.testing.assert_array_equal(
        np.sort(noise["order"], axis=0), np.tile(np.arange(50)[:, None], (1, 3))
    )
    columns = {tuple(column) for column in noise["order"].T}
    assert len(columns) == 3
    assert not np.array_equal(noise["eps"], noise["eps_shuffled"])


class Watch(L.Layer):
    """A discriminator that remembers what it was shown."""

    def forward(self, p, x):
        self.seen = x
        y = x[:, :1] * 0
        return y, Pullback(no_params, lambda d: x * 0, y)


def test_shuffled_codes_keep_each_marginal_and_lose_the_dependence():
    watch, x = Watch(), correlated(np.random.default_rng(0), 4000)
    model = FactorVAE(LINEAR, watch)
    model.discriminator_loss({"vae": identity(), "discriminator": {}}, x,
                             model.draw_shuffle(np.random.default_rng(1), x))  # fmt: skip
    real, shuffled = watch.seen[:4000], watch.seen[4000:]
    assert np.corrcoef(real.T)[0, 1] == pytest.approx(RHO, abs=0.02)
    assert abs(np.corrcoef(shuffled.T)[0, 1]) < 4 / np.sqrt(4000)
    np.testing.assert_allclose(np.sort(shuffled, 0), np.sort(real, 0), atol=0.05)


def test_the_shuffled_codes_have_noise_of_their_own(rng):
    watch, x = Watch(), correlated(rng, 8)
    model = FactorVAE(LINEAR, watch)
    noise = model.draw_shuffle(rng, x)
    noise["order"] = np.tile(np.arange(8)[:, None], (1, 2))  # no shuffle
    model.discriminator_loss({"vae": identity(), "discriminator": {}}, x, noise)
    gap = watch.seen[8:] - watch.seen[:8]
    expected = np.exp(-4.5) * (noise["eps_shuffled"] - noise["eps"])
    np.testing.assert_allclose(gap, expected, atol=1e-12)


# The density ratio

LINEAR = VAE(L.Fork(mean=L.Dense(2, 2), log_var=L.Dense(2, 2)), L.Dense(2, 2), 2, Gaussian(std=1.0))


def identity():
    """q(z|x) is a point at x, or nearly."""
    mean = {"W": np.eye(2), "b": np.zeros(2)}
    narrow = {"W": np.zeros((2, 2)), "b": np.full(2, -9.0)}
    return {"encoder": {"mean": mean, "log_var": narrow}, "decoder": mean}


def correlated(rng, n):
    """n pairs with variances 1 and the correlation RHO."""
    a, b = rng.normal(size=(2, n))
    return np.stack([a, RHO * a + np.sqrt(1 - RHO**2) * b], axis=1)


def log_ratio(z):
    """log q(z) - log q(z_1) q(z_2) of that law, (N, 1)."""
    square = RHO**2 * (z**2).sum(axis=1) - 2 * RHO * z[:, 0] * z[:, 1]
    return (TC - square / (2 * (1 - RHO**2)))[:, None]


class Best(L.Layer):
    """The discriminator's optimum in closed form, its logit times a factor, plus a shift."""

    def __init__(self, factor=1.0, shift=0.0):
        self.factor, self.shift = factor, shift

    def forward(self, p, x):
        y = self.factor * log_ratio(x) + self.shift
        return y, Pullback(no_params, lambda d: 0 * x, y)


def quadrature():
    """Places (M, 2) with weights of N(0, I), exact for polynomials up to degree 99."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(50)
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    w = np.outer(weights, weights).reshape(-1)
    return grid, w / w.sum()


def expected_losses(best):
    """E_q[logit], and the discriminator's loss, by quadrature."""
    grid, w = quadrature()
    joint = np.stack([grid[:, 0], RHO * grid[:, 0] + np.sqrt(1 - RHO**2) * grid[:, 1]], axis=1)
    real, shuffled = best.forward({}, joint)[0][:, 0], best.forward({}, grid)[0][:, 0]
    loss = w @ np.logaddexp(0, -real) + w @ np.logaddexp(0, shuffled)
    return w @ real, loss / 2


def test_the_mean_logit_of_the_best_discriminator_is_the_total_correlation():
    tc, least = expected_losses(Best())
    assert tc == pytest.approx(TC, rel=1e-9)
    for other in (Best(0.9), Best(1.1), Best(1, 0.1), Best(1, -0.1)):
        assert expected_losses(other)[1] > least + 1e-4


def test_the_losses_are_the_means_that_quadrature_gives():
    x, model = correlated(np.random.default_rng(0), 40_000), FactorVAE(LINEAR, Best())
    p, rng = {"vae": identity(), "discriminator": {}}, np.random.default_rng(1)
    terms = model.vae_loss(p, x, model.draw_noise(rng, x))[1].terms
    assert terms["tc"] == pytest.approx(TC, abs=0.02)
    loss = model.discriminator_loss(p, x, model.draw_shuffle(rng, x))[0]
    assert loss == pytest.approx(expected_losses(Best())[1], abs=0.01)


def test_a_trained_discriminator_finds_the_total_correlation():
    rng = np.random.default_rng(0)
    vae = LINEAR
    model = factor_vae(vae, (32, 32))
    x = correlated(rng, 4096).astype(np.float32)
    p = {"vae": tree.map(np.float32, identity()),
         "discriminator": model.discriminator.init(rng)}  # fmt: skip
    turn = Turn(
        *("discriminator", model.discriminator_loss, model.draw_shuffle, adam(5e-3)),
        player="discriminator",
    )
    done = train(turn, p, x, rng=rng, steps=250, batch=512, progress=False)
    terms = model.vae_loss(done.p, x, model.draw_noise(rng, x))[1].terms
    assert terms["tc"] == pytest.approx(TC, abs=0.08)
    assert done.log[-1]["train"]["correct"] > 0.6


# What is refused


@pytest.mark.parametrize(
    "options, says",
    [
        ({"beta": 4.0}, "beta=4.0"),
        ({"samples": 2}, "samples=2"),
        ({"free_bits": 0.5}, "free_bits=0.5"),
        ({"prior": MixturePrior(2)}, "prior=MixturePrior"),
    ],
)
def test_a_vae_of_another_bound_is_refused(options, says):
    with pytest.raises(
        ValueError, match=rf"FactorVAE: expected a VAE of the plain bound, .*{says}"
    ):
        factor_vae(dense_vae(7, 5, 3, **options))


def test_other_weights_and_widths_are_refused():
    with pytest.raises(ValueError, match="gamma must be a finite number >= 0, got -1"):
        factor_vae(dense_vae(7, 5, 3), gamma=-1)
    with pytest.raises(ValueError, match="widths must be a tuple of 0 or more whole numbers"):
        factor_vae(dense_vae(7, 5, 3), 400)
