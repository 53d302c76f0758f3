"""The VAE's probability statements are true, and its gradients are those of its loss."""

import itertools
import math

import numpy as np
import pytest
from linear_vae import (
    LINEAR,
    STD,
    D,
    Z,
    covariance,
    exact_log_p,
    expected_elbo,
    kl_from_posterior,
    linear_point,
    linear_vae,
    near_prior,
)

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import vae_likelihood
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_log_p_minus_elbo_is_the_divergence_from_the_posterior(rng, posterior):
    model, (p, x) = linear_vae(posterior), linear_point(rng, posterior)
    q = model.encode(p, x)
    kl = kl_from_posterior(p, x, q["mean"], covariance(q))
    assert np.all(kl > 0.01)
    np.testing.assert_allclose(exact_log_p(p, x) - expected_elbo(model, p, x), kl, rtol=1e-10)


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_importance_sampling_finds_the_exact_likelihood(rng, posterior):
    model, (p, x) = linear_vae(posterior), linear_point(rng, posterior)
    log_p = exact_log_p(p, x)
    found, error = model.log_prob(p, x, rng, samples=40_000)
    assert found.shape == error.shape == (4,)
    assert np.all(error < 0.05)
    assert np.all(abs(found - log_p) <= 4 * error)


def test_the_weights_are_the_joint_density_over_that_of_q(rng):
    """log w = log p(x|z) + log p(z) - log q(z|x), each from its own density, at the same draws."""
    p, x = jittered(rng, LINEAR.init(rng, np.float64)), rng.normal(size=(4, D))
    q = LINEAR.encode(p, x)
    assert abs(q["log_var"]).min() > 0.05 and abs(q["log_var"]).max() > 0.5
    eps = rng.standard_normal((4, 3, Z))
    found, _ = vae_likelihood.log_weights(LINEAR, p, x, q, eps)
    mean, std = q["mean"][:, None], np.exp(q["log_var"] / 2)[:, None]
    z = mean + std * eps

    def log_normal(a, mean, std):
        return -(((a - mean) / std) ** 2 / 2 + np.log(std) + np.log(2 * np.pi) / 2).sum(axis=-1)

    log_x = log_normal(x[:, None], z @ p["decoder"]["W"] + p["decoder"]["b"], STD)
    expected = log_x + log_normal(z, 0, 1) - log_normal(z, mean, std)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_the_bounds_rise_with_the_samples_towards_log_p(rng):
    p, x = linear_point(rng, n=1)
    log_p = exact_log_p(p, x)
    many = np.repeat(x, 4000, axis=0)
    means, errors = [], []
    for samples in (1, 5, 50):
        bound = LINEAR.log_prob(p, many, rng, samples)[0]
        means.append(bound.mean())
        errors.append(bound.std() / math.sqrt(len(bound)))
    elbo = expected_elbo(LINEAR, p, x)[0]
    assert abs(means[0] - elbo) <= 4 * errors[0]  # L_1 is the ELBO
    assert means[0] + 4 * errors[0] < means[1] < means[2] - 4 * errors[2]
    assert means[2] <= log_p[0] + 4 * errors[2]


def test_the_standard_error_is_the_spread_of_repeated_estimates(rng):
    p, x = linear_point(rng, n=1)
    estimates, errors = LINEAR.log_prob(p, np.repeat(x, 1000, axis=0), rng, samples=2000)
    assert estimates.std() == pytest.approx(errors.mean(), rel=0.15)


def test_one_sample_says_nothing_of_its_error(rng):
    p, x = linear_point(rng)
    assert np.all(np.isinf(LINEAR.log_prob(p, x, rng, samples=1)[1]))


def test_the_likelihood_does_not_depend_on_how_the_work_is_cut(rng, monkeypatch):
    p, x = linear_point(rng)
    model = linear_vae(samples=6)
    noise = model.draw_noise(rng, x)
    elbo = model.elbo(p, x, noise)
    whole, error = LINEAR.log_prob(p, x, np.random.default_rng(5), samples=30)
    for rows in (7, 64):
        monkeypatch.setattr(vae_likelihood, "DECODER_ROWS", rows)
        found = LINEAR.log_prob(p, x, np.random.default_rng(5), samples=30)
        np.testing.assert_allclose(found, (whole, error), rtol=1e-12)
        np.testing.assert_allclose(model.elbo(p, x, noise), elbo, rtol=1e-12)


def test_the_probabilities_of_all_binary_images_sum_to_one(rng):
    model = dense_vae(4, 6, 2)
    p = near_prior(model.init(rng, np.float64))
    x = np.array(list(itertools.product((0.0, 1.0), repeat=4)))
    log_p, error = model.log_prob(p, x, rng, samples=20_000)
    prob = np.exp(log_p)
    spread = math.sqrt(((prob * error) ** 2).sum())
    assert prob.max() > 1.5 * prob.min() and spread < 0.01
    assert abs(prob.sum() - 1) <= 4 * spread


def test_a_sampled_likelihood_equals_the_integral_over_the_latent(rng):
    model = dense_vae(4, 6, 1)
    p = near_prior(model.init(rng, np.float64))
    x = (rng.random((3, 4)) < 0.5).astype(float)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)  # E over z ~ N(0, 1)
    logits = model.decode(p, nodes[:, None])
    log_px_z = -np.stack([Bernoulli().nll(logits, np.tile(row, (80, 1)))[0] for row in x], axis=1)
    exact = np.log((weights[:, None] * np.exp(log_px_z)).sum(axis=0) / weights.sum())
    found, error = model.log_prob(p, x, rng, samples=20_000)
    assert np.all(error < 0.02)
    assert np.all(abs(found - exact) <= 4 * error)


def test_the_loss_is_the_mean_of_minus_the_elbo_and_the_sum_of_its_terms(rng):
    model = dense_vae(7, 5, 2, Bernoulli(grey=True))
    p, x = model.init(rng, np.float64), rng.random((3, 7))
    noise = model.draw_noise(rng, x)
    value, backward = model.loss(p, x, noise)
    assert value == pytest.approx(-model.elbo(p, x, noise).mean(), rel=1e-12)
    assert value == pytest.approx(backward.terms["nll"] + backward.terms["kl"], rel=1e-12)


MODELS = {
    "bernoulli": dense_vae(7, 5, 2, Bernoulli(grey=True)),
    "fixed": dense_vae(7, 5, 2, Gaussian(std=0.7)),
    "shared": dense_vae(7, 5, 2, Gaussian(), "shared"),
    "pixel": dense_vae(7, 5, 2, Gaussian(), "pixel"),
}


@pytest.mark.parametrize("name", MODELS)
def test_one_call_checks_the_gradient_of_the_whole_model(rng, name):
    model = MODELS[name]
    p, x = jittered(rng, model.init(rng)), rng.uniform(0.1, 0.9, (3, 7))
    noise = model.draw_noise(rng, x)
    report = check_gradients(lambda p, x: model.loss(p, x, noise), p, x, rng=rng)
    assert report.passed, str(report)
    assert {row.name for row in report.rows} == {"x", *(name for name, _ in tree.leaves(p))}


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_moves_in_one_step(rng, name):
    model = MODELS[name]
    p, x = model.init(rng), rng.random((6, 7), np.float32)
    before = tree.map(lambda a: a.copy(), p)
    _, backward = model.loss(p, x, model.draw_noise(rng, x))
    optimiser = adam(1e-3)
    optimiser.update(p, backward.dp(), optimiser.init(p))
    for (leaf, old), (_, new) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert np.any(old != new), f"{leaf} stood still"


def test_shapes_and_dtypes_follow_data_and_parameters(rng):
    model = dense_vae(7, 5, 2)
    p, x = model.init(rng), (rng.random((3, 7)) < 0.5).astype(np.float32)
    q = model.encode(p, x)
    assert q["mean"].shape == q["log_var"].shape == (3, 2)
    assert model.decode(p, q["mean"]).shape == (3, 7)
    outputs = {
        "sample": model.sample(p, rng, 4),
        "reconstruction": model.reconstruct(p, x, rng),
        "elbo": model.elbo(p, x, model.draw_noise(rng, x)),
        "log_prob": model.log_prob(p, x, rng, samples=3)[0],
        "error": model.log_prob(p, x, rng, samples=3)[1],
        "noise": model.draw_noise(rng, x),
        "loss": model.loss(p, x, model.draw_noise(rng, x))[0],
    }
    shapes = {"sample": (4, 7), "reconstruction": (3, 7), "noise": (3, 2), "loss": ()}
    for name, value in outputs.items():
        assert value.dtype == np.float32, name
        assert value.shape == shapes.get(name, (3,)), name


def test_sampling_draws_pixels_and_their_mean_only_where_asked(rng):
    model = dense_vae(7, 5, 2)
    p = tree.scale(model.init(rng, np.float64), 1.5)
    x = (rng.random((3, 7)) < 0.5).astype(float)
    draws, means = model.sample(p, rng, 20_000), model.sample(p, rng, 20_000, mean=True)
    assert set(np.unique(draws)) == {0, 1}
    assert np.all((means > 0) & (means < 1)) and np.ptp(means, axis=0).min() > 0.01
    assert np.all(abs(draws.mean(axis=0) - means.mean(axis=0)) < 4 * np.sqrt(0.5 / 20_000))
    assert set(np.unique(model.reconstruct(p, x, rng))) <= {0, 1}
    soft = model.reconstruct(p, x, np.random.default_rng(1), mean=True)
    assert np.all((soft > 0) & (soft < 1))
    noise = model.draw_noise(np.random.default_rng(1), x)  # z is drawn, not its mean
    q = model.encode(p, x)
    z = q["mean"] + np.exp(q["log_var"] / 2) * noise
    np.testing.assert_allclose(soft, Bernoulli().mean(model.decode(p, z)), rtol=1e-12)


@pytest.mark.parametrize("name", ["bernoulli", "fixed", "shared", "pixel"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_and_gradients_equal_pytorch(rng, name, dtype):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    n, d, h, z_size = (int(k) for k in rng.integers(2, 12, size=4))
    likelihood = {"bernoulli": Bernoulli(grey=True), "fixed": Gaussian(std=0.7)}
    variance = "pixel" if name == "pixel" else "shared"
    model = dense_vae(d, h, z_size, likelihood.get(name, Gaussian()), variance)
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, model.init(rng, np.float64)))
    x = rng.random((n, d)).astype(dtype)
    noise = model.draw_noise(rng, x)

    def bounded(v):
        return 10 * torch.tanh(v / 10)

    t = tree.map(lambda a: torch.tensor(a, requires_grad=True), p)
    tx, eps = torch.tensor(x, requires_grad=True), torch.tensor(noise)
    hidden = torch.relu(tx @ t["encoder"]["0"]["W"] + t["encoder"]["0"]["b"])
    q = t["encoder"]["q"]
    mean = hidden @ q["mean"]["W"] + q["mean"]["b"]
    log_var = bounded(hidden @ q["log_var"]["0"]["W"] + q["log_var"]["0"]["b"])
    z = mean + torch.exp(log_var / 2) * eps
    hidden = torch.relu(z @ t["decoder"]["0"]["W"] + t["decoder"]["0"]["b"])
    out = t["decoder"]["out"]
    kl = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum() / n
    head = out if name in ("bernoulli", "fixed") else out["mean"]
    y = hidden @ head["W"] + head["b"]
    if name == "bernoulli":
        nll = functional.binary_cross_entropy_with_logits(y, tx, reduction="sum") / n
    else:
        v = torch.full_like(y, 2 * math.log(0.7))
        if name == "shared":
            v = bounded(out["log_var"]["0"]["c"]).expand_as(y)
        if name == "pixel":
            v = bounded(hidden @ out["log_var"]["0"]["W"] + out["log_var"]["0"]["b"])
        gaussian = torch.distributions.Normal(y, torch.exp(v / 2))
        nll = -gaussian.log_prob(tx).sum() / n
    loss = nll + kl
    loss.backward()

    value, backward = model.loss(p, x, noise)
    dp, dx = backward()
    tolerance = 1e-5 if dtype == np.float32 else 1e-9
    assert float(value) == pytest.approx(loss.item(), rel=tolerance)
    theirs = dict(tree.leaves(tree.map(lambda a: a.grad.numpy(), t))) | {"x": tx.grad.numpy()}
    for leaf, gradient in {**dict(tree.leaves(dp)), "x": dx}.items():
        scale = max(1.0, float(abs(theirs[leaf]).max()))
        np.testing.assert_allclose(gradient, theirs[leaf], atol=tolerance * scale, err_msg=leaf)


def good(rng):
    model = dense_vae(7, 5, 2)
    p = model.init(rng)
    x = (rng.random((3, 7)) < 0.5).astype(np.float32)
    return model, p, x, model.draw_noise(rng, x)


@pytest.mark.parametrize(
    "damage, error, message",
    [
        (
            lambda x: 2 * x - 1,
            ValueError,
            r"expected x within 0\.\.1, got -1\.\.1.*\(x \+ 1\) / 2",
        ),
        (lambda x: x / 2, ValueError, r"got grey levels between them: binarise x"),
        (lambda x: np.where(x > 0, np.float32(np.nan), x), ValueError, r"NaN or infinite"),
        (lambda x: x[:, :5], ValueError, r"expected x of shape \(\.\.\., 7\), got \(3, 5\)"),
        (lambda x: x[:0], ValueError, r"is empty: give at least one example"),
        (lambda x: x.astype(np.float64), TypeError, r"x is float64, parameter 'W' is float32"),
        (lambda x: x.astype(np.uint8), TypeError, r"expected floats, got uint8"),
    ],
    ids=["range", "grey", "nan", "width", "empty", "dtype", "integers"],
)
def test_bad_data_is_refused_with_a_remedy(rng, damage, error, message):
    model, p, x, noise = good(rng)
    bad = damage(x)
    with pytest.raises(error, match=message):
        model.loss(p, bad, noise)
    with pytest.raises(error, match=message):
        model.log_prob(p, bad, rng)


def test_noise_of_another_shape_is_refused(rng):
    model, p, x, noise = good(rng)
    with pytest.raises(ValueError, match=r"reparameterise: expected eps .* \(3, 2\), got \(2, 2\)"):
        model.loss(p, x, noise[:2])


def test_unknown_parameters_are_refused(rng):
    model, p, x, noise = good(rng)
    with pytest.raises(ValueError, match=r"VAE: expected .* got \['W'\]: use the dict"):
        model.loss({"W": x}, x, noise)
    with pytest.raises(ValueError, match=r"VAE: expected .* got list"):
        model.sample([p], rng, 2)


def test_an_encoder_of_another_width_is_refused(rng):
    _, p, x, noise = good(rng)
    small = dense_vae(7, 5, 2)
    wrong = VAE(small.encoder, small.decoder, 3, Bernoulli())
    with pytest.raises(ValueError, match=r"encoder's mean has shape \(3, 2\), expected \(3, 3\)"):
        wrong.loss(p, x, noise)


def test_bad_sizes_are_refused(rng):
    model, p, x, _ = good(rng)
    with pytest.raises(ValueError, match=r"n_latent must be a whole number >= 1, got 0"):
        dense_vae(7, 5, 2).__class__(model.encoder, model.decoder, 0, Bernoulli())
    with pytest.raises(ValueError, match=r"samples must be a whole number >= 1, got 0"):
        model.log_prob(p, x, rng, samples=0)
    with pytest.raises(ValueError, match=r"n must be a whole number >= 1, got -1"):
        model.sample(p, rng, -1)
    with pytest.raises(ValueError, match=r"unknown variance 'both': choose pixel, shared, one"):
        dense_vae(7, 5, 2, Gaussian(), "both")
