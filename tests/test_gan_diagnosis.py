"""Warnings of a game gone wrong: a planted collapse is told, a healthy generator is not."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.adversarial import Wasserstein
from tinygen.data.toys import ring
from tinygen.models.gan import GAN
from tinygen.models.gan_diagnosis import Collapse, diagnose, remarks, warn_of_collapse


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
