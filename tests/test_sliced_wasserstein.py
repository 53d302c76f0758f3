"""The sliced Wasserstein distance: closed forms, symmetry, and what it tells apart."""

from itertools import permutations
from math import gamma, pi, sqrt

import numpy as np
import pytest

from tinygen import metrics, to_device
from tinygen.metrics.sliced_wasserstein import (
    laplacian,
    normalised,
    pyramid_distance,
    sliced_wasserstein,
)


def mean_cosine(D):
    """E |theta_1| of a unit vector in D dimensions."""
    return gamma(D / 2) / (sqrt(pi) * gamma((D + 1) / 2))


def fresh(seed=1):
    return np.random.default_rng(seed)


def test_a_shifted_set_is_as_far_as_the_shift_seen_from_all_sides(rng):
    """W1(theta . a, theta . (a + m)) = |theta . m|, exactly; its mean over the sphere is known."""
    a, shift = rng.normal(size=(50, 6)), rng.normal(size=6)
    found = sliced_wasserstein(a, a + shift, fresh(), 4096)
    assert found == pytest.approx(mean_cosine(6) * np.linalg.norm(shift), rel=0.04)


def test_scaled_gaussians_are_as_far_as_their_scales(rng):
    """W1(N(0, 1), N(0, s^2)) = |s - 1| E|N(0, 1)|, along every direction."""
    a, b = rng.normal(size=(2, 4000, 5))
    found = sliced_wasserstein(a, 3 * b, fresh(), 256)
    assert found == pytest.approx(2 * sqrt(2 / pi), rel=0.05)


def test_it_is_zero_for_one_set_in_any_order_and_symmetric(rng):
    a, b = rng.normal(size=(2, 40, 6))
    assert sliced_wasserstein(a, a[::-1], fresh()) < 1e-15
    assert sliced_wasserstein(a, b, fresh()) == sliced_wasserstein(b, a, fresh()) > 0.1


def test_it_is_the_cheapest_matching_along_each_direction(rng):
    a, b = rng.normal(size=(5, 3)), rng.exponential(size=(5, 3))
    theta = fresh().normal(size=(3, 70))
    theta /= np.linalg.norm(theta, axis=0)
    matchings = [abs(a @ theta - (b @ theta)[list(order)]) for order in permutations(range(5))]
    least = np.mean(matchings, axis=1).min(axis=0)
    assert sliced_wasserstein(a, b, fresh(), 70) == pytest.approx(least.mean(), rel=1e-12)


# The pyramid


def test_the_pyramid_is_that_of_burt_and_adelson(rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    x = rng.random((2, 32, 32, 3))
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256
    smaller = ndimage.convolve(x, kernel, mode="mirror")[:, ::2, ::2]
    zeros = np.zeros_like(x)
    zeros[:, ::2, ::2] = smaller
    fine, coarse = laplacian(x)
    np.testing.assert_allclose(coarse, smaller, atol=1e-14)
    np.testing.assert_allclose(
        fine, x - ndimage.convolve(zeros, 4 * kernel, mode="mirror"), atol=1e-14
    )


def test_a_constant_image_has_no_detail():
    levels = laplacian(np.full((1, 32, 32, 1), 0.3), lowest=8)
    assert [level.shape[1] for level in levels] == [32, 16, 8]
    for level in levels[:-1]:
        np.testing.assert_allclose(level, 0, atol=1e-15)
    np.testing.assert_allclose(levels[-1], 0.3)


def textures(rng, n, fine=1.0, coarse=1.0):
    """Noise of single pixels on blots of 8 x 8."""
    blots = np.repeat(np.repeat(rng.normal(size=(n, 4, 4, 1)), 8, axis=1), 8, axis=2)
    return coarse * blots + fine * rng.normal(size=(n, 32, 32, 1))


def distances(a, b, **kw):
    return pyramid_distance(a, b, fresh(), **{"patches": 16, "directions": 64, **kw})


def test_two_halves_of_one_set_are_near_and_the_order_does_not_matter(rng):
    a, b = textures(rng, 400).reshape(2, 200, 32, 32, 1)
    found = distances(a, b)
    assert list(found) == [32, 16]
    assert found[32] < 0.05 and found[16] < 0.1
    assert found == distances(b, a)
    assert set(distances(a, a).values()) == {0.0}


def test_each_level_tells_its_own_scale(rng):
    real = textures(rng, 200)
    halves = distances(real, textures(rng, 200))
    smooth = distances(real, textures(rng, 200, fine=0.1))
    assert smooth[32] > 3 * halves[32]
    flat = distances(real, textures(rng, 200, coarse=0.0))
    assert flat[16] > 3 * halves[16]
    assert flat[16] / halves[16] > 2 * flat[32] / halves[32]


def test_brightness_and_contrast_alone_are_not_seen_as_in_the_papers_code(rng):
    a = textures(rng, 20)
    found = distances(a, 0.5 * a + 0.2)
    assert max(found.values()) < 1e-10


def test_a_set_of_one_constant_is_far_and_finite(rng):
    found = distances(textures(rng, 20), np.zeros((20, 32, 32, 1)))
    assert all(value == pytest.approx(sqrt(2 / pi), rel=0.5) for value in found.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shade", [0.1, 0.3, 0.7])
def test_every_constant_is_as_far_as_black(rng, shade, dtype):
    """What rounding leaves of a constant image in the details is no texture to be scaled up."""
    real = textures(rng, 20).astype(dtype)
    black, grey = (distances(real, np.full((20, 32, 32, 1), value, dtype)) for value in (0, shade))
    assert grey == black


def test_a_channel_of_many_single_precision_patches_has_mean_0_and_variance_1(rng):
    patches = rng.uniform(size=(100_000, 7, 7, 3)).astype(np.float32)
    found = normalised(patches, 1e-6).reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.var(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_a_device_gives_the_distances_of_numpy(device, rng):
    a, b = textures(rng, 4), textures(rng, 4)
    there = distances(to_device(a, device), to_device(b, device))
    assert there == pytest.approx(distances(a, b), rel=1e-10)


def test_it_is_public():
    assert metrics.sliced_wasserstein is sliced_wasserstein
    assert metrics.pyramid_distance is pyramid_distance


@pytest.mark.parametrize(
    "a, b, error, message",
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), ValueError, "as many rows .* 3 and 4: take the first"),
        (np.zeros((3, 2)), np.zeros((3, 1)), ValueError, r"b: expected x of shape \(N, 2\)"),
        (np.zeros((3, 2), int), np.zeros((3, 2)), TypeError, "a: expected floats"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), ValueError, "NaN"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(a, b, error, message):
    with pytest.raises(error, match=message):
        sliced_wasserstein(a, b, fresh())


@pytest.mark.parametrize(
    "shape, lowest, message",
    [
        ((2, 28, 28, 1), 16, "power of two.*pad them, as 28 to 32"),
        ((2, 32, 16, 1), 16, "expected images"),
        ((2, 8, 8, 1), 16, "lowest <= R"),
        ((2, 32, 32, 1), 4, "7 <= lowest"),
        ((2, 32, 32, 1), 12, "lowest must be a power of two, got 12"),
    ],
)
def test_images_that_have_no_pyramid_are_refused(shape, lowest, message):
    x = np.zeros(shape)
    with pytest.raises(ValueError, match=message):
        pyramid_distance(x, x, fresh(), lowest=lowest)


def test_sets_of_different_counts_and_no_directions_are_refused():
    x = np.zeros((3, 16, 16, 1))
    with pytest.raises(ValueError, match=r"b: expected x of shape \(3, 16, 16, 1\)"):
        pyramid_distance(x, x[:2], fresh())
    with pytest.raises(ValueError, match="directions must be a whole number >= 1"):
        pyramid_distance(x, x, fresh(), directions=0)
    with pytest.raises(TypeError, match="expected rng as a NumPy Generator"):
        sliced_wasserstein(x[:, 0, :, 0], x[:, 0, :, 0], 0)
