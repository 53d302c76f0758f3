"""The demo of inference: its sums and quadratures by definition, its answers on real digits."""

import json
import re
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import linear_model  # noqa: E402
import why_inference as demo  # noqa: E402
from autoencoder_parts.setting import Setting as Grey  # noqa: E402
from common import arguments, dataset  # noqa: E402
from vae_parts.setting import Setting  # noqa: E402
from why_inference_parts import draws, joint, paths, posterior, ring  # noqa: E402

from tinygen.cases.common import jittered  # noqa: E402
from tinygen.divergences import kl_diagonal  # noqa: E402
from tinygen.models.vae import dense_vae  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "inference.md"


def test_the_matrix_product_is_the_likelihood_of_each_pair(rng, monkeypatch):
    monkeypatch.setattr(joint, "AT_ONCE", 3)
    model = dense_vae((3, 2, 1), 5, 2)
    p = jittered(rng, model.init(rng, np.float64))
    x, z = (rng.random((4, 3, 2, 1)) < 0.5).astype(float), rng.normal(size=(7, 2))
    found = joint.log_likelihoods(model, p, x, z)
    for n, image in enumerate(x):
        nll, _ = model.likelihood.nll(model.decode(p, z), np.repeat(image[None], 7, axis=0))
        np.testing.assert_allclose(found[n], -nll, rtol=1e-12)


def test_equal_weights_are_all_effective_and_a_single_one_is_alone():
    equal = draws.Curve.of(np.full((2, 100), -3.0), np.full(2, -3.0))
    assert equal.n == [1, 10, 100] and equal.effective == pytest.approx([1, 10, 100])
    assert equal.error == pytest.approx([0, 0, 0], abs=1e-12)
    log_w = np.full((1, 100), -1e4)
    log_w[0, 7] = 0.0
    alone = draws.Curve.of(log_w, np.array([np.log(0.01)]))
    assert alone.effective[2] == pytest.approx(1) and alone.error[2] == pytest.approx(0, abs=1e-12)


def test_the_error_is_the_median_over_images_and_groups(rng):
    log_w, log_p = rng.normal(size=(3, 25)), rng.normal(size=3)
    estimates = np.log(np.exp(log_w[:, :20].reshape(3, 2, 10)).mean(axis=2))
    expected = np.median(abs(estimates - log_p[:, None]))
    assert draws.Curve.of(log_w, log_p).error[1] == pytest.approx(expected)


def test_the_kl_from_the_posterior_to_the_prior_is_found_by_weighted_draws(rng):
    model, p, x = linear_point(rng, n=2)
    log_p = linear_model.log_p(p["decoder"], x)
    post = linear_model.posterior(p["decoder"], x)
    cov = post["L"][0] @ post["L"][0].T
    exact = 0.5 * ((post["mean"] ** 2).sum(axis=1) + np.trace(cov) - 2 - np.linalg.slogdet(cov)[1])
    many = [draws.kl_to_prior(model, p, x, rng, log_p) for _ in range(20)]
    np.testing.assert_allclose(np.mean(many, axis=0), exact, atol=0.15)


def linear_point(rng, n):
    """The linear model with q near its posterior, wide enough to cover it."""
    model, decoder = linear_model.linear_vae("diagonal"), linear_model.oblique(rng)
    x = linear_model.draw(rng, decoder, n)
    p = linear_model.fit(model, decoder, x, "encoder", steps=200)
    return model, p, x


def test_the_rule_of_gauss_and_hermite_finds_the_exact_elbo(rng):
    model, p, x = linear_point(rng, n=3)
    found = posterior.hermite_elbo(model, p, x)
    np.testing.assert_allclose(found, linear_model.elbo(model, p, x), rtol=1e-10)


def test_the_sum_over_the_grid_is_the_divergence_in_closed_form(rng):
    z, h = joint.grid(quick=True)
    q = {"mean": np.array([[0.3, -1.0]]), "log_var": np.array([[-2.0, -1.0]])}
    p = {"mean": np.array([[0.5, -0.7]]), "log_var": np.array([[-1.5, -1.2]])}
    log_post = joint.log_normal(z, p["mean"][0], p["log_var"][0])
    assert h**2 * np.exp(log_post).sum() == pytest.approx(1, abs=1e-10)
    found = posterior.divergence(z, h, q, 0, log_post)
    assert found == pytest.approx(kl_diagonal(q, p)[0][0], rel=1e-9)


def test_the_ring_has_the_radii_of_the_law(rng):
    x = ring.ring(rng.normal(size=(100_000, 2)))
    radius = np.linalg.norm(x, axis=1)
    assert radius.min() >= 1
    assert (radius.mean(), radius.std()) == pytest.approx(ring.EXACT, abs=1e-3)
    assert abs(x.mean(axis=0)).max() < 0.01


def test_the_nearest_training_image_is_the_nearest(rng):
    x, train = rng.random((5, 3, 2, 1)), rng.random((20, 3, 2, 1))
    expected = ((x[:, None] - train) ** 2).reshape(5, 20, -1).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(paths.nearest(x, train), expected, rtol=1e-10)


def test_pairs_are_of_two_classes(rng):
    labels = np.arange(40) % 3
    x = labels.astype(np.float32)[:, None, None, None]
    part = SimpleNamespace(labels=labels)
    grey = Grey(Namespace(seed=0), SimpleNamespace(test=part), x, x, x)
    one, two = paths.pairs(grey)
    assert len(one) == len(two) == paths.PAIRS and np.all(one != two)


# The answers


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """One short run on the digits of the package: its folder and its numbers."""
    out = tmp_path_factory.mktemp("why_inference")
    demo.main(["--quick", "--epochs", "12", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_draws_of_the_encoder_are_worth_more_than_those_of_the_prior(asked):
    rows = asked[1]["draws"]
    for z in draws.SIZES:
        for n in (1, 10, 100):
            row = rows[f"Z = {z}, N = {n}"]
            assert row["encoder: error"] < row["prior: error"]
            assert 0.999 <= row["prior: effective"] <= row["encoder: effective"] <= n + 1e-3
    errors = [rows[f"Z = 2, N = {n}"]["encoder: error"] for n in (1, 10, 100)]
    assert errors == sorted(errors, reverse=True)


def test_both_sides_of_the_equation_agree(asked):
    for row in asked[1]["exact"].values():
        assert row["log p - ELBO"] == pytest.approx(row["KL(q || p(z|x))"], rel=1e-10)
        assert float(row["difference"]) < 1e-10 < row["log p - ELBO"]


def test_by_quadrature_they_agree_too(asked):
    rows = asked[1]["posterior"]
    for name, row in rows.items():
        assert float(row["difference"]) < 1e-5, name
    mean, error = rows[f"mean of {posterior.IMAGES}"]["log p, sampled"]
    assert mean == pytest.approx(rows[f"mean of {posterior.IMAGES}"]["log p, grid"][0], abs=error)
    gaps = [row["KL(q || p(z|x))"] for name, row in rows.items() if name.startswith("image")]
    assert gaps == sorted(gaps) and gaps[0] > 0


def test_a_decoder_learns_what_no_gaussian_is(asked):
    rows = asked[1]["ring"]
    assert rows["g(z), the formula"]["% within 0.8"] == 0
    inside = rows["a trained decoder"]["% within 0.8"]
    assert inside < 0.6 * rows["a Gaussian"]["% within 0.8"]


def test_the_middle_of_a_path_is_believed_less_than_its_ends(asked):
    rows = asked[1]["paths"]
    for name in ("AE", "VAE", paths.PIXELS):
        assert rows[f"{name}, middle"]["confidence"][0] < rows[f"{name}, ends"]["confidence"][0]
    assert rows["AE, ends"]["nearest image"][0] > 0


@pytest.mark.parametrize("name", ["draws", "posterior", "ring", "paths"])
def test_each_picture_has_something_on_it(asked, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(asked[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.05


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_every_question_is_answered_on_the_device(device, tmp_path, monkeypatch):
    monkeypatch.setattr(ring, "QUICK_STEPS", 3)
    monkeypatch.setattr(joint, "QUICK_SPACING", 0.25)
    args = arguments("", "x", ["--quick", "--device", device, "--out", str(tmp_path)])
    data = dataset(args)
    few = Setting.of(data, args)
    few.kept["grey"] = Grey.of(data, args)
    for _, answer in demo.QUESTIONS.values():
        json.dumps(answer(few).numbers, allow_nan=False)


def test_one_question_is_asked_alone(tmp_path):
    found = demo.main(["--quick", "--question", "2", "--out", str(tmp_path)])
    assert found.keys() == {"exact"}
    with pytest.raises(SystemExit, match=r"--question must lie in 0..5, got -1"):
        demo.main(["--quick", "--question", "-1", "--out", str(tmp_path)])


# The page


def test_the_page_answers_each_question_and_its_pictures_are_small():
    text = PAGE.read_text()
    assert [q for q, _ in demo.QUESTIONS.values() if q not in text] == []
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == len(set(shown)) == 4
    for path in shown:
        assert (PAGE.parent / path).stat().st_size < 150_000, path


def test_the_page_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text())
    assert len(links) >= 5
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
