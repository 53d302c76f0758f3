"""tinygen sample: what is drawn, what it is called, and what stops it."""

import os
from dataclasses import replace

import commands
import numpy as np
import pytest

from tinygen.cli import main
from tinygen.commands import sample
from tinygen.data import load
from tinygen.runs import Run
from tinygen.systems import SYSTEMS
from tinygen.systems.trained import open_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A VAE and an autoencoder."""
    folder = tmp_path_factory.mktemp("runs")
    for system in ("vae", "autoencoder"):
        words = ["train", system, "--data", "digits", "--hidden", "16", "--latent", "2"]
        assert main([*words, "--epochs", "2", "--out", str(folder / system)]) == 0
    return folder


def fails(capsys, *words):
    return commands.fails(capsys, "sample", *words, silent=True)


def drawn(folder, *words):
    assert main(["sample", str(folder), *words]) == 0
    out = folder / "samples"
    if "--out" in words:
        out = type(folder)(words[words.index("--out") + 1])
    with np.load(out / "samples.npz") as file:
        return file["x"], str(file["drawn"])


def test_draws_are_black_and_white_and_means_are_not(runs, capsys):
    x, words = drawn(runs / "vae", "-n", "5")
    assert x.shape == (5, 8, 8, 1) and set(np.unique(x)) == {0, 1}
    printed = capsys.readouterr().out
    assert words == "z ~ p(z), decoded: draws x ~ p(x|z)" and f"5 x {words}" in printed
    assert "samples.png" in printed and (runs / "vae" / "samples" / "samples.png").is_file()
    means, words = drawn(runs / "vae", "-n", "5", "--mean")
    assert ((means > 0) & (means < 1)).all()
    assert words == "z ~ p(z), decoded: means of p(x|z)"


def test_an_autoencoder_does_not_call_anything_a_draw_of_x(runs):
    x, words = drawn(runs / "autoencoder", "-n", "3")
    means, same = drawn(runs / "autoencoder", "-n", "3", "--mean")
    np.testing.assert_array_equal(x, means)
    assert words == same and "p(x|z)" not in words


def test_the_seed_decides(runs, tmp_path):
    first, again, other = (
        drawn(runs / "vae", "--seed", seed, "--out", str(tmp_path / name))[0]
        for seed, name in (("1", "a"), ("1", "b"), ("2", "c"))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and len(first) == 64


def test_many_are_drawn_in_blocks_and_means_share_their_codes(runs, monkeypatch):
    monkeypatch.setattr(sample, "BLOCK", 40)
    run = open_run(runs / "vae")
    x, means = (sample.draw(run, 100, 0, mean) for mean in (False, True))
    assert len(x) == 100 and len(np.unique(means.reshape(100, -1), axis=0)) == 100

    def nll(means):
        return -np.log(np.where(x > 0, means, 1 - means)).sum()

    own, shuffled = nll(means), [nll(np.roll(means, k, axis=0)) for k in range(1, 20)]
    assert own < min(shuffled)
    assert nll(np.concatenate([means[:40], np.roll(means[40:], 1, axis=0)])) > own  # later blocks


def test_the_help_explains_draws_and_means_in_lines_that_fit(capsys):
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    printed = capsys.readouterr().out
    assert "the mean of" in printed and "no draw" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize(
    "words, message",
    [
        (["-n", "0"], "sample: -n must be"),
        (["-n", "-3"], "sample: -n must be"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--device", "abacus"], "unknown device 'abacus'"),
    ],
)
def test_a_wrong_word_is_named(runs, capsys, words, message):
    line = fails(capsys, runs / "vae", *words)
    assert message in line and line.count("sample") == 1  # the command's name, once


def test_means_of_what_is_drawn_place_by_place_are_refused(tmp_path, capsys):
    explicit = {name: system for name, system in SYSTEMS.items() if system.group != "implicit"}
    without = {name for name, system in explicit.items() if not system.has_means}
    assert without == {"fvbn", "nade", "made", "pixelcnn", "gated-pixelcnn", "pixel-rnn"}
    words = ["train", "fvbn", "--data", "digits", "--epochs", "1", "--batch", "1000"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    line = fails(capsys, tmp_path, "--mean")
    assert f"sample: --mean has no meaning for the fvbn in {tmp_path}" in line
    assert "leave --mean out" in line and not (tmp_path / "samples").exists()
    assert drawn(tmp_path, "-n", "2")[1].startswith("ancestral samples: ")


def test_a_series_of_means_is_one_series(tmp_path):
    words = ["train", "lstm", "--data", "ar2", "--hidden", "2", "--epochs", "1", "--batch", "2000"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    means, words = drawn(tmp_path, "-n", "2", "--mean")
    assert words.endswith(": means of p(x_t|x_<t)")
    np.testing.assert_array_equal(means[0], means[1])


def test_a_folder_without_a_run_or_a_checkpoint_is_told_so(runs, tmp_path, capsys):
    assert f"{tmp_path} holds no run" in fails(capsys, tmp_path)
    run = Run.create(tmp_path / "new", Run.open(runs / "vae").config)
    assert "holds no checkpoint yet" in fails(capsys, run.path)


def test_a_damaged_checkpoint_is_told_so(runs, tmp_path, capsys):
    run = Run.create(tmp_path / "new", Run.open(runs / "vae").config)
    run.checkpoint.write_bytes((runs / "vae" / "checkpoint.safetensors").read_bytes()[:-9])
    assert "damaged" in fails(capsys, run.path)


def test_a_folder_that_cannot_be_made_is_told_so(runs, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    line = fails(capsys, runs / "vae", "--out", tmp_path / "file" / "deep")
    assert "cannot write into" in line and "--out" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_so(runs, tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert "cannot write into" in fails(capsys, runs / "vae", "--out", tmp_path / "x")


def test_a_full_disk_is_told_and_leaves_what_was_there(runs, capsys, monkeypatch):
    drawn(runs / "vae", "-n", "2")
    before = (runs / "vae" / "samples" / "samples.npz").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in fails(capsys, runs / "vae", "-n", "4")
    assert (runs / "vae" / "samples" / "samples.npz").read_bytes() == before


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


def test_labels_lie_beside_draws_of_each_class(told, runs, monkeypatch):
    monkeypatch.setattr(sample, "BLOCK", 7)  # which begins with another class each time
    x, words = drawn(told, "-n", "30", "--mean")
    y = labels_in(told)
    assert np.array_equal(y, np.arange(30) % 10) and "each class in turn" in words
    rng = np.random.default_rng([0, 1])
    opened = open_run(told)
    assert np.array_equal(x[7:14], opened.model.sample(opened.p, rng, y[7:14], mean=True))
    drawn(runs / "vae", "-n", "2")
    assert labels_in(runs / "vae") is None


def test_names_of_classes_are_those_of_the_data(told, monkeypatch, capsys):
    named = replace(load("digits"), classes=tuple("abcdefghij"))
    monkeypatch.setattr(sample, "find_data", lambda trained: (named, ""))
    drawn(told, "-n", "2", "--class", "c")
    assert labels_in(told).tolist() == [2, 2]
    assert "knows no class '2': choose of a, b, c," in fails(capsys, told, "--class", "2")
    monkeypatch.setattr(sample, "find_data", lambda trained: (None, "gone"))
    drawn(told, "-n", "2", "--class", "4")
    assert labels_in(told).tolist() == [4, 4]


def test_a_class_that_cannot_be_drawn_is_refused(told, runs, capsys):
    line = fails(capsys, told, "--class", "10")
    assert "sample: the conditional-vae in " in line and "knows no class '10'" in line
    line = fails(capsys, runs / "vae", "--class", "1")
    assert "the vae in " in line and "is not told the class: leave --class out" in line
