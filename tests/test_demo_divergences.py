"""The laboratory of divergences: its fits by their closed forms, what it prints and draws."""

import contextlib
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import common  # noqa: E402
import divergences as demo  # noqa: E402
from divergences_parts import apart, asymmetry, fitting, likelihood, samples, supports  # noqa: E402
from divergences_parts.fitting import (  # noqa: E402
    DIVERGENCES,
    FORWARD,
    JS,
    REVERSE,
    Grid,
    Mixture,
    gaussians,
    minima,
    objective,
)

from tinygen import to_host  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402
from tinygen.quadrature import kl_on_grid  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "divergences.md"
LOG_2 = np.log(2)
FAR = Mixture.pair(5.0, 0.7)

every_divergence = pytest.mark.parametrize("name", DIVERGENCES)


def some(rng, n=4):
    return {"mean": rng.normal(size=n), "log_var": 0.5 * rng.normal(size=n)}


def covers(p):
    """Whether the one argmin of KL(P||Q) has P's mean and standard deviation."""
    ends = minima(FORWARD, p)
    return len(ends) == 1 and np.allclose(ends[0][1:], (p.mean, p.std), atol=1e-4)


def seeks(p):
    """Whether KL(Q||P) has one minimum a mode, which costs log 1 / weight, far apart."""
    ends = sorted(minima(REVERSE, p), key=lambda end: end[1])
    expected = [(-np.log(w), m, s) for w, m, s in zip(p.weights, p.means, p.stds, strict=True)]
    return len(ends) == len(expected) and np.allclose(ends, expected, atol=1e-3)


# The fits


@every_divergence
def test_the_gradient_of_a_fit_is_that_of_its_divergence(rng, name):
    grid = Grid.of(Mixture((0.3, 0.7), (-1.0, 2.0), (0.8, 1.3)))
    report = check_gradients(
        lambda q, x: objective(name, q, grid), some(rng), (), rng=rng, wrt_x=False
    )
    assert report.passed, str(report)


def test_the_gradient_of_the_likelihood_is_that_of_its_value(rng):
    x = rng.normal(size=7)
    report = check_gradients(lambda q, _: likelihood.nll(q, x), some(rng), (), rng=rng, wrt_x=False)
    assert report.passed, str(report)


@pytest.mark.parametrize("p", [Mixture.pair(1.0, 0.5), FAR], ids=["near", "far"])
def test_the_best_cover_has_the_mean_and_the_standard_deviation_of_p(p):
    assert covers(p)


def test_its_value_is_the_entropy_of_that_gaussian_less_that_of_p():
    grid = Grid.of(FAR)
    value, _ = objective(FORWARD, gaussians(FAR.mean, FAR.std), grid)
    gaussian = 0.5 * np.log(2 * np.pi * np.e * FAR.std**2)
    assert value[0] == pytest.approx(gaussian - likelihood.entropy(grid), rel=1e-10)


def test_modes_far_apart_have_one_minimum_each():
    assert seeks(FAR)
    assert seeks(Mixture((0.2, 0.8), (-6.0, 5.0), (0.8, 1.5)))


def test_near_modes_have_one_minimum_between_them():
    for name in DIVERGENCES:
        ends = minima(name, Mixture.pair(1.0, 0.5))
        assert len(ends) == 1 and abs(ends[0][1]) < 1e-4


def test_equal_modes_keep_a_third_minimum_in_the_middle_that_is_not_the_least():
    """(19) at mean 0, for large a: s^2 - a sqrt(2 / pi) s = 1."""
    a = 5.0
    ends = minima(REVERSE, Mixture.pair(a, 0.5))
    assert sorted(round(end[1]) for end in ends) == [-5, 0, 5]
    value, _, std = next(end for end in ends if abs(end[1]) < 1)
    half = a / np.sqrt(2 * np.pi)
    assert std == pytest.approx(half + np.sqrt(half**2 + 1), rel=1e-3)
    assert value > 3 > LOG_2 > ends[0][0] > LOG_2 - 1e-3


def test_where_kl_q_p_is_stationary_its_curvature_is_the_precision_of_q():
    p = Mixture.pair(2.3, 0.7)
    grid, h = Grid.of(p), 1e-4
    for _, mean, std in minima(REVERSE, p):
        value, _ = objective(REVERSE, gaussians([mean - h, mean, mean + h], std), grid)
        assert (value[0] - 2 * value[1] + value[2]) / h**2 == pytest.approx(std**-2, rel=1e-3)


def test_js_covers_near_modes_and_picks_one_of_far_ones():
    near, far = minima(JS, Mixture.pair(2.0, 0.5))[0], minima(JS, FAR)[0]
    assert abs(near[1]) < 0.01 and 2 < near[2] < Mixture.pair(2.0, 0.5).std
    assert abs(far[1] + 5) < 0.01 and far[2] == pytest.approx(1, abs=0.01)
    assert far[0] == pytest.approx(apart.far(JS, 0.7), abs=1e-4)
    assert all(0 < end[0] < LOG_2 for end in (near, far))


def test_where_the_model_is_right_all_agree():
    for name in DIVERGENCES:
        ends = minima(name, likelihood.RIGHT)
        assert len(ends) == 1
        np.testing.assert_allclose(ends[0], (0, 1.3, 0.8), atol=1e-4)


def test_p_and_q_in_each_others_place_neither_cover_nor_seek(monkeypatch):
    """The planted bug of every library whose arguments stand the other way round."""

    def exchanged(log_p, log_q, weights):
        value, backward = kl_on_grid(log_q, log_p, weights)
        return value, type(backward)(backward.dx, backward.dp, value)

    monkeypatch.setattr(fitting, "kl_on_grid", exchanged)
    assert not covers(FAR)
    assert not seeks(FAR)


@every_divergence
def test_looking_everywhere_finds_the_same_minimum(name):
    p = Mixture.pair(3.0, 0.7)
    means, stds = np.linspace(-4, 4, 41), np.geomspace(0.8, 4, 41)
    seen = fitting.landscape(name, Grid.of(p), means, stds)
    k, j = np.unravel_index(seen.argmin(), seen.shape)
    value, mean, std = minima(name, p)[0]
    assert abs(means[k] - mean) < 0.2 and abs(np.log(stds[j] / std)) < 0.05
    assert value <= seen.min() < value + 0.01


@pytest.mark.parametrize(
    "p, message",
    [
        (Mixture((0.5, 0.6), (-1.0, 1.0), (1.0, 1.0)), "row 0 of log_p sums to 1.1"),
        (Mixture((0.5, 0.5), (-1.0, 45.0), (1.0, 1.0)), "log_p sums to 0.5 .*wide enough"),
        (Mixture((0.5, 0.5), (-1.0, 1.0), (1.0, 0.01)), "log_p sums to .*fine enough"),
        (Mixture((0.5, 0.5), (-1.0, np.nan), (1.0, 1.0)), "NaN"),
    ],
)
def test_a_p_that_is_no_density_on_the_grid_is_refused(p, message):
    with pytest.raises(ValueError, match=message):
        objective(FORWARD, gaussians(0.0, 1.0), Grid.of(p))


# The other questions


def test_maximum_likelihood_is_the_argmin_of_kl_p_q(rng, monkeypatch):
    p, n = FAR, 20_000
    x, grid = p.sample(rng, n), Grid.of(FAR)
    row = likelihood.by_likelihood(x, grid, "cpu")
    assert row["mean"] == pytest.approx(x.mean(), abs=1e-4)  # its own closed form
    assert row["std"] == pytest.approx(x.std(), rel=1e-4)
    assert row["mean"] == pytest.approx(p.mean, abs=4 * p.std / np.sqrt(n))
    least = minima(FORWARD, p)[0][0]
    monkeypatch.setattr(likelihood, "P", p)
    assert row[FORWARD] - least == pytest.approx(likelihood.above(x), abs=1e-8)
    assert least <= row[FORWARD] < least + 20 / n  # 2 parameters: about 1 / n above it
    spread = np.std(0.5 * ((x - p.mean) / p.std) ** 2) / np.sqrt(n)
    assert row["-E[log q]"] == pytest.approx(least + likelihood.entropy(grid), abs=4 * spread)


def test_the_closed_forms_of_parting_supports():
    numbers, _ = supports.answer(None)
    for title, row in numbers.items():
        if title.startswith("uniform"):
            assert row[JS] == pytest.approx(row[supports.CLOSED], abs=1e-12)
            assert (row[FORWARD] == "infinite") == (title != "uniform, overlap 1")
        else:
            d = float(title.split()[1])
            assert row[FORWARD] == pytest.approx(d * d / 2, abs=1e-9)
            assert 0 <= row[JS] <= LOG_2
    assert numbers["Gaussian, 15 deviations apart"][supports.SLOPE] < 1e-9


def test_the_slope_of_js_is_its_derivative():
    h = 1e-5
    up, down = (supports.gaussian_pair(0.5 + s)[0][JS] for s in (h, -h))
    assert supports.gaussian_pair(0.5)[1] == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_an_estimate_of_log_p_answers_for_itself(rng):
    x = samples.P.sample(rng, 200)
    grid = Grid.of(samples.P)
    estimated = samples.estimate(x, 0.5, grid)
    by_hand = np.mean([np.exp(-0.5 * ((grid.x - n) / 0.5) ** 2) for n in x], axis=0)
    by_hand /= 0.5 * np.sqrt(2 * np.pi)
    np.testing.assert_allclose(np.exp(estimated.log_p[0]), by_hand, rtol=1e-9, atol=1e-300)
    assert samples.by_histogram(x, 0.5).startswith("infinite")
    widths = [samples.least(samples.estimate(x, w, grid), "cpu") for w in (0.3, 1.6)]
    assert widths[1][2] > 1.5 * widths[0][2]


def test_the_asymmetry_has_its_closed_forms():
    rows, _ = asymmetry.answer(None)
    there, back, js = (rows["N(0, 1) and N(0, 2^2)"][head] for head in asymmetry.HEAD)
    assert there == pytest.approx(LOG_2 + 1 / 8 - 1 / 2)
    assert back == pytest.approx(-LOG_2 + 2 - 1 / 2)
    assert 0 < js < min(there, back)
    assert rows["N(0, 1) and N(2, 1)"] == pytest.approx(
        {"KL(A||B)": 2, "KL(B||A)": 2, "JS": rows["N(0, 1) and N(2, 1)"]["JS"]}
    )
    inside = rows["U(0, 1) and N(0.5, 0.5^2)"]
    expected = 0.5 * np.log(2 * np.pi * 0.25) + (1 / 12) / (2 * 0.25)
    assert inside["KL(A||B)"] == pytest.approx(expected, rel=1e-4)
    assert inside["KL(B||A)"] == "infinite"


# What it leaves


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The numbers of a quick run, its folder, and what it printed."""
    out, printed = tmp_path_factory.mktemp("divergences"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        numbers = demo.main(["--quick", "--out", str(out)])
    return numbers, out, printed.getvalue()


def test_the_numbers_are_printed_and_kept(run):
    numbers, out, printed = run
    kept = json.loads((out / "numbers.json").read_text(), parse_constant=pytest.fail)["numbers"]
    assert kept == json.loads(json.dumps(numbers, default=common.plain))
    for question, _ in demo.QUESTIONS.values():
        assert question in printed
    for rows in numbers.values():
        assert common.table(rows) in printed


def test_far_apart_the_least_is_what_a_mode_costs(run):
    rows = run[0]["apart"]
    for title, row in rows.items():
        least, mode = row["least at a = 5"], row["a mode, infinitely far"]
        assert mode == "infinite" if title.startswith(FORWARD) else abs(least - mode) < 1e-4
    assert [row["minima"] for row in rows.values()] == ["1", "1, from 5 2", "1, from 5 3"]


def test_the_pictures_show_something_and_the_animations_move(run):
    stills = sorted(path.stem for path in run[1].glob("*.png"))
    assert stills == ["apart", "fits", "likelihood", "samples", "supports"]
    for name in stills:
        with Image.open(run[1] / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 10
    for name in ("apart_moving", "fits_moving"):
        with Image.open(run[1] / f"{name}.gif") as gif:
            first, gif_frames = np.asarray(gif.convert("L"), float), gif.n_frames
            gif.seek(gif_frames - 1)
            assert gif_frames > 1 and abs(np.asarray(gif.convert("L")) - first).max() > 50


def test_the_demo_takes_no_data_and_no_epochs(capsys):
    with pytest.raises(SystemExit):
        demo.main(["--data", "mnist"])
    assert "unrecognized arguments: --data mnist" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_device_gives_the_numbers_of_numpy(device, rng, monkeypatch):
    q = some(rng)
    for name in DIVERGENCES:
        here = objective(name, gaussians(q["mean"], 1.0), Grid.of(FAR))[0]
        there = objective(name, gaussians(q["mean"], 1.0, device), Grid.of(FAR, device))[0]
        np.testing.assert_allclose(to_host(there), here, rtol=1e-12)
    monkeypatch.setattr(likelihood, "STEPS", 5)
    grid, x = Grid.of(FAR, device), FAR.sample(rng, 20)
    assert np.isfinite(list(likelihood.by_likelihood(x, grid, device).values())).all()
    assert np.isfinite(likelihood.entropy(grid))
    assert len(minima(JS, FAR, device, steps=2)) > 1
    assert samples.estimate(x, 0.5, grid).log_p.shape == grid.log_p.shape


# The page


def test_the_page_answers_each_question_and_its_pictures_are_small():
    text = PAGE.read_text()
    assert all(question in text for question, _ in demo.QUESTIONS.values())
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == len(set(shown)) >= 4
    for path in shown:
        file = (PAGE.parent / path).resolve()
        assert file.parent == ROOT / "docs" / "pictures"
        assert file.stat().st_size < (400_000 if file.suffix == ".gif" else 150_000), path
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
