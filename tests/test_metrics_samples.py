"""What is said of samples: a classifier's confidence, and the Frechet distance of features."""

import numpy as np
import pytest

from tinygen import to_device
from tinygen.metrics import classes_found, confidence, frechet_distance

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def test_confidence_is_the_largest_probability():
    p = np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    np.testing.assert_allclose(confidence(np.log(p) + 900), [0.7, 0.5], rtol=1e-12)


def test_classes_found_counts_classes_that_are_equally_frequent():
    sure = 1000.0 * np.eye(5)
    assert classes_found(sure) == pytest.approx(5)
    assert classes_found(sure[[0, 2, 0, 2]]) == pytest.approx(2)
    assert classes_found(sure[:1]) == pytest.approx(1)
    unequal = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))  # entropy of (3/4, 1/4)
    assert classes_found(sure[[0, 0, 0, 1]]) == pytest.approx(np.exp(unequal))


def test_classes_found_takes_the_mean_over_samples_before_the_entropy():
    assert classes_found(np.zeros((3, 4))) == pytest.approx(4)  # unsure of each: no class is rarer


def test_frechet_distance_is_the_formula_by_the_eigenvalues_of_the_product(rng):
    a = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) + rng.normal(size=4)
    b = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 4))
    A, B = np.cov(a.T, bias=True), np.cov(b.T, bias=True)
    gap = a.mean(axis=0) - b.mean(axis=0)
    expected = gap @ gap + np.trace(A + B) - 2 * np.sqrt(np.linalg.eigvals(A @ B).real).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_known_gaussians(rng):
    x = rng.normal(size=(40, 3))  # then: means 3 apart, and std s beside 3 s
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(x, x + np.array([1, 2, 2])) == pytest.approx(9, rel=1e-9)
    wider = frechet_distance(x, 3 * x - 2 * x.mean(axis=0))
    assert wider == pytest.approx(4 * x.var(axis=0).sum(), rel=1e-9)


def test_frechet_distance_is_in_double_precision_and_never_below_zero(rng):
    far = (1000 + rng.normal(size=(40, 3))).astype(np.float32)
    assert frechet_distance(far, rng.permutation(far)) < 1e-10
    x = rng.normal(size=(40, 8))  # of these sums some round to -4e-15
    assert min(frechet_distance(x, rng.permutation(x)) for _ in range(20)) >= 0


def test_frechet_distance_takes_features_that_are_always_zero_or_more_than_the_samples(rng):
    a, b = rng.normal(size=(6, 9)), rng.normal(size=(20, 9))
    a[:, 4] = b[:, 4] = 0
    assert np.isfinite(frechet_distance(a, b)) and frechet_distance(a, b) > 0
    one = frechet_distance(a[:1], b)  # one sample has no covariance
    gap = a[0] - b.mean(axis=0)
    assert one == pytest.approx(gap @ gap + b.var(axis=0).sum(), rel=1e-9)


@every_device
def test_they_are_the_same_on_every_device(device, rng):
    logits = rng.normal(size=(7, 5)).astype(np.float32)
    a, b = rng.normal(size=(9, 3)), rng.normal(size=(8, 3))
    on = to_device(logits, device)
    np.testing.assert_allclose(confidence(on).get(), confidence(logits), rtol=1e-6)
    assert classes_found(on) == pytest.approx(classes_found(logits), rel=1e-6)
    moved = frechet_distance(to_device(a, device), to_device(b, device))
    assert moved == pytest.approx(frechet_distance(a, b), rel=1e-9)


@pytest.mark.parametrize("measure", [confidence, classes_found, lambda x: frechet_distance(x, x)])
@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros(3), r"got \(3,\)"),
        (np.zeros((0, 3)), "empty"),
        (np.full((2, 3), np.nan), "NaN"),
    ],
)
def test_other_shapes_no_samples_and_nan_are_refused(measure, x, message):
    with pytest.raises(ValueError, match=message):
        measure(x)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"frechet_distance: b.*\(N, 3\), got \(5, 4\)"):
        frechet_distance(np.ones((5, 3)), np.ones((5, 4)))
