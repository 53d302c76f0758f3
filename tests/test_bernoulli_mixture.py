"""Mixtures of Bernoullis: the probability, what EM does to it, and what is refused."""

import math

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.cases.mixtures import rises
from tinygen.check import check_gradients
from tinygen.data import digits
from tinygen.models import BernoulliMixture, em
from tinygen.models.bernoulli_mixture import logit
from tinygen.optim import adam

K, D = 3, 8
every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def pictures(rng, n=300, sure=0.9):
    """Noisy copies of K pictures, and the pictures."""
    black = rng.random((K, D)) < 0.5
    m = np.where(black, sure, 1 - sure)
    return (rng.random((n, D)) < m[rng.integers(K, size=n)]).astype(np.float64), m


def test_the_probability_is_that_of_the_definition(rng):
    model = BernoulliMixture(K, shape=D)
    p, x = jittered(rng, model.init(rng, np.float64)), pictures(rng, 6)[0]
    m, pi = model.means(p), model.weights(p)
    parts = np.stack(
        [w * np.prod(np.where(x == 1, a, 1 - a), axis=1) for w, a in zip(pi, m, strict=True)]
    )
    np.testing.assert_allclose(model.score_samples(p, x), np.log(parts.sum(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba(p, x), (parts / parts.sum(axis=0)).T)
    assert model.loss(p, x)[0] == pytest.approx(-np.log(parts.sum(axis=0)).mean(), rel=1e-12)
    assert model.aic(p, x) == pytest.approx(
        -2 * np.log(parts.sum(axis=0)).sum() + 2 * (K * D + K - 1)
    )


def test_pixels_are_dependent_although_they_are_not_in_a_component(rng):
    """Covariance of two pixels by samples and by the law of total covariance."""
    model, n = BernoulliMixture(K, shape=D), 60_000
    p = tree.map(lambda a: 2 * a, model.init(rng, np.float64))
    x, m, pi = model.sample(p, rng, n), model.means(p), model.weights(p)
    assert set(np.unique(x)) == {0.0, 1.0}
    mean = pi @ m
    cov = (m - mean).T @ np.diag(pi) @ (m - mean) + np.diag(pi @ (m * (1 - m)))
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=4 * 0.5 / math.sqrt(n))
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.01)
    assert abs(cov[np.triu_indices(D, 1)]).max() > 0.05


def test_every_parameter_moves_after_one_step_of_a_gradient(rng):
    model = BernoulliMixture(K, shape=D)
    p, x = model.init(rng), pictures(rng, 9)[0].astype(np.float32)
    before, rule = tree.map(np.copy, p), adam(1e-2)
    rule.update(p, model.loss(p, x, None)[1].dp(), rule.init(p))
    assert all(
        (a != b).all() for (_, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True)
    )


def test_a_gradient_that_forgets_the_normalisation_is_rejected(rng, monkeypatch):
    from tinygen.models import bernoulli_mixture

    monkeypatch.setattr(bernoulli_mixture, "sigmoid", np.zeros_like)
    model = BernoulliMixture(K, shape=D)
    p, x = model.init(rng, np.float64), pictures(rng, 5)[0]
    report = check_gradients(lambda p, x: model.loss(p, x), p, x, rng=rng, wrt_x=False)
    assert [row.name for row in report.rows if not row.passed] == ["pixels"]


def test_em_finds_the_pictures(rng):
    x, m = pictures(rng, 3000, sure=0.95)
    model = BernoulliMixture(K, n_init=3)
    found = model.fit(x, rng, tol=1e-6)
    assert found.converged and em.falls(found.log_likelihood) <= 1e-10
    order = [int(abs(model.means(found.p) - a).sum(axis=1).argmin()) for a in m]
    assert sorted(order) == list(range(K))
    np.testing.assert_allclose(model.means(found.p)[order], m, atol=0.05)


def test_each_m_step_maximises_the_bound_within_the_floor(rng):
    x = pictures(rng, 60)[0]
    x[:, 2], x[:, 3] = 0, 1  # the best m are 0 and 1, the best allowed ones floor and 1 - floor
    model = BernoulliMixture(K, floor=0.02)
    p = jittered(rng, model.start(rng, x))
    r = model.predict_proba(p, x)
    best = em.em_step(model, p, x, rng, reseed=False).p

    def bound(q):
        log_pi = q["logits"] - np.logaddexp.reduce(q["logits"])
        return float((r * (log_pi + model.log_components(q, x)[0])).sum())

    assert model.means(best)[:, 2] == pytest.approx(0.02)
    assert model.means(best)[:, 3] == pytest.approx(0.98)
    edge = logit(np.float64(0.02))
    for _ in range(60):
        moved = tree.map(lambda a: a + 1e-2 * rng.normal(size=a.shape), best)
        kept = np.clip(moved["pixels"], edge, -edge)
        assert bound(moved | {"pixels": kept}) < bound(best)


def test_a_fall_of_the_likelihood_is_found(rng, monkeypatch):
    """The mean picture of all in place of a component's own raises nothing."""
    right = BernoulliMixture.maximise

    def too_far(self, p, sums):
        return {"pixels": p["pixels"] + 3 * (right(self, p, sums)["pixels"] - p["pixels"])}

    monkeypatch.setattr(BernoulliMixture, "maximise", too_far)
    assert not rises(BernoulliMixture(K)).check(rng).passed


def test_a_pixel_that_was_never_black_is_not_impossible(rng):
    x = pictures(rng)[0]
    x[:, 2] = 0
    model = BernoulliMixture(K, floor=1e-4)
    p = model.fit(x, rng).p
    new = x[:1].copy()
    new[0, 2] = 1
    ratio = model.score_samples(p, new) - model.score_samples(p, x[:1])
    assert ratio == pytest.approx(math.log(1e-4 / (1 - 1e-4)))


def test_a_component_that_holds_nothing_begins_again(rng):
    x, model = pictures(rng)[0], BernoulliMixture(K)
    p = model.start(rng, x)
    p["logits"][1] = -300.0
    step = em.em_step(model, p, x, rng)
    assert step.collapsed == (1,) and step.reseeded
    assert model.weights(step.p)[1] == pytest.approx(1 / 4)
    halfway = 0.5 * (x + x.mean(axis=0))  # of each example and the mean picture
    assert abs(model.means(step.p)[1] - halfway).max(axis=1).min() < 2e-3
    assert not em.em_step(model, step.p, x, rng).collapsed
    kept = em.em_step(model, p, x, rng, reseed=False)
    assert kept.collapsed == (1,) and np.isfinite(kept.p["logits"]).all()


def test_digits_in_float32_images_in_images_out(rng):
    grey, _ = digits("train")
    x = (rng.random(grey.shape) < grey).astype(np.float32)
    one, ten = BernoulliMixture(1), BernoulliMixture(10)
    found = ten.fit(x, rng, max_iter=30)
    assert found.p["pixels"].shape == (10, 8, 8, 1)
    assert {a.dtype for _, a in tree.leaves(found.p)} == {np.dtype(np.float32)}
    assert em.falls(found.log_likelihood) < 1e-5
    alone = one.score_samples(one.fit(x, rng).p, x).mean()
    assert found.log_likelihood[-1] > alone + 3  # nats: pixels hang together
    assert ten.sample(found.p, rng, 4).shape == ten.means(found.p)[:4].shape == (4, 8, 8, 1)


@every_device
def test_a_fit_on_any_device_is_the_fit_on_the_cpu(device):
    def outcome(place):
        rng = np.random.default_rng(3)
        model, x = BernoulliMixture(K), to_device(pictures(rng)[0], place)
        p = model.start(rng, x)
        p["logits"][1] = -300.0  # begins again
        found = model.fit(x, rng, start=p, max_iter=6)
        assert found.reseeded
        return {
            "p": found.p,
            "log_p": model.score_samples(found.p, x),
            "means": model.means(found.p),
            "sample": model.sample(found.p, rng, 7),
            "mean": model.sample(found.p, rng, 7, mean=True),
        }

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-9, atol=1e-10, err_msg=leaf)


@pytest.mark.parametrize(
    "x, message",
    [
        (np.full((9, 2), 0.5), r"Bernoulli: expected x of zeros and ones, got grey levels"),
        (np.full((9, 2), 2.0), r"Bernoulli: expected x within 0..1, got 2..2"),
        (np.full((9, 2), np.nan), r"BernoulliMixture: x holds 18 values that are NaN"),
        (np.ones((2, 2)), r"2 examples for 3 components: give more examples"),
        (np.ones((9, 2)), r"x holds 1 different points for 3 clusters"),
    ],
    ids=["grey", "out of range", "NaN", "few", "identical"],
)
def test_bad_data_are_refused(rng, x, message):
    with pytest.raises(ValueError, match=message):
        BernoulliMixture(K).fit(x, rng)


@pytest.mark.parametrize("floor", [0.0, 0.5, math.nan])
def test_a_floor_that_is_no_small_probability_is_refused(floor):
    with pytest.raises(ValueError, match=r"floor must be a finite number > 0.0 and < 0.5"):
        BernoulliMixture(K, floor=floor)
