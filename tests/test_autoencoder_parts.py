"""What autoencoders are made of: corruptions, the Jacobian's norm, codes as a Gaussian, PCA."""

import math

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host
from tinygen.data import digits
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    linear_autoencoder,
    tied_autoencoder,
)
from tinygen.models.codes import gaussian_of_codes, sample_codes
from tinygen.models.contractive import SigmoidEncoder
from tinygen.models.corruption import GaussianNoise, Masking, SaltAndPepper
from tinygen.models.pca import pca_autoencoder
from tinygen.optim import momentum
from tinygen.training import Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
CORRUPTIONS = [Masking(0.3), GaussianNoise(0.3), SaltAndPepper(0.3)]
named = {"ids": lambda value: type(value).__name__}


def corrupted(corruption, x, rng):
    return corruption.forward({}, x, corruption.draw(rng, x))[0]


# Corruptions


def share(kept, rate):
    """Whether a share of many pixels is this rate, within 4 standard errors."""
    return abs(kept.mean() - rate) <= 4 * math.sqrt(rate * (1 - rate) / kept.size)


def test_masking_zeroes_its_share_and_leaves_the_rest(rng):
    x = rng.uniform(0.1, 0.9, size=(50, 20, 10, 1))
    y = corrupted(Masking(0.3), x, rng)
    assert share(y == 0, 0.3)
    assert np.array_equal(y[y != 0], x[y != 0])


def test_gaussian_noise_has_its_standard_deviation_and_no_mean(rng):
    x = rng.uniform(0.1, 0.9, size=(50, 20, 10, 1))
    error = corrupted(GaussianNoise(0.3), x, rng) - x
    assert abs(error.mean()) <= 4 * 0.3 / math.sqrt(error.size)
    assert abs(error.std() - 0.3) <= 4 * 0.3 / math.sqrt(2 * error.size)


def test_salt_and_pepper_fall_as_often_and_leave_the_rest(rng):
    x = rng.uniform(0.1, 0.9, size=(50, 20, 10, 1))
    y = corrupted(SaltAndPepper(0.3), x, rng)
    assert share(y == 0, 0.15) and share(y == 1, 0.15)
    kept = (y != 0) & (y != 1)
    assert np.array_equal(y[kept], x[kept])


@pytest.mark.parametrize("corruption", CORRUPTIONS, **named)
def test_pixels_are_corrupted_one_by_one(corruption, rng):
    """Neighbours, channels and examples share no noise."""
    x = np.full((200, 6, 5, 3), 0.5)
    hit = (corrupted(corruption, x, rng) - x).reshape(200, -1)
    hit = (hit - hit.mean()) / hit.std()
    for other in (np.roll(hit, 1, axis=0), np.roll(hit, 1, axis=1), np.roll(hit, 3, axis=1)):
        assert abs((hit * other).mean()) <= 4 / math.sqrt(hit.size)


@pytest.mark.parametrize("corruption", CORRUPTIONS, **named)
def test_noise_comes_from_the_generator_alone(corruption):
    x = np.ones((2, 3, 4, 1), np.float32)
    first, again = (corrupted(corruption, x, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again) and first.dtype == np.float32
    assert not np.array_equal(first, corrupted(corruption, x, np.random.default_rng(4)))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, np.nan, "0.3", True, None])
@pytest.mark.parametrize("kind", [Masking, SaltAndPepper])
def test_a_rate_that_is_no_share_is_refused(kind, rate):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: rate must be .* >= 0 and < 1"):
        kind(rate)


@pytest.mark.parametrize("std", [0, -1, np.inf, np.nan, "1", True])
def test_a_std_that_is_none_is_refused(std):
    with pytest.raises(ValueError, match="GaussianNoise: std must be a finite number > 0"):
        GaussianNoise(std)


@pytest.mark.parametrize("corruption", CORRUPTIONS, **named)
def test_noise_of_another_batch_or_kind_is_refused(corruption, rng):
    x = np.ones((2, 3, 4, 1), np.float32)
    for bad, kind, message in (
        (corruption.draw(rng, x[:1]), ValueError, "noise of .* shape|expected noise"),
        (corruption.draw(rng, x.astype(np.float64)), TypeError, "noise is float64"),
        (None, (TypeError, ValueError), "expected noise"),
        ({"m": x}, (TypeError, ValueError), "expected noise"),
    ):
        with pytest.raises(kind, match=message):
            corruption.forward({}, x, bad)
    with pytest.raises(TypeError, match="expected floats"):
        corruption.draw(rng, np.ones((2, 3), int))


# The Jacobian


def jacobian(encoder, p, x):
    """J (N, Z, I), a row from each one-hot cotangent of the code."""
    h, backward = encoder.forward(p, x)
    rows = []
    for j in range(encoder.n_latent):
        one_hot = np.zeros_like(h)
        one_hot[:, j] = 1
        rows.append(backward.dx(one_hot).reshape(len(x), -1))
    return np.stack(rows, axis=1)


def test_the_norm_is_that_of_the_jacobian_that_the_pullback_builds(rng):
    encoder, x = SigmoidEncoder(24, 5), rng.normal(size=(3, 4, 3, 2))
    p = encoder.init(rng, np.float64)
    p = {"W": 2 * p["W"], "b": rng.normal(size=5)}
    h, _ = encoder.forward(p, x)
    norm, _ = encoder.jacobian_norm(p, h)
    assert norm.shape == (3,) and norm.std() > 0.1 * norm.mean()
    np.testing.assert_allclose(norm, (jacobian(encoder, p, x) ** 2).sum(axis=(1, 2)), rtol=1e-12)


def test_the_gradient_of_the_norm_written_out(rng):
    """d|J|^2 in W, b and x by the page's formulas, against the model's pullback at no error."""
    model = contractive_autoencoder((4, 3, 1), 5, 1.0)
    x = rng.normal(size=(3, 4, 3, 1))
    p = model.init(rng, np.float64)
    with_, without = (m.loss(p, x)[1]() for m in (model, tied_autoencoder((4, 3, 1), 5)))
    W, rows = p["W"], x.reshape(3, -1)
    h = 1 / (1 + np.exp(-(rows @ W + p["b"])))
    s, lengths = h * (1 - h), (W**2).sum(axis=0)
    da = 2 * s * s * (1 - 2 * h) * lengths / 3
    expected = {"W": 2 * W * (s**2).sum(axis=0) / 3 + rows.T @ da, "b": da.sum(axis=0), "c": 0}
    for key in p:
        np.testing.assert_allclose(with_[0][key] - without[0][key], expected[key], atol=1e-13)
    dx = (with_[1] - without[1]).reshape(3, -1)
    np.testing.assert_allclose(dx, da @ W.T, atol=1e-13)


def test_tied_weights_serve_both_ways(rng):
    model, x = tied_autoencoder((4, 3, 1), 5), rng.normal(size=(2, 4, 3, 1))
    p = {"W": rng.normal(size=(12, 5)), "b": rng.normal(size=5), "c": rng.normal(size=12)}
    h = 1 / (1 + np.exp(-(x.reshape(2, -1) @ p["W"] + p["b"])))
    np.testing.assert_allclose(model.encode(p, x), h, rtol=1e-12)
    np.testing.assert_allclose(
        model.reconstruct(p, x).reshape(2, -1), h @ p["W"].T + p["c"], rtol=1e-12
    )


def test_codes_of_another_width_are_refused(rng):
    encoder = SigmoidEncoder(6, 5)
    with pytest.raises(ValueError, match=r"SigmoidEncoder codes: expected x of shape \(N, 5\)"):
        encoder.jacobian_norm(encoder.init(rng, np.float64), np.ones((2, 4)))
    for sizes in ((0, 5), (6, 0), (6, 2.5)):
        with pytest.raises(ValueError, match=r"SigmoidEncoder: n_.* must be a whole number >= 1"):
            SigmoidEncoder(*sizes)


# A Gaussian of the codes


def codes(rng, n=400):
    return rng.normal(size=(n, 3)) @ np.array([[2, 0, 0], [1, 0.5, 0], [0, 0.3, 0.1]]) + [1, -2, 3]


@pytest.mark.parametrize("n", [400, 4, 3, 2, 1])
def test_the_fit_has_the_mean_and_covariance_of_the_codes(n, rng):
    z = codes(rng, n)
    fit = gaussian_of_codes(z)
    np.testing.assert_allclose(fit["mean"], z.mean(axis=0), atol=1e-12)
    cov = (z - z.mean(axis=0)).T @ (z - z.mean(axis=0)) / n
    np.testing.assert_allclose(fit["L"] @ fit["L"].T, cov, atol=1e-12)
    assert np.array_equal(fit["L"], np.tril(fit["L"])) and np.all(np.diag(fit["L"]) >= 0)


def test_the_factor_is_choleskys(rng):
    z = codes(rng)
    factor = np.linalg.cholesky(np.cov(z.T, bias=True))
    np.testing.assert_allclose(gaussian_of_codes(z)["L"], factor, atol=1e-12)


def test_a_code_that_never_moves_is_drawn_where_it_stands(rng):
    z = codes(rng)
    z[:, 1] = 0.7
    drawn = sample_codes(gaussian_of_codes(z), rng, 5)
    np.testing.assert_allclose(drawn[:, 1], 0.7, atol=1e-12)
    assert np.all(drawn.std(axis=0)[[0, 2]] > 0.01)


def test_drawn_codes_have_the_fitted_law(rng):
    fit = gaussian_of_codes(codes(rng))
    drawn = sample_codes(fit, rng, 20_000)
    cov, found = fit["L"] @ fit["L"].T, np.cov(drawn.T)
    std = np.sqrt(np.diag(cov))
    assert np.all(abs(drawn.mean(axis=0) - fit["mean"]) <= 4 * std / math.sqrt(20_000))
    error = np.sqrt((cov**2 + np.outer(std, std) ** 2) / 20_000)
    assert np.all(abs(found - cov) <= 4 * error)


def test_codes_that_are_none_are_refused(rng):
    for bad, message in ((np.ones(3), r"\(N, Z\)"), (np.ones((0, 3)), "empty")):
        with pytest.raises(ValueError, match=f"gaussian_of_codes: .*{message}"):
            gaussian_of_codes(bad)
    with pytest.raises(ValueError, match="NaN"):
        gaussian_of_codes(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="sample_codes: n must be a whole number >= 1, got 0"):
        sample_codes(gaussian_of_codes(np.ones((2, 3))), rng, 0)


# PCA


@pytest.fixture(scope="module")
def x():
    return digits("train")[0].astype(np.float64)


@pytest.mark.parametrize("n_latent", [1, 5, 63, 64])
def test_pca_is_a_minimum_of_the_linear_autoencoder(n_latent, x):
    """There the gradient is zero and the loss the sum of the discarded eigenvalues."""
    rows = x.reshape(len(x), -1)
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    p, least = pca_autoencoder(x, n_latent)
    value, backward = linear_autoencoder((8, 8, 1), n_latent).loss(p, x)
    assert float(value) == pytest.approx(eigenvalues[n_latent:].sum(), abs=1e-12)
    assert least == pytest.approx(float(value), abs=1e-12)
    dp = backward.dp()
    for d in (dp["encoder"]["code"], dp["decoder"]["images"]["0"]):
        assert max(abs(d["W"]).max(), abs(d["b"]).max()) < 1e-12


def test_no_step_from_pca_lowers_the_loss(x, rng):
    model = linear_autoencoder((8, 8, 1), 5)
    p, least = pca_autoencoder(x, 5)
    for size in (1e-3, 1e-1):
        for _ in range(5):
            moved = {
                net: {k: {n: a + size * rng.normal(size=a.shape) for n, a in d.items()}}
                for net, ((k, d),) in (
                    ("encoder", p["encoder"].items()),
                    ("decoder", p["decoder"]["images"].items()),
                )
            }
            moved["decoder"] = {"images": moved["decoder"]}
            assert float(model.loss(moved, x)[0]) > least


def test_training_reaches_pca(x):
    model, rng = linear_autoencoder((8, 8, 1), 5), np.random.default_rng(0)
    _, least = pca_autoencoder(x, 5)
    turn = Turn("linear", model.loss, model.draw_noise, momentum(0.015))
    p = model.init(rng, np.float64)
    assert float(model.loss(p, x)[0]) > 4 * least
    p = train(turn, p, x, rng=rng, epochs=100, batch=128, progress=False).p
    reached = float(model.loss(p, x)[0])
    assert least < reached < 1.02 * least


def test_more_components_than_pixels_are_refused(x):
    with pytest.raises(ValueError, match="n_latent is 65, an example has 64 numbers"):
        pca_autoencoder(x, 65)
    with pytest.raises(ValueError, match="pca_autoencoder: n_latent must be a whole number >= 1"):
        pca_autoencoder(x, 0)


@every_device
def test_pca_gives_the_numbers_of_numpy_on_any_device(device, x):
    there = to_device(x.astype(np.float32), device)
    model = linear_autoencoder((8, 8, 1), 5)
    (p, least), (q, same) = pca_autoencoder(to_host(there), 5), pca_autoencoder(there, 5)
    assert same == pytest.approx(least, rel=1e-5)
    r = model.reconstruct(q, there)
    assert arrays.device_of(r) == device
    np.testing.assert_allclose(to_host(r), model.reconstruct(p, to_host(there)), atol=1e-3)
