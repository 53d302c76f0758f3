"""The Parzen-window estimate, beside closed forms; and how sharp images are."""

import sys

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from tinygen import metrics, to_device, to_host
from tinygen.data import load
from tinygen.metrics.parzen import SIGMAS, WARNING, parzen, parzen_log_density
from tinygen.metrics.sharpness import sharpness

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def test_one_sample_is_one_gaussian(rng):
    x, s = rng.normal(size=(7, 3)), rng.normal(size=(1, 3))
    found = parzen_log_density(s, x, (0.4, 2.0))
    for i, sigma in enumerate((0.4, 2.0)):
        expected = norm(s, sigma).logpdf(x).sum(axis=1)
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-12)


def test_several_samples_are_their_mixture_whatever_the_blocks(rng, monkeypatch):
    x, s = rng.normal(size=(11, 2, 3)), rng.normal(size=(8, 2, 3))
    each = norm(0, 0.7).logpdf(x[:, None] - s).sum(axis=(2, 3))  # (N, M)
    expected = logsumexp(each, axis=1) - np.log(8)
    module = sys.modules["tinygen.metrics.parzen"]
    for block in (1000, 3):
        monkeypatch.setattr(module, "BLOCK", block)
        np.testing.assert_allclose(parzen_log_density(s, x, (0.7,))[:, 0], expected, rtol=1e-11)


def test_many_samples_of_a_gaussian_give_that_gaussian_blurred():
    """E over s ~ N(0, 1) of N(x; s, sigma^2) is N(x; 0, 1 + sigma^2)."""
    rng = np.random.default_rng(0)
    s, x = rng.normal(size=(40_000, 1)), np.linspace(-2, 2, 9)[:, None]
    expected = norm(0, np.sqrt(1 + 0.3**2)).logpdf(x[:, 0])
    np.testing.assert_allclose(parzen_log_density(s, x, (0.3,))[:, 0], expected, atol=0.04)


def test_the_width_is_the_best_on_the_validation_examples_and_the_mean_is_of_the_test_ones(rng):
    samples, validation, test = (rng.normal(size=(n, 4)) for n in (200, 50, 60))
    found = parzen(samples, validation, test)
    assert tuple(found.validation) == SIGMAS
    assert found.sigma == max(SIGMAS, key=found.validation.get)
    assert SIGMAS[0] < found.sigma < SIGMAS[-1]
    log_p = parzen_log_density(samples, test, (found.sigma,))[:, 0]
    assert (found.mean, found.error) == pytest.approx(metrics.mean_and_error(log_p))
    assert pytest.approx(np.logspace(-1, 0, 10)) == SIGMAS and "1511.01844" in WARNING


def test_the_width_is_chosen_where_the_test_examples_are_not_seen(rng):
    """Validation examples close to the samples ask for a narrow window, these test ones do not."""
    samples = rng.normal(size=(200, 2))
    validation, test = samples[:50] + 0.02 * rng.normal(size=(50, 2)), 3 * rng.normal(size=(60, 2))
    best = {
        name: SIGMAS[parzen_log_density(samples, x, SIGMAS).mean(axis=0).argmax()]
        for name, x in {"validation": validation, "test": test}.items()
    }
    assert best["validation"] < 0.3 < best["test"]
    assert parzen(samples, validation, test).sigma == best["validation"]


def test_examples_far_from_every_sample_have_a_finite_density():
    found = parzen_log_density(np.zeros((3, 2)), np.full((1, 2), 1e3), (0.1,))
    assert found[0, 0] == pytest.approx(-1e8 - np.log(2 * np.pi * 0.01), rel=1e-9)


@pytest.mark.parametrize("sigma", [1e-99, 1e99])
def test_widths_beside_which_all_distances_are_nothing_or_all_give_a_number(sigma):
    s = np.zeros((3, 2))
    found = parzen_log_density(s, s, (sigma,))
    np.testing.assert_allclose(found, -np.log(2 * np.pi) - 2 * np.log(sigma), rtol=1e-12)


@pytest.mark.parametrize(
    ("sigmas", "scale", "says"),
    [
        ((1e-200,), 1, r"each of sigmas must be .* >= 1e-100 and < 1e\+100, got 1e-200"),
        ((0.1, 1e200), 1, r"each of sigmas must be .* < 1e\+100, got 1e\+200"),
        ((0.5, 1e-60), 1, r"sigma 1e-60 is too small beside .* such as 0\.1 to 1 for pixels"),
        ((0.5,), 1e200, r"sigma 0\.5 is too small beside the distances"),
    ],
)
def test_densities_that_no_float_holds_are_refused(sigmas, scale, says, rng):
    x = scale * rng.random((4, 3))
    with pytest.raises(ValueError, match=says):
        parzen(x, x[::-1] / 2, x + 0.1 * scale, sigmas)


@every_device
def test_a_device_gives_the_numbers_of_numpy(device, rng):
    parts = [rng.random((n, 4, 3, 1)).astype(np.float32) for n in (20, 6, 7)]
    here, there = parzen(*parts), parzen(*(to_device(part, device) for part in parts))
    assert (there.mean, there.error) == pytest.approx((here.mean, here.error), rel=1e-9)
    assert there.sigma == here.sigma
    sharp = sharpness(to_device(parts[0], device))
    np.testing.assert_allclose(to_host(sharp), sharpness(parts[0]), rtol=1e-5)


@pytest.mark.parametrize(
    "args, error, says",
    [
        ((np.zeros((2, 3)), np.zeros((2, 4)), (1.0,)), ValueError, "parzen: samples: expected x"),
        ((np.zeros((0, 3)), np.zeros((2, 3)), (1.0,)), ValueError, "samples: x .* is empty"),
        ((np.zeros((2, 3)), np.zeros((2, 3)), ()), ValueError, "sigmas must be .*> 0"),
        ((np.zeros((2, 3)), np.zeros((2, 3)), (0.0,)), ValueError, "sigmas must be .*> 0"),
        ((np.zeros((2, 3)), np.zeros((2, 3), int), (1.0,)), TypeError, "expected floats"),
    ],
)
def test_what_is_no_estimate_is_refused(args, error, says):
    with pytest.raises(error, match=says):
        parzen_log_density(*args)


def test_one_test_example_is_refused(rng):
    with pytest.raises(ValueError, match="parzen: one test example has no standard error"):
        parzen(rng.random((5, 3)), rng.random((5, 3)), rng.random((1, 3)))


# Sharpness


def stripes(period, n=48):
    """Images of waves across, of that period in pixels."""
    wave = np.sin(2 * np.pi * np.arange(n) / period)
    return np.tile(wave[None, None, :, None], (1, n, 1, 1))


@pytest.mark.parametrize("period", [4, 8, 16])
def test_a_wave_is_as_sharp_as_its_frequency_says(period):
    """A difference multiplies a wave of angular frequency w by 2 sin(w / 2)."""
    expected = (2 * np.sin(np.pi / period)) ** 2
    assert sharpness(stripes(period))[0] == pytest.approx(expected, rel=0.06)


def blurred(x, times):
    """Each pixel and its four neighbours, averaged."""
    for _ in range(times):
        wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        x = (
            x + wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
        ) / 5
    return x


def test_blur_lowers_it_and_the_more_the_lower(rng):
    x = load("digits").test.x[:40].astype(np.float64)
    means = [sharpness(blurred(x, k)).mean() for k in range(4)]
    assert means == sorted(means, reverse=True) and means[3] < 0.7 * means[0]


def test_brightness_contrast_and_the_number_of_channels_cancel(rng):
    x = rng.random((5, 9, 7, 1))
    np.testing.assert_allclose(sharpness(0.3 * x + 0.5), sharpness(x), rtol=1e-10)
    np.testing.assert_allclose(sharpness(np.tile(x, (1, 1, 1, 3))), sharpness(x), rtol=1e-10)


def test_noise_counts_as_sharp_which_is_why_it_is_no_measure_of_quality(rng):
    noise = rng.normal(size=(20, 48, 48, 1))
    assert sharpness(noise).mean() == pytest.approx(4, rel=0.05)
    assert sharpness(stripes(8) + 0.3 * noise).min() > 1.2 * sharpness(stripes(8))[0]


def test_one_colour_has_no_edges_and_what_are_no_images_is_refused(rng):
    x = rng.random((3, 4, 4, 1))
    x[1] = 0.5
    assert sharpness(x)[1] == 0 and sharpness(x)[[0, 2]].min() > 0
    with pytest.raises(ValueError, match=r"expected x of shape \(N, H, W, C\)"):
        sharpness(x[0])
    with pytest.raises(TypeError, match="expected floats"):
        sharpness((x > 0.5).astype(int))
