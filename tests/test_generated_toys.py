"""The points in the plane come from the densities and curves that are written down."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tinygen.data.toys import (
    GRID_CENTRES,
    GRID_STD,
    RING_CENTRES,
    RING_STD,
    grid,
    grid_log_density,
    mixture_log_density,
    moons,
    ring,
    ring_log_density,
    spirals,
)

MIXTURES = [(ring, RING_CENTRES, RING_STD), (grid, GRID_CENTRES, GRID_STD)]
LOG_DENSITIES = [
    (ring_log_density, RING_CENTRES, RING_STD),
    (grid_log_density, GRID_CENTRES, GRID_STD),
]
ALL = [ring, grid, moons, spirals]


def test_the_ring_has_8_modes_at_equal_steps_on_the_unit_circle():
    assert len(np.unique(RING_CENTRES.round(9), axis=0)) == 8
    np.testing.assert_allclose(np.linalg.norm(RING_CENTRES, axis=1), 1)
    gaps = np.linalg.norm(RING_CENTRES - np.roll(RING_CENTRES, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 2 * np.sin(np.pi / 8))


def test_the_grid_has_every_pair_of_the_five_values_once():
    pairs = {(a, b) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)}
    assert {tuple(c) for c in GRID_CENTRES} == pairs and len(GRID_CENTRES) == 25


@pytest.mark.parametrize(("generate", "centres", "std"), MIXTURES)
def test_modes_have_their_mean_covariance_and_share(rng, generate, centres, std):
    n = 100_000
    part = generate(rng, n)
    m = n / len(centres)  # points expected in a mode
    shares = np.bincount(part.labels, minlength=len(centres))
    assert abs(shares - m).max() <= 4.5 * np.sqrt(m)
    for k, centre in enumerate(centres):
        eps = (part.x[part.labels == k] - centre) / std  # N(0, I), if the label is right
        assert abs(eps.mean(axis=0)).max() <= 4.5 / np.sqrt(m)
        covariance = eps.T @ eps / len(eps)
        assert abs(covariance - np.eye(2)).max() <= 4.5 * np.sqrt(2 / m)  # std of a variance


@pytest.mark.parametrize(("log_density", "centres", "std"), LOG_DENSITIES)
def test_log_densities_are_the_direct_sum_of_gaussians(rng, log_density, centres, std):
    x = centres[rng.integers(len(centres), size=40)] + 3 * std * rng.normal(size=(40, 2))
    terms = [multivariate_normal.pdf(x, c, std**2 * np.eye(2)) for c in centres]
    np.testing.assert_allclose(log_density(x), np.log(np.mean(terms, axis=0)), rtol=1e-9)


def test_a_mixture_of_other_centres_in_three_dimensions_is_the_direct_sum(rng):
    centres, x = rng.normal(size=(5, 3)), rng.normal(size=(40, 3))  # near enough to overlap
    terms = [multivariate_normal.pdf(x, c, 0.8**2 * np.eye(3)) for c in centres]
    found = mixture_log_density(x, centres, 0.8)
    np.testing.assert_allclose(found, np.log(np.mean(terms, axis=0)), rtol=1e-12)


def test_a_density_integrates_to_one():
    side = np.linspace(-1.2, 1.2, 801)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    total = np.exp(ring_log_density(x)).sum() * (side[1] - side[0]) ** 2
    assert total == pytest.approx(1, abs=1e-9)


def test_a_log_density_far_from_all_modes_is_finite():
    x = np.array([[1000.0, 0.0]])  # the nearest mode of the ring, 999 away, is the only term left
    expected = -(999**2) / (2 * 0.01**2) - np.log(8) - np.log(2 * np.pi * 0.01**2)
    assert ring_log_density(x)[0] == pytest.approx(expected, rel=1e-12)


def test_moons_without_noise_lie_on_their_half_circles(rng):
    part = moons(rng, 500, noise=0)
    upper, lower = part.x[part.labels == 0], part.x[part.labels == 1]
    np.testing.assert_allclose(np.linalg.norm(upper, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(lower - [1, 0.5], axis=1), 1, rtol=1e-6)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5
    assert 200 <= len(upper) <= 300
    angle = part.factors["angle"][part.labels == 0]
    np.testing.assert_allclose(upper[:, 0], np.cos(angle), atol=1e-6)
    t = part.factors["angle"] / np.pi  # U(0, 1)
    assert t.min() >= 0 and t.max() <= 1 and abs(t.mean() - 0.5) <= 4.5 / np.sqrt(12 * 500)


def test_spirals_without_noise_unwind_to_opposite_rays(rng):
    part = spirals(rng, 500, noise=0, turns=1.5)
    z = part.x @ np.array([1, 1j])  # as complex numbers
    t = part.factors["radius"]
    np.testing.assert_allclose(abs(z), t, atol=1e-6)
    ray = z * np.exp(-2j * np.pi * 1.5 * t) / t  # +1 on one arm, -1 on the other
    np.testing.assert_allclose(ray, np.where(part.labels == 0, 1, -1), atol=1e-4)
    assert abs((t**2).mean() - 0.5) <= 4.5 / np.sqrt(12 * 500)  # t^2 ~ U(0, 1)


@pytest.mark.parametrize("generate", [moons, spirals])
def test_noise_has_the_std_it_is_given(generate):
    clean, noisy = (generate(np.random.default_rng(1), 20_000, noise=s) for s in (0, 0.3))
    eps = (noisy.x - clean.x) / 0.3
    assert abs(eps.T @ eps / len(eps) - np.eye(2)).max() <= 4.5 * np.sqrt(2 / len(eps))
    assert abs(eps.mean(axis=0)).max() <= 4.5 / np.sqrt(len(eps))


@pytest.mark.parametrize("generate", ALL)
def test_the_same_state_gives_the_same_bits(generate):
    first, second, other = (generate(np.random.default_rng(s), 50) for s in (3, 3, 4))
    assert first.x.tobytes() == second.x.tobytes() != other.x.tobytes()
    assert np.array_equal(first.labels, second.labels)
    assert first.x.dtype == np.float32 and first.x.shape == (50, 2)
    assert first.labels.dtype == np.int64


@pytest.mark.parametrize("generate", ALL)
@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_no_count_is_refused(rng, generate, n):
    with pytest.raises(ValueError, match=f"{generate.__name__}: n must be a whole number >= 1"):
        generate(rng, n)


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_noise_that_is_no_std_is_refused(rng, bad):
    with pytest.raises(ValueError, match="moons: noise must lie in"):
        moons(rng, 5, noise=bad)
    with pytest.raises(ValueError, match="spirals: noise must lie in"):
        spirals(rng, 5, noise=bad)
    with pytest.raises(ValueError, match="spirals: turns must lie in"):
        spirals(rng, 5, turns=bad)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"x must be of shape \(N, 2\), got \(4, 3\)"):
        mixture_log_density(np.zeros((4, 3)), RING_CENTRES, RING_STD)
