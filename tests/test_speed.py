"""The benchmark: what it claims to time is what it times."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def speed(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import speed

    return speed


def sides():
    pytest.importorskip("torch")
    import speed_ours
    import speed_torch

    options = SimpleNamespace(device="cpu", threads=1, setting="", keep_memory=False)
    return speed_ours.Ours(options), speed_torch.Torch(options)


def worker(*rounds, skip="", side="ours"):
    return SimpleNamespace(rounds=list(rounds), peak=90.0, imports=40.0, skip=skip, side=side)


def test_case_names_are_unique_and_both_sides_build_every_kind(speed):
    names = [case.name for case in speed.CASES]
    assert len(set(names)) == len(names)
    for side in sides():
        for case in [*speed.CASES, speed.PEAK]:
            assert callable(getattr(side, case.kind)), case.name


def test_both_sides_take_one_step_of_every_case_at_small_sizes(speed):
    small = {"batch": 2, "size": 6, "channels": 4, "time": 3, "n": 50}
    for side in sides():
        for case in speed.CASES:
            sizes = {key: small.get(key, value) for key, value in case.sizes.items()}
            if case.kind == "layer":
                sizes["shape"] = (2, 4, 6, 10)[-len(sizes["shape"]) :]
            side.build(replace(case, sizes=sizes))()


def test_convolutions_multiply_adds_are_those_of_the_layers(speed):
    from tinygen import layers

    for case in speed.CASES:
        if case.kind not in ("conv", "conv_transpose"):
            continue
        size, arguments = case.sizes["size"], case.sizes["arguments"]
        kind = layers.Conv2d if case.kind == "conv" else layers.ConvTranspose2d
        c_in, c_out, k, s, p = arguments
        out = (size + 2 * p - k) // s + 1 if case.kind == "conv" else (size - 1) * s - 2 * p + k
        count = kind(*arguments).multiply_adds((64, size, size, c_in), (64, out, out, c_out))
        assert case.multiply_adds == 3 * count


def test_transposed_cases_mirror_the_convolutions(speed):
    """The output of each has the shape of the convolution's input, without output padding."""
    from speed_cases import CONVS

    mirrored = [case for case in speed.CASES if case.kind == "conv_transpose"]
    for (c_in, c_out, size, k, s, p), case in zip(CONVS, mirrored, strict=True):
        assert case.sizes["arguments"][:2] == (c_out, c_in)
        assert (case.sizes["size"] - 1) * s - 2 * p + k == size


def test_the_vaes_torch_model_has_as_many_weights_as_ours(speed):
    import numpy as np

    from tinygen import tree
    from tinygen.models.vae import dense_vae

    sides()
    import speed_torch

    theirs = sum(w.numel() for w in speed_torch.VAE().parameters())
    assert tree.count(dense_vae().init(np.random.default_rng(0))) == theirs


def test_a_row_shows_medians_quartiles_the_ratio_and_the_goal(speed):
    case = speed.Case("c", "a case", "dense", {}, multiply_adds=10**9, goal=0.6)
    theirs = worker(0.2, 0.4, 0.6, side="torch")
    row = speed.row(case, [worker(0.1, 0.2, 0.3), theirs], 20e9)
    assert row.startswith(
        "| a case | 200 (150..250) | 400 (300..500) | 0.50 (0.50..0.50) | 0.6 ✓ |"
    )
    assert "| 10 (50%) | 90 (50) / 90 (50) |" in row
    missed = speed.row(case, [worker(0.3), worker(0.4, side="torch")], 0.0)
    assert "| 0.75 (0.75..0.75) | 0.6 ✗ |" in missed


def test_ratios_are_formed_within_a_round(speed):
    """A round in which the machine was slow slows both sides, and leaves the ratio."""
    assert speed.ratios(worker(0.1, 1.0), worker(0.2, 2.0)) == [0.5, 0.5]


def test_a_missing_layer_is_a_clear_line_and_no_crash(speed):
    case = speed.CASES[0]
    row = speed.row(case, [worker(skip="AttributeError: no LSTM"), worker(0.1)], 1e9)
    assert "skipped: ours: AttributeError: no LSTM" in row


def test_a_group_ends_with_the_geometric_mean(speed):
    case = speed.Case("c", "a case", "conv", {}, group="Conv2d")
    one = (case, [worker(1.0), worker(1.0)])
    two = (case, [worker(4.0), worker(1.0)])
    assert "| **2.00** | 1.1 ✗ |" in speed.group_row("Conv2d", {"one": one, "two": two})
    assert speed.group_row("Conv2d", {"one": one}) == ""


def test_a_run_prints_a_table_and_writes_every_round(speed, monkeypatch, capsys, tmp_path):
    pytest.importorskip("torch")
    table, raw = tmp_path / "table.md", tmp_path / "raw.jsonl"
    words = ["speed.py", "--only", "bernoulli", "--rounds", "2", "--seconds", "0.01"]
    words += ["--threads", "1", "--output", str(table), "--json", str(raw)]
    monkeypatch.setattr(sys, "argv", words)
    speed.main()
    printed = capsys.readouterr().out
    assert printed == table.read_text()
    assert "- machine: " in printed
    assert "- commit: " in printed
    assert "| Bernoulli NLL, 128x784 |" in printed
    sides = json.loads(raw.read_text())["sides"]
    assert [len(sides[side]["rounds"]) for side in ("ours", "torch")] == [2, 2]
    assert all(0 < time < math.inf for side in sides.values() for time in side["rounds"])


def test_an_unknown_case_is_refused_with_the_list(speed):
    with pytest.raises(SystemExit, match="there are: vae-128"):
        speed.chosen(["nothing of this name"])
