"""The area under the ROC curve, its error, the curve and the threshold."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tinygen import to_device
from tinygen.metrics import auroc, auroc_and_error, roc_curve, threshold

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
JUDGES = [auroc, auroc_and_error, roc_curve]


def tied(rng, n=30, m=20):
    """Scores with many ties, of inliers and outliers."""
    return rng.integers(0, 6, n).astype(float), rng.integers(1, 8, m).astype(float)


def as_sklearn(scores_in, scores_out):
    labels = np.r_[np.zeros(len(scores_in)), np.ones(len(scores_out))]
    return labels, np.r_[scores_in, scores_out]


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (30, 20), (200, 3)])
def test_the_area_is_that_of_all_pairs_and_of_sklearn_with_ties(rng, sizes):
    for _ in range(20):
        s, o = tied(rng, *sizes)
        pairs = (o[:, None] > s).mean() + 0.5 * (o[:, None] == s).mean()
        assert auroc(s, o) == pytest.approx(pairs, abs=1e-12)
        known = sklearn_metrics.roc_auc_score(*as_sklearn(s, o))
        assert auroc(s, o) == pytest.approx(known, abs=1e-12)


def test_the_area_of_separate_and_of_constant_scores():
    low, high = np.arange(5.0), np.arange(5.0, 12)
    assert auroc(low, high) == 1 and auroc(high, low) == 0
    assert auroc(np.full(4, 2.0), np.full(7, 2.0)) == 0.5
    assert auroc_and_error(np.full(4, 2.0), np.full(7, 2.0)) == (0.5, 0.0)


def test_an_increasing_function_of_the_scores_changes_nothing(rng):
    s, o = rng.normal(size=40), rng.normal(0.5, size=30)
    assert auroc(np.exp(s), np.exp(o)) == auroc(s, o)
    assert auroc(-s, -o) == pytest.approx(1 - auroc(s, o), abs=1e-12)


def test_the_area_under_the_curve_is_the_area(rng):
    s, o = tied(rng)
    false_alarms, detections = roc_curve(s, o)
    assert np.trapezoid(detections, false_alarms) == pytest.approx(auroc(s, o), abs=1e-12)
    x, y, _ = sklearn_metrics.roc_curve(*as_sklearn(s, o), drop_intermediate=False)
    np.testing.assert_allclose(false_alarms[:-1], x, atol=1e-12)  # ours ends with (1, 1) twice
    np.testing.assert_allclose(detections[:-1], y, atol=1e-12)


@pytest.mark.parametrize("shift, scale", [(0.0, 1.0), (1.0, 4.0)])
def test_the_standard_error_is_the_spread_of_the_area_over_samples(rng, shift, scale):
    """Where the two spread alike, so do their places, and exchanged numbers would not be seen."""
    found = [
        auroc_and_error(rng.normal(size=60), rng.normal(shift, scale, 25)) for _ in range(1500)
    ]
    areas, errors = np.array(found).T
    assert np.sqrt((errors**2).mean()) == pytest.approx(areas.std(), rel=0.08)


def test_the_standard_error_is_delongs_over_all_pairs(rng):
    s, o = tied(rng, 30, 7)
    right = (o[:, None] > s) + 0.5 * (o[:, None] == s)  # (M, N)
    variance = right.mean(axis=1).var(ddof=1) / 7 + right.mean(axis=0).var(ddof=1) / 30
    assert auroc_and_error(s, o)[1] == pytest.approx(np.sqrt(variance), rel=1e-12)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.1, 0.5, 0.99])
def test_the_threshold_is_the_least_that_flags_at_most_the_share(rng, rate):
    for scores in (rng.normal(size=30), tied(rng)[0]):
        t = threshold(scores, rate)
        assert (scores > t).mean() <= rate + 1e-12
        lower = scores[scores < t]
        if len(lower):
            assert (scores > lower.max()).mean() > rate  # the next lower score flags too many


def test_the_threshold_counts_whole_inliers(rng):
    scores = rng.permutation(30.0 * np.arange(30))
    assert threshold(scores, 0.1) == 30 * 26  # 3 of 30, though 0.1 * 30 rounds below 3
    assert threshold(scores, 0.0) == 30 * 29


@every_device
def test_they_are_the_same_on_every_device(device, rng):
    s, o = (a.astype(np.float32) for a in tied(rng))
    on = to_device(s, device), to_device(o, device)
    assert auroc(*on) == pytest.approx(auroc(s, o), rel=1e-6)
    assert auroc_and_error(*on) == pytest.approx(auroc_and_error(s, o), rel=1e-6)
    for there, here in zip(roc_curve(*on), roc_curve(s, o), strict=True):
        np.testing.assert_allclose(there.get(), here, atol=1e-6)
    assert threshold(on[0], 0.1) == threshold(s, 0.1)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    "scores, error, message",
    [
        (np.zeros(0), ValueError, "is empty: one class alone has no ROC curve"),
        (np.array([1.0, np.nan]), ValueError, "NaN"),
        (np.array([1.0, np.inf]), ValueError, "infinit"),
        (np.zeros((3, 2)), ValueError, r"expected x of shape \(N,\), got \(3, 2\)"),
        (np.arange(3), TypeError, "expected floats, got int64"),
        ([1.0, 2.0], TypeError, "expected a NumPy or CuPy array, got list"),
    ],
)
def test_what_cannot_be_ordered_is_refused(judge, scores, error, message):
    good = np.array([0.0, 1.0])
    with pytest.raises(error, match=f"scores_in.*{message}"):
        judge(scores, good)
    with pytest.raises(error, match=f"scores_out.*{message}"):
        judge(good, scores)


def test_one_example_of_a_kind_shows_no_spread():
    one, two = np.zeros(1), np.array([0.0, 1.0])
    for pair in ((one, two), (two, one)):
        assert 0 <= auroc(*pair) <= 1
        with pytest.raises(ValueError, match="a spread needs at least 2 of each"):
            auroc_and_error(*pair)


@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan, "few"])
def test_a_share_of_false_alarms_outside_0_to_1_is_refused(rate):
    with pytest.raises(ValueError, match="false_alarms must be a finite number >= 0 and < 1"):
        threshold(np.zeros(3), rate)


def test_a_threshold_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"threshold: scores_in.*empty"):
        threshold(np.zeros(0))
    with pytest.raises(ValueError, match=r"threshold: scores_in.*NaN"):
        threshold(np.array([0.0, np.nan]))
