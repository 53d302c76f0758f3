"""Warnings of a game gone wrong: a planted collapse is told, a healthy generator is not."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.adversarial import Wasserstein
from tinygen.data.toys import ring
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.models.gan import GAN
from tinygen.models.gan_diagnosis import LEAST, Collapse, diagnose, remarks, warn_of_collapse
from tinygen.models.progressive_gan import progressive_gan
from tinygen.models.vae_gan import VAEGAN
from tinygen.models.vae_gan_nets import dense_vae_gan
from tinygen.optim import adam
from tinygen.systems import progressive_gan as progressive
from tinygen.systems import three_turns, vae_gan
from tinygen.systems.duel import duel
from tinygen.training import train


def sampler(D=None, scale=1.0, at=0.0, step=False, **options):
    """A generator that puts out its noise, scaled and moved; and a discriminator of our choice."""
    layers = [L.Dense(2, 2), *([L.Sigmoid()] if step else [])]
    model = GAN(L.Sequential(*layers), D or L.Sequential(L.Dense(2, 1)), 2, **options)
    p = model.init(np.random.default_rng(0), np.float64)
    p["generator"]["0"] = {"W": scale * np.eye(2), "b": np.full(2, float(at))}
    p["discriminator"]["0"] = {"W": np.zeros((2, 1)), "b": np.zeros(1)}
    return model, p


def data(n=200):
    return np.random.default_rng(1).normal(size=(n, 2))


def test_a_generator_of_the_datas_law_gets_no_remark():
    model, p = sampler()
    found = diagnose(model, p, data(), np.random.default_rng(2))
    assert found.accuracy == 0.5 and found.copies == 0
    assert found.diversity == pytest.approx(1, abs=0.15)
    assert remarks(model, p, data()) == []


def test_the_data_of_the_ring_themselves_would_pass():
    """Modes are narrow, but neighbours in one are no copies."""
    x = ring(np.random.default_rng(0), 1000).x.astype(np.float64)
    model, p = sampler()
    model = type("Same", (GAN,), {"sample": lambda self, p, rng, n, labels: x[::-1]})(
        model.generator, model.discriminator, 2
    )
    assert remarks(model, p, x) == []


@pytest.mark.parametrize("scale", [0.0, 0.01, 0.1])
def test_a_collapsed_generator_is_told(scale):
    model, p = sampler(scale=scale, at=0.7)
    lines = remarks(model, p, data())
    assert len(lines) == 1 and "the generator has collapsed" in lines[0]
    assert "add a gradient penalty (r1, gp); in a program" in lines[0]


def test_a_generator_of_two_points_has_copies_though_it_is_wide():
    model, p = sampler(scale=1e6, step=True)  # corners of a square, to the last bit
    x = 1 / (1 + np.exp(-data()))  # in the square, which the fakes cannot leave
    found = diagnose(model, p, x, np.random.default_rng(0))
    assert found.copies == 1 and found.diversity > 0.25
    assert "100% of the fakes have a copy" in remarks(model, p, x)[0]


def test_a_discriminator_that_is_always_right_is_told():
    model, p = sampler(at=50.0)
    p["discriminator"]["0"] = {"W": np.full((2, 1), -1.0), "b": np.full(1, 50.0)}
    lines = remarks(model, p, data())
    assert len(lines) == 1 and lines[0].startswith("the discriminator is too strong: it tells 100")
    p["discriminator"]["0"] = {"W": np.full((2, 1), -1.0), "b": np.full(1, 102.0)}
    assert diagnose(model, p, data(), np.random.default_rng(0)).accuracy < 0.99


def test_a_critic_gives_no_verdicts_that_could_be_too_good():
    model, p = sampler(at=50.0, objective=Wasserstein())
    assert diagnose(model, p, data(), np.random.default_rng(0)).accuracy is None
    assert remarks(model, p, data()) == []


def test_a_training_that_collapses_is_told_and_the_same_with_a_d_that_learns_is_not(rng):
    """Against a D that hardly moves G goes to where D is highest: games.md, section 5."""
    told = {}
    for lr in (1e-6, 5e-3):
        G = L.Sequential(L.Dense(2, 16), L.Tanh(), L.Dense(16, 2))
        model = GAN(G, L.Sequential(L.Dense(2, 16), L.Tanh(), L.Dense(16, 1)), 2)
        x, p = rng.normal(size=(500, 2)).astype(np.float32), model.init(np.random.default_rng(0))
        game = duel(model, adam(lr, beta1=0.5), adam(5e-3, beta1=0.5))
        done = train(game, p, x, rng=np.random.default_rng(0), steps=600, batch=64, progress=False)
        told[lr] = remarks(model, done.p, x[:200])
    assert "the generator has collapsed" in told[1e-6][0] and told[5e-3] == []


def still(p):
    """Weights of zeros: a net that puts out one thing, whatever it sees."""
    for _, leaf in tree.leaves(p):
        leaf[...] = 0


def test_of_a_vae_gan_both_players_are_told(rng, monkeypatch):
    model = dense_vae_gan((3, 3, 1), (5,), 2)
    p, x = model.init(rng), rng.uniform(size=(40, 3, 3, 1)).astype(np.float32)
    assert vae_gan.remarks(model, p, x[: LEAST - 1]) == []
    still(p["decoder"])  # grey, whatever the code
    lines = vae_gan.remarks(model, p, x)
    assert len(lines) == 1 and lines[0].startswith("the generator has collapsed")
    assert lines[0].endswith("train on, or lower --gamma")
    told = SimpleNamespace(terms={"real": 1.0, "recovered": 1.0, "fake": 0.98})
    monkeypatch.setattr(VAEGAN, "discriminator_loss", lambda *asked: (0.0, told))
    line = vae_gan.remarks(model, p, x)[0]  # of data as much as of both kinds of fakes
    assert line.startswith("the discriminator is too strong: it tells 99.5%")


def test_of_a_cycle_gan_each_set_is_told_by_its_name(rng, monkeypatch):
    """And fakes are those of today: a history of 8 would be too short for the look's 20."""
    model = conv_cycle_gan((8, 8, 1), (8, 8, 1), 2, 1, 1, (2, 3), 3, norm=False, history=8)
    p = model.init(rng)
    x = tuple(rng.uniform(size=(20, 8, 8, 1)).astype(np.float32) for _ in "ab")
    assert three_turns.remarks(model, p, tuple(images[: LEAST - 1] for images in x)) == []
    before = three_turns.remarks(model, p, x)
    still(p["generators"]["a_to_b"])
    after = three_turns.remarks(model, p, x)
    new = [line for line in after if line not in before]
    assert any(line.startswith("the generator of b has collapsed") for line in new)
    assert not any(line.startswith("the generator of a") for line in new)
    told = SimpleNamespace(terms={"real": 1.0, "fake": 0.99})
    monkeypatch.setattr(CycleGAN, "discriminator_a_loss", lambda *asked: (0.0, told))
    lines = three_turns.remarks(model, p, x)
    assert any("discriminator of a is too strong: it tells 99.5%" in line for line in lines)
    critic = replace(model, objective=Wasserstein())
    assert not any("too strong" in line for line in three_turns.remarks(critic, p, x))


def test_a_growing_gan_is_told_of_fakes_that_are_alike(rng):
    model = progressive_gan((8, 8, 1), (2, 2), 3, group=2)
    p, x = model.init(rng), rng.uniform(size=(20, 8, 8, 1)).astype(np.float32)
    still(p["generator"])
    (line,) = progressive.remarks(model, p, x)
    assert "collapsed" in line and line.endswith("raise --group")
    assert progressive.remarks(model, p, x[: LEAST - 1]) == []
    assert "stage 1 of 2" in progressive.remarks(replace(model, level=0), p, x)[0]


def test_the_warning_can_be_caught():
    model, p = sampler(scale=0.0)
    with pytest.warns(Collapse, match="collapsed"):
        warn_of_collapse(model, p, data())
    model, p = sampler()
    assert warn_of_collapse(model, p, data()) == []


def test_of_few_examples_nothing_is_said_and_of_one_nothing_can_be():
    model, p = sampler(scale=0.0)
    assert remarks(model, p, data(15)) == []
    with pytest.raises(ValueError, match="two examples or more make a pair, got 1"):
        diagnose(model, p, data(1), np.random.default_rng(0))
