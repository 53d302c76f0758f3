"""What a VAE may minimise beside the plain bound: beta, warm-up, free bits, many draws."""

import dataclasses
import math

import numpy as np
import pytest
from linear_vae import (
    D,
    Z,
    covariance,
    exact_log_p,
    exact_posterior,
    expected_elbo,
    kl_from_posterior,
    linear_point,
    linear_vae,
    sigma_points,
)

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.divergences import kl_diagonal_standard
from tinygen.likelihoods import Bernoulli
from tinygen.models import MixturePrior, vae_likelihood
from tinygen.models.iwae import importance_weighted_loss
from tinygen.models.vae import dense_vae
from tinygen.models.vae_kl import free_bits
from tinygen.optim import adam
from tinygen.schedules import cosine

POSTERIORS = ["diagonal", "full"]
both_posteriors = pytest.mark.parametrize("posterior", POSTERIORS)


def small(rng, n=3, **objective):
    """A dense VAE of grey pixels, its parameters, data and noise, in double precision."""
    model = dense_vae(7, 5, 2, Bernoulli(grey=True), **objective)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.uniform(0.1, 0.9, size=(n, 7))
    return model, p, x, model.draw_noise(rng, x)


def assert_trees_close(a, b, rtol=1e-10):
    for (name, one), (_, other) in zip(tree.leaves(a), tree.leaves(b), strict=True):
        scale = max(1e-30, float(abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=0, atol=rtol * scale, err_msg=name)


# Full covariance


def with_encoder(posterior, p, mean_weights, spread):
    """p whose q(z|x) has mean x W + b and one spread, the bias of its other head, for all x."""
    zeros = {"W": np.zeros((D, len(spread))), "b": spread}
    head = {"log_var": zeros} if posterior == "diagonal" else {"L": {"0": zeros}}
    return {"encoder": {"mean": mean_weights, **head}, "decoder": p["decoder"]}


def best_encoder(posterior, p):
    """p with the q(z|x) of this kind that is closest to the posterior of the linear model."""
    zero, units = exact_posterior(p, np.zeros((1, D)))[0], exact_posterior(p, np.eye(D))[0]
    mean_weights = {"W": units - zero, "b": zero[0]}  # the posterior mean is affine in x
    _, precision = exact_posterior(p, np.zeros((1, D)))
    if posterior == "diagonal":
        spread = -np.log(np.diag(precision))
    else:
        L = np.linalg.cholesky(np.linalg.inv(precision))
        i, a = np.arange(Z), Z * L  # the numbers behind the division, and behind the bound
        a[i, i] = 10 * np.arctanh(2 * np.log(L[i, i]) / 10)
        spread = a[np.tril_indices(Z)]
    return with_encoder(posterior, p, mean_weights, spread)


def oblique_point(rng, n=4):
    """A decoder whose latent axes point almost the same way, so that the posterior is oblique."""
    p, x = linear_point(rng, n=n)
    p["decoder"]["W"][1] += p["decoder"]["W"][0]
    return p, x


def diagonal_gap(p, x):
    """What the best diagonal Gaussian leaves: vae.md, equation 14."""
    _, precision = exact_posterior(p, x)
    return 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])


def test_a_full_posterior_closes_the_gap_that_a_diagonal_one_cannot(rng):
    p, x = oblique_point(rng)
    log_p = exact_log_p(p, x)
    gaps = {}
    for posterior in POSTERIORS:
        model, q = linear_vae(posterior), best_encoder(posterior, p)
        gaps[posterior] = log_p - expected_elbo(model, q, x)
    np.testing.assert_allclose(gaps["full"], 0, atol=1e-12)
    assert diagonal_gap(p, x) > 0.1
    np.testing.assert_allclose(gaps["diagonal"], diagonal_gap(p, x), rtol=1e-9)


def test_at_the_posterior_itself_each_weight_is_the_likelihood(rng):
    p, x = linear_point(rng)
    model, best = linear_vae("full"), best_encoder("full", p)
    eps = rng.normal(size=(len(x), 6, Z))
    log_w, _ = vae_likelihood.log_weights(model, best, x, model.encode(best, x), eps)
    expected = np.repeat(exact_log_p(p, x)[:, None], 6, axis=1)
    np.testing.assert_allclose(log_w, expected, rtol=1e-12)
    terms = importance_weighted_loss(model, best, x, eps)[1].terms
    assert terms["ess"] == pytest.approx(6, rel=1e-12)


def test_training_finds_the_posterior_that_is_not_diagonal(rng):
    """The decoder held, a few hundred steps of the encoder alone bring the gap to zero."""
    p, x = oblique_point(rng, n=32)
    model, optimiser = linear_vae("full"), adam(cosine(0.2, 300))
    p["encoder"] = tree.map(np.zeros_like, model.init(rng, np.float64)["encoder"])
    state = optimiser.init(p["encoder"])
    points = [np.tile(e, (32, 1)) for e in sigma_points()]
    for _ in range(300):
        grads = [model.loss(p, x, eps)[1].dp()["encoder"] for eps in points]
        optimiser.update(p["encoder"], tree.map(lambda *g: sum(g) / len(g), *grads), state)
    q = model.encode(p, x)
    gap = kl_from_posterior(p, x, q["mean"], covariance(q)).mean()
    assert gap < 1e-3 * diagonal_gap(p, x)


# Beta, and its warm-up


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
def test_the_loss_is_the_distortion_and_beta_times_the_rate(rng, beta):
    model, p, x, noise = small(rng)
    value, backward = model.loss(p, x, noise, beta=beta)
    terms = backward.terms
    assert value == pytest.approx(terms["nll"] + beta * terms["kl"], rel=1e-14)
    assert terms["nll"] + terms["kl"] == pytest.approx(-model.elbo(p, x, noise).mean(), rel=1e-12)
    field = dataclasses.replace(model, beta=beta)
    assert field.loss(p, x, noise)[0] == value
    assert_trees_close(field.loss(p, x, noise)[1]()[0], backward()[0], rtol=0)


def test_the_argument_overrules_the_field(rng):
    model, p, x, noise = small(rng, beta=4.0)
    plain = dataclasses.replace(model, beta=1.0)
    assert model.loss(p, x, noise, beta=1.0)[0] == plain.loss(p, x, noise)[0]
    assert model.loss(p, x, noise, beta=0.0)[0] == plain.loss(p, x, noise, 0.0)[0]
    assert model.loss(p, x, noise)[0] != plain.loss(p, x, noise)[0]


@pytest.mark.parametrize("samples", [1, 4])
def test_the_elbo_does_not_depend_on_beta(rng, samples):
    model, p, x, noise = small(rng, samples=samples)
    tilted = dataclasses.replace(model, beta=4.0)
    np.testing.assert_array_equal(tilted.elbo(p, x, noise), model.elbo(p, x, noise))


def test_the_gradient_is_linear_in_beta(rng):
    model, p, x, noise = small(rng)
    none, one, two = (model.loss(p, x, noise, b)[1]() for b in (0.0, 1.0, 2.0))
    expected = tree.map(lambda a, b: 2 * b - a, none, one)
    assert_trees_close(two, expected, rtol=1e-12)
    dq = one[0]["encoder"]["q"]["log_var"]["0"]["b"] - none[0]["encoder"]["q"]["log_var"]["0"]["b"]
    assert abs(dq).max() > 1e-3


def test_a_schedule_of_doubles_does_not_change_the_dtype(rng):
    model = dense_vae(7, 5, 2)
    p, x = model.init(rng), np.ones((3, 7), np.float32)
    value, backward = model.loss(p, x, model.draw_noise(rng, x), np.float64(0.3))
    assert value.dtype == np.float32
    assert {a.dtype for _, a in tree.leaves(backward())} == {np.dtype(np.float32)}


# Free bits


def codes(rng, n=40):
    """q of three dimensions with mean rates of about 0.05, 0.5 and 3 nats."""
    scale = np.array([0.2, 1.0, 2.5])
    q = {"mean": scale * rng.normal(size=(n, 3)), "log_var": 0.2 * rng.normal(size=(n, 3))}
    rate = 0.5 * (q["mean"] ** 2 + np.exp(q["log_var"]) - q["log_var"] - 1)
    return q, rate


def test_free_bits_clamp_the_mean_of_the_batch_in_each_dimension(rng):
    q, rate = codes(rng)
    means, lam = rate.mean(axis=0), 0.25
    assert means[0] < lam < means[1] < means[2]
    assert (rate[:, 1] < lam).any(), "an example below lambda in a dimension that pays"
    value, backward = free_bits(q, lam)
    assert value == pytest.approx(lam + means[1] + means[2], rel=1e-12)
    assert backward.terms["kl"] == pytest.approx(means.sum(), rel=1e-12)
    assert backward.terms["kl_charged"] == value
    dq = backward.dx(1.0)
    _, plain = kl_diagonal_standard(q)
    expected = plain.dp(np.full(40, 1 / 40))
    for key in q:
        np.testing.assert_array_equal(dq[key][:, 0], 0)
        np.testing.assert_allclose(dq[key][:, 1:], expected[key][:, 1:], rtol=1e-12)


def test_at_the_kink_a_dimension_is_free():
    q = {"mean": np.ones((3, 1)), "log_var": np.zeros((3, 1))}  # a rate of exactly 1/2
    for lam, slope in ((0.5, 0), (0.4999, 1 / 3)):
        dq = free_bits(q, lam)[1].dx(1.0)
        np.testing.assert_allclose(dq["mean"], slope, rtol=1e-12)


@pytest.mark.parametrize("lam, charged", [(1e-6, 1.0), (100.0, 0.0)])
def test_far_from_the_clamp_free_bits_are_the_plain_rate_or_nothing(rng, lam, charged):
    model, p, x, noise = small(rng)
    free = dataclasses.replace(model, free_bits=lam)
    value, backward = free.loss(p, x, noise)
    plain, plain_backward = model.loss(p, x, noise, beta=charged)
    assert value == pytest.approx(plain + (1 - charged) * 2 * lam, rel=1e-12)
    assert_trees_close(backward(), plain_backward(), rtol=1e-12)
    assert backward.terms["kl"] == pytest.approx(plain_backward.terms["kl"], rel=1e-12)


def test_beta_weighs_what_the_free_bits_leave(rng):
    model, p, x, noise = small(rng, free_bits=0.01)
    value, backward = model.loss(p, x, noise, beta=3.0)
    terms = backward.terms
    assert value == pytest.approx(terms["nll"] + 3 * terms["kl_charged"], rel=1e-12)


def test_free_bits_keep_a_code_in_use(rng):
    """Where the rate is charged ten times over the code dies; free bits leave it lambda nats."""
    x = (rng.random((64, 6)) < np.array([[0.1], [0.9]])[rng.integers(2, size=64)]).astype(float)
    rates = {}
    for lam in (0.0, 0.5):
        model, optimiser = dense_vae(6, 8, 1, beta=10.0, free_bits=lam), adam(0.02)
        noise_rng = np.random.default_rng(0)
        p = model.init(noise_rng, np.float64)
        state = optimiser.init(p)
        for _ in range(300):
            _, backward = model.loss(p, x, model.draw_noise(noise_rng, x))
            optimiser.update(p, backward.dp(), state)
        rates[lam] = backward.terms["kl"]
    assert rates[0.0] < 0.02
    assert rates[0.5] == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("option", [{"prior": MixturePrior(2)}, {"samples": 3}])
def test_free_bits_without_a_closed_form_are_refused(option):
    with pytest.raises(ValueError, match=r"VAE: free_bits need .* closed form.*or free_bits=0"):
        dense_vae(7, 5, 2, free_bits=0.1, **option)


def test_free_bits_of_a_full_covariance_are_refused(rng):
    model, p, x, noise = small(rng, posterior="full", free_bits=0.1)
    with pytest.raises(ValueError, match=r"free_bits: expected a diagonal posterior.*free_bits=0"):
        model.loss(p, x, noise)


# The importance-weighted bound


def log_mean_exp(a):
    return np.log(np.exp(a).mean(axis=1))


@both_posteriors
def test_the_importance_weighted_loss_is_the_mean_log_of_the_mean_weight(rng, posterior):
    model, (p, x) = linear_vae(posterior, samples=7), linear_point(rng, posterior)
    noise = model.draw_noise(rng, x)
    assert noise.shape == (4, 7, Z)
    log_w, _ = vae_likelihood.log_weights(model, p, x, model.encode(p, x), noise)
    value, backward = model.loss(p, x, noise)
    assert value == pytest.approx(-log_mean_exp(log_w).mean(), rel=1e-12)
    assert backward.terms["nll"] + backward.terms["kl"] == pytest.approx(-log_w.mean(), rel=1e-12)
    np.testing.assert_allclose(model.elbo(p, x, noise), log_w.mean(axis=1), rtol=1e-12)
    w = np.exp(log_w)
    ess = (w.sum(axis=1) ** 2 / (w * w).sum(axis=1)).mean()
    assert 1 < backward.terms["ess"] < 7 and backward.terms["ess"] == pytest.approx(ess, rel=1e-12)


@both_posteriors
def test_its_gradient_is_that_of_single_draws_weighted_by_their_shares(rng, posterior):
    model, p, x, noise = small(rng, n=2, posterior=posterior, samples=5)
    log_w, _ = vae_likelihood.log_weights(model, p, x, model.encode(p, x), noise)
    share = np.exp(log_w) / np.exp(log_w).sum(axis=1, keepdims=True)
    assert np.ptp(share, axis=1).min() > 0.01
    total = None
    for n in range(2):
        for k in range(5):
            _, single = importance_weighted_loss(
                model, p, x[n : n + 1], noise[n : n + 1, k : k + 1]
            )
            part = tree.scale(single()[0], share[n, k] / 2)  # a mean over the batch of two
            total = part if total is None else tree.add(total, part)
    assert_trees_close(model.loss(p, x, noise)[1].dp(), total, rtol=1e-10)


@both_posteriors
def test_one_draw_has_the_elbo_as_its_mean_but_not_as_its_value(rng, posterior):
    model, (p, x) = linear_vae(posterior), linear_point(rng, posterior)
    losses, gradients, closed = [], [], []
    for e in sigma_points():
        eps = np.tile(e, (len(x), 1))
        value, backward = importance_weighted_loss(model, p, x, eps[:, None])
        losses.append(value)
        gradients.append(backward.dp())
        closed.append(model.loss(p, x, eps))
    assert np.mean(losses) == pytest.approx(-expected_elbo(model, p, x).mean(), rel=1e-12)
    assert abs(np.array(losses) - [value for value, _ in closed]).min() > 1e-3
    mean = tree.map(lambda *g: sum(g) / len(g), *gradients)
    expected = tree.map(lambda *g: sum(g) / len(g), *(b.dp() for _, b in closed))
    assert_trees_close(mean, expected, rtol=1e-10)


@both_posteriors
def test_as_a_loss_the_bound_rises_with_the_draws_towards_log_p(rng, posterior):
    p, x = linear_point(rng, posterior, n=1)
    many, log_p = np.repeat(x, 3000, axis=0), exact_log_p(p, x)[0]
    elbo = expected_elbo(linear_vae(posterior), p, x)[0]
    means, errors = [elbo], [0.0]
    for k in (5, 50):
        model = linear_vae(posterior, samples=k)
        noise = model.draw_noise(rng, many)
        log_w, _ = vae_likelihood.log_weights(model, p, many, model.encode(p, many), noise)
        means.append(-model.loss(p, many, noise)[0])
        errors.append(log_mean_exp(log_w).std() / math.sqrt(len(many)))
    assert means[0] < means[1] - 4 * errors[1]
    assert means[1] + 4 * errors[1] < means[2] - 4 * errors[2]
    assert means[2] < log_p + 4 * errors[2]
    assert log_p - means[2] < 0.2 * (log_p - means[0])


def test_a_trained_bound_of_many_draws_is_the_tighter_one(rng):
    """By 20 draws the same nets reach a higher likelihood bound than by one, on the same data."""
    x = (rng.random((200, 6)) < 0.5).astype(float)
    x[:, 3:] = x[:, :3]  # three coins, each shown twice: 3 log 2 nats
    found = {}
    for k in (1, 20):
        model, optimiser = dense_vae(6, 12, 2, samples=k), adam(0.02)
        noise_rng = np.random.default_rng(1)
        p = model.init(noise_rng, np.float64)
        state = optimiser.init(p)
        for _ in range(300):
            _, backward = model.loss(p, x, model.draw_noise(noise_rng, x))
            optimiser.update(p, backward.dp(), state)
        found[k] = model.log_prob(p, x, noise_rng, 200)[0].mean()
    assert found[1] + 0.05 < found[20] < -3 * math.log(2) + 0.05


def test_beta_weighs_the_prior_and_the_posterior_in_every_weight(rng):
    model, p, x, noise = small(rng, samples=4)
    q = model.encode(p, x)
    z = q["mean"][:, None] + np.exp(q["log_var"] / 2)[:, None] * noise
    logits = model.decode(p, z.reshape(-1, 2))
    nll, _ = model.likelihood.nll(logits, np.repeat(x, 4, axis=0))
    zero = -nll.reshape(3, 4)  # without the prior and the posterior
    one, _ = vae_likelihood.log_weights(model, p, x, q, noise)
    value, backward = model.loss(p, x, noise, beta=0.3)
    assert value == pytest.approx(-log_mean_exp(zero + 0.3 * (one - zero)).mean(), rel=1e-12)
    terms = backward.terms  # of the ELBO, whatever beta is
    assert terms["nll"] == pytest.approx(nll.mean(), rel=1e-12)
    assert terms["nll"] + terms["kl"] == pytest.approx(-model.elbo(p, x, noise).mean(), rel=1e-12)


def test_the_shares_add_up_to_one_where_the_log_weights_round_coarsely(rng):
    """Two draws alike, in float32 at log weights of millions: log 2 is lost beside them."""
    model = dense_vae(7, 5, 2, samples=2)
    p = model.init(rng)
    p["decoder"]["out"]["b"] -= np.float32(1e6)
    x, noise = np.ones((3, 7), np.float32), np.zeros((3, 2, 2), np.float32)
    _, backward = model.loss(p, x, noise)
    assert backward.terms["ess"] == pytest.approx(2, rel=1e-6)
    single = model.loss(p, x, noise[:, :1])[1].dp()["decoder"]
    assert_trees_close(backward.dp()["decoder"], single, rtol=1e-6)


def test_weights_too_small_for_their_dtype_do_not_vanish(rng):
    model, p, x, noise = small(rng, samples=4)
    p["decoder"]["out"]["b"] -= 3000  # log w of about -1e4
    value, backward = model.loss(p, x, noise)
    assert 5000 < value < 20_000
    assert all(np.isfinite(a).all() for _, a in tree.leaves(backward()))


def test_noise_without_an_axis_of_draws_is_refused(rng):
    model, p, x, noise = small(rng, samples=4)
    with pytest.raises(
        ValueError, match=r"noise of shape \(3, K, 2\), got \(3, 2\): use draw_noise"
    ):
        model.loss(p, x, noise[:, 0])
    with pytest.raises(ValueError, match=r"noise of shape \(3, K, 2\), got \(2, 4, 2\)"):
        model.loss(p, x, noise[:2])
    with pytest.raises(ValueError, match=r"noise of shape \(3, K, 2\), got \(3, 0, 2\)"):
        model.elbo(p, x, noise[:, :0])
    with pytest.raises(ValueError, match=r"VAE.elbo: x of shape \(0, 7\) is empty"):
        model.elbo(p, x[:0], noise[:0])


@pytest.mark.parametrize("field", ["beta", "free_bits"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, True])
def test_weights_that_are_no_numbers_from_zero_up_are_refused(field, value):
    with pytest.raises(ValueError, match=rf"VAE: {field} must be a finite number >= 0, got"):
        dense_vae(7, 5, 2, **{field: value})


def test_a_beta_below_zero_is_refused_at_the_step(rng):
    model, p, x, noise = small(rng)
    with pytest.raises(ValueError, match=r"VAE: beta must be a finite number >= 0, got -1"):
        model.loss(p, x, noise, beta=-1)
    with pytest.raises(ValueError, match=r"samples must be a whole number >= 1, got 0"):
        dense_vae(7, 5, 2, samples=0)
