"""Modes covered, share of good samples and reverse KL: closed forms, and what is refused."""

import numpy as np
import pytest

from tinygen.data.toys import GRID_CENTRES, GRID_STD, RING_CENTRES, RING_STD, grid, ring
from tinygen.metrics import class_coverage, mode_coverage, reverse_kl

RING, GRID = (RING_CENTRES, RING_STD), (GRID_CENTRES, GRID_STD)


@pytest.mark.parametrize(("draw", "modes", "K"), [(ring, RING, 8), (grid, GRID, 25)])
def test_a_perfect_sampler_covers_all_modes_with_the_share_of_three_sigma(rng, draw, modes, K):
    n = 50_000
    found = mode_coverage(draw(rng, n).x, *modes)
    share = 1 - np.exp(-9 / 2)  # a squared distance in the plane is exponential
    assert (found.modes, found.of) == (K, K)
    assert found.high_quality == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    assert 0 <= found.reverse_kl < 4 * (K - 1) / (2 * n)  # (K - 1) / (2 n) on the average
    assert found.counts.sum() == round(found.high_quality * n)


def test_all_samples_at_one_mode_have_the_reverse_kl_of_log_8():
    found = mode_coverage(np.repeat(RING_CENTRES[3:4], 100, axis=0), *RING)
    assert (found.modes, found.high_quality) == (1, 1.0)
    assert found.reverse_kl == pytest.approx(np.log(8), rel=1e-14)


def test_half_the_modes_evenly_have_the_reverse_kl_of_log_2():
    found = mode_coverage(RING_CENTRES[::2], *RING)
    assert found.modes == 4 and found.reverse_kl == pytest.approx(np.log(2))


def test_three_sigma_is_the_border_and_the_nearest_mode_gets_the_sample():
    step = np.array([RING_STD, 0.0])
    x = np.stack([RING_CENTRES[0] + 2.999 * step, RING_CENTRES[0] + 3.001 * step])
    found = mode_coverage(x, *RING)
    assert found.high_quality == 0.5 and found.counts[0] == 1 and found.modes == 1
    close = np.array([[0.0, 0], [1.0, 0]])  # two modes nearer than 6 std: no sample counts twice
    found = mode_coverage(np.array([[0.4, 0.0]]), close, 1.0)
    np.testing.assert_array_equal(found.counts, [1, 0])


def test_where_no_sample_is_good_no_mode_counts():
    found = mode_coverage(np.full((5, 2), 9.0), *RING)
    assert (found.modes, found.high_quality) == (0, 0.0) and np.isnan(found.reverse_kl)


def test_samples_and_modes_beyond_all_bounds_are_far_and_near():
    assert mode_coverage(np.full((5, 2), 1e200), *RING).high_quality == 0
    assert mode_coverage(np.full((5, 2), 9.0), RING_CENTRES, 1e200).high_quality == 1


def test_reverse_kl_to_given_shares():
    p = np.array([0.5, 0.3, 0.2])
    assert reverse_kl(np.array([5, 3, 2]), p) == pytest.approx(0, abs=1e-15)
    q = np.array([0.2, 0.2, 0.6])
    assert reverse_kl(10 * q, p) == pytest.approx((q * np.log(q / p)).sum())
    assert reverse_kl(np.array([1, 1, 0]), np.array([1.0, 0, 0])) == np.inf


def test_a_mode_of_images_counts_where_a_classifier_names_it():
    found = class_coverage(np.array([7, 7, 3, 999]), 1000)
    assert (found.modes, found.of, found.high_quality) == (3, 1000, None)
    q = np.array([0.5, 0.25, 0.25])
    assert found.reverse_kl == pytest.approx((q * np.log(q * 1000)).sum())
    shares = np.array([0.25, 0.25, 0.5])  # of data whose classes are not alike
    assert class_coverage(np.array([0, 1, 2, 2]), 3, shares).reverse_kl == pytest.approx(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mode_coverage(np.zeros((3, 3)), *RING), r"expected x of shape \(N, 2\)"),
        (lambda: mode_coverage(np.full((3, 2), np.nan), *RING), "NaN"),
        (lambda: mode_coverage(np.zeros((0, 2)), *RING), "is empty: give at least one example"),
        (lambda: mode_coverage(np.zeros((3, 2)), np.zeros(2), 0.1), r"centres must be \(K, D\)"),
        (lambda: mode_coverage(np.zeros((3, 2)), [[0, 1], [2]], 0.1), r"of one length, got \[\[0"),
        (lambda: mode_coverage(np.zeros((3, 2)), [["a", "b"]], 0.1), "centres must be real num"),
        (lambda: mode_coverage(np.zeros((3, 2)), RING_CENTRES * 1j, 0.1), "must be real numbers"),
        (
            lambda: mode_coverage(np.zeros((3, 2)), RING_CENTRES, 0.0),
            "std must be a finite number > 0",
        ),
        (lambda: class_coverage(np.array([0, 8]), 8), r"must lie in 0\.\.7, got 0\.\.8: say how"),
        (lambda: class_coverage(np.zeros(3), 8), "whole numbers, .* got float64"),
        (lambda: class_coverage(np.zeros(0, int), 8), "at least one"),
        (lambda: class_coverage([[0], [1, 2]], 8), "class_coverage: labels must be real numbers"),
        (lambda: class_coverage(np.array([0, np.nan]), 8), "whole numbers, .* got float64"),
        (lambda: class_coverage(np.eye(8, dtype=int), 8), r"labels \(N,\), .* of shape \(8, 8\)"),
        (lambda: class_coverage(np.array([-1, 3]), 8), r"must lie in 0\.\.7, got -1\.\.3"),
        (lambda: class_coverage(np.array([0]), 8.0), r"classes must be a whole .* >= 1, got 8\.0"),
        (lambda: class_coverage(np.array([0]), None), "classes must be a whole number >= 1, got"),
        (lambda: class_coverage(np.array([0]), 0), "classes must be a whole number >= 1, got 0"),
        (lambda: class_coverage(np.zeros(3, int), 2, "ab"), "share must be real numbers in"),
        (lambda: class_coverage(np.zeros(3, int), 2, [-0.5, 1.5]), r"the smallest -0\.5"),
        (lambda: class_coverage(np.zeros(3, int), 2, [np.nan, 1]), "2 probabilities .* sum nan"),
        (lambda: reverse_kl(np.array([-1, 2])), "finite numbers >= 0, got .*: give how many"),
        (lambda: reverse_kl(np.array([np.nan, 2])), "finite numbers >= 0, got"),
        (lambda: reverse_kl(np.array([np.inf, 2])), "finite numbers >= 0, got"),
        (lambda: reverse_kl([]), r"counts must be \(K,\), K >= 1"),
        (lambda: reverse_kl(3), r"counts must be \(K,\), K >= 1"),
        (lambda: reverse_kl(None), "counts must be real numbers in an array"),
        (lambda: reverse_kl(np.ones(3), np.ones(3)), "3 probabilities that sum to 1"),
        (lambda: reverse_kl(np.ones(3), np.ones(2) / 2), "3 probabilities"),
    ],
)
def test_what_makes_no_coverage_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
