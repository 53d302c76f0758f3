"""tinygen sample: what is drawn, what it is called, and what stops it."""

import os

import commands
import numpy as np
import pytest

from tinygen.cli import main
from tinygen.commands import sample
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
