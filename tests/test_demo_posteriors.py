"""The demo of the posterior's shapes: a linear model by definition, its answers on real digits."""

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

import linear_model as linear  # noqa: E402
import posteriors as demo  # noqa: E402
from common import arguments, dataset  # noqa: E402
from posteriors_parts import gaps, shapes, units  # noqa: E402
from vae_parts import setting  # noqa: E402

from tinygen import tree  # noqa: E402
from tinygen.cases.common import jittered  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402
from tinygen.likelihoods import Bernoulli  # noqa: E402
from tinygen.models.vae import dense_vae  # noqa: E402

PAGE = ROOT / "docs" / "questions" / "posteriors.md"
SHAPES = ["diagonal", "full"]


def small(rng, z=3, **options):
    """A VAE of grey pixels, its parameters and data, in double precision."""
    model = dense_vae(7, 5, z, Bernoulli(grey=True), **options)
    return model, jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(4, 7))


def made_up(x, **values):
    """A Setting of these images, for parts that need no long training."""
    args = Namespace(seed=0, device="cpu", quick=True, epochs=2)
    return setting.Setting(args, x, x, None, None, scored=len(x), samples=50, **values)


# The linear model


def log_normal(a, mean, cov):
    e = a - mean
    distance = (e @ np.linalg.inv(cov) * e).sum(axis=-1)
    return -0.5 * (distance + np.linalg.slogdet(2 * np.pi * cov)[1])


def test_the_posterior_and_the_density_of_x_follow_from_the_joint_at_every_code(rng):
    decoder = linear.oblique(rng)
    x = linear.draw(rng, decoder, 1)
    post = linear.posterior(decoder, x)
    cov = post["L"][0] @ post["L"][0].T
    for z in rng.normal(size=(5, linear.Z)):
        of_x = z @ decoder["W"] + decoder["b"]
        joint = log_normal(x[0], of_x, linear.STD**2 * np.eye(linear.D)) + log_normal(
            z, 0, np.eye(linear.Z)
        )
        found = joint - log_normal(z, post["mean"][0], cov)
        assert found == pytest.approx(linear.log_p(decoder, x)[0], rel=1e-10)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_elbo_falls_short_by_the_divergence_from_the_posterior(rng, kind):
    model = linear.linear_vae(kind)
    p = jittered(rng, model.init(rng, np.float64))
    x = rng.normal(size=(20, linear.D))
    gap = linear.gap(p, model.encode(p, x), x)
    assert gap.min() > 0.1
    found = linear.log_p(p["decoder"], x) - linear.elbo(model, p, x)
    np.testing.assert_allclose(found, gap, rtol=1e-10)


def test_draws_have_the_covariance_of_the_density(rng):
    decoder = linear.oblique(rng)
    x = linear.draw(rng, decoder, 40_000)
    expected = decoder["W"].T @ decoder["W"] + linear.STD**2 * np.eye(linear.D)
    np.testing.assert_allclose(np.cov(x.T), expected, atol=0.04 * expected.max())


# The parts


def test_a_turned_decoder_is_the_same_model(rng):
    model, p, x = small(rng)
    R = shapes.rotation(rng, 3).astype(np.float64)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-6)
    assert abs(R - np.eye(3)).max() > 0.1
    other = p | {"decoder": shapes.turned(p["decoder"], R)}
    z = rng.normal(size=(6, 3))
    np.testing.assert_allclose(model.decode(other, z), model.decode(p, z @ R), rtol=1e-5)
    one, error = model.log_prob(p, x, rng, 20_000)
    same, _ = model.log_prob(other, x, rng, 20_000)
    assert np.all(abs(one - same) < 6 * error + 1e-3)


def test_a_refit_trains_the_encoder_alone(rng):
    x = (rng.random((40, 4, 4, 1)) < 0.5).astype(np.float32)
    few = made_up(x)
    model = few.model(3, posterior="full")
    decoder = model.init(rng)["decoder"]
    p = shapes.refitted(few, "refit", model, decoder)
    for (name, a), (_, b) in zip(tree.leaves(decoder), tree.leaves(p["decoder"]), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    start = model.init(few.rng)["encoder"]
    for (name, a), (_, b) in zip(tree.leaves(start), tree.leaves(p["encoder"]), strict=True):
        assert np.any(a != b), name


def test_the_correlation_is_that_of_the_covariance():
    L = np.linalg.cholesky(np.array([[[4.0, 1.2], [1.2, 1.0]], [[1.0, 0.0], [0.0, 9.0]]]))
    assert shapes.correlation(L) == pytest.approx((0.6 + 0) / 2)


@pytest.mark.parametrize("first", SHAPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_q_of_its_own_starts_where_the_encoder_put_it(rng, first, shape):
    if (first, shape) == ("full", "diagonal"):
        return  # a full q has no diagonal one to start from
    model, p, x = small(rng, posterior=first)
    q = model.encode(p, x)
    own = gaps.Own(3, shape)
    found, _ = own.forward(own.start(q), x)
    for key in ("mean", "L"):
        a, b = (shapes_of(d)[key] for d in (found, q))
        np.testing.assert_allclose(a, b, atol=1e-12)


def shapes_of(q):
    if "L" in q:
        return q
    L = np.exp(q["log_var"] / 2)[:, :, None] * np.eye(q["mean"].shape[1])
    return {"mean": q["mean"], "L": L}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_of_a_q_of_its_own_is_that_of_the_loss(rng, shape):
    model, p, x = small(rng)
    own = replace(model, encoder=gaps.Own(3, shape))
    start = jittered(rng, own.encoder.start(model.encode(p, x)))
    noise = own.draw_noise(rng, x)

    def f(q, _):
        value, backward = own.loss({"encoder": q, "decoder": p["decoder"]}, x, noise)
        return value, lambda d: (backward.dp(d)["encoder"], np.zeros(1))

    report = check_gradients(f, start, np.zeros(1), rng=rng, zero=("x",))
    assert report.passed, str(report)


@pytest.mark.parametrize("shape", SHAPES)
def test_raising_a_q_raises_its_bound_and_never_above_log_p(rng, shape):
    x = (rng.random((30, 4, 4, 1)) < 0.5).astype(np.float32)
    few = made_up(x)
    model = few.model(gaps.LATENT)
    p = model.init(rng)
    p["decoder"] = tree.scale(p["decoder"], 2.0)
    own, own_p = gaps.raised(few, model, p, model.encode(p, x), x, shape)
    before = -shapes.minus_elbo(few, model, p, x).mean()
    after = -shapes.minus_elbo(few, own, own_p, x).mean()
    assert before + 0.05 < after < gaps.log_p(few, own, own_p, x).mean() + 0.05


def test_silenced_dimensions_are_the_prior_and_the_others_stay(rng):
    model, p, x = small(rng)
    q = model.encode(p, x)
    silent, _ = units.Silenced(model.encoder, (0, 2)).forward(p["encoder"], x)
    for key in ("mean", "log_var"):
        np.testing.assert_array_equal(silent[key][:, [0, 2]], 0)
        np.testing.assert_array_equal(silent[key][:, 1], q[key][:, 1])


# The answers


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """One short run on the digits of the package: its folder and its numbers."""
    out = tmp_path_factory.mktemp("posteriors")
    demo.main(["--quick", "--epochs", "12", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_on_the_linear_model_the_gap_is_that_of_the_formula(asked):
    rows = asked[1]["linear"]
    for row in rows.values():
        assert row["log p - ELBO"] == pytest.approx(row["KL(q || p(z|x))"], abs=1e-10)
    held = rows["diagonal q, decoder held"]
    assert held["log p - ELBO"] == pytest.approx(held["least of diagonal q"], rel=0.05)
    assert held["least of diagonal q"] > 0.2 and abs(held["posterior correlation"]) > 0.5
    for name in ("full q, decoder held", "diagonal q, decoder trained", "full q, decoder trained"):
        assert rows[name]["log p - ELBO"] < 0.1 * held["log p - ELBO"]
    assert abs(rows["diagonal q, decoder trained"]["posterior correlation"]) < 0.02


def test_the_gap_falls_into_two_parts(asked):
    for row in asked[1]["gaps"].values():
        parts = row["the shape's"][0] + row["the encoder's"][0]
        assert row["gap"][0] == pytest.approx(parts) and row["gap"][0] > 0
        assert row["the encoder's"][0] > 0
    shape = {name: row["the shape's"][0] for name, row in asked[1]["gaps"].items()}
    assert shape["VAE with diagonal q; best full q"] < shape["VAE with diagonal q; best diagonal q"]


def test_free_bits_leave_no_unit_dead(asked):
    rows = asked[1]["units"]
    assert rows["plain"]["dead units"] > 25
    for nats in units.FREE:
        row = rows[f"free bits {nats}"]
        assert row["dead units"] == 0 and row["the dead silenced"] == [0.0, 0.0]
        assert row["rate"] > rows["plain"]["rate"]


def test_shapes_are_compared_on_the_same_images(asked):
    rows = asked[1]["shapes"]
    for row in rows.values():
        assert row["gap"][0] == pytest.approx(row["minus ELBO"][0] - row["-log p(x)"][0])
    for z in shapes.SIZES:
        full, diagonal = rows[f"Z = {z}, full"], rows[f"Z = {z}, diagonal"]
        less = full["-log p(x)"][0] - diagonal["-log p(x)"][0]
        assert full["-log p, less the diagonal's"][0] == pytest.approx(less)


@pytest.mark.parametrize("name", demo.QUESTIONS)
def test_each_question_has_a_picture_with_something_on_it(asked, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(asked[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.05


def test_one_question_is_asked_alone(tmp_path, capsys):
    found = demo.main(["--quick", "--question", "4", "--out", str(tmp_path)])
    assert found.keys() == {"units"} and (tmp_path / "units.png").exists()
    assert not (tmp_path / "shapes.png").exists()
    with pytest.raises(SystemExit, match=r"--question must lie in 0..4, got 5"):
        demo.main(["--quick", "--question", "5", "--out", str(tmp_path)])


# The page


def test_the_page_answers_each_question_and_its_pictures_are_small():
    text = PAGE.read_text()
    assert [q for q, _ in demo.QUESTIONS.values() if q not in text] == []
    shown = re.findall(r"!\[[^]]+\]\((\S+)\)", text)
    assert len(shown) == len(set(shown)) == len(demo.QUESTIONS)
    for path in shown:
        assert (PAGE.parent / path).stat().st_size < 150_000, path


def test_the_page_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text())
    assert len(links) >= 5
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_every_question_is_answered_on_the_device(device, tmp_path, monkeypatch):
    monkeypatch.setattr(gaps, "QUICK_STEPS", 3)
    args = arguments("", "x", ["--quick", "--device", device, "--out", str(tmp_path)])
    few = replace(setting.Setting.of(dataset(args), args), scored=10, samples=5)
    for name, (_, answer) in demo.QUESTIONS.items():
        if name != "linear":  # on the host
            json.dumps(answer(few).numbers, allow_nan=False)
