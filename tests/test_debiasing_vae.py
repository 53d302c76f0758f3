"""The debiasing VAE: a classifier and a VAE in one loss, each with the examples of its own."""

from dataclasses import replace

import numpy as np
import pytest
from linear_vae import (
    STD,
    D,
    Z,
    covariance,
    exact_log_p,
    expected_elbo,
    kl_from_posterior,
    near_prior,
)

from tinygen import layers as L
from tinygen import to_device, to_host, tree
from tinygen.cases.common import jittered, of_data
from tinygen.check import check_gradients
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian
from tinygen.models import (
    DebiasingVAE,
    conv_debiasing_vae,
    debiasing_order,
    debiasing_vae,
    dense_debiasing_vae,
)
from tinygen.models.debiasing_vae import spread
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.training import Turn, train

K = 3
HEADS = L.Fork(logits=L.Dense(D, K), mean=L.Dense(D, Z), log_var=L.Dense(D, Z))
LINEAR = DebiasingVAE(HEADS, L.Dense(Z, D), Z, Gaussian(std=STD), classes=K)
SMALL = dense_debiasing_vae(D, 6, Z, Gaussian(std=0.5), classes=K, weight=3.0, beta=2.0)
Y = np.array([1, 0, 2, 1, 1, 0])


def point(rng, model=SMALL, n=6):
    """Parameters in float64, data and noise."""
    return jittered(rng, model.init(rng, np.float64)), rng.normal(size=(n, D))


# What it says is true


def test_the_loss_is_that_of_a_classifier_and_of_a_vae_of_one_class(rng):
    p, x = point(rng)
    noise = SMALL.draw_noise(rng, (x, Y))
    value, backward = SMALL.loss(p, (x, Y), noise)
    own = Y == 1
    nll_y, _ = Categorical(K).nll(SMALL.logits(p, x), Y)
    q = {k: a[own] for k, a in SMALL.encode(p, x).items()}
    z = q["mean"] + np.exp(q["log_var"] / 2) * noise[own]
    nll, _ = Gaussian(std=0.5).nll(SMALL.decode(p, z), x[own])
    kl = (q["mean"] ** 2 + np.exp(q["log_var"]) - q["log_var"] - 1).sum(axis=1) / 2
    expected = (3 * nll_y.sum() + nll.sum() + 2 * kl.sum()) / 6
    assert value == pytest.approx(expected, rel=1e-12)
    terms = {"class": nll_y.mean(), "nll": nll.mean(), "kl": kl.mean()}
    wrong = (SMALL.logits(p, x).argmax(axis=1) != Y).mean()
    assert backward.terms == pytest.approx(terms | {"error": wrong})
    np.testing.assert_allclose(SMALL.elbo(p, x[own], noise[own]), -(nll + kl), rtol=1e-12)


def test_log_p_minus_elbo_is_the_divergence_from_the_posterior(rng):
    p, x = point(rng, LINEAR, 4)
    p = near_prior(p)
    q = LINEAR.encode(p, x)
    kl = kl_from_posterior(p, x, q["mean"], covariance(q))
    assert np.all(kl > 0.01)
    np.testing.assert_allclose(exact_log_p(p, x) - expected_elbo(LINEAR, p, x), kl, rtol=1e-10)


def test_importance_sampling_finds_the_exact_likelihood(rng):
    p, x = point(rng, LINEAR, 3)
    p = near_prior(p)
    found, error = LINEAR.log_prob(p, x, rng, samples=20_000)
    assert np.all(error < 0.05)
    assert np.all(abs(found - exact_log_p(p, x)) <= 4 * error)


# Gradients


def test_another_class_gives_the_decoder_and_the_codes_no_gradient(rng):
    p, x = point(rng)
    noise = SMALL.draw_noise(rng, (x, Y))
    others = Y != 1
    _, backward = SMALL.loss(p, (x[others], Y[others]), noise[others])
    dp, (dx, none) = backward()
    silent = {**dp["decoder"], "mean": dp["encoder"]["out"]["mean"]}
    silent["log_var"] = dp["encoder"]["out"]["log_var"]
    assert all(np.all(leaf == 0) for _, leaf in tree.leaves(silent))
    assert np.all(dp["encoder"]["out"]["logits"]["W"] != 0) and np.all(dx != 0) and none == ()


def test_the_decoder_s_gradient_is_that_of_the_class_alone(rng):
    p, x = point(rng)
    noise = SMALL.draw_noise(rng, (x, Y))
    own = Y == 1
    whole = SMALL.loss(p, (x, Y), noise)[1].dp()["decoder"]
    part = SMALL.loss(p, (x[own], Y[own]), noise[own])[1].dp()["decoder"]
    for (name, a), (_, b) in zip(tree.leaves(whole), tree.leaves(part), strict=True):
        np.testing.assert_allclose(a, b * own.sum() / len(Y), rtol=1e-12, err_msg=name)
    other = np.where(own[:, None], noise, rng.normal(size=noise.shape))
    assert SMALL.loss(p, (x, Y), other)[0] == SMALL.loss(p, (x, Y), noise)[0]


def to_the_first_rows(a, rows, n):
    """The planted bug: gradients of the class stand in the first rows of the batch."""
    return spread(a, np.arange(len(rows)), n)


def without_beta(model):
    """The planted bug: a backward pass that forgets a weight of the loss."""
    value = model.loss
    return lambda *given: (value(*given)[0], replace(model, beta=1.0).loss(*given)[1])


def test_planted_bugs_are_rejected(rng, monkeypatch):
    p, x = point(rng)
    noise = SMALL.draw_noise(rng, (x, Y))

    def passed(loss):
        return check_gradients(of_data(loss, Y, noise), p, x, rng=rng).passed

    assert passed(SMALL.loss) and not passed(without_beta(SMALL))
    monkeypatch.setattr(debiasing_vae, "spread", to_the_first_rows)
    assert not passed(SMALL.loss)


@pytest.mark.parametrize("net", ["dense", "conv"])
def test_every_parameter_moves_in_one_step(rng, net):
    shape = (5, 4, 1)
    build = dense_debiasing_vae if net == "dense" else conv_debiasing_vae
    model = build(shape, n_latent=2, likelihood=Gaussian(), classes=K)
    p, x = model.init(rng), rng.random((6, *shape), np.float32)
    before = tree.map(lambda a: a.copy(), p)
    _, backward = model.loss(p, (x, Y), model.draw_noise(rng, (x, Y)))
    optimiser = adam(1e-3)
    optimiser.update(p, backward.dp(), optimiser.init(p))
    for (leaf, old), (_, new) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert np.any(old != new), f"{leaf} stood still"


# Training


def blobs(rng, n=200):
    """Three classes of points; class 1 has an outlying cluster of 5 %."""
    x, y = rng.normal(size=(n, D)).astype(np.float32), rng.integers(3, size=n)
    rare = (y == 1) & (rng.random(n) < 0.05)
    x[rare, 0] += 8
    return x, y, rare


def go(x, y, epochs, **kw):
    """A short training whose orders follow the codes."""
    turn = Turn("t", SMALL.loss, SMALL.draw_noise, adam(3e-3))
    rng = np.random.default_rng(5)
    p = to_device(SMALL.init(rng), kw.pop("device", None))
    order = debiasing_order(SMALL, x, y)
    return train(
        turn, p, (x, y), rng=rng, epochs=epochs, batch=32, order=order, progress=False, **kw
    )


def test_a_run_with_orders_of_its_own_goes_on_to_the_same_bits(rng, tmp_path):
    x, y, _ = blobs(rng)
    config = {"system": "t", "seed": 5}
    whole = go(x, y, 4, run=Run.create(tmp_path / "whole", config))
    go(x, y, 2, run=Run.create(tmp_path / "parts", config))
    parts = go(x, y, 4, run=Run.open(tmp_path / "parts"))
    for (name, a), (_, b) in zip(tree.leaves(whole.p), tree.leaves(parts.p), strict=True):
        assert a.tobytes() == b.tobytes(), name
    assert whole.log == parts.log


def test_a_training_finds_the_class_and_draws_its_outlying_cluster(rng):
    x, y, rare = blobs(rng, 1000)
    x[np.arange(1000), 1 + y] += 4  # what the classes differ in
    done = go(x, y, 8)
    assert SMALL.accuracy(done.p, x, y) > 0.9
    drawn = debiasing_order(SMALL, x, y)(rng, done.p)
    ones = drawn[y[drawn] == 1]
    assert rare[ones].mean() > 1.8 * rare[y == 1].mean()


@pytest.mark.parametrize("device", ["pretend"], indirect=True)
def test_a_device_trains_and_orders_as_numpy_does(rng, device):
    x, y, _ = blobs(rng, 60)
    here = go(x, y, 2)
    there = go(*to_device((x, y), device), 2, device=device)
    for (name, a), (_, b) in zip(tree.leaves(here.p), tree.leaves(there.p), strict=True):
        np.testing.assert_allclose(to_host(b), a, atol=1e-4, err_msg=name)
    accuracy = SMALL.accuracy(there.p, *to_device((x, y), device))
    assert accuracy == SMALL.accuracy(here.p, x, y)


# What is refused

ROWS = np.zeros((6, D), np.float32)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: dense_debiasing_vae(D, debiased=2), r"one of the classes 0..1, got 2"),
        (lambda: dense_debiasing_vae(D, debiased=-1), "debiased must be a whole number >= 0"),
        (lambda: dense_debiasing_vae(D, classes=1), "classes must be a whole number >= 2, got 1"),
        (lambda: dense_debiasing_vae(D, weight=-1), "weight must be a finite number >= 0"),
        (lambda: dense_debiasing_vae(D, beta=np.inf), "beta must be a finite number >= 0"),
        (lambda: loss(SMALL, ROWS, Y + 1), r"labels lie in 1\.\.3, expected 0\.\.2"),
        (lambda: loss(SMALL, ROWS, Y[:4]), r"expected labels of shape \(6,\)"),
        (lambda: loss(SMALL, ROWS * np.nan, Y), "NaN"),
        (lambda: loss(SMALL, ROWS, Y, noise=ROWS), r"noise of shape \(6, 2\), got \(6, 5\)"),
        (
            lambda: loss(DebiasingVAE(L.Dense(D, 4), L.Dense(2, D), 2, Bernoulli()), y=Y % 2),
            "ndarray",
        ),
        (lambda: loss(DebiasingVAE(HEADS, L.Dense(Z, D), 4, Bernoulli(), classes=K)), r"\(6, 4\)"),
        (lambda: loss(DebiasingVAE(HEADS, L.Dense(Z, D), Z, Bernoulli()), y=Y % 2), "same classes"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "batch, message",
    [
        (ROWS, r"expected \(x, y\), data and their labels, got ndarray"),
        ((ROWS, Y, Y), "got tuple"),
        ((ROWS, Y.astype(float)), "whole numbers"),
        (([1.0], Y), "x as a NumPy or CuPy array, got list"),
    ],
)
def test_what_is_no_pair_of_data_and_labels_is_refused(rng, batch, message):
    p = SMALL.init(rng)
    with pytest.raises(TypeError, match=message):
        SMALL.loss(p, batch, np.zeros((6, Z), np.float32))


def loss(model, x=ROWS, y=Y, noise=None):
    """The loss at fresh parameters."""
    noise = np.zeros((len(x), model.n_latent), np.float32) if noise is None else noise
    return model.loss(model.init(np.random.default_rng(0)), (x, y), noise)
