"""The conditional VAE: its bound, its likelihood, its analogies, and what it refuses."""

import numpy as np
import pytest

from tinygen import arrays, layers, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.layers import Dense, Fork, LabelledDense, Sequential
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import conditional_vae
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.optim import adam
from tinygen.training import Turn, train

D, Z, K, STD = 5, 2, 3, 0.6


def linear_model():
    """p(x|y,z) = N(z W + V[y] + b, STD^2 I): given y, probabilistic PCA with a mean of its own."""
    encoder = Sequential(
        label=LabelledDense(D, K, 4), q=Fork(mean=Dense(4, Z), log_var=Dense(4, Z))
    )
    decoder = Sequential(label=LabelledDense(Z, K, D))
    return ConditionalVAE(encoder, decoder, Z, K, Gaussian(std=STD))


def linear_point(rng, model, n=4):
    """Parameters with q near the prior, so that importance weights have light tails; (x, y)."""
    p = jittered(rng, model.init(rng, np.float64))
    p["encoder"] = tree.scale(p["encoder"], 0.3)
    return p, (rng.normal(size=(n, D)), rng.integers(K, size=n))


def exact_log_p(p, x, y):
    """log p(x|y) (n,) of the linear model."""
    part = p["decoder"]["label"]
    cov = part["W"].T @ part["W"] + STD**2 * np.eye(D)
    error = x - part["V"][y] - part["b"]
    mahalanobis = (error @ np.linalg.inv(cov) * error).sum(axis=1)
    return -0.5 * (mahalanobis + np.linalg.slogdet(2 * np.pi * cov)[1])


def test_importance_sampling_finds_the_exact_likelihood_given_the_class(rng):
    model = linear_model()
    p, (x, y) = linear_point(rng, model)
    found, error = model.log_prob(p, (x, y), rng, samples=40_000)
    assert np.all(error < 0.05)
    assert np.all(abs(found - exact_log_p(p, x, y)) <= 4 * error)
    wrong = exact_log_p(p, x, (y + 1) % K)
    assert np.median(abs(found - wrong)) > 1  # another class is another density


def test_the_bound_lies_below_the_likelihood_by_its_divergence_from_the_posterior(rng):
    model = linear_model()
    p, (x, y) = linear_point(rng, model)
    part, q = p["decoder"]["label"], model.encode(p, x, y)
    precision = np.eye(Z) + part["W"] @ part["W"].T / STD**2
    posterior = (x - part["V"][y] - part["b"]) @ part["W"].T / STD**2 @ np.linalg.inv(precision)
    d, var = q["mean"] - posterior, np.exp(q["log_var"])
    kl = 0.5 * (
        (var * np.diag(precision)).sum(axis=1)
        + (d @ precision * d).sum(axis=1)
        - Z
        - np.linalg.slogdet(precision)[1]
        - q["log_var"].sum(axis=1)
    )
    points = np.sqrt(Z) * np.concatenate([np.eye(Z), -np.eye(Z)])  # exact for a quadratic
    elbo = np.mean([model.elbo(p, (x, y), np.tile(e, (4, 1))) for e in points], axis=0)
    assert np.all(kl > 0.01)
    np.testing.assert_allclose(exact_log_p(p, x, y) - elbo, kl, rtol=1e-10)


def test_the_likelihood_does_not_depend_on_how_the_work_is_cut(rng, monkeypatch):
    model = linear_model()
    p, batch = linear_point(rng, model)
    whole = model.log_prob(p, batch, np.random.default_rng(5), samples=30)
    for rows in (7, 64):
        monkeypatch.setattr(conditional_vae.vae_likelihood, "DECODER_ROWS", rows)
        found = model.log_prob(p, batch, np.random.default_rng(5), samples=30)
        np.testing.assert_allclose(found, whole, rtol=1e-12)


def test_many_labels_of_an_example_are_the_bounds_of_its_copies(rng):
    model = dense_conditional_vae(D, 4, Z, K, Bernoulli(grey=True))
    p, x = jittered(rng, model.init(rng, np.float64)), rng.random((2, D))
    y, eps, d = rng.integers(K, size=8), rng.normal(size=(8, Z)), rng.normal(size=8)
    value, backward = model.bound(p, x, y, eps)
    copies, copies_backward = model.bound(p, np.repeat(x, 4, axis=0), y, eps)
    np.testing.assert_allclose(value, copies, rtol=1e-12)
    (dp, dx), (dp_copies, dx_copies) = backward(d), copies_backward(d)
    for (leaf, a), (_, b) in zip(tree.leaves(dp), tree.leaves(dp_copies), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12, err_msg=leaf)
    np.testing.assert_allclose(dx, dx_copies.reshape(2, 4, D).sum(axis=1), atol=1e-12)


def test_the_loss_is_the_mean_of_minus_the_elbo_and_the_sum_of_its_terms(rng):
    model = dense_conditional_vae(D, 4, Z, K, Bernoulli(grey=True))
    p, batch = model.init(rng, np.float64), (rng.random((6, D)), rng.integers(K, size=6))
    noise = model.draw_noise(rng, batch)
    value, backward = model.loss(p, batch, noise)
    assert value == pytest.approx(-model.elbo(p, batch, noise).mean(), rel=1e-12)
    assert value == pytest.approx(backward.terms["nll"] + backward.terms["kl"], rel=1e-12)


def test_a_labelled_layer_is_the_dense_layer_on_the_one_hot_label(rng):
    layer = LabelledDense(4, K, 6)
    p, x, label = layer.init(rng, np.float64), rng.normal(size=(5, 4)), rng.integers(K, size=5)
    y, backward = layer.forward(p, x, label)
    beside = np.concatenate([x, np.eye(K)[label]], axis=1)
    both = {"W": np.concatenate([p["W"], p["V"]]), "b": p["b"]}
    plain, plain_backward = Dense(4 + K, 6).forward(both, beside)
    dy = rng.normal(size=(5, 6))
    np.testing.assert_allclose(y, plain, rtol=1e-12)
    (dp, dx), (dp_plain, dx_plain) = backward(dy), plain_backward(dy)
    np.testing.assert_allclose(np.concatenate([dp["W"], dp["V"]]), dp_plain["W"], atol=1e-12)
    np.testing.assert_allclose(dp["b"], dp_plain["b"], rtol=1e-12)
    np.testing.assert_allclose(dx, dx_plain[:, :4], rtol=1e-12)


def test_every_parameter_moves_in_one_step(rng):
    model = dense_conditional_vae(D, 4, Z, K, Gaussian(), "pixel")
    p, batch = model.init(rng), (rng.random((9, D), np.float32), np.arange(9) % K)
    before = tree.map(lambda a: a.copy(), p)
    _, backward = model.loss(p, batch, model.draw_noise(rng, batch))
    optimiser = adam(1e-3)
    optimiser.update(p, backward.dp(), optimiser.init(p))
    for (leaf, old), (_, new) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert np.any(old != new), f"{leaf} stood still"


def test_what_is_learnt_of_a_class_is_drawn_when_asked_for_it_and_the_style_stays(rng):
    """Three classes, each a pixel of its own, in two styles, five more pixels dark or light."""
    y, style = rng.integers(K, size=600), rng.integers(2, size=600)
    x = np.zeros((600, 8), np.float32)
    x[np.arange(600), y] = 1
    x[:, 3:] = style[:, None]
    model = dense_conditional_vae(8, 16, 1, K)
    turn = Turn("cvae", model.loss, model.draw_noise, adam(1e-2))
    p = train(turn, model.init(rng), (x, y), rng=rng, epochs=15, batch=50, progress=False).p
    drawn = model.sample(p, rng, np.repeat(np.arange(K), 50), mean=True)
    assert np.array_equal(drawn[:, :3].argmax(axis=1), np.repeat(np.arange(K), 50))
    analogies = model.analogies(p, (x[:30], y[:30]))
    assert analogies.shape == (30, K, 8)
    assert np.array_equal(analogies[..., :3].argmax(axis=2), np.tile(np.arange(K), (30, 1)))
    assert np.array_equal(analogies[..., 3:].mean(axis=2) > 0.5, np.tile(style[:30, None] > 0, K))
    again = model.reconstruct(p, (x[:30], y[:30]), rng, mean=True)
    assert np.mean((again > 0.5) == (x[:30] > 0)) > 0.95  # z is drawn: now and then another style


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_conditional_vae_gives_the_numbers_of_numpy_on_any_device(device):
    def outcome(device):
        rng = np.random.default_rng(0)
        model = dense_conditional_vae((3, 2, 1), 5, Z, K)
        p = to_device(model.init(rng), device)
        x, y = (rng.random((6, 3, 2, 1)) < 0.5).astype(np.float32), np.arange(6) % K
        batch = to_device((x, y), device)
        log_p, error = model.log_prob(p, batch, rng, samples=5)
        return {
            "loss": model.loss(p, batch, model.draw_noise(rng, batch))[0],
            "log_p": log_p,
            "error": error,
            "analogies": model.analogies(p, batch),
            "sample": model.sample(p, rng, y),
            "reconstruction": model.reconstruct(p, batch, rng, mean=True),
        }

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


def good(rng):
    model = dense_conditional_vae(D, 4, Z, K)
    return model, model.init(rng), (rng.random((3, D)) < 0.5).astype(np.float32), np.arange(3)


@pytest.mark.parametrize(
    "damage, error, message",
    [
        (
            lambda y: y + 1,
            ValueError,
            r"labels lie in 1\.\.3, expected 0\.\.2: number .* classes=4",
        ),
        (lambda y: y - 1, ValueError, r"labels lie in -1\.\.1, expected 0\.\.2"),
        (lambda y: y[:2], ValueError, r"expected labels of shape \(3,\), one an example, got \(2,"),
        (lambda y: y / 1.0, TypeError, r"array of whole numbers, got float64: use y\.astype"),
        (lambda y: [0, 1, 2], TypeError, r"array of whole numbers, got list"),
    ],
    ids=["above", "below", "shape", "floats", "list"],
)
def test_bad_labels_are_refused_with_a_remedy(rng, damage, error, message):
    model, p, x, y = good(rng)
    bad, noise = damage(y), model.draw_noise(rng, (x, y))
    with pytest.raises(error, match=message):
        model.loss(p, (x, bad), noise)
    with pytest.raises(error, match=message):
        model.log_prob(p, (x, bad), rng)


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_labels_out_of_range_are_refused_where_an_index_would_wrap(rng, device):
    model, p, x, y = good(rng)
    p, batch = to_device(p, device), to_device((x, y + 1), device)
    with pytest.raises(ValueError, match=r"labels lie in 1\.\.3, expected 0\.\.2"):
        model.loss(p, batch, model.draw_noise(rng, batch))


@pytest.mark.parametrize(
    "damage, error, message",
    [
        (lambda x: 2 * x - 1, ValueError, r"expected x within 0\.\.1, got -1\.\.1"),
        (lambda x: x[:, :4], ValueError, r"expected x of shape \(N, 5\), got \(3, 4\)"),
        (lambda x: np.where(x > 0, np.float32(np.nan), x), ValueError, r"NaN or infinite"),
        (lambda x: x.astype(np.float64), TypeError, r"x is float64, parameter 'W' is float32"),
    ],
    ids=["range", "width", "nan", "dtype"],
)
def test_bad_data_are_refused_with_a_remedy(rng, damage, error, message):
    model, p, x, y = good(rng)
    noise = model.draw_noise(rng, (x, y))
    with pytest.raises(error, match=message):
        model.loss(p, (damage(x), y), noise)


def test_data_without_labels_and_parameters_of_others_are_refused(rng):
    model, p, x, y = good(rng)
    with pytest.raises(TypeError, match=r"expected \(x, y\), data and their labels, got ndarray"):
        model.loss(p, x, None)
    with pytest.raises(ValueError, match=r"ConditionalVAE: expected the parameters .* got \['W'\]"):
        model.encode({"W": x}, x, y)
    with pytest.raises(ValueError, match=r"ConditionalVAE: x of shape \(0, 5\) is empty"):
        model.loss(p, (x[:0], y[:0]), x[:0, :Z])


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match=r"classes must be a whole number >= 2, got 1"):
        dense_conditional_vae(D, 4, Z, 1)
    with pytest.raises(ValueError, match=r"the label joins the first hidden layer, and there is"):
        dense_conditional_vae(D, (), Z, K)
    with pytest.raises(TypeError, match=r"expected a likelihood such as Bernoulli\(\)"):
        ConditionalVAE(Sequential(), Sequential(), Z, K, Bernoulli)


@pytest.mark.parametrize(
    "label, error, message",
    [
        (None, TypeError, r"expected whole numbers as labels, got NoneType: .* third argument"),
        (np.ones(2), TypeError, r"expected whole numbers as labels, got float64"),
        (np.arange(3), ValueError, r"expected M labels for each of 2 rows, \(N M,\), got \(3,\)"),
        (np.array([0, 3]), ValueError, r"must lie in 0\.\.2, got 0\.\.3: .* classes=4"),
        (np.array([0, -1]), ValueError, r"must lie in 0\.\.2, got -1\.\.0"),
    ],
)
def test_a_labelled_layer_refuses_what_is_no_label(rng, label, error, message):
    layer = layers.LabelledDense(4, K, 6)
    with pytest.raises(error, match=message):
        layer.forward(layer.init(rng, np.float64), rng.normal(size=(2, 4)), label)
