"""The likelihood ladder: its recipes are commands, and its numbers those of the runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygen.systems import system
from tinygen.systems.base import Task

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
table = pytest.importorskip("likelihood", exc_type=ImportError)  # absent from an installed copy
RUNGS = table.RUNGS


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", RUNGS)
def test_each_recipe_is_a_command_that_builds_a_model(name, full):
    rung = RUNGS[name]
    words = (rung.full if full else f"{rung.words} {rung.more.get('static', '')}").split()
    asked = table.asked_for([*words, "--data", "mnist-static", "--seed", "0"])
    kind = system(asked["system"])
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in asked["options"].items()}
    model = kind.build(kind.options(**options), Task((28, 28, 1), 10, 50000))
    assert callable(model.loss) and asked["data"] == "mnist-static" and asked["seed"] == 0


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The ladder with one small rung, on the embedded digits; f(*words) runs it."""
    words = "fvbn --steps 3 --batch 8"
    rung = table.Rung("fvbn", "a belief net", words, words, (1, 64), {"dynamic": (25.0, "nobody")})
    monkeypatch.setitem(RUNGS, "fvbn", rung)
    monkeypatch.setattr(table, "DATA", "digits")
    rows = ["--rows", "fvbn", "--sets", "dynamic", "--out", str(tmp_path), "--limit", "50"]
    return lambda *words: table.main([*rows, *words])


def test_a_row_is_trained_measured_and_kept(small, tmp_path, capfd):
    small()
    row = capfd.readouterr().out.strip().splitlines()[-1]
    kept = json.loads((tmp_path / "fvbn-dynamic" / "ladder.json").read_text())
    opened = table.open_run(tmp_path / "fvbn-dynamic")
    x = opened.dataset().transform(np.random.default_rng(0), opened.dataset().test.x[:50])
    nll = -opened.model.log_prob(opened.p, x)[0]
    assert kept["test"]["nll"] == pytest.approx(nll.mean(), rel=1e-6)
    assert kept["test"]["error"] == pytest.approx(nll.std(ddof=1) / np.sqrt(50), rel=1e-5)
    assert kept["test"]["bits"] == pytest.approx(nll.mean() / np.log(2) / 64, rel=1e-6)
    assert kept["parameters"] == 64 * 64 + 64 and kept["sample"] > 0
    assert (
        row.startswith(f"| a belief net | dynamic | {nll.mean():.2f} ±") and "25.0 (nobody)" in row
    )
    small("--trained")  # nothing is done twice
    assert capfd.readouterr().out.strip().splitlines()[-1] == row


def test_times_are_measured_again_and_likelihoods_are_not(small, tmp_path, monkeypatch):
    small()
    before = json.loads((tmp_path / "fvbn-dynamic" / "ladder.json").read_text())
    monkeypatch.delattr(table, "likelihood")
    small("--trained", "--time-again")
    after = json.loads((tmp_path / "fvbn-dynamic" / "ladder.json").read_text())
    assert after["test"] == before["test"] and after["ms"] != before["ms"]


def test_a_set_may_be_told_more(small, tmp_path):
    RUNGS["fvbn"].more["dynamic"] = "--steps 2"
    small()
    assert table.open_run(tmp_path / "fvbn-dynamic").meta["step"] == 2


def test_a_folder_of_another_recipe_is_refused(small, tmp_path, monkeypatch):
    small()
    words = "fvbn --steps 3 --batch 8 --lr 0.5"
    monkeypatch.setitem(RUNGS, "fvbn", table.Rung("fvbn", "", words, words, (1, 64)))
    with pytest.raises(ValueError, match=r"fvbn-dynamic was trained otherwise \(had, asked\).*0.5"):
        small()
    with pytest.raises(ValueError, match="trained otherwise"):
        small("--trained")


def test_an_option_that_is_younger_than_the_run_had_its_default(small, tmp_path):
    small()
    file = tmp_path / "fvbn-dynamic" / "config.json"
    config = json.loads(file.read_text())
    del config["options"]["l2"]
    file.write_text(json.dumps(config))
    table.check_recipe(table.told(RUNGS["fvbn"], "dynamic", table.arguments([])), file.parent)


def test_what_is_not_trained_is_left_out(small, capsys):
    small("--trained")
    assert capsys.readouterr().out.strip() == table.HEAD
