"""Mixtures of Gaussians that a net puts out: their density, draws, and bad input."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from tinygen import to_device, to_host, tree
from tinygen.likelihoods import Gaussian, MixtureDensity


def drawn(rng, *places, K=3, C=2):
    """Parameters at these places, and x."""
    logits = rng.normal(size=(*places, K))
    mean, log_var = rng.normal(size=(2, *places, K, C))
    return {"logits": logits, "mean": mean, "log_var": log_var}, rng.normal(size=(*places, C))


def test_it_is_the_density_of_scipy(rng):
    params, x = drawn(rng, 4, 5)
    std = np.exp(params["log_var"] / 2)
    each = norm.logpdf(x[..., None, :], params["mean"], std).sum(axis=-1)  # (4, 5, K)
    weights = params["logits"] - logsumexp(params["logits"], axis=-1, keepdims=True)
    wanted = -logsumexp(weights + each, axis=-1).sum(axis=1)
    np.testing.assert_allclose(MixtureDensity(3).nll(params, x)[0], wanted, rtol=1e-12)


def test_one_component_is_a_gaussian(rng):
    params, x = drawn(rng, 4, K=1)
    alone = {key: params[key][:, 0] for key in ("mean", "log_var")}
    nll, backward = MixtureDensity(1).nll(params, x)
    other, other_backward = Gaussian().nll(alone, x)
    np.testing.assert_allclose(nll, other, rtol=1e-12)
    d = rng.normal(size=4)
    (dparams, dx), (dalone, dx_alone) = backward(d), other_backward(d)
    assert abs(dparams["logits"]).max() < 1e-12
    np.testing.assert_allclose(dx, dx_alone, rtol=1e-12)
    for key, dkey in dalone.items():
        np.testing.assert_allclose(dparams[key][:, 0], dkey, rtol=1e-12)


def test_far_from_all_components_the_loss_is_finite_and_pulls_back(rng):
    params, x = tree.map(lambda a: a.astype(np.float32), drawn(rng, 4))
    nll, backward = MixtureDensity(3).nll(params, x + 1000)
    dparams, dx = backward(np.ones(4, np.float32))
    assert np.isfinite(nll).all() and (nll > 1000).all() and (dx > 0).all()
    assert all(np.isfinite(d).all() for d in dparams.values())
    assert (dparams["mean"].sum(axis=1) < 0).all()  # the means are drawn towards x


def test_draws_have_the_mixture_s_mean_and_variance(rng):
    params, _ = drawn(rng, 1)
    n = 200_000
    many = tree.map(lambda a: np.repeat(a, n, axis=0), params)
    x = MixtureDensity(3).sample(many, rng)
    w = np.exp(params["logits"] - logsumexp(params["logits"]))[0][:, None]  # (K, 1)
    mean, variance = params["mean"][0], np.exp(params["log_var"][0])
    centre = (w * mean).sum(axis=0)
    spread = (w * (variance + mean**2)).sum(axis=0) - centre**2
    np.testing.assert_allclose(MixtureDensity(3).mean(params)[0], centre, rtol=1e-12)
    np.testing.assert_allclose(x.mean(axis=0), centre, atol=5 * np.sqrt(spread.max() / n))
    np.testing.assert_allclose(x.var(axis=0), spread, rtol=0.03)


def test_the_numbers_of_a_draw_come_from_one_component(rng):
    far = np.array([[[-9.0, -9.0], [9.0, 9.0]]]).repeat(500, axis=0)
    params = {"logits": np.zeros((500, 2)), "mean": far, "log_var": np.zeros((500, 2, 2))}
    x = MixtureDensity(2).sample(params, rng)
    assert (np.sign(x[:, 0]) == np.sign(x[:, 1])).all() and 0.4 < (x[:, 0] > 0).mean() < 0.6


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_draws_and_means_are_those_of_numpy_on_any_device(device, rng):
    params, _ = tree.map(lambda a: a.astype(np.float32), drawn(rng, 4, 5))
    for place in ("cpu", device):
        at = to_device(params, place)
        x = to_host(MixtureDensity(3).sample(at, np.random.default_rng(1)))
        mean = to_host(MixtureDensity(3).mean(at))
        if place == "cpu":
            first = x, mean
    np.testing.assert_allclose(x, first[0], rtol=1e-5)
    np.testing.assert_allclose(mean, first[1], rtol=1e-5)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"logits": np.zeros((4, 2))}, ValueError, r"expected logits \(N, ..., 3\), got \(4, 2\)"),
        ({"logits": np.zeros(3)}, ValueError, r"expected logits \(N, ..., 3\), got \(3,\)"),
        ({"mean": np.zeros((4, 3))}, ValueError, "give each component a mean of C numbers"),
        ({"mean": np.zeros((4, 2, 2))}, ValueError, "expected mean of shape"),
        ({"log_var": np.zeros((4, 3, 1))}, ValueError, "log_var of the parameters' shape"),
        ({"log_var": np.full((4, 3, 2), np.nan)}, ValueError, "NaN"),
        ({"mean": np.zeros((4, 3, 2), np.float32)}, TypeError, "mean is float32"),
        ({"weights": np.zeros((4, 3))}, ValueError, "expected a dict of"),
    ],
)
def test_other_parameters_are_refused(change, error, message, rng):
    params, x = drawn(rng, 4)
    with pytest.raises(error, match=message):
        MixtureDensity(3).nll(params | change, x)


def test_other_data_and_counts_are_refused(rng):
    params, x = drawn(rng, 4)
    with pytest.raises(ValueError, match=r"x of the parameters' shape \(4, 2\), got \(4, 1\)"):
        MixtureDensity(3).nll(params, x[:, :1])
    with pytest.raises(ValueError, match="NaN"):
        MixtureDensity(3).nll(params, x * np.nan)
    with pytest.raises(TypeError, match="x is float32"):
        MixtureDensity(3).nll(params, x.astype(np.float32))
    with pytest.raises(ValueError, match="components must be a whole number >= 1, got 0"):
        MixtureDensity(0)
