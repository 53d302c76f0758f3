"""Classes by name: samples of one alone, the labels beside them, and what stops other classes."""

from dataclasses import replace

import commands
import numpy as np
import pytest

from tinygen.cli import main
from tinygen.commands import evaluate, sample
from tinygen.data import load
from tinygen.names import listed
from tinygen.runs import Run
from tinygen.systems.trained import TrainedRun, open_run

DIGITS = load("digits")


def fails(capsys, *words):
    return commands.fails(capsys, "sample", *words, silent=True)


def drawn(folder, *words):
    assert main(["sample", str(folder), *words]) == 0
    with np.load(folder / "samples" / "samples.npz") as file:
        return file["x"], str(file["drawn"])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A VAE, which is told no class."""
    out = tmp_path_factory.mktemp("plain") / "run"
    words = ["train", "vae", "--data", "digits", "--hidden", "9", "--latent", "2"]
    assert main([*words, "--steps", "2", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A conditional VAE that has learnt what the classes look like."""
    out = tmp_path_factory.mktemp("told") / "run"
    words = ["train", "conditional-vae", "--data", "digits", "--hidden", "30", "--latent", "2"]
    assert main([*words, "--epochs", "5", "--lr", "1e-2", "--out", str(out)]) == 0
    return out


def labels_in(folder):
    with np.load(folder / "samples" / "samples.npz") as file:
        return file.get("y")


def test_a_class_is_drawn_alone_where_it_is_asked_for(told, capsys):
    zeros, words = drawn(told, "-n", "600", "--class", "0", "--mean")
    assert words == "z ~ p(z), decoded with the class 0: means of p(x|y,z)"
    assert words in capsys.readouterr().out and np.array_equal(labels_in(told), np.zeros(600))
    ones, _ = drawn(told, "-n", "600", "--class", "1", "--mean")
    assert np.array_equal(labels_in(told), np.ones(600))
    middle = np.s_[:, 3:5, 3:5]  # hollow in a zero, ink in a one
    assert zeros[middle].mean() + 0.3 < ones[middle].mean()


def test_labels_lie_beside_draws_of_each_class(told, plain, monkeypatch):
    monkeypatch.setattr(sample, "BLOCK", 7)  # which begins with another class each time
    x, words = drawn(told, "-n", "30", "--mean")
    y = labels_in(told)
    assert np.array_equal(y, np.arange(30) % 10) and "each class in turn" in words
    rng = np.random.default_rng([0, 1])
    opened = open_run(told)
    assert np.array_equal(x[7:14], opened.model.sample(opened.p, rng, y[7:14], mean=True))
    drawn(plain, "-n", "2")
    assert labels_in(plain) is None


def test_a_class_is_asked_for_by_its_name_or_its_number(told):
    trained = open_run(told)
    trained.run.config["class_names"] = ["zero", "one", "2nd", "2", *"456789"]
    for name, number in (("zero", 0), ("3", 3), ("2", 3), ("9", 9)):  # a name goes before a number
        assert sample.labels(trained, 2, name).tolist() == [number, number]
    with pytest.raises(ValueError, match="knows no class 'zer', did you mean 'zero'"):
        sample.labels(trained, 2, "zer")


def test_runs_keep_the_names_of_their_classes(told, monkeypatch):
    assert Run.open(told).config["class_names"] == list("0123456789")
    opened = open_run(told)
    del opened.run.config["class_names"]  # as in runs of before
    monkeypatch.setattr(TrainedRun, "dataset", lambda run: replace(DIGITS, classes=tuple("ab")))
    assert opened.class_names == ("a", "b")

    def gone(run):
        raise RuntimeError("no such file")

    monkeypatch.setattr(TrainedRun, "dataset", gone)
    assert opened.class_names == tuple("0123456789")


def test_other_classes_are_not_measured(told, monkeypatch, capsys):
    swapped = replace(DIGITS, name="swapped", classes=tuple("1234567890"))
    monkeypatch.setattr(evaluate, "load", lambda name: swapped)
    line = commands.fails(capsys, "evaluate", told, "--data", "digits", "--limit", "9")
    assert "swapped has the classes 1, 2, 3" in line and "was told 0, 1, 2" in line
    monkeypatch.setattr(evaluate, "load", load)
    assert main(["evaluate", str(told), "--data", "digits", "--limit", "9"]) == 0
    assert "bits per dimension, given y" in capsys.readouterr().out


def test_a_report_without_its_data_has_no_analogies(told, monkeypatch, capsys):
    def gone(run):
        raise RuntimeError("no such file")

    monkeypatch.setattr(TrainedRun, "dataset", gone)
    assert main(["report", str(told)]) == 0
    assert "Samples" in (told / "report.html").read_text()
    assert not (told / "pictures" / "analogies.png").exists()


def test_many_names_are_not_all_told():
    assert listed([str(i) for i in range(1000)]).endswith(" 10, 11, ... (1000 in all)")
    assert listed(["a", "b"]) == "a, b"


def test_a_class_that_cannot_be_drawn_is_refused(told, plain, capsys):
    line = fails(capsys, told, "--class", "10")
    assert "sample: the conditional-vae in " in line and "knows no class '10'" in line
    line = fails(capsys, plain, "--class", "1")
    assert "the vae in " in line and "is not told the class: leave --class out" in line


def test_the_classes_of_a_data_set_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "digits"]) == 0
    assert "  classes  0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in capsys.readouterr().out
    assert "-n must be a whole number >= 1" in commands.fails(capsys, "data", "digits", "-n", "0")
    assert "name it" in commands.fails(capsys, "data", "-n", "0")
