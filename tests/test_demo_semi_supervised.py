"""The demo of examples without labels, and the benchmark of M1+M2: small runs of both."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "demos"), str(ROOT / "benchmarks")]

import m1_m2 as benchmark  # noqa: E402
import semi_supervised as demo  # noqa: E402


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    out = tmp_path_factory.mktemp("semi_supervised")
    demo.main(["--quick", "--epochs", "2", "--seed", "1", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_points_without_labels_show_where_the_moons_lie(left):
    rows = left[1]["two moons"]
    alone, others = rows["the labels alone"], rows["with the others"]
    assert others[0] + 4 * others[1] < alone[0]


def test_images_are_classed_both_ways(left):
    rows = left[1]["digits, 100 labels"]
    assert rows.keys() == {"the labels alone", "with the others"}
    assert all(0 < value < 100 and error > 0 for value, error in rows.values())


@pytest.mark.parametrize("name", ["moons", "analogies"])
def test_the_pictures_have_something_on_them(left, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(left[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 300 and drawn[..., :3].std() > 0.05


def test_other_data_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"moons holds no grey images with labels"):
        demo.main(["--quick", "--data", "moons", "--out", str(tmp_path)])


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The benchmark on the small digits, whose M1 is not trained for long enough to prune."""
    monkeypatch.setattr(benchmark, "informative", lambda mean: np.arange(6))
    monkeypatch.setattr(benchmark, "ALONE", 20)
    words = ["--data", "digits", "--epochs", "1", "--m1-epochs", "1", "--hidden", "8"]
    return [*words, "--out", str(tmp_path)]


def test_the_benchmark_keeps_its_results_and_goes_on(small, monkeypatch, capsys):
    rows = benchmark.main([*small, "--labels", "20", "--seeds", "0,1"])
    assert [(row["labels"], row["seed"]) for row in rows] == [(20, 0), (20, 1)]
    assert all(0 <= row[k] <= 100 for row in rows for k in ("labels alone", "M1+M2"))
    monkeypatch.setattr(benchmark, "one", None)  # nothing is left to be trained
    assert benchmark.main([*small, "--labels", "20", "--seeds", "0,1"]) == rows
    assert "| 20 | 2 |" in capsys.readouterr().out


def test_the_full_recipe_is_the_authors(small):
    args = benchmark.arguments(["--full", "--out", small[-1]])
    assert args.labels == [100, 600, 1000, 3000] and args.epochs == 3000
    rows = benchmark.main([*small, "--full", "--labels", "100", "--seed", "3"])
    assert rows[0]["epochs"] == 1 and rows[0]["seed"] == 3
    config = json.loads((Path(small[-1]) / "m2-100-3" / "config.json").read_text())
    assert config["recipe"] == "nips14-ssl"


def test_the_table_has_means_spreads_and_the_published_number():
    rows = [
        {"labels": 100, "seed": 0, "labels alone": 20.0, "M1+M2": 6.0},
        {"labels": 100, "seed": 1, "labels alone": 22.0, "M1+M2": 8.0},
    ]
    assert benchmark.table(rows).splitlines()[2] == (
        "| 100 | 2 | 21.00 +- 1.41 | 7.00 +- 1.41 | 0.33 | 3.33 +- 0.14 |"
    )
