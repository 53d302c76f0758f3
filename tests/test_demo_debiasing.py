"""The demo and the benchmark of the debiasing VAE: groups, rules, tables."""

import contextlib
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "demos"), str(ROOT / "benchmarks")]

import debiasing as benchmark  # noqa: E402
import debiasing_vae as demo  # noqa: E402
from debiasing_parts import trial  # noqa: E402
from debiasing_parts.tasks import tasks  # noqa: E402
from debiasing_parts.trial import RULES, Rule, by_group  # noqa: E402

from tinygen.data.dataset import Part  # noqa: E402
from tinygen.data.rare import STYLES  # noqa: E402

QUIET = pytest.mark.filterwarnings("ignore:debiasing_order")  # few examples, many dimensions


@QUIET
def test_a_quick_run_leaves_its_picture_and_its_numbers(tmp_path):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        numbers = demo.main(["--quick", "--out", str(tmp_path)])
    assert list(numbers) == ["dark faces", "inverted nines", "faint nines"]
    assert (tmp_path / "debiasing.png").stat().st_size > 10_000
    kept = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert kept == numbers
    for name, rules in numbers.items():
        assert name in printed.getvalue()
        assert list(rules) == ["none", "product, 0.01", "maximum, 0.01", "groups known"]
        assert rules["none"]["distinct"] == 100 > rules["maximum, 0.01"]["distinct"]
        assert abs(rules["groups known"]["rare drawn"] - 50) < 20  # of some tens of draws


def test_the_demo_refuses_digits_without_fours_and_nines(tmp_path):
    with pytest.raises(SystemExit, match="drawn-faces has no classes 4 and 9"):
        demo.main(["--quick", "--data", "drawn-faces", "--out", str(tmp_path)])


def test_test_digits_stand_in_both_styles():
    for name, style in (("inverted nines", "inverted"), ("faint nines", "dim")):
        train, test = tasks("digits")[name](np.random.default_rng(0), 60)
        half = len(test) // 2
        np.testing.assert_allclose(test.x[half:], STYLES[style](test.x[:half]))
        assert np.array_equal(test.factors["rare"], np.repeat([0, 1], half))
        assert np.array_equal(np.bincount(train.labels), [30, 30]) and set(test.labels) == {0, 1}


class Dark:
    """A model that takes every dark picture for class 0."""

    def predict(self, p, x):
        return (x[:, 0, 0, 0] < 0.5).astype(int)


def test_groups_are_told_apart():
    x = np.array([0, 0, 1, 1, 0, 0, 1, 0.0]).reshape(-1, 1, 1, 1)
    labels, rare = np.array([1, 1, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 1, 1, 0, 0, 1, 1])
    found = by_group(Dark(), {}, Part(x, labels, {"rare": rare}))
    assert found == {
        "rare": 0.0,
        "common": 100.0,
        "gap": 100.0,
        "variance": 5000.0,  # of 0 and 100, with the divisor 1
        "others, rare-looking": 50.0,
        "others, common-looking": 0.0,
        "accuracy": 37.5,
    }


def test_rules_at_one_seed_share_their_data_and_first_weights(monkeypatch):
    firsts = []

    def train(turn, p, x, **kw):
        firsts.append((p["decoder"]["0"]["W"].sum(), x[0].sum(), kw["rng"].random()))
        raise StopIteration

    monkeypatch.setattr(trial, "train", train)
    parts = tasks("digits")["faint nines"](np.random.default_rng([3, 0]), 60)
    for rule in RULES:
        with pytest.raises(StopIteration):
            trial.run(parts, rule, 3, 1)
    assert len(firsts) == len(RULES) == 10 and len(set(firsts)) == 1


def test_rules_have_names_of_their_own():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {"none", "with replacement", "product, 0.001", "groups known"} <= set(names)


@QUIET
def test_the_benchmark_goes_on_where_it_was_stopped_and_prints_tables(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(benchmark, "RULES", [Rule(), Rule(math.inf)])
    out = tmp_path / "lines.jsonl"
    asked = ["dark faces", "--out", str(out), "--examples", "60", "--epochs", "1"]
    benchmark.main([*asked, "--seeds", "1"])
    first = out.read_text()
    benchmark.main([*asked, "--seeds", "2"])
    assert out.read_text().startswith(first) and len(out.read_text().splitlines()) == 4
    capsys.readouterr()
    benchmark.main(["--table", str(out)])
    printed = capsys.readouterr().out
    assert "dark faces, 2 seeds" in printed and "| with replacement |" in printed


def test_a_table_pairs_the_seeds():
    none = {seed: {"rare": 10.0 * seed} for seed in (1, 2, 3)}
    ours = {seed: {"rare": 10.0 * seed + gain} for seed, gain in ((1, 1), (2, 2), (3, -1.5))}
    assert benchmark.paired(ours, none, "rare") == "+0.5 ± 1.0 (2 of 3)"
    assert benchmark.spread([1.0, 2.0, 3.0], 1) == "2.0 ± 1.0"
    assert benchmark.spread([1.0], 1) == "1.0"  # one seed has no spread
    assert benchmark.paired({1: ours[1]}, none, "rare") == "+1.0 (1 of 1)"


@pytest.mark.parametrize("words", [[], ["dark faces"], ["dark faces", "--table", "a"]])
def test_the_benchmark_asks_for_one_thing(words, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(words)
    assert "give a task and --out, or --table" in capsys.readouterr().err
