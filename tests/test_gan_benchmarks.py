"""The benchmarks of the Parzen window and of families: rows, references, runs taken up again."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygen.cli import main
from tinygen.data import load

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
window = pytest.importorskip("parzen", exc_type=ImportError)  # absent from an installed copy
families = pytest.importorskip("families", exc_type=ImportError)

ASKED = ["--data", "digits", "--epochs", "3"]


def test_fakes_stand_beside_references_and_a_run_is_taken_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(window, "FAKES", 300)
    monkeypatch.setattr(window, "NARROW", {"generator": (9,), "discriminator": (8,)})
    rows = window.main([*ASKED, "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "do not rank models" in printed and "GAN 225 +- 2" in printed
    nats = [row["nats"] for row in rows]
    assert [row["of"].split(",")[0] for row in rows] == [
        "training images", "independent Gaussian pixels", "GAN", "GAN",
    ]  # fmt: skip
    assert nats[0] > max(nats[1:])  # of a net that has seen three epochs
    assert rows[2]["nats"] != rows[3]["nats"]  # the running mean of the weights, and the last
    again = window.main([*ASKED, "--out", str(tmp_path)])
    assert [row["nats"] for row in again] == nats
    kept = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [row["nats"] for row in kept] == nats


def test_the_paper_s_recipe_has_the_paper_s_nets():
    model, d_rule, g_rule = window.recipe(True, (28, 28, 1))
    p = model.init(np.random.default_rng(0))
    G, D = p["generator"], p["discriminator"]
    assert [G[k]["W"].shape for k in ("dense0", "dense1", "pixels")] == [
        (100, 1200), (1200, 1200), (1200, 784),
    ]  # fmt: skip
    assert [D[k]["W"].shape for k in ("dense0", "dense1", "score")] == [
        (784, 1200), (240, 1200), (240, 1),
    ]  # fmt: skip
    assert model.prior == "uniform" and p["average"].keys() == G.keys()
    for rule in (d_rule, g_rule):
        assert rule.lr(0) == 0.1 and rule.lr(500_000) == pytest.approx(0.1 * np.exp(-2), rel=1e-3)


def test_a_family_is_measured_from_the_folder_of_its_run(tmp_path, capsys):
    folder = str(tmp_path / "vae")
    given = ["--data", "digits", "--hidden", "10", "--latent", "3", "--steps", "3"]
    assert main(["train", "vae", "--out", folder, *given]) == 0
    (row,) = families.main([folder, "--images", "20", "--drawn", "10"])
    assert row["system"] == "vae" and row["data"] == "digits-dynamic"
    assert row["sharpness of draws"][0] > 0.8  # of an untrained net, noise
    truth = load("digits").test.x[:20]
    assert families.relative(truth, truth)[0] == 1
    assert row["squared error"][0] > 0 and row["seconds for 64"] >= 0
