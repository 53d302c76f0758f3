"""Resampling: the weights are the paper's and the course's, and draws favour what is rare."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from tinygen.layers.base import NonFinite
from tinygen.models.resampling import (
    bin_shares,
    class_codes,
    debiasing_order,
    effective_size,
    resampling_weights,
)

# Two dimensions of two bins. In the first example 4 lies alone, in the second 3 and 4 do.
CODES = np.array([[0.0, 0.0], [0.1, 0.2], [0.2, 0.1], [0.0, 1.0], [1.0, 0.9]])
SHARES = np.array([[4, 3], [4, 3], [4, 3], [4, 2], [1, 2]]) / 5


@dataclass
class Lookup:
    """A model whose codes are the data."""

    debiased: int = 1
    classes: int = 3

    def encode(self, p, x):
        return {"mean": x @ p["W"]}


P = {"W": np.eye(2)}


def outlying(rng, n=1000, rare=50):
    """Codes of which the last few lie in a cluster of their own, and who they are."""
    codes = rng.normal(size=(n, 2))
    codes[-rare:, 0] += 6
    return codes, np.arange(n) >= n - rare


def test_a_share_is_that_of_the_own_bin():
    np.testing.assert_array_equal(bin_shares(CODES, 2), SHARES)


def test_bins_are_those_of_numpy_s_histogram(rng):
    codes = rng.normal(size=(500, 3)) * [1, 10, 0.01]
    for column, shares in zip(codes.T, bin_shares(codes, 7).T, strict=True):
        counts, edges = np.histogram(column, 7)
        place = np.clip(np.digitize(column, edges) - 1, 0, 6)
        np.testing.assert_array_equal(shares, counts[place] / 500)


def test_weights_by_product_are_the_paper_s():
    w = 1 / ((SHARES[:, 0] + 0.1) * (SHARES[:, 1] + 0.1))
    np.testing.assert_allclose(resampling_weights(CODES, 0.1, 2), w / w.sum(), rtol=1e-13)


def test_weights_by_maximum_are_the_course_s():
    w = np.maximum(1 / (SHARES[:, 0] + 0.1), 1 / (SHARES[:, 1] + 0.1))
    found = resampling_weights(CODES, 0.1, 2, "maximum")
    np.testing.assert_allclose(found, w / w.sum(), rtol=1e-13)


def test_both_ways_agree_in_one_dimension_and_part_in_two(rng):
    codes = rng.normal(size=(200, 2))
    one = codes[:, :1]
    np.testing.assert_allclose(
        resampling_weights(one), resampling_weights(one, combine="maximum"), rtol=1e-12
    )
    apart = resampling_weights(codes) - resampling_weights(codes, combine="maximum")
    assert abs(apart).max() > 1e-3


@pytest.mark.parametrize("combine", ["product", "maximum"])
def test_a_large_alpha_weighs_all_alike(rng, combine):
    codes, even = rng.normal(size=(300, 4)), np.full(300, 1 / 300)
    np.testing.assert_array_equal(resampling_weights(codes, math.inf, 10, combine), even)
    np.testing.assert_allclose(resampling_weights(codes, 1e9, 10, combine), even, rtol=1e-7)
    sizes = [effective_size(resampling_weights(codes, a, 10, combine)) for a in (1e-3, 0.1, 10)]
    assert sizes[0] < sizes[1] < sizes[2] < 300


def test_alpha_of_zero_weighs_by_the_share_alone():
    w = 1 / SHARES.prod(axis=1)
    np.testing.assert_allclose(resampling_weights(CODES, 0.0, 2), w / w.sum(), rtol=1e-13)


def test_without_alpha_one_code_is_drawn_uniformly_over_its_range(rng):
    codes = rng.normal(size=(2000, 1))
    w = resampling_weights(codes, 0.0, 10)
    drawn, _ = np.histogram(codes[:, 0], 10, weights=w)
    np.testing.assert_allclose(drawn, 0.1, rtol=1e-9)


@pytest.mark.parametrize("combine, most", [("product", 101.0**3), ("maximum", 101.0)])
def test_two_weights_differ_by_no_more_than_alpha_allows(rng, combine, most):
    codes = np.concatenate([1e-3 * rng.normal(size=(3000, 3)), [[1.0, 1.0, 1.0]]])
    w = resampling_weights(codes, 0.01, 10, combine)
    assert 0.9 * most < w.max() / w.min() < most


@pytest.mark.parametrize("combine", ["product", "maximum"])
def test_weights_know_neither_scale_nor_place_nor_order_of_the_codes(rng, combine):
    codes, mixed = rng.normal(size=(200, 3)), rng.permutation(200)
    w = resampling_weights(codes, 0.01, 8, combine)
    moved = resampling_weights(codes * [2.0, 0.5, 4.0] + [8.0, 0.0, -2.0], 0.01, 8, combine)
    np.testing.assert_allclose(moved, w, rtol=1e-9)
    np.testing.assert_allclose(resampling_weights(codes[:, ::-1], 0.01, 8, combine), w, rtol=1e-9)
    np.testing.assert_allclose(resampling_weights(codes[mixed], 0.01, 8, combine), w[mixed])


def test_a_product_of_many_dimensions_does_not_overflow(rng):
    w = resampling_weights(rng.normal(size=(100, 400)), 1e-9)
    assert np.isfinite(w).all() and math.isclose(w.sum(), 1)


def test_a_dimension_that_never_moves_changes_nothing(rng):
    codes = rng.normal(size=(100, 2))
    still = np.column_stack([codes, np.full(100, 3.0)])
    np.testing.assert_allclose(resampling_weights(still), resampling_weights(codes), rtol=1e-12)


@pytest.mark.parametrize("combine", ["product", "maximum"])
def test_an_outlying_cluster_is_drawn_oftener(rng, combine):
    codes, rare = outlying(rng)
    w = resampling_weights(codes, 0.01, combine=combine)
    assert rare.mean() == 0.05 and w[rare].sum() > 0.1
    assert w[rare].mean() > 2.5 * w[~rare].mean()


def test_a_rare_group_in_the_middle_is_drawn_more_seldom(rng):
    """The weights know density, not groups: what is rare among its neighbours alone is not seen."""
    codes, rare = outlying(rng)
    codes[rare] = 0.1 * rng.normal(size=(rare.sum(), 2))
    assert resampling_weights(codes, 0.01)[rare].sum() < 0.05


def test_the_effective_size_counts_what_weighs():
    assert effective_size(np.full(7, 1 / 7)) == pytest.approx(7)
    assert effective_size(np.array([0.0, 1.0, 0.0])) == 1
    assert effective_size(np.array([0.5, 0.5, 0.0])) == 2


def test_an_epoch_has_all_others_once_and_the_rare_oftener(rng):
    codes, rare = outlying(rng)
    x = np.concatenate([codes, rng.normal((6, 0), 1, (300, 2))])  # no histogram counts these
    y = np.repeat([1, 0, 2], [1000, 200, 100])
    drawn = debiasing_order(Lookup(), x, y)(rng, P)
    assert sorted(drawn[drawn >= 1000]) == list(range(1000, 1300))
    of_class = drawn[drawn < 1000]
    expected = resampling_weights(codes)[rare].sum()
    share, error = rare[of_class].mean(), math.sqrt(expected * (1 - expected) / 1000)
    assert len(of_class) == 1000 and abs(share - expected) < 4 * error and share > 0.1
    assert np.count_nonzero(np.diff(drawn < 1000)) > 200  # shuffled: the kinds alternate


def test_many_examples_are_encoded_in_parts_and_none_is_lost(rng):
    x, rows = rng.normal(size=(5000, 2)), rng.permutation(5000)[:2500]
    np.testing.assert_array_equal(class_codes(Lookup(), P, x, rows), x[rows])


def test_an_order_follows_the_weights_and_its_generator(rng):
    codes, _ = outlying(rng)
    x, y = np.concatenate([codes, codes]), np.repeat([1, 0], 1000)
    order = debiasing_order(Lookup(), x, y)
    first, again = (order(np.random.default_rng(3), P) for _ in range(2))
    assert np.array_equal(first, again)
    swapped = order(np.random.default_rng(3), {"W": np.eye(2) * [0.0, 1.0]})
    share = [(np.isin(of[of < 1000], range(950, 1000))).mean() for of in (first, swapped)]
    assert share[0] > 2 * share[1]  # the dimension that told the cluster apart is gone


def test_a_draw_from_a_handful_of_examples_warns(rng):
    codes = np.concatenate([np.zeros((400, 2)), [[1.0, 1.0]]])
    x, y = np.concatenate([codes, codes]), np.repeat([1, 0], 401)
    with pytest.warns(UserWarning, match="fewer than 2% of the examples .* raise alpha"):
        debiasing_order(Lookup(), x, y, alpha=1e-4)(rng, P)


X, Y = np.zeros((4, 2)), np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: resampling_weights(np.zeros(5)), r"expected codes \(N, Z\), got \(5,\)"),
        (lambda: resampling_weights(np.zeros((0, 2))), r"got \(0, 2\)"),
        (lambda: resampling_weights(CODES, -0.1), "alpha must be a number >= 0, got -0.1"),
        (lambda: resampling_weights(CODES, math.nan), "alpha must be a number >= 0, got nan"),
        (lambda: resampling_weights(CODES, bins=0), "bins must be a whole number >= 1, got 0"),
        (lambda: resampling_weights(CODES, combine="max"), "'max', did you mean 'maximum'"),
        (lambda: debiasing_order(Lookup(2), X, Y), "hold no examples of class 2"),
        (lambda: debiasing_order(Lookup(), X, Y * 0 + 1), "hold only examples of class 1"),
        (
            lambda: debiasing_order(Lookup(), X[:3], Y),
            r"debiasing_order: expected labels of shape \(3,\)",
        ),
        (lambda: debiasing_order(Lookup(), X, Y, alpha=-1), "alpha must be a number >= 0"),
        (lambda: debiasing_order(Lookup(), X, Y, combine="sum"), "unknown combine 'sum'"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_codes_that_are_not_finite_are_refused():
    with pytest.raises(NonFinite, match="the codes hold NaN"):
        resampling_weights(np.array([[0.0], [np.nan]]))
