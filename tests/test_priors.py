"""Priors: their densities are densities, and the likelihood of a model counts the prior it has."""

import itertools
import math

import numpy as np
import pytest

from tinygen import to_device, tree
from tinygen.cases.common import jittered
from tinygen.likelihoods import Bernoulli
from tinygen.models import MixturePrior, StandardNormal
from tinygen.models.priors import Prior
from tinygen.models.vae import dense_vae
from tinygen.optim import adam

K, Z = 3, 2


def mixture(rng, z=Z):
    """A mixture of K components, and parameters with unlike weights, means and variances."""
    prior = MixturePrior(K)
    p = tree.map(lambda a: a + rng.normal(size=a.shape), prior.init(rng, z, np.float64))
    return prior, p


def bounded(log_var):
    return 10 * np.tanh(log_var / 10)


def density(p, z):
    """p(z) (N,), written out."""
    weights = np.exp(p["logits"]) / np.exp(p["logits"]).sum()
    var = np.exp(bounded(p["log_var"]))
    return sum(
        weights[k]
        * np.prod(
            np.exp(-((z - p["mean"][k]) ** 2) / (2 * var[k])) / np.sqrt(2 * np.pi * var[k]), axis=1
        )
        for k in range(len(weights))
    )


def test_the_density_is_that_of_a_mixture_of_gaussians(rng):
    prior, p = mixture(rng)
    z = rng.normal(size=(6, Z))
    np.testing.assert_allclose(prior.log_prob(p, z)[0], np.log(density(p, z)), rtol=1e-12)


def test_the_density_integrates_to_one(rng):
    prior, p = mixture(rng, z=1)
    grid = np.linspace(-40, 40, 40_001)[:, None]
    log_p, _ = prior.log_prob(p, grid)
    assert np.exp(log_p).sum() * 80 / 40_000 == pytest.approx(1, abs=1e-9)


def test_a_mixture_of_one_at_the_origin_is_the_standard_normal(rng):
    p = {"logits": np.array([0.7]), "mean": np.zeros((1, Z)), "log_var": np.zeros((1, Z))}
    z = rng.normal(size=(5, Z))
    log_p, backward = MixturePrior(1).log_prob(p, z)
    expected, expected_backward = StandardNormal().log_prob({}, z)
    np.testing.assert_allclose(log_p, expected, rtol=1e-13)
    d = rng.normal(size=5)
    np.testing.assert_allclose(backward.dx(d), expected_backward.dx(d), rtol=1e-13)
    assert backward.dp(d)["logits"] == pytest.approx(0, abs=1e-14)


def test_far_from_every_component_the_density_is_still_a_number(rng):
    prior, p = mixture(rng)
    z = np.full((2, Z), 500.0)
    log_p, backward = prior.log_prob(p, z)
    assert np.all(log_p < -1000) and np.isfinite(log_p).all()
    assert all(np.isfinite(a).all() for _, a in tree.leaves(backward(np.ones(2))))


def test_samples_have_the_moments_of_the_mixture(rng):
    prior, p = mixture(rng)
    n = 100_000
    z = prior.sample(p, rng, (n, Z), p["mean"])
    pi = np.exp(p["logits"]) / np.exp(p["logits"]).sum()
    var, m = np.exp(bounded(p["log_var"])), p["mean"]
    mean = pi @ m
    total = pi @ (var + m * m) - mean**2
    cov = (pi * (m[:, 0] - mean[0])) @ (m[:, 1] - mean[1])
    assert abs(z.mean(axis=0) - mean).max() < 4 * np.sqrt(total.max() / n)
    np.testing.assert_allclose(z.var(axis=0), total, rtol=0.03)
    assert np.cov(z.T)[0, 1] == pytest.approx(cov, abs=0.03 * total.max())


def test_a_component_of_no_weight_is_never_drawn(rng):
    p = {
        "logits": np.array([0.0, -1e4]),
        "mean": np.array([[0.0], [100.0]]),
        "log_var": np.zeros((2, 1)),
    }
    assert MixturePrior(2).sample(p, rng, (1000, 1), p["mean"]).max() < 10


def gaussian(rng, posterior, n=4):
    mean = rng.normal(size=(n, Z))
    if posterior == "diagonal":
        return {"mean": mean, "log_var": rng.normal(size=(n, Z))}
    L = np.tril(rng.normal(size=(n, Z, Z)))
    L[:, range(Z), range(Z)] = rng.uniform(0.5, 1.5, size=(n, Z))
    return {"mean": mean, "L": L}


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_the_divergence_from_one_draw_is_right_on_average(rng, posterior):
    """From N(0, I) it is quadratic in eps, so points of its mean and covariance average it, and
    its gradient, without error."""
    q = gaussian(rng, posterior)
    points = math.sqrt(Z) * np.concatenate([np.eye(Z), -np.eye(Z)])
    found = [Prior.kl(StandardNormal(), {}, q, np.tile(e, (4, 1))) for e in points]
    exact, exact_backward = StandardNormal().kl({}, q, np.zeros((4, Z)))
    np.testing.assert_allclose(np.mean([kl for kl, _ in found], axis=0), exact, rtol=1e-12)
    assert np.ptp([kl for kl, _ in found], axis=0).min() > 0.01
    d = rng.normal(size=4)
    mean = tree.map(lambda *g: sum(g) / len(g), *(b.dx(d) for _, b in found))
    for (name, a), (_, b) in zip(tree.leaves(mean), tree.leaves(exact_backward.dx(d)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12, err_msg=name)


def test_the_divergence_from_a_mixture_agrees_with_quadrature(rng):
    prior, p = mixture(rng, z=1)
    q = {"mean": np.array([[0.3]]), "log_var": np.array([[-0.5]])}
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    z = q["mean"] + np.exp(q["log_var"] / 2) * nodes[:, None]
    log_q = -0.5 * (nodes**2 + q["log_var"][0] + math.log(2 * math.pi))
    exact = (weights * (log_q - np.log(density(p, z)))).sum() / weights.sum()
    rows = tree.map(lambda a: np.repeat(a, 50_000, axis=0), q)
    kl, _ = prior.kl(p, rows, rng.normal(size=(50_000, 1)))
    assert exact > 0.05
    assert abs(kl.mean() - exact) < 4 * kl.std() / math.sqrt(50_000)


# Models with a learned prior


def test_the_parameters_of_a_prior_stand_beside_those_of_the_nets(rng):
    plain, model = dense_vae(7, 5, 2), dense_vae(7, 5, 2, prior=MixturePrior(3))
    assert plain.init(rng).keys() == {"encoder", "decoder"}
    p = model.init(rng)
    shapes = {name: a.shape for name, a in p["prior"].items()}
    assert shapes == {"logits": (3,), "mean": (3, 2), "log_var": (3, 2)}
    assert {a.dtype for _, a in tree.leaves(p)} == {np.dtype(np.float32)}
    with pytest.raises(
        ValueError, match=r"expected the parameters \['decoder', 'encoder', 'prior'\]"
    ):
        model.sample(plain.init(rng), rng, 2)
    with pytest.raises(ValueError, match=r"expected the parameters \['decoder', 'encoder'\], got"):
        plain.sample(p, rng, 2)


def model_and_exact(rng):
    """A binary VAE with one latent dimension and a mixture prior; log p of all images by a grid."""
    model = dense_vae(3, 5, 1, prior=MixturePrior(3))
    p = jittered(rng, model.init(rng, np.float64))
    p["decoder"] = tree.scale(p["decoder"], 2.0)
    p["prior"]["mean"] = np.array([[-2.0], [0.5], [2.5]])
    x = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    z = np.linspace(-12, 12, 6001)[:, None]
    logits = model.decode(p, z)
    px_z = np.exp(-np.stack([Bernoulli().nll(logits, np.tile(row, (6001, 1)))[0] for row in x]))
    exact = np.log((px_z * density(p["prior"], z)).sum(axis=1) * 24 / 6000)
    return model, p, x, exact


def test_the_likelihood_is_the_integral_over_the_learned_prior(rng):
    model, p, x, exact = model_and_exact(rng)
    assert np.exp(exact).sum() == pytest.approx(1, abs=1e-9)
    assert np.ptp(exact) > 0.5
    p["encoder"]["q"]["log_var"]["0"]["b"] += 1.5  # q wider than the posterior: light tails
    found, error = model.log_prob(p, x, rng, samples=20_000)
    assert np.all(error < 0.03)
    assert np.all(abs(found - exact) < 4 * error)


def test_the_elbo_with_a_mixture_is_below_the_likelihood(rng):
    model, p, x, exact = model_and_exact(rng)
    many = np.repeat(x, 4000, axis=0)
    elbo = model.elbo(p, many, model.draw_noise(rng, many)).reshape(8, 4000)
    error = elbo.std(axis=1) / math.sqrt(4000)
    assert np.all(elbo.mean(axis=1) < exact + 4 * error)
    assert np.all(exact - elbo.mean(axis=1) < 5)
    value, backward = model.loss(p, x, model.draw_noise(rng, x))
    assert value == pytest.approx(backward.terms["nll"] + backward.terms["kl"], rel=1e-12)


def test_samples_come_from_the_learned_prior(rng):
    model, p, x, exact = model_and_exact(rng)
    drawn = model.sample(p, rng, 20_000)
    share = np.array([(drawn == row).all(axis=1).mean() for row in x])
    assert abs(share - np.exp(exact)).max() < 4 * math.sqrt(0.25 / 20_000)


def test_a_learned_prior_shapes_itself_after_the_codes(rng):
    """Fitted to two clusters it gives them the likelihood of the clusters' own mixture."""
    centres = np.array([[-2.0], [2.0]])
    z = centres[rng.integers(2, size=400)] + 0.5 * rng.normal(size=(400, 1))
    prior = MixturePrior(2)
    p, optimiser = prior.init(rng, 1, np.float64), adam(0.05)
    p["mean"] = np.array([[-0.5], [0.5]])
    state = optimiser.init(p)
    start = prior.log_prob(p, z)[0].mean()
    for _ in range(200):
        _, backward = prior.log_prob(p, z)
        optimiser.update(p, backward.dp(np.full(400, -1 / 400)), state)
    true = {"logits": np.zeros(2), "mean": centres, "log_var": np.full((2, 1), 2 * math.log(0.5))}
    found, known = prior.log_prob(p, z)[0].mean(), np.log(density(true, z)).mean()
    assert start < known - 0.5
    assert known - 1e-3 < found < known + 0.02
    assert np.sort(p["mean"][:, 0]) == pytest.approx([-2, 2], abs=0.15)


# Refusals


@pytest.mark.parametrize("damage", ["keys", "shape"])
def test_parameters_of_another_prior_are_refused(rng, damage):
    prior, p = mixture(rng)
    bad = {"mean": p["mean"]} if damage == "keys" else p | {"mean": p["mean"][:, :1]}
    message = r"MixturePrior: (expected the parameters|parameter 'mean' must have shape \(3, 2\))"
    with pytest.raises(ValueError, match=message):
        prior.log_prob(bad, rng.normal(size=(4, Z)))
    with pytest.raises(ValueError, match=r"StandardNormal: expected the parameters \[\], got"):
        StandardNormal().log_prob(p, rng.normal(size=(4, Z)))


def test_codes_of_another_kind_are_refused(rng):
    prior, p = mixture(rng)
    with pytest.raises(TypeError, match=r"MixturePrior: z is float32, the parameters are float64"):
        prior.log_prob(p, np.ones((2, Z), np.float32))
    with pytest.raises(ValueError, match=r"MixturePrior: expected x of shape \(N, Z\), got \(2,\)"):
        prior.log_prob(p, np.ones(2))
    with pytest.raises(ValueError, match=r"StandardNormal: x holds 1 values that are NaN"):
        StandardNormal().log_prob({}, np.array([[np.nan, 0.0]]))


@pytest.mark.parametrize("device", ["pretend"], indirect=True)
def test_codes_on_another_device_are_refused(rng, device):
    prior, p = mixture(rng)
    with pytest.raises(TypeError, match=r"MixturePrior: x is on 'cpu', .* are on 'pretend'"):
        prior.log_prob(to_device(p, device), np.ones((2, Z)))


def test_what_is_no_prior_is_refused():
    for bad in (MixturePrior, "mixture", None):
        with pytest.raises(
            TypeError, match=r"VAE: expected a prior such as StandardNormal\(\), got"
        ):
            dense_vae(7, 5, 2, prior=bad)
    with pytest.raises(ValueError, match=r"n_components must be a whole number >= 1, got 0"):
        MixturePrior(0)
    for call in (
        lambda: Prior().log_prob({}, np.ones((2, 2))),
        lambda: Prior().sample({}, None, (2, 2), np.ones(1)),
    ):
        with pytest.raises(NotImplementedError, match=r"Prior defines no (log_prob|sample)"):
            call()
