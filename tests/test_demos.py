"""The demos of four cells and of two ways: their numbers, their pictures, their failures."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygen.data import load
from tinygen.likelihoods import Gaussian
from tinygen.models.vae import dense_vae

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))


def run(script, *words):
    return subprocess.run(
        [sys.executable, f"demos/{script}.py", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def four_cells(tmp_path_factory):
    out = tmp_path_factory.mktemp("four_cells")
    printed = run("four_cells", "--quick", "--epochs", 25, "--out", out)
    assert printed.returncode == 0, printed.stderr
    return out, printed.stdout, json.loads((out / "numbers.json").read_text())["numbers"]


def test_four_cells_are_finite_and_the_verdict_is_that_of_their_numbers(four_cells):
    _, printed, numbers = four_cells
    cells = numbers["cells"]
    assert np.isfinite([value for cell in cells.values() for value, _ in cell.values()]).all()
    ordered = all(
        cells[f"{decoder}, 20"][title][0] < cells[f"{decoder}, 2"][title][0]
        for decoder in ("Bernoulli", "Gaussian")
        for title in ("minus ELBO", "NLL", "squared error")
    )
    assert f"all finite: True; 20 latents better than 2 in each column: {ordered}" in printed
    assert cells["Bernoulli, 2"]["NLL"][0] < cells["Bernoulli, 2"]["minus ELBO"][0]


def test_the_failures_happen_on_purpose_and_not_to_the_library(four_cells):
    nan = four_cells[2]["NaN"]
    assert nan["log of a sigmoid"][-2:] == [float("inf")] * 2  # at logits 20 and 90
    assert nan["softplus"][-1] == pytest.approx(90)
    assert "not finite" in nan["a model with the log of a sigmoid"]
    assert "finite: minus ELBO" in nan["a model as the library has it"]


def test_a_mean_over_pixels_collapses(four_cells):
    _, _, numbers = four_cells
    assert numbers["collapse"]["KL"][0] < 0.05 < 0.5 < numbers["cells"]["Bernoulli, 20"]["KL"][0]
    grey = load("digits").test.x[:300]  # the mean picture is left, compared with grey levels
    spread = grey.var(axis=0).sum()
    assert numbers["collapse"]["squared error"][0] == pytest.approx(spread, rel=0.15)


def test_four_cells_leaves_its_picture(four_cells):
    assert (four_cells[0] / "four_cells.png").read_bytes().startswith(b"\x89PNG")


def test_two_ways_agree_where_points_are_and_only_one_knows_where_none_are(tmp_path):
    printed = run("two_ways", "--quick", "--epochs", 40, "--out", tmp_path)
    assert printed.returncode == 0, printed.stderr
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert min(numbers["accuracy"].values()) > 0.8  # of 150 points a class, in a few seconds
    far = numbers["points 4 standard deviations away"]
    assert far["confidence of the discriminative one"] > 0.9
    assert far["share that p(x) finds stranger than 99 % of real points"] > 0.95
    assert (tmp_path / "two_ways.png").read_bytes().startswith(b"\x89PNG")


def test_the_joint_density_of_points_and_classes_integrates_to_one(rng):
    from two_ways import Generative

    model = dense_vae(2, (8, 8), 2, Gaussian(), "one")
    shares = [0.2, 0.8]
    generative = Generative(model, [model.init(rng), model.init(rng)], shares)
    side = np.linspace(-7, 7, 57, dtype=np.float32)  # steps of a quarter
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    joint = np.exp(generative.log_joint(x, rng))
    assert joint.sum(axis=0) / 16 == pytest.approx(shares, rel=0.02)


@pytest.mark.parametrize(
    "script, data, message",
    [
        ("two_ways", "digits", "holds no points of two classes: use --data moons"),
        ("two_ways", "ring", "holds no points of two classes: use --data moons"),
        ("four_cells", "moons", "not grey images: --data mnist"),
        ("four_cells", "digist", "did you mean 'digits'?"),
    ],
)
def test_data_that_do_not_fit_get_one_line(tmp_path, script, data, message):
    printed = run(script, "--data", data, "--out", tmp_path)
    assert printed.returncode == 1 and message in printed.stderr
    assert len(printed.stderr.strip().splitlines()) == 1
