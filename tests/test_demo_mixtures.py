"""The demo of mixtures: its parts by their definitions, its answers on real digits."""

import contextlib
import io
import json
import re
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import mixtures as demo  # noqa: E402
from mixtures_parts import continuous, floor, kinds, pictures, setting, steps  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.data import load  # noqa: E402
from tinygen.likelihoods import Gaussian  # noqa: E402
from tinygen.models import BernoulliMixture, em  # noqa: E402
from tinygen.models.vae import dense_vae  # noqa: E402

ARGS = Namespace(seed=0, quick=True, device="cpu", epochs=1, data="digits", out=None)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One quick run: its folder, its numbers, what it printed."""
    out, printed = tmp_path_factory.mktemp("mixtures"), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"], printed.getvalue()


@pytest.fixture(scope="module")
def points():
    return setting.Points.of(load("digits"), ARGS)


def test_every_question_is_answered_with_a_table(ran):
    _, numbers, printed = ran
    assert len(numbers) == 6 and all(f"{i}. {q}" in printed for i, q in enumerate(numbers, start=1))
    assert "--quick: barely trained" in printed


def test_every_picture_is_left(ran):
    names = ("steps", "kinds", "how_many", "floor", "components", "draws", "continuous")
    for name in names:
        assert (ran[0] / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name
    with Image.open(ran[0] / "steps_moving.gif") as moving:
        assert moving.n_frames >= 3 and moving.width > 500


def test_the_likelihood_rises_from_the_poor_start(ran):
    table = ran[1]["What does a step of EM do?"]
    record = [
        row["log p(x), training"]
        for name, row in table.items()
        if name != "greatest fall of a step"
    ]
    assert len(record) >= 5 and all(np.diff(record) > 0) and record[-1] > record[0] + 0.5
    fall = table["greatest fall of a step"]["log p(x), training"]
    assert fall == "none" or float(fall) <= 1e-10


def test_ellipses_end_on_the_clusters_in_the_order_of_the_digits(rng):
    y = rng.permutation(np.repeat(setting.DIGITS, 60))
    centres = dict(zip(setting.DIGITS, ([8.0, 0], [0, 7], [-6, -4]), strict=True))
    x = np.stack([centres[digit] for digit in y]) + rng.normal(size=(180, 2))
    three = setting.Points(x, y, x, y)
    path, record = steps.watched(x, ARGS)
    assert em.falls(record) <= 1e-10 and len(path) == len(record)
    end = steps.sorted_by_digit(path[-1], path[-1], three)
    assert setting.agreement(steps.MODEL, end, three) > 0.98
    for k, digit in enumerate(setting.DIGITS):
        np.testing.assert_allclose(end["mean"][k], x[y == digit].mean(axis=0), atol=0.2)


def test_the_start_is_poor_and_alike(points):
    p = steps.poor_start(points.x, np.random.default_rng(0))
    S = steps.MODEL.covariances(p)
    np.testing.assert_allclose(
        S, np.broadcast_to(np.cov(points.x.T, bias=True), S.shape), rtol=1e-8
    )
    assert steps.MODEL.weights(p) == pytest.approx(1 / 3)


def test_the_points_are_the_principal_axes_of_the_three_digits(points):
    assert points.x.dtype == np.float64 and set(points.y) == set(setting.DIGITS)
    cov = np.cov(points.x.T)
    assert abs(cov[0, 1]) < 1e-4 < cov[1, 1] < cov[0, 0]
    assert abs(points.x.mean(axis=0)).max() < 1e-5


def test_a_fit_that_ignores_the_digits_agrees_with_them_by_chance_only(points):
    model = steps.MODEL
    p = model.given(np.full(3, 1 / 3), np.zeros((3, 2)), np.stack([np.eye(2)] * 3))
    share = max(np.mean(points.y_test == digit) for digit in setting.DIGITS)
    assert setting.agreement(model, p, points) <= share + 0.05


def test_full_covariances_explain_most_and_cost_most(ran):
    rows = ran[1]["Which covariance?"]
    best = {name: row["log p(x), training"] for name, row in rows.items()}
    assert max(best, key=best.get) == "full" and best["spherical"] == min(
        best["spherical"], best["diag"]
    )
    assert [row["numbers fitted"] for row in rows.values()] == [17, 11, 14, 11]


def test_a_small_floor_fits_the_training_points_and_no_others(ran):
    rows = list(ran[1]["What is the floor for?"].values())
    training = [row["log p(x), training"] for row in rows]
    test = [row["log p(x), test"][0] for row in rows]
    assert training == sorted(training, reverse=True)
    assert test[-1] > test[0] + 20 and training[0] > test[0] + 20


def test_more_components_explain_more_pixels(ran):
    alone, ten = ran[1]["What is a mixture of Bernoullis?"].values()
    assert ten["NLL, test"][0] < alone["NLL, test"][0] - 1 and "digit told, %" in ten


def test_classes_are_told_by_components(rng):
    model = BernoulliMixture(2)
    p = {"logits": np.zeros(2), "pixels": np.array([[5.0, -5], [-5, 5]])}
    x = np.repeat(np.eye(2), 5, axis=0)
    y = np.repeat([7, 3], 5)
    assert list(pictures.by_components(model, p, x, y, np.eye(2))) == [7, 3]


def test_a_vae_written_out_as_a_mixture_has_the_likelihood_of_the_vae(rng):
    """Draws of the prior and draws of q(z|x) estimate one integral."""
    model = dense_vae(2, (6,), 1, Gaussian(), "one")
    p = tree.map(lambda a: 0.5 * a, model.init(rng))
    x = rng.normal(size=(8, 2)).astype(np.float32)
    found = continuous.written_out(model, p, x, rng, 3000)
    log_p, error = model.log_prob(p, x, rng, 3000)
    assert error.max() < 0.02
    np.testing.assert_allclose(found, log_p, atol=0.05)


def test_bic_of_the_tables_is_that_of_its_columns(ran):
    n = len(setting.Points.of(demo.dataset(ARGS), ARGS).x)
    for row in ran[1]["How many components?"].values():
        expected = -2 * row["log p(x), training"] + row["numbers fitted"] * np.log(n) / n
        assert row["BIC / N"] == pytest.approx(expected)


def test_data_without_the_digits_get_one_line():
    with pytest.raises(SystemExit, match=r"mixtures: moons has no classes \(0, 1, 4\)"):
        demo.main(["--data", "moons", "--quick", "--out", "runs/none"])


def test_the_floors_reach_the_size_of_the_data():
    assert floor.FLOORS[0] < 1e-8 and floor.FLOORS[-1] >= 1 and len(kinds.COUNTS) > 4


PAGE = ROOT / "docs" / "questions" / "mixtures.md"


def test_the_page_shows_pictures_that_are_there():
    shown = re.findall(r"\((\.\./pictures/\S+)\)", PAGE.read_text())
    assert len(shown) >= 5
    for path in shown:
        file = (PAGE.parent / path).resolve()
        assert file.is_file() and file.stat().st_size < 400_000, path
