"""Units and errors of likelihoods."""

import math

import numpy as np
import pytest

from tinygen.metrics import bits_per_dim, importance_estimate, mean_and_error


def test_a_fair_coin_a_pixel_costs_one_bit_a_dimension():
    assert bits_per_dim(784 * math.log(2), 784) == pytest.approx(1, rel=1e-12)


def test_the_error_of_a_mean_is_the_spread_of_repeated_means(rng):
    values = rng.normal(3, 2, size=(4000, 25))
    errors = [mean_and_error(row)[1] for row in values[:400]]
    assert mean_and_error(values[0])[0] == pytest.approx(values[0].mean())
    assert np.mean(np.square(errors)) == pytest.approx(values.mean(axis=1).var(), rel=0.1)


def test_the_error_of_a_mean_takes_the_unbiased_variance():
    # 1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, variance 14 / 2, error sqrt(7 / 3)
    assert mean_and_error(np.array([1.0, 2.0, 6.0])) == pytest.approx((3, math.sqrt(7 / 3)))


def test_one_value_has_no_spread():
    with pytest.raises(ValueError, match="at least 2 values, got 1"):
        mean_and_error(np.ones(1))


def test_equal_weights_leave_no_doubt():
    log_p, error = importance_estimate(np.full((2, 5), [[-700.0], [900.0]]))
    np.testing.assert_allclose(log_p, [-700, 900])
    np.testing.assert_allclose(error, 0, atol=1e-15)


def test_log_p_is_the_log_of_the_mean_weight_where_it_can_be_formed(rng):
    log_w = rng.normal(size=(3, 50))
    w = np.exp(log_w)
    log_p, error = importance_estimate(log_w)
    np.testing.assert_allclose(log_p, np.log(w.mean(axis=1)), rtol=1e-12)
    expected = w.std(axis=1, ddof=1) / w.mean(axis=1) / math.sqrt(50)
    np.testing.assert_allclose(error, expected, rtol=1e-12)
