"""Mixtures of Gaussians: the density, what EM does to it, and what is refused."""

import math
import warnings

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.cases.mixtures import gaussian, rises
from tinygen.layers.base import NonFinite
from tinygen.models import GaussianMixture, em
from tinygen.models.covariances import KINDS, Full
from tinygen.optim import adam

K = 3
every_kind = pytest.mark.parametrize("kind", KINDS)
every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def clouds(rng, n=90, D=2, spread=6.0):
    """Points in K round clouds."""
    centres = spread * rng.normal(size=(K, D))
    return centres[rng.integers(K, size=n)] + rng.normal(size=(n, D))


def stretched(rng, n=400):
    """Three overlapping clouds of unlike size and direction: EM takes many steps."""
    shapes = rng.normal(size=(K, 3, 3))
    kind = rng.integers(K, size=n)
    return 2 * rng.normal(size=(K, 3))[kind] + np.einsum(
        "nij,nj->ni", shapes[kind], rng.normal(size=(n, 3))
    )


def matrices(model, p, D):
    """Sigma_k as K matrices, whatever the kind."""
    found = model.covariances(p)
    if model.covariance_type == "tied":
        return [found] * K
    return [s if np.ndim(s) == 2 else np.diag(np.broadcast_to(s, D)) for s in found]


# The density


@every_kind
def test_the_density_is_that_of_the_definition(rng, kind):
    model = gaussian(kind, shape=4)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.normal(size=(6, 4))
    parts = [
        pi * multivariate_normal(m, S).pdf(x)
        for pi, m, S in zip(model.weights(p), p["mean"], matrices(model, p, 4), strict=True)
    ]
    np.testing.assert_allclose(model.score_samples(p, x), np.log(sum(parts)), rtol=1e-11)
    np.testing.assert_allclose(model.predict_proba(p, x), np.transpose(parts / sum(parts)))
    assert model.loss(p, x)[0] == pytest.approx(-np.log(sum(parts)).mean(), rel=1e-12)
    assert list(model.predict(p, x)) == list(np.argmax(parts, axis=0))


@every_kind
def test_samples_have_the_moments_of_the_mixture(rng, kind):
    model, n = gaussian(kind, shape=2), 60_000
    p = jittered(rng, model.init(rng, np.float64))
    if kind in ("full", "tied"):
        p["L"][..., 1, 0] += 2  # far from symmetric: L^T L is another covariance
    x, pi, m = model.sample(p, rng, n), model.weights(p), p["mean"]
    mean = pi @ m
    spread = [
        S + np.outer(a - mean, a - mean) for S, a in zip(matrices(model, p, 2), m, strict=True)
    ]
    cov = np.einsum("k,kij->ij", pi, spread)
    assert abs(x.mean(axis=0) - mean).max() < 4 * np.sqrt(cov.max() / n)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.03 * cov.max())
    means = model.sample(p, rng, 50, mean=True)
    assert {tuple(row) for row in means} <= {tuple(row) for row in m}


@every_kind
def test_every_parameter_moves_after_one_step_of_a_gradient(rng, kind):
    model = gaussian(kind, shape=4)
    p, x = model.init(rng), rng.normal(size=(9, 4)).astype(np.float32)
    before, rule = tree.map(np.copy, p), adam(1e-2)
    _, backward = model.loss(p, x, None)
    rule.update(p, backward.dp(), rule.init(p))
    for (name, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True):
        moved = a != b
        if name == "L" and kind in ("full", "tied"):
            moved = moved[..., np.tril(np.ones((4, 4), bool))]  # above it there is nothing
        assert moved.all(), name


def test_a_gradient_with_the_upper_triangle_left_in_is_rejected(rng, monkeypatch):
    from tinygen.check import check_gradients

    wrong = lambda self, A, scatter, total, D: A.T @ (scatter - total * np.eye(D))  # noqa: E731
    monkeypatch.setattr(Full, "gradient", wrong)
    model = gaussian("full", shape=4)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.normal(size=(5, 4))
    report = check_gradients(lambda p, x: model.loss(p, x), p, x, rng=rng)
    assert [row.name for row in report.rows if not row.passed] == ["L"]


def test_far_from_every_component_the_density_is_still_a_number(rng):
    model = gaussian("full", shape=2)
    p = model.init(rng, np.float64)
    x = np.full((2, 2), 1e4)
    assert np.isfinite(model.score_samples(p, x)).all() and model.score_samples(p, x)[0] < -1e7
    assert model.predict_proba(p, x).sum(axis=1) == pytest.approx(1)


# EM


@every_kind
def test_each_m_step_maximises_the_bound(rng, kind):
    """No small change of what the M-step gives raises sum r log p(x, k), the floor kept."""
    model, x = GaussianMixture(K, kind, floor=0.3), stretched(rng, 80)
    p = jittered(rng, model.start(rng, x))
    r = model.predict_proba(p, x)
    best = em.em_step(model, p, x, rng, reseed=False).p

    def bound(q):
        log_pi = q["logits"] - np.logaddexp.reduce(q["logits"])
        return float((r * (log_pi + model.log_components(q, x)[0])).sum())

    least = np.linalg.eigvalsh(matrices(model, best, 3)).min()
    assert least >= 0.3 - 1e-12
    top = bound(best)
    for _ in range(60):
        moved = tree.map(lambda a: a + 1e-3 * rng.normal(size=a.shape), best)
        kept = model.kind.factor(model.covariances(moved), model.floor)
        assert bound(moved | {"L": kept}) < top + 1e-9


@every_kind
def test_the_covariance_at_the_floor_is_the_best_of_those_allowed(rng, kind):
    """On flat data the floor is active: the M-step puts the least eigenvalue onto it, exactly."""
    x = stretched(rng)
    x[:, 2] = x[:, 0]
    model = GaussianMixture(2, kind, floor=0.01)
    found = model.fit(x, rng, max_iter=20)
    if kind in ("full", "tied"):
        values = np.linalg.eigvalsh(model.covariances(found.p))
        assert values[..., 0] == pytest.approx(0.01, rel=1e-9)
        assert values[..., 1].min() > 0.02
    assert em.falls(found.log_likelihood) <= 1e-10


@every_kind
def test_a_fall_of_the_likelihood_is_found(rng, kind, monkeypatch):
    """Means that go three times as far as they should pass the maximum, and EM falls."""
    right = GaussianMixture.maximise

    def too_far(self, p, sums):
        new = right(self, p, sums)
        return new | {"mean": p["mean"] + 3 * (new["mean"] - p["mean"])}

    monkeypatch.setattr(GaussianMixture, "maximise", too_far)
    assert not rises(GaussianMixture(K, kind)).check(rng).passed


def test_a_fall_is_measured_but_for_the_steps_that_may_fall():
    assert em.falls([-3.0, -2.0, -2.5, -1.0, -1.25]) == 0.5
    assert em.falls([-3.0, -2.0, -2.5, -1.0, -1.25], but=(1,)) == 0.25
    assert em.falls([-3.0, -2.0]) == em.falls([1.0]) == 0


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_em_finds_the_clouds(rng, kind, dtype):
    x = clouds(rng, 300, spread=20).astype(dtype)
    model = GaussianMixture(K, kind, n_init=3)
    found = model.fit(x, rng)
    assert found.converged and not found.collapsed
    assert {a.dtype for _, a in tree.leaves(found.p)} == {np.dtype(dtype)}
    labels = model.predict(found.p, x)
    for k in range(K):
        part = x[labels == k]
        assert model.weights(found.p)[k] == pytest.approx(len(part) / 300, abs=0.01)
        np.testing.assert_allclose(found.p["mean"][k], part.mean(axis=0), atol=0.05)
    assert len(found.starts) == 3 and found.log_likelihood[-1] == max(found.starts)


def test_a_step_of_em_is_a_scaled_gradient(rng):
    """mean' - mean = Sigma_k / pi'_k dlog p / dmean_k: EM goes uphill, with a step of its own."""
    model, x = GaussianMixture(K, "full"), stretched(rng)
    p = jittered(rng, model.start(rng, x))
    dp = model.loss(p, x)[1].dp(-1.0)
    step = em.em_step(model, p, x, rng, reseed=False)
    scaled = np.einsum("kij,kj->ki", model.covariances(p), dp["mean"])
    np.testing.assert_allclose(
        step.p["mean"] - p["mean"], scaled / model.weights(step.p)[:, None], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_component_is_the_sample_mean_and_covariance(rng, dtype):
    x = stretched(rng).astype(dtype)
    found = GaussianMixture(1).fit(x, rng)
    np.testing.assert_allclose(found.p["mean"][0], x.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        GaussianMixture(1).covariances(found.p)[0], np.cov(x.T, bias=True), rtol=1e-4, atol=1e-5
    )


@every_kind
def test_outliers_at_ten_thousand_sigma_leave_everything_finite(rng, kind):
    x = clouds(rng)
    x[0], x[1] = 1e4, [-1e4, 1e4]
    model = GaussianMixture(K, kind, n_init=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of components that settle on an outlier
        found = model.fit(x, rng)
    assert np.isfinite(found.log_likelihood).all()
    assert all(np.isfinite(a).all() for _, a in tree.leaves(found.p))
    but = {step for step, _ in found.reseeded}
    assert em.falls(found.log_likelihood, tuple(but)) <= 1e-10 * abs(found.log_likelihood[0])
    assert np.isfinite(model.score_samples(found.p, x)).all()


def test_a_component_that_shrank_onto_one_point_begins_again(rng):
    x = clouds(rng)
    model = GaussianMixture(K)
    p = model.start(rng, x)
    p["mean"][1], p["L"][1] = x[5], 1e-3 * np.eye(2)
    kept = em.em_step(model, p, x, rng, reseed=False)
    assert kept.collapsed == (1,) and not kept.reseeded
    assert model.covariances(kept.p)[1] == pytest.approx(1e-6 * np.eye(2), rel=1e-6)
    again = em.em_step(model, p, x, rng)
    assert again.reseeded and any(np.array_equal(again.p["mean"][1], row) for row in x)
    assert np.linalg.eigvalsh(model.covariances(again.p)[1]).min() > 0.1
    found = model.fit(x, rng, start=p)
    assert found.reseeded[0] == (0, 1) and not found.collapsed
    assert em.falls(found.log_likelihood, but=tuple(s for s, _ in found.reseeded)) <= 1e-10


@every_kind
def test_a_component_that_holds_nothing_begins_again(rng, kind):
    x, model = clouds(rng), GaussianMixture(K, kind)
    p = model.start(rng, x)
    p["mean"][2] = 1e6
    step = em.em_step(model, p, x, rng)
    assert step.collapsed == (2,) and step.reseeded
    assert model.weights(step.p)[2] > 0.1 and abs(step.p["mean"][2]).max() < 100
    assert not em.em_step(model, step.p, x, rng).collapsed


@pytest.mark.parametrize("std, wide, floor", [(1e-2, 1.0, 1e-6), (1.0, 10.0, 4.0)])
def test_a_component_is_collapsed_by_both_bounds_alone(rng, std, wide, floor):
    """Narrow, yet above the floor; below a large floor, yet no thousandth of the others."""
    kind = np.repeat(np.arange(K), 30)
    x = 100 * np.eye(K, 2)[kind] + np.where(kind == 0, std, wide)[:, None] * rng.normal(
        size=(90, 2)
    )
    model = GaussianMixture(K, floor=floor)
    assert not em.em_step(model, model.start(rng, x), x, rng).collapsed


def test_what_collapses_again_and_again_is_said(rng):
    x = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9], [1, 1]]), 10, axis=0)
    with pytest.warns(RuntimeWarning, match=r"components \[.*\] collapsed again and again"):
        found = GaussianMixture(3).fit(x, rng)
    assert found.collapsed and len(found.reseeded) >= 9
    assert np.isfinite(found.log_likelihood).all()


def test_a_start_without_collapse_goes_before_a_likelier_one_with():
    sound, likelier, spike = em.Fitted({}, [0.0]), em.Fitted({}, [1.0]), em.Fitted({}, [9.0])
    spike.collapsed = (1,)
    assert max([sound, spike, likelier], key=em.rank) is likelier


def test_the_best_of_several_starts_is_kept_and_a_given_start_is_taken(rng):
    x = stretched(rng)
    model = GaussianMixture(K, n_init=4)
    found = model.fit(x, rng, max_iter=15)
    assert found.log_likelihood[-1] == max(found.starts) > min(found.starts)
    again = model.fit(x, rng, start=found.p)
    assert again.log_likelihood[0] == found.log_likelihood[-1]
    assert again.log_likelihood[-1] == pytest.approx(model.score_samples(again.p, x).mean())


@every_kind
def test_the_criteria_count_what_was_fitted(rng, kind):
    model, x = GaussianMixture(K, kind, shape=4), rng.normal(size=(20, 4))
    p = model.init(rng, np.float64)
    numbers = {"full": 30, "tied": 10, "diag": 12, "spherical": 3}[kind] + 12 + 2
    log_p = model.score_samples(p, x).sum()
    assert model.bic(p, x) == pytest.approx(-2 * log_p + numbers * math.log(20))
    assert model.aic(p, x) == pytest.approx(-2 * log_p + 2 * numbers)


def test_bic_finds_the_number_of_clouds(rng):
    x = clouds(rng, 300, spread=20)
    models = [GaussianMixture(k, n_init=3) for k in range(1, 6)]
    scores = [model.bic(model.fit(x, rng).p, x) for model in models]
    assert models[int(np.argmin(scores))].n_components == K


def test_a_start_is_the_best_of_several_after_a_few_steps(rng):
    x = stretched(rng)
    one, many = GaussianMixture(K), GaussianMixture(K, n_init=5)
    stream = np.random.default_rng(1)
    starts = [one.start(stream, x) for _ in range(5)]
    ends = [one.fit(x, rng, start=p, tol=0.0, max_iter=em.SHORT).log_likelihood[-1] for p in starts]
    p = many.start(np.random.default_rng(1), x)
    assert many.score_samples(p, x).mean() == pytest.approx(max(ends))
    assert max(ends) > min(ends) + 1e-6


# Shapes and devices


@every_kind
def test_images_are_rows_in_another_shape(rng, kind):
    x = clouds(rng, D=12)
    model = GaussianMixture(K, kind)
    flat = model.fit(x, np.random.default_rng(1), max_iter=5).p
    p = model.fit(x.reshape(-1, 3, 2, 2), np.random.default_rng(1), max_iter=5).p
    assert p["mean"].shape == (K, 3, 2, 2) and np.array_equal(p["L"], flat["L"])
    assert model.sample(p, rng, 5).shape == (5, 3, 2, 2)
    images = x.reshape(-1, 3, 2, 2)
    np.testing.assert_allclose(model.score_samples(p, images), model.score_samples(flat, x))
    assert model.loss(p, images)[1].dx().shape == images.shape


@every_device
@every_kind
def test_a_fit_on_any_device_is_the_fit_on_the_cpu(kind, device):
    def outcome(place):
        rng = np.random.default_rng(3)
        model, x = GaussianMixture(K, kind), to_device(clouds(rng), place)
        x[0] = 500.0
        p = model.start(rng, x)
        p["mean"][1] = 1e6  # begins again
        found = model.fit(x, rng, start=p, max_iter=6)
        assert found.reseeded
        return {
            "p": found.p,
            "log_p": model.score_samples(found.p, x),
            "labels": model.predict(found.p, x),
            "covariances": model.covariances(found.p),
            "sample": model.sample(found.p, rng, 7),
            "start": model.start(rng, x),
        } | {"given": model.given(model.weights(p), p["mean"], model.covariances(p))}

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-9, atol=1e-10, err_msg=leaf)


def test_the_work_in_blocks_is_the_work_in_one(rng, monkeypatch):
    x, model = stretched(rng), GaussianMixture(K)
    p = model.start(rng, x)
    whole = em.em_step(model, p, x, rng, reseed=False)
    log_p = model.score_samples(p, x)
    monkeypatch.setattr(GaussianMixture, "entries", 21)
    parts = em.em_step(model, p, x, rng, reseed=False)
    assert len(list(model.blocks(x))) == math.ceil(400 / 7)
    np.testing.assert_allclose(model.score_samples(p, x), log_p)
    for (leaf, a), (_, b) in zip(tree.leaves(whole.p), tree.leaves(parts.p), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12, err_msg=leaf)


# Bad input


@every_kind
def test_constant_features_get_the_floor_and_do_not_count_as_a_collapse(rng, kind):
    x = clouds(rng, D=3)
    x[:, 1] = 7.0
    model = GaussianMixture(K, kind, floor=1e-4)
    found = model.fit(x, rng)
    assert not found.reseeded and np.isfinite(found.log_likelihood).all()
    np.testing.assert_allclose(found.p["mean"][:, 1], 7.0)
    if kind != "spherical":
        assert model.kind.variances(model.covariances(found.p))[..., 1] == pytest.approx(1e-4)


@pytest.mark.parametrize(
    "x, error, message",
    [
        (np.zeros((2, 2)), ValueError, r"2 examples for 3 components: give more examples"),
        (np.ones((9, 2)), ValueError, r"x holds 1 different points for 3 clusters"),
        (np.full((9, 2), np.nan), ValueError, r"GaussianMixture: x holds 18 values that are NaN"),
        (np.zeros((9, 2), int), TypeError, r"GaussianMixture: expected floats, got int64"),
        (np.zeros((0, 2)), ValueError, r"GaussianMixture: x of shape \(0, 2\) is empty"),
        ([[1.0, 2.0]], TypeError, r"GaussianMixture: expected a NumPy or CuPy array, got list"),
    ],
    ids=["few", "identical", "NaN", "whole numbers", "none", "a list"],
)
def test_bad_data_are_refused(rng, x, error, message):
    with pytest.raises(error, match=message):
        GaussianMixture(K).fit(x, rng)


def test_one_component_of_identical_points_is_a_spike_of_the_floor(rng):
    found = GaussianMixture(1, floor=1e-4).fit(np.ones((9, 2)), rng)
    assert GaussianMixture(1).covariances(found.p)[0] == pytest.approx(1e-4 * np.eye(2))
    assert found.log_likelihood[-1] == pytest.approx(-math.log(2 * math.pi * 1e-4))


def test_data_of_another_shape_or_dtype_than_the_parameters_are_refused(rng):
    model = GaussianMixture(K, shape=2)
    p = model.init(rng)
    with pytest.raises(ValueError, match=r"expected x of shape \(N, 2\), got \(4, 3\)"):
        model.score_samples(p, np.zeros((4, 3), np.float32))
    with pytest.raises(TypeError, match=r"x is float64, the parameters are float32"):
        model.score_samples(p, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"expected x of shape \(N, 2\), got \(9, 3\)"):
        model.fit(rng.normal(size=(9, 3)), rng)
    with pytest.raises(
        ValueError, match=r"parameter 'L' must have shape \(3, 2, 2\), got \(2, 2\)"
    ):
        model.score_samples(p | {"L": np.eye(2, dtype=np.float32)}, np.zeros((4, 2), np.float32))
    with pytest.raises(ValueError, match=r"expected the parameters \['L', 'logits', 'mean'\]"):
        model.sample({"mean": p["mean"]}, rng, 3)
    with pytest.raises(TypeError, match=r"parameter 'L' is float64, 'logits' is float32"):
        model.sample(p | {"L": p["L"].astype(float)}, rng, 3)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: GaussianMixture(0), r"n_components must be a whole number >= 1, got 0"),
        (lambda: GaussianMixture(2, n_init=0), r"n_init must be a whole number >= 1, got 0"),
        (lambda: GaussianMixture(2, "ful"), r"unknown covariance_type 'ful': choose one of full"),
        (lambda: GaussianMixture(2, floor=0.0), r"floor must be a finite number > 0"),
        (lambda: GaussianMixture(2, reg_covar=-1.0), r"reg_covar must be a finite number >= 0"),
        (lambda: GaussianMixture(2).init(np.random.default_rng(0)), r"init needs the shape of one"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "how, message",
    [
        ({"tol": -1.0}, r"fit: tol must be a finite number >= 0"),
        ({"max_iter": 0}, r"fit: max_iter must be a whole number >= 1"),
    ],
)
def test_a_fit_that_cannot_be_done_is_refused(rng, how, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(K).fit(clouds(rng), rng, **how)


def test_weights_of_zero_are_refused(rng):
    with pytest.raises(ValueError, match=r"weights must be > 0"):
        GaussianMixture(2).given(np.array([1.0, 0.0]), np.zeros((2, 1)), np.ones((2, 1, 1)))


def test_data_that_overflow_are_named(rng):
    x = (1e25 * clouds(rng)).astype(np.float32)
    model = GaussianMixture(K)
    p = model.given(np.full(K, 1 / K, np.float32), x[:K], np.stack([np.eye(2)] * K))
    too_large = r"log p\(x\) is .*: the data are too large for float32"
    with np.errstate(all="ignore"), pytest.raises(NonFinite, match=too_large):
        em.em_step(model, p, x, rng)
