"""The demo of what learners ask of a VAE: its parts by definition, its answers on real digits."""

import json
import re
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import vae as demo  # noqa: E402
from common import arguments, dataset, told  # noqa: E402
from vae_parts import ablations, pixels, priors, setting  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.cases.common import jittered  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402
from tinygen.likelihoods import Bernoulli  # noqa: E402
from tinygen.models import MixturePrior  # noqa: E402
from tinygen.models.vae import dense_vae  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "vae.md"
LACKS = [{}, {"with_s": False}, {"with_m": False}]


def point(rng, **objective):
    """A small VAE of grey pixels, its parameters, data and noise, in double precision."""
    model = dense_vae(7, 5, 2, Bernoulli(grey=True), **objective)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(4, 7))
    return model, p, x, model.draw_noise(rng, x)


# The parts


@pytest.mark.parametrize("lacks", LACKS, ids=str)
def test_the_gradient_of_each_ablation_is_that_of_its_loss(rng, lacks):
    model, p, x, noise = point(rng)
    model = ablations.ablated(model, **lacks)
    report = check_gradients(lambda p, x: model.loss(p, x, noise), p, x, rng=rng)
    assert report.passed, str(report)


def test_an_ablation_that_lacks_nothing_is_the_vae(rng):
    model, p, x, noise = point(rng)
    value, backward = model.loss(p, x, noise)
    same, same_backward = ablations.ablated(model).loss(p, x, noise)
    assert same == pytest.approx(value, rel=1e-12)
    for (_, a), (_, b) in zip(
        tree.leaves(backward(1.0)[0]), tree.leaves(same_backward(1.0)[0]), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("lacks, term", [("with_s", "log_var"), ("with_m", "mean")])
def test_an_ablation_charges_the_kl_less_the_term_it_lacks(rng, lacks, term):
    model, p, x, noise = point(rng)
    q = model.encode(p, x)
    missing = -q["log_var"] if term == "log_var" else q["mean"] ** 2
    full, _ = ablations.ablated(model).charge(p, q, noise)
    part, _ = ablations.ablated(model, **{lacks: False}).charge(p, q, noise)
    assert full - part == pytest.approx(missing.sum(axis=1).mean() / 2, rel=1e-10)
    assert abs(full - part) > 1e-3


def test_the_circle_holds_95_percent_of_the_prior(rng):
    assert ablations.inside(rng.standard_normal((20_000, 2))) == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("objective", [{}, {"posterior": "full"}, {"prior": MixturePrior(3)}])
def test_distortion_and_rate_are_the_parts_of_the_elbo(rng, objective):
    model, p, x, _ = point(rng, **objective)
    noise = model.draw_noise(np.random.default_rng(3), x)
    nll, kl = setting.distortion_and_rate(model, p, x, np.random.default_rng(3))
    np.testing.assert_allclose(nll + kl, -model.elbo(p, x, noise), rtol=1e-10)
    middle = model.likelihood.nll(model.decode(p, model.encode(p, x)["mean"]), x)[0]
    silent, _ = setting.distortion_and_rate(model, p, x, np.random.default_rng(3), noise=0.0)
    np.testing.assert_allclose(silent, middle, rtol=1e-10)


def test_many_images_are_encoded_as_few_are(rng, monkeypatch):
    model, p, x, _ = point(rng)
    monkeypatch.setattr(setting, "AT_ONCE", 3)
    for name, q in setting.codes(model, p, x).items():
        np.testing.assert_allclose(q, model.encode(p, x)[name], rtol=1e-12)


def test_the_aggregate_posterior_is_the_mean_of_the_densities(rng):
    q = {"mean": rng.normal(size=(5, 2)), "log_var": rng.normal(size=(5, 2))}
    z = rng.normal(size=(130, 2))
    e, variance = z[:, None] - q["mean"], np.exp(q["log_var"])
    density = np.exp(-0.5 * e * e / variance) / np.sqrt(2 * np.pi * variance)
    expected = np.log(density.prod(axis=2).mean(axis=1))
    np.testing.assert_allclose(setting.log_aggregate(q, z), expected, rtol=1e-10)


def made_up(x, **values):
    """A Setting of these images, for parts that need no training."""
    args = Namespace(seed=0, device="cpu", quick=True, epochs=3)
    return setting.Setting(args, x, x, None, None, **values)


def test_codes_that_say_nothing_have_the_prior_for_their_sum(rng):
    model, p, x, _ = point(rng)
    silent = {**p, "encoder": tree.map(lambda w: w * 0, p["encoder"])}  # q = N(0, I) for all x
    gap, error = priors.gap_to_prior(model, silent, made_up(x.repeat(50, axis=0)))
    assert abs(gap) < 1e-6 and error < 1e-6
    gap, error = priors.gap_to_prior(model, p, made_up(x.repeat(50, axis=0)))
    assert gap > 5 * error


def test_every_training_takes_as_many_steps(rng):
    assert made_up(rng.uniform(size=(250, 8, 8, 1))).steps == 3 * 3


def test_off_the_diagonal_stands_what_two_pixels_share(rng):
    a, b = rng.standard_normal((2, 50_000))
    x = np.stack([a, 0.6 * a + 0.8 * b, rng.standard_normal(50_000)], axis=1)
    assert pixels.off_diagonal(x) == pytest.approx(0.6 / 3, abs=0.01)
    np.testing.assert_allclose(pixels.with_all(x, 0), [1, 0.6, 0], atol=0.02)
    assert pixels.with_all(np.c_[x, 0 * a], 0)[3] == 0
    assert pixels.with_all(np.c_[0 * a, x], 0)[1] == 0


@pytest.mark.parametrize(
    "value, text",
    [
        *[((98.1234, 0.1812), "98.12 +- 0.18"), ((0.31234, 0.00123), "0.3123 +- 0.0012")],
        *[((0.0, 0.0), "0.00 +- 0.00"), (7, "7"), (0.01234, "0.012")],
    ],
)
def test_numbers_are_told_to_two_digits_of_their_error(value, text):
    assert told(value) == text


def test_data_without_grey_levels_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"vae: moons holds points; expected grey .* --data mnist"):
        demo.main(["--quick", "--data", "moons", "--out", str(tmp_path)])


# The answers


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """One short run on the digits of the package: its folder and its numbers."""
    out = tmp_path_factory.mktemp("vae")
    demo.main(["--quick", "--epochs", "45", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_the_kl_is_what_its_draws_average_to_and_least_where_a_code_says_nothing(asked):
    rows = asked[1]["kl_term"]
    for row in rows.values():
        mean, error = row["Monte Carlo"]
        assert abs(row["KL"] - mean) <= 4 * error + 1e-12
    nothing = rows.pop("says nothing")
    assert nothing["KL"] == nothing["dKL/dm"] == nothing["dKL/ds"] == 0
    assert min(row["KL"] for row in rows.values()) > 0.3


def test_without_s_the_noise_dies_and_without_the_square_codes_drift_apart(asked):
    rows = asked[1]["ablations"]
    full = rows["full"]
    assert rows["without s"]["mean std"] < full["mean std"] / 3
    assert rows["without m^2"]["spread of means"] > 2 * full["spread of means"]
    assert rows["without m^2"]["codes where p(z) is"] < full["codes where p(z) is"] - 0.3
    for name in ("without s", "without m^2"):
        assert rows[name]["minus ELBO"][0] > full["minus ELBO"][0] + 1


def test_the_sum_of_nll_and_kl_is_the_bound_with_noise_alone(asked):
    found = asked[1]["noise"]
    sampled, silent = found["-ELBO: NLL + KL, eps ~ N(0, I)"], found["NLL + KL at eps = 0"]
    difference, error = found["at eps = 0 - sampled"]
    assert difference == pytest.approx(silent[0] - sampled[0]) and abs(difference) > 4 * error
    above, error = found["-ELBO - (-log p(x))"]
    assert above == pytest.approx(sampled[0] - found["-log p(x)"][0]) and above > 4 * error
    assert found["NLL + KL at noise t"]["1"] == sampled


def test_pixels_are_independent_given_z_alone(asked):
    found = asked[1]["pixels"]
    correlation = found["mean |correlation| of two pixels"]
    assert correlation["given one z"] == pytest.approx(
        correlation["expected there of independent pixels"], rel=0.15
    )
    assert correlation["over z"] > 1.3 * correlation["given one z"]
    assert found["correlation of the model's covariances with the data's"] > 0.3


def test_without_a_prior_images_are_memorised(asked):
    rows = asked[1]["memorising"]
    free, charged = rows["beta 0"], rows["beta 1"]
    assert free["train NLL"][0] < charged["train NLL"][0]
    assert free["mean std"] < charged["mean std"] / 2
    assert free["spread of means"] > 2 * charged["spread of means"]
    assert free["test -ELBO"][0] > charged["test -ELBO"][0] + 5
    assert free["gap"] == pytest.approx(free["test NLL"][0] - free["train NLL"][0])


def test_beta_trades_rate_for_distortion(asked):
    rows = list(asked[1]["tradeoff"].values())
    rates, distortions = ([row[k][0] for row in rows] for k in ("rate", "distortion"))
    assert rates == sorted(rates, reverse=True) and distortions == sorted(distortions)
    bounds = [row["minus ELBO"][0] for row in rows]
    assert min(bounds) == bounds[2]  # beta = 1 is the one that is the bound
    assert rows[-1]["active units"] < rows[0]["active units"]


def test_the_rate_falls_into_what_codes_tell_and_how_far_their_sum_is_from_the_prior(asked):
    rows = asked[1]["priors"]
    for name in ("N(0, I)", "mixture"):
        row = rows[name]
        gap, error = row["KL(q(z) || p(z))"]
        assert row["rate"][0] == pytest.approx(row["rate less that"] + gap)
        assert gap > -2 * error and row["rate less that"] > 0
        assert row["-log p(x)"][0] < row["minus ELBO"][0]
    mean = rows["mixture"]["minus ELBO"][0] - rows["N(0, I)"]["minus ELBO"][0]
    assert rows["mixture - N(0, I)"]["minus ELBO"][0] == pytest.approx(mean)


def test_the_objectives_are_compared_by_bound_and_likelihood(asked):
    rows = asked[1]["objectives"]
    first = rows["diagonal, ELBO"]
    for row in rows.values():
        assert row["-log p(x)"][0] < row["minus ELBO"][0]
        assert 0 <= row["above 0.1"] <= row["active units"] <= setting.LATENT
        for part, whole in (("-ELBO", "minus ELBO"), ("-log p", "-log p(x)")):
            less = row[whole][0] - first[whole][0]
            assert row[f"{part} less the first's"][0] == pytest.approx(less, abs=1e-9)
    assert rows["free bits 0.25"]["rate"][0] > first["rate"][0] + 1
    assert len({row["minus ELBO"][0] for row in rows.values()}) == len(rows) == 7


@pytest.mark.parametrize("name", demo.QUESTIONS)
def test_each_question_has_a_picture_with_something_on_it(asked, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(asked[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 300
    assert drawn[..., :3].std() > 0.05


def test_every_answer_is_told(asked):
    for numbers in asked[1].values():
        pairs = json.loads(json.dumps(numbers), object_hook=paired)
        assert len(demo.text(pairs).splitlines()) >= len(numbers)


def paired(row):
    """A row of JSON with its means and errors as pairs again."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}


# The page


def test_the_page_answers_each_question_with_its_picture():
    text = PAGE.read_text()
    for question, _ in demo.QUESTIONS.values():
        assert question in text
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == len(set(shown)) == len(demo.QUESTIONS)
    for path in shown:
        file = (PAGE.parent / path).resolve()
        assert file.parent == ROOT / "docs" / "pictures"
        assert file.stat().st_size < 150_000, f"{path} is too large for the repository"


def test_the_page_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text())
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_every_question_is_answered_on_the_device(device, tmp_path):
    args = arguments("", "vae", ["--quick", "--device", device, "--out", str(tmp_path)])
    few = replace(setting.Setting.of(dataset(args), args), scored=10, samples=5)
    for _, answer in demo.QUESTIONS.values():
        numbers, _ = answer(few)
        json.dumps(numbers, allow_nan=False)
