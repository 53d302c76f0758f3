"""Scores of outliers, and the VAE that is trained with known ones."""

import numpy as np
import pytest
from linear_vae import exact_log_p, linear_point, linear_vae

from tinygen import arrays, to_device, to_host, tree
from tinygen import layers as L
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.metrics import auroc
from tinygen.models import (
    VAE,
    MixturePrior,
    OutlierExposure,
    beside,
    dense_autoencoder,
    dense_vae,
    likelihood_ratio,
    mutate,
    negative_elbo,
    negative_log_prob,
    outlier_scores,
    reconstruction_error,
)
from tinygen.models.outlier_exposure import bound
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.training import Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def small(rng, n=6, **objective):
    """A dense VAE of grey pixels, its parameters, inliers and outliers, in double precision."""
    vae = dense_vae(7, 5, 2, Bernoulli(grey=True), **objective)
    p = jittered(rng, vae.init(rng, np.float64))
    return vae, p, (rng.uniform(0.1, 0.9, size=(n, 7)), rng.uniform(0.1, 0.9, size=(n, 7)))


# Scores


def test_the_reconstruction_error_is_the_squared_distance_to_the_mean(rng):
    vae, p, (x, _) = small(rng)
    mean = vae.likelihood.mean(vae.decode(p, vae.encode(p, x)["mean"]))
    np.testing.assert_allclose(reconstruction_error(vae, p, x), ((x - mean) ** 2).sum(axis=1))
    model = dense_autoencoder((4, 3, 1), (5,), 2)
    p, x = model.init(rng, np.float64), rng.random((6, 4, 3, 1))
    np.testing.assert_allclose(reconstruction_error(model, p, x), model.errors(p, x))


def test_scores_of_the_linear_vae_are_its_exact_likelihood(rng):
    model, (p, x) = linear_vae(), linear_point(rng)
    exact = exact_log_p(p, x)
    score = negative_log_prob(model, p, x, rng, samples=20_000)
    np.testing.assert_allclose(score, -exact, atol=0.1)
    bounds = np.mean([negative_elbo(model, p, x, rng) for _ in range(300)], axis=0)
    assert (bounds > -exact).all()


def test_the_ratio_is_the_difference_of_two_likelihoods(rng):
    vae, p, (x, _) = small(rng)
    p_0 = tree.map(lambda a: a + 0.3, p)
    score = likelihood_ratio(vae, p, vae, p_0, x, np.random.default_rng(3), samples=9)
    draws = np.random.default_rng(3)
    log_p, log_p_0 = (vae.log_prob(q, x, draws, 9)[0] for q in (p, p_0))
    np.testing.assert_allclose(score, log_p_0 - log_p, rtol=1e-12)
    assert abs(score).min() > 0.1  # so that a wrong sign would be seen


def test_many_images_are_scored_as_few_are(rng, monkeypatch):
    vae, p, (x, _) = small(rng)
    whole = reconstruction_error(vae, p, x), negative_elbo(vae, p, x, np.random.default_rng(1))
    monkeypatch.setattr(outlier_scores, "AT_ONCE", 4)
    parts = reconstruction_error(vae, p, x), negative_elbo(vae, p, x, np.random.default_rng(1))
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("levels", [2, 4, 256])
def test_mutation_replaces_a_share_of_the_pixels_by_uniform_levels(rng, levels):
    x = np.full((100, 20, 20, 1), -1.0, np.float32)  # a value that no level has
    y = mutate(rng, x, 0.2, levels)
    changed = y != x
    assert y.dtype == x.dtype and changed.mean() == pytest.approx(0.2, abs=0.01)
    found = np.rint(y[changed] * (levels - 1))
    assert (abs(y[changed] * (levels - 1) - found) < 1e-4).all()
    share = np.bincount(found.astype(int), minlength=levels) / len(found)
    assert len(share) == levels and abs(share * levels - 1).max() < 5 * np.sqrt(levels / len(found))
    np.testing.assert_array_equal(mutate(rng, x, 0.0, levels), x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_a_mutation_of_a_share_outside_0_to_1_is_refused(rng, rate):
    with pytest.raises(ValueError, match="mutate: rate must be a finite number >= 0 and < 1"):
        mutate(rng, np.zeros((2, 3)), rate)
    with pytest.raises(ValueError, match="mutate: levels - 1 must be a whole number >= 1, got 0"):
        mutate(rng, np.zeros((2, 3)), 0.1, levels=1)


def test_what_cannot_be_scored_is_refused(rng):
    vae, p, (x, _) = small(rng)
    other = dense_vae(7, 5, 2, Gaussian(std=0.5))
    with pytest.raises(ValueError, match=r"Bernoulli.* background model Gaussian.*be compared"):
        likelihood_ratio(vae, p, other, other.init(rng), x, rng)
    short = VAE(L.Fork(mean=L.Dense(7, 2), log_var=L.Dense(7, 2)), L.Dense(2, 1), 2, Bernoulli())
    with pytest.raises(ValueError, match=r"the decoder gives \(6, 1\) for x of \(6, 7\)"):
        reconstruction_error(short, short.init(rng, np.float64), x)
    with pytest.raises(TypeError, match="expected x as a NumPy or CuPy array, got list"):
        reconstruction_error(vae, p, [[0.5]])
    with pytest.raises(ValueError, match="NaN"):
        reconstruction_error(vae, p, np.full((2, 7), np.nan))
    with pytest.raises(ValueError, match="empty"):
        negative_elbo(vae, p, x[:0], rng)


# Training with outliers


def test_the_bound_of_each_example_has_the_loss_as_its_mean(rng):
    vae, p, (x, _) = small(rng, prior=MixturePrior(3))
    noise = vae.draw_noise(rng, x)
    b, backward = bound(vae, p, x, noise)
    value, whole = vae.loss(p, x, noise)
    assert b.mean() == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(b, -vae.elbo(p, x, noise), rtol=1e-12)
    dp, dx = backward(np.full(len(x), 1 / len(x)))
    for (leaf, a), (_, c) in zip(tree.leaves((dp, dx)), tree.leaves(whole()), strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-9, atol=1e-14, err_msg=leaf)


@pytest.mark.parametrize("margin", [0.0, 1.0, 50.0])
def test_the_loss_is_the_bound_and_the_ranking_of_the_pairs(rng, margin):
    vae, p, x = small(rng)
    model = OutlierExposure(vae, margin, weight=0.7)
    noise = model.draw_noise(rng, x)
    value, backward = model.loss(p, x, noise)
    costs = [-vae.elbo(p, part, eps) for part, eps in zip(x, noise, strict=True)]
    ranking = np.mean([max(0, margin + a - b) for a, b in zip(*costs, strict=True)])
    assert value == pytest.approx(costs[0].mean() + 0.7 * ranking, rel=1e-12)
    assert backward.terms["ranking"] == pytest.approx(ranking)
    assert backward.terms["inliers"] == pytest.approx(costs[0].mean())
    assert backward.terms["outliers"] == pytest.approx(costs[1].mean())


def test_pairs_that_are_parted_leave_the_plain_vae(rng):
    vae, p, (x, _) = small(rng)
    p = tree.map(np.copy, p)
    p["decoder"]["out"]["b"] = np.full(7, 8.0)  # believes in white pixels
    pairs = (np.full_like(x, 0.999), np.full_like(x, 0.001))
    model = OutlierExposure(vae, 10.0)
    noise = model.draw_noise(rng, pairs)
    value, backward = model.loss(p, pairs, noise)
    plain, plain_backward = vae.loss(p, pairs[0], noise[0])
    assert backward.terms["ranking"] == 0 and value == pytest.approx(plain, rel=1e-12)
    dp, (dx, doutliers) = backward()
    for (leaf, a), (_, b) in zip(tree.leaves(dp), tree.leaves(plain_backward.dp()), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14, err_msg=leaf)
    assert not doutliers.any() and dx.any()


class OneUse(OutlierExposure):
    """Wrong: it forgets that the VAE was used on the outliers too."""

    def loss(self, p, x, noise):
        value, _ = super().loss(p, x, noise)
        _, once = self.model.loss(p, x[0], noise[0])
        return value, Pullback(once.dp, lambda d: (once.dx(d), 0 * x[1]), value)


def test_a_gradient_of_one_use_alone_is_rejected(rng):
    vae, p, x = small(rng)
    model = OneUse(vae, 50.0)
    noise = model.draw_noise(rng, x)
    report = check_gradients(lambda p, x: model.loss(p, x, noise), p, x, rng=rng)
    assert not report.passed


def stripes(rng, n):
    """Images of 4x4 pixels, bright in the left half."""
    x = np.zeros((n, 4, 4, 1), np.float32)
    x[:, :, :2] = 0.9
    return np.clip(x + 0.05 * rng.random(x.shape, dtype=np.float32), 0, 1)


def test_one_step_moves_every_parameter(rng):
    model = OutlierExposure(dense_vae((4, 4, 1), 8, 2, Bernoulli(grey=True)), 30.0)
    p = model.init(rng)
    x = stripes(rng, 16)
    moved = train(
        Turn("exposed", model.loss, model.draw_noise, adam(1e-2)),
        *(p, x),
        **{"rng": rng, "steps": 1, "batch": 16, "progress": False},
        transform=beside(x[:, :, ::-1]),
    ).p
    for (leaf, a), (_, b) in zip(tree.leaves(p), tree.leaves(moved), strict=True):
        assert (a != b).any(), leaf


def test_known_outliers_are_told_apart_after_training_with_them(rng):
    x = rng.random((256, 6)).astype(np.float32)
    outliers = 0.5 + 0.2 * (rng.random((256, 6)).astype(np.float32) - 0.5)  # grey: easy to explain
    vae = dense_vae(6, 32, 2, Gaussian(std=0.3))
    found = {}
    for weight in (0.0, 5.0):
        model = OutlierExposure(vae, 5.0, weight)
        turn = Turn("exposed", model.loss, model.draw_noise, adam(3e-2))
        p = train(
            *(turn, model.init(np.random.default_rng(0)), x),
            **{"rng": np.random.default_rng(1), "epochs": 40, "batch": 64, "progress": False},
            transform=beside(outliers),
        ).p
        scores = [negative_elbo(vae, p, part, np.random.default_rng(2)) for part in (x, outliers)]
        found[weight] = auroc(*scores)
    assert found[0.0] < 0.2 and found[5.0] > 0.9  # without them, the likelihood's failure in small


def test_each_batch_draws_outliers_anew(rng):
    x, outliers = rng.random((5, 3)), rng.random((50, 3))
    pairs = beside(outliers)
    first, second = pairs(rng, x)[1], pairs(rng, x)[1]
    assert first.shape == x.shape and (first != second).any()
    assert all((row == outliers).all(axis=1).any() for row in first)


@every_device
def test_scores_and_losses_are_those_of_numpy_on_any_device(device):
    def outcome(place):
        rng = np.random.default_rng(0)
        vae = dense_vae(7, 5, 2, Bernoulli(grey=True))
        model, p = OutlierExposure(vae, 3.0), to_device(vae.init(rng), place)
        x = to_device(rng.random((6, 7)).astype(np.float32), place)
        pairs = beside(mutate(rng, x, 0.3))(rng, x)
        value, backward = model.loss(p, pairs, model.draw_noise(rng, pairs))
        return {
            "loss": value,
            "gradient": backward(),
            "error": reconstruction_error(vae, p, x),
            "elbo": negative_elbo(vae, p, x, rng),
            "ratio": likelihood_ratio(vae, p, vae, tree.map(lambda a: 2 * a, p), x, rng, 7),
        }

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


@pytest.mark.parametrize("objective", [{"beta": 2.0}, {"free_bits": 0.1}, {"samples": 3}])
def test_a_vae_whose_loss_is_not_the_bound_is_refused(objective):
    with pytest.raises(ValueError, match="expected a VAE of one draw, beta 1 and no free bits"):
        OutlierExposure(dense_vae(7, 5, 2, **objective), 1.0)


def test_other_models_margins_and_data_are_refused(rng):
    vae, p, (x, outliers) = small(rng)
    with pytest.raises(ValueError, match="expected a VAE"):
        OutlierExposure(dense_autoencoder((4, 3, 1)), 1.0)
    with pytest.raises(ValueError, match="margin must be a finite number >= 0, got -1"):
        OutlierExposure(vae, -1.0)
    with pytest.raises(ValueError, match="weight must be a finite number >= 0, got nan"):
        OutlierExposure(vae, 1.0, np.nan)
    model = OutlierExposure(vae, 1.0)
    with pytest.raises(ValueError, match=r"expected a pair .*got a ndarray: use train"):
        model.draw_noise(rng, x)
    with pytest.raises(ValueError, match=r"x has shape \(6, 7\), the outliers \(5, 7\)"):
        model.loss(p, (x, outliers[:5]), (None, None))
    with pytest.raises(ValueError, match=r"beside: outliers.*empty"):
        beside(outliers[:0])
    with pytest.raises(ValueError, match="NaN"):
        noise = model.draw_noise(rng, (x, outliers))
        model.loss(p, (x, np.full_like(x, np.nan)), noise)
