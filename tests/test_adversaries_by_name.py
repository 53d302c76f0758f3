"""Adversarial runs from their folders: what `evaluate`, `sample` and `report` say and show."""

import json
import signal
from pathlib import Path

import commands
import numpy as np
import pytest

from tinygen import tree
from tinygen.cli import main
from tinygen.data import load
from tinygen.loop import Loop
from tinygen.models.progressive_gan import progressive_gan
from tinygen.pictures import unit
from tinygen.systems import SYSTEMS
from tinygen.systems import progressive_gan as growing
from tinygen.systems.trained import open_run

# A small net of each, and the pictures of its own.
RUNS = {
    "progressive-gan": (("--channels", "3,4", "--latent", 4, "--batch", 8), {"stages"}),
    "cycle-gan": (
        ("--width", 2, "--blocks", 1, "--downs", 1, "--patch", "2,3", "--kernel", 3),
        {"reconstructions", "to_a", "to_b"},
    ),
    "vae-gan": (
        ("--net", "dense", "--hidden", 9, "--latent", 1, "--batch", 8),
        {"reconstructions", "latent", "traversals"},
    ),
    "dcgan": (("--features", 4, "--latent", 3, "--batch", 8), {"walks"}),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request, tmp_path_factory):
    """The name of a system, and the folder of a run."""
    name, folder = request.param, tmp_path_factory.mktemp("runs") / request.param
    given = ("--data", "digits", "--steps", 2, *RUNS[name][0], "--out", folder)
    assert main(["train", name, *map(str, given)]) == 0
    return name, folder


def test_a_run_is_measured_and_the_numbers_are_kept(run, capsys):
    name, folder = run
    assert main(["evaluate", str(folder), "--limit", "9"]) == 0
    printed = capsys.readouterr().out
    numbers = json.loads((folder / "numbers.json").read_text())
    assert numbers and all(np.isfinite(n["value"]) for n in numbers.values())
    assert SYSTEMS[name].title in printed and "digits, test, 9 examples" in printed


def test_samples_are_said_to_be_what_they_are_and_have_no_means(run, capsys):
    _, folder = run
    assert main(["sample", str(folder), "-n", "2"]) == 0
    words = open_run(folder).drawn
    assert f"2 x {words}\n" in capsys.readouterr().out
    kept = np.load(folder / "samples" / "samples.npz")
    assert str(kept["drawn"]) == words and kept["x"].shape == (2, 8, 8, 1)
    assert 0 <= kept["x"].min() < kept["x"].max() <= 1
    line = commands.fails(capsys, "sample", folder, "--mean", silent=True)
    assert "what the generator makes is the sample itself" in line


def test_a_report_has_captions_of_a_game_under_its_pictures(run, capsys):
    name, folder = run
    assert main(["report", str(folder)]) == 0
    capsys.readouterr()
    page = (folder / "report.html").read_text()
    assert "each is measured against an opponent that moves" in page
    for of_others in ("the validation set", "grainy", "told the class", "each class"):
        assert of_others not in page
    made = {file.stem for file in Path(folder / "pictures").glob("*.png")}
    assert made == {"curves", "samples"} | RUNS[name][1]
    assert unit(open_run(folder)) == ""  # losses, shares and norms have units of their own


def test_samples_of_a_growing_net_are_scored_in_groups_some_at_a_time(rng, monkeypatch):
    model = progressive_gan((8, 8, 1), (3, 4), 4, group=2, penalty=None)
    p, x = model.init(rng), load("digits").test.x[:9]
    found = []
    for at_once in (100, 5):
        monkeypatch.setattr(growing, "AT_ONCE", at_once)
        found.append(growing.scores(model, p, x, np.random.default_rng(1), 2))
    assert found[0].keys() == found[1].keys() and len(found[0]) == 3
    for name, (value, _) in found[0].items():
        assert found[1][name] == (pytest.approx(value, rel=1e-4), None)
    with pytest.raises(ValueError, match=r"in groups of 2, and there are 1: measure 2 or more"):
        growing.measure(model, p, x[:1], rng, 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--batch", 10), "a batch of 10 examples does not make whole groups of 4"),
        (("--batch", 100, "--group", 8), "a batch of 100 examples does not make whole groups of 8"),
    ],
)
def test_batches_that_make_no_whole_groups_make_no_folder(tmp_path, capsys, words, says):
    given = ("--data", "digits", *words, "--out", tmp_path / "run")
    assert says in commands.fails(capsys, "train", "progressive-gan", *given)
    assert not (tmp_path / "run").exists()


STOPPED = {  # a growing net in the middle of an epoch, and of a fade that began at step 2
    "progressive-gan": (signal.SIGTERM, "--channels", "2,3", "--batch", 644, "--steps", 5),
    "vae-gan": (signal.SIGINT, *RUNS["vae-gan"][0], "--steps", 5),
}


@pytest.mark.parametrize("name", STOPPED)
def test_a_run_that_a_signal_stopped_is_taken_up_to_the_same_bits(
    name, tmp_path, capsys, monkeypatch
):
    sign, *words = STOPPED[name]

    def begin(folder):
        given = ("--data", "digits", *words, "--out", tmp_path / folder)
        return main(["train", name, *map(str, given)])

    def step(loop, plain=Loop.step):
        plain(loop)
        if loop.state.step == 3:
            signal.raise_signal(sign)

    assert begin("whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "step", step)
        assert begin("cut") == 130
    assert "stopped after step 3" in capsys.readouterr().out
    assert main(["train", "--resume", str(tmp_path / "cut")]) == 0
    whole, cut = (open_run(tmp_path / folder) for folder in ("whole", "cut"))
    assert cut.meta["step"] == whole.meta["step"] > 3
    tree.map(np.testing.assert_array_equal, cut.p, whole.p)
