"""What the commands say of a system is true of that system: formulas, captions, refusals."""

import dataclasses

import commands
import numpy as np
import pytest

from tinygen import tree
from tinygen.cli import main
from tinygen.commands.report import CAPTIONS
from tinygen.commands.sample import what
from tinygen.data import load
from tinygen.models.debiasing_nets import dense_debiasing_vae
from tinygen.pictures import Gallery
from tinygen.systems import SYSTEMS
from tinygen.systems.base import check_kind, with_labels
from tinygen.systems.trained import open_run

DIGITS = ("--data", "digits", "--epochs", 1)
TAUGHT = [name for name, kind in SYSTEMS.items() if kind.examples is with_labels]


def train(*words):
    return main(["train", *map(str, words)])


def test_the_systems_with_labels_are_found():
    assert TAUGHT == ["conditional-vae", "semi-supervised-vae", "m1-m2", "debiasing-vae"]


@pytest.mark.parametrize("name", TAUGHT)
def test_codes_of_a_system_that_saw_labels_are_not_said_to_be_found_without_them(name):
    assert "it was shown no labels" in CAPTIONS["latent.png"][1]
    assert "no labels" not in (CAPTIONS | SYSTEMS[name].captions)["latent.png"][1]


@pytest.mark.parametrize(
    "words, formula",
    [
        (("conditional-vae", "--hidden", 4, "--latent", 2), "p(x|y,z)"),
        (("bernoulli-mixture", "--components", 2), "p(x|k)"),
    ],
)
def test_draws_and_means_are_said_to_be_those_of_the_system_s_density(tmp_path, words, formula):
    assert train(*words, *DIGITS, "--out", tmp_path / "run") == 0
    trained = open_run(tmp_path / "run")
    assert what(trained, False).endswith(f": draws x ~ {formula}")
    assert what(trained, True).endswith(f": means of {formula}")
    titles = [axes.get_title() for axes in Gallery(trained, np.random.default_rng(0), None)
              .samples(4).axes]  # fmt: skip
    given = formula.partition("|")[2].rstrip(")")
    assert titles == [f"draws x ~ {formula}", f"means of {formula}, of the same {given}"]


@pytest.mark.parametrize(
    "words, message",
    [
        (("debiasing-vae", "--resample", "none", "--alpha", 0.1), "alpha has no effect with"),
        (("debiasing-vae", "--resample", "none", "--bins", 5), "bins has no effect with resample"),
        (("debiasing-vae", "--debias", 10), "--debias: must be one of the classes 0..9"),
        (("factor-vae", "--patience", 3), "or leave patience out"),
    ],
)
def test_what_has_no_effect_is_refused_in_the_words_of_the_command_line(
    capsys, tmp_path, words, message
):
    line = commands.fails(capsys, "train", *words, *DIGITS, "--out", tmp_path / "run")
    assert message in line and not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", TAUGHT)
def test_a_set_without_labels_is_named(name):
    unlabelled = dataclasses.replace(load("digits"), classes=())
    with pytest.raises(ValueError, match=f"{name} learns from labels, and digits has none"):
        check_kind(SYSTEMS[name], unlabelled)


@pytest.mark.parametrize("name, word", [("tc-vae", "lower beta, alpha"), ("factor-vae", "gamma")])
def test_a_note_of_dead_units_names_what_the_system_can_be_told(capsys, tmp_path, name, word):
    net = ("--hidden", 4, "--latent", 3)
    assert train(name, *net, *DIGITS, "--lr", 1e-9, "--out", tmp_path / "run") == 0
    trained = open_run(tmp_path / "run")
    p = trained.model.init(np.random.default_rng(0))
    for _, leaf in tree.leaves(p):
        leaf[...] = 0  # q(z|x) = p(z)
    (line,) = trained.system.remarks(trained.model, p, np.zeros((5, 8, 8, 1), np.float32))
    assert word in line and "warm-up" not in line


def test_a_batch_without_the_class_says_nothing_of_its_bound():
    model, x = dense_debiasing_vae(4, 5, 2), np.zeros((3, 4), np.float32)
    p = model.init(np.random.default_rng(0))
    for y, terms in ((np.zeros(3, int), set()), (np.array([0, 1, 0]), {"nll", "kl"})):
        noise = model.draw_noise(np.random.default_rng(0), (x, y))
        assert model.loss(p, (x, y), noise)[1].terms.keys() == {"class", "error"} | terms
