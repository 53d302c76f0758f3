"""Games that end early, are interrupted, or are given what does not fit: said, never silent."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from tinygen.cli import main
from tinygen.data import load
from tinygen.data.dataset import Part
from tinygen.interrupt import requests
from tinygen.models.dcgan import dcgan
from tinygen.models.gan import GAN
from tinygen.models.progressive_gan import progressive_gan
from tinygen.models.vae_gan_nets import dense_vae_gan
from tinygen.optim import Ema, adam
from tinygen.systems import cycle_gan
from tinygen.systems import progressive_gan as growing
from tinygen.systems.duel import duel, verdicts
from tinygen.systems.job import cut
from tinygen.systems.trained import open_run

GROWING = ["train", "progressive-gan", "--data", "digits", "--channels", "4,4", "--batch", "400"]


# A run that ended before the last stage


def test_a_growing_run_is_drawn_from_and_measured_where_it_stands(tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([*GROWING, "--stable", "2", "--epochs", "1", "--out", out]) == 0
    assert "note: stage 1 of 2 was reached, of 4 pixels a side" in capsys.readouterr().out
    found = open_run(out)
    assert found.model.level == 0 and found.model.split(None) == (0, 1.0)
    z = found.model.draw_z(np.random.default_rng(0), 3, found.p)
    own = found.system.sample(found.model, found.p, np.random.default_rng(5), 3, False)
    np.testing.assert_array_equal(own[:, ::2, ::2], own[:, 1::2, 1::2])  # pixels of 4 x 4
    at = found.model.sample(found.p, np.random.default_rng(0), 3, level=0, z=z)
    top = replace(found.model, level=None).sample(found.p, np.random.default_rng(0), 3, z=z)
    assert abs(at - top).max() > 1e-3
    assert main(["evaluate", out, "--limit", "40"]) == 0
    assert "note: stage 1 of 2 was reached" in capsys.readouterr().out


@pytest.mark.parametrize(("step", "level"), [(0, 0.0), (8, 0.0), (9, 0.25), (11, 0.75), (12, 1.0)])
def test_the_level_of_a_run_is_that_of_its_last_step(step, level):
    model = progressive_gan((8, 8, 1), (4, 4), 3)
    options = growing.ProgressiveOptions(stable=2, fade=1)
    assert growing.after(model, options, step, 4).level == level
    at_once = growing.ProgressiveOptions(grow="off")
    assert growing.after(model, at_once, step, 4).level is None


# Ctrl-C


def test_a_request_within_another_block_is_one_of_both():
    with requests() as outer:
        with requests() as inner:
            os.kill(os.getpid(), signal.SIGINT)
        assert inner.asked and outer.asked
    with requests() as outer:
        with requests():
            pass
        assert not outer.asked


def test_ctrl_c_in_the_rehearsal_begins_no_run(tmp_path, monkeypatch, capsys):
    loss = GAN.generator_loss

    def stopped(self, p, x, noise):
        os.kill(os.getpid(), signal.SIGINT)
        return loss(self, p, x, noise)

    monkeypatch.setattr(GAN, "generator_loss", stopped)
    out = tmp_path / "run"
    assert main(["train", "gan", "--data", "digits", "--epochs", "1", "--out", str(out)]) == 130
    assert not out.exists()


# What cannot be asked for


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--epochs", "1", "--steps", "2"], "give --epochs or --steps, one of the two"),
        (["--patience", "3"], "--patience waits for a validation loss, and dcgan has none"),
    ],
)
def test_the_command_line_is_answered_in_its_own_words(words, says, tmp_path, capsys):
    out = ["--out", str(tmp_path / "run")]
    assert main(["train", "dcgan", "--data", "digits", *words, *out]) == 1
    assert says in capsys.readouterr().err and not (tmp_path / "run").exists()


# What does not fit


def test_images_of_a_size_that_the_generator_does_not_make_are_refused(rng):
    model = dcgan((8, 8, 1), 3, (4, 4))
    p = model.init(rng)
    for size in (9, 10, 11):
        x = rng.random((4, size, size, 1), np.float32)
        with pytest.raises(ValueError, match=r"DCGAN: expected data of the shape .*\(N, 8, 8, 1\)"):
            model.discriminator_loss(p, x, model.draw_noise(rng, x))


def test_a_running_mean_that_nobody_keeps_is_refused():
    model = dcgan((8, 8, 1), 3, (4, 4), average=True)
    with pytest.raises(ValueError, match=r"the DCGAN samples from a running mean .* give ema"):
        duel(model, adam(1e-3), adam(1e-3))
    duel(model, adam(1e-3), adam(1e-3), ema=Ema(0.9))


def test_what_d_says_of_fakes_is_of_those_that_samples_are(rng):
    model = dcgan((8, 8, 1), 3, (4, 4), average=True)
    p, x = model.init(rng), rng.random((40, 8, 8, 1), np.float32)
    p["average"] = model.init(np.random.default_rng(7))["generator"]
    noise = model.draw_noise(rng, x)
    of_mean = verdicts(model, p | {"generator": p["average"]}, x, noise)
    assert verdicts(model, p, x, noise) == of_mean
    bare = {k: v for k, v in p.items() if k != "average"}
    assert verdicts(model, bare, x, noise)["D's loss"] != of_mean["D's loss"]


def test_scores_of_pixels_out_of_range_are_refused(rng):
    model = dense_vae_gan((4, 3, 2), (5,), 3, (4,), 4)
    p, x = model.init(rng), rng.random((4, 4, 3, 2), np.float32)
    assert model.scores(p, x).shape == (4,)
    with pytest.raises(ValueError, match=r"VAEGAN: expected pixels within 0\.\.1"):
        model.scores(p, 255 * x)


# CycleGAN: what it is measured on and drawn from


def test_b_is_of_the_part_that_a_is_of_and_none_twice(monkeypatch):
    sets = {
        name: np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1) + at
        for name, n, at in [("train", 5, 0), ("validation", 2, 10), ("test", 3, 20)]
    }
    other = load("digits")
    parts = {name: Part(x) for name, x in sets.items()}
    monkeypatch.setattr(cycle_gan, "load", lambda name: replace(other, **parts))
    options = cycle_gan.CycleGANOptions(to="other")
    for name, x in sets.items():
        a = cut(other.parts[name], slice(4))
        assert a.name == name
        _, b = cycle_gan.both_sets(a, options)
        np.testing.assert_array_equal(b, x[:4])


def test_a_history_gives_each_fake_once_and_an_empty_one_none(rng):
    held = np.array([True, False, True, True])
    fakes = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)
    p = {"history_b": {"held": held, "fakes": fakes}}
    found = (2 * cycle_gan.sample(None, p, rng, 9, False) - 1).ravel()
    assert sorted(found) == [0, 2, 3]
    p["history_b"]["held"] = ~held & held
    with pytest.raises(ValueError, match="the history holds no fake yet"):
        cycle_gan.sample(None, p, rng, 1, False)
