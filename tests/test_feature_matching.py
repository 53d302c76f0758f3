"""Feature matching: the generator follows the means of the discriminator's features."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.gan import GAN
from tinygen.optim import adam
from tinygen.systems.duel import duel


def small(rng, kind=FeatureMatching):
    G = L.Sequential(L.Dense(3, 5), L.Tanh(), L.Dense(5, 2))
    D = L.Sequential(features=L.Sequential(L.Dense(2, 6), L.Tanh()), score=L.Dense(6, 1))
    model = kind(G, D, 3)
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.normal(size=(6, 2))
    return model, p, x, model.draw_noise(rng, x)


def test_the_loss_is_the_squared_gap_of_two_means(rng):
    model, p, x, noise = small(rng)
    D, p_D = model.discriminator.layers["features"], p["discriminator"]["features"]
    fake, _ = model.generator.forward(p["generator"], noise["z"])
    gap = D.forward(p_D, x)[0].mean(0) - D.forward(p_D, fake)[0].mean(0)
    assert model.generator_loss(p, x, noise)[0] == pytest.approx(sum(gap**2))


def test_a_generator_of_the_data_themselves_has_nothing_to_gain(rng):
    model, p, _, noise = small(rng)
    x, _ = model.generator.forward(p["generator"], noise["z"])
    value, backward = model.generator_loss(p, x[::-1].copy(), noise)
    assert value < 1e-28
    assert all(abs(g).max() < 1e-14 for _, g in tree.leaves(backward.dp()))


def test_one_point_at_the_mean_of_the_features_has_won_too(rng):
    """What the page says: with linear features a collapsed generator at the data's mean."""
    G = L.Sequential(L.Dense(3, 2))
    D = L.Sequential(features=L.Dense(2, 4), score=L.Dense(4, 1))
    model = FeatureMatching(G, D, 3)
    p, x = model.init(rng, np.float64), rng.normal(size=(6, 2))
    p["generator"]["0"] = {"W": np.zeros((3, 2)), "b": x.mean(0)}
    assert model.generator_loss(p, x, model.draw_noise(rng, x))[0] < 1e-28


def test_the_score_layer_has_no_say_in_the_generators_turn_and_the_features_have(rng):
    model, p, x, noise = small(rng)
    base = model.generator_loss(p, x, noise)[1].dp()
    for name, moves in (("score", False), ("features", True)):
        D = p["discriminator"] | {name: tree.scale(p["discriminator"][name], 1.5)}
        dp = model.generator_loss(p | {"discriminator": D}, x, noise)[1].dp()
        pairs = zip(tree.leaves(base), tree.leaves(dp), strict=True)
        assert all((a != b).any() == moves for (_, a), (_, b) in pairs), name


def test_each_turn_moves_all_of_its_player_and_no_bit_of_the_other(rng):
    model, p, x, _ = small(rng)
    game = duel(model, adam(1e-2), adam(1e-2))
    state = game.init(p)
    for turn, other in zip(game.turns, ("generator", "discriminator"), strict=True):
        before = tree.map(np.copy, p)
        turn.play(p, state[turn.name], x, rng)
        for (name, a), (_, b) in zip(
            tree.leaves(p[turn.name]), tree.leaves(before[turn.name]), strict=True
        ):
            assert (a != b).all(), name
        tree.map(np.testing.assert_array_equal, p[other], before[other])


def test_the_discriminators_turn_is_that_of_a_gan(rng):
    model, p, x, noise = small(rng)
    plain = GAN(model.generator, model.discriminator, 3)
    assert model.discriminator_loss(p, x, noise)[0] == plain.discriminator_loss(p, x, noise)[0]


def test_dropouts_in_the_features_get_their_masks(rng):
    G = L.Sequential(L.Dense(3, 2))
    D = L.Sequential(features=L.Sequential(L.Dense(2, 6), L.Dropout(0.5)), score=L.Dense(6, 1))
    model = FeatureMatching(G, D, 3)
    p, x = model.init(rng, np.float64), rng.normal(size=(6, 2))
    noise = model.draw_noise(rng, x)
    value = model.generator_loss(p, x, noise)[0]
    assert value != model.generator_loss(p, x, {"z": noise["z"]})[0]


@pytest.mark.parametrize(
    ("D", "options", "message"),
    [
        (L.Sequential(L.Dense(2, 1)), {}, r"first layer must be named 'features', got 0"),
        (L.Dense(2, 1), {}, r"got Dense: build it as Sequential\(features="),
        (L.Sequential(features=L.Dense(2, 3), score=L.Dense(3, 1)), {"classes": 2}, "leave them"),
    ],
)
def test_nets_without_features_and_classes_are_refused(D, options, message):
    with pytest.raises(ValueError, match=message):
        FeatureMatching(L.Dense(3, 2), D, 3, **options)
