"""Metrics of disentanglement: exact on ideal codes, nothing on noise, closed forms between."""

import itertools

import numpy as np
import pytest

from tinygen import to_device, to_host
from tinygen.metrics import (
    binned_information,
    code_information,
    factor_vae_metric,
    gaps,
    gaussian_total_correlation,
    levels,
    mutual_information_gap,
    total_correlation,
)
from tinygen.metrics.factors import factor_entropy

COUNTS = {"shape": 3, "scale": 6, "x": 8}
GRID = np.array(list(itertools.product(*map(range, COUNTS.values()))))
FACTORS = {name: GRID[:, k] for k, name in enumerate(COUNTS)}
N = len(GRID)  # 144
SHAPE, SCALE, X = GRID.T.astype(float)


def rng_of(seed=0):
    return np.random.default_rng(seed)


def narrow(*columns, log_var=-9.0):
    """Posteriors whose means are the columns: of width 0.01, so that whole numbers stay apart."""
    mean = np.stack(columns, axis=1).astype(float)
    return {"mean": mean, "log_var": np.full_like(mean, log_var)}


IDEAL = narrow(10 * X, SHAPE, -SCALE, np.zeros(N))
NOISE = {"mean": np.zeros((N, 4)), "log_var": np.zeros((N, 4))}


# Information


def test_a_dimension_that_holds_a_factor_tells_its_entropy():
    told = code_information(IDEAL, FACTORS, rng_of(), draws=100)
    for name, row in {"shape": 1, "scale": 2, "x": 0}.items():
        expected = np.zeros(4)
        expected[row] = np.log(COUNTS[name])
        np.testing.assert_allclose(told[name], expected, atol=1e-9)


def test_noise_tells_nothing():
    for told in code_information(NOISE, FACTORS, rng_of(), draws=50).values():
        np.testing.assert_allclose(told, 0, atol=1e-12)


def test_the_information_of_an_overlapping_code_is_that_of_quadrature():
    a, std = 1.0, 0.8  # z = +-a + std eps, v the sign
    v = np.tile([0, 1], 500)
    q = {"mean": (2.0 * v - 1)[:, None] * a, "log_var": np.full((1000, 1), 2 * np.log(std))}
    z = np.linspace(-8, 8, 4001)
    each = np.exp(-(((z[:, None] - [-a, a]) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))
    ratio = np.log(each / each.mean(axis=1, keepdims=True))
    expected = float((each * ratio).mean(axis=1).sum() * (z[1] - z[0]))
    assert 0.2 < expected < 0.6
    found = code_information(q, {"v": v}, rng_of(), draws=20_000)["v"][0]
    assert found == pytest.approx(expected, abs=4 * 0.6 / np.sqrt(20_000))


def test_unequal_values_count_by_their_share():
    v = np.repeat([0, 1, 2], [10, 30, 60])
    told = code_information(narrow(v, 0 * v), {"v": v}, rng_of(), draws=100)["v"]
    p = np.array([0.1, 0.3, 0.6])
    assert told[0] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-9) == factor_entropy(v)


def test_blocks_change_nothing(monkeypatch):
    from tinygen.metrics import code_draws

    q = narrow(X, X + SHAPE, log_var=0.0)
    whole = code_information(q, FACTORS, rng_of(), draws=70)
    tc = total_correlation(q, rng_of(), draws=70)
    monkeypatch.setattr(code_draws, "ENTRIES", 3 * q["mean"].size)
    parts = code_information(q, FACTORS, rng_of(), draws=70)
    for name, told in whole.items():
        np.testing.assert_allclose(parts[name], told, rtol=1e-10)
    assert total_correlation(q, rng_of(), draws=70) == pytest.approx(tc, rel=1e-10)


def test_binned_information_is_exact_on_ideal_codes_and_small_on_noise():
    codes = np.stack([X, SHAPE, rng_of().normal(size=N)], axis=1)
    told = binned_information(codes, FACTORS)
    assert told["x"][0] == pytest.approx(np.log(8)) and told["shape"][1] == pytest.approx(np.log(3))
    assert told["x"][1] == pytest.approx(0, abs=1e-12)
    noise = rng_of().normal(size=(20_000, 2))
    v = rng_of(1).integers(6, size=20_000)
    found = binned_information(noise, {"v": v}, bins=20)["v"]
    assert (found < 3 * 19 * 5 / (2 * 20_000)).all() and (found > 0).all()


# MIG


def test_mig_of_ideal_codes_is_one():
    assert mutual_information_gap(IDEAL, FACTORS, rng_of(), draws=N) == pytest.approx(1, abs=1e-9)
    told = binned_information(IDEAL["mean"], FACTORS)
    assert gaps(told, FACTORS) == pytest.approx(dict.fromkeys(FACTORS, 1.0))


def test_mig_without_the_entropies_would_not_be_one():
    told = code_information(IDEAL, FACTORS, rng_of(), draws=N)
    undivided = np.mean([np.diff(np.sort(row)[-2:])[0] for row in told.values()])
    assert undivided == pytest.approx(np.mean(np.log([3, 6, 8])), rel=1e-9) and undivided > 1.5


def test_a_factor_of_unequal_values_is_measured_by_its_own_entropy():
    v = np.repeat([0, 1, 2], [10, 30, 60])
    told = code_information(narrow(v, 0 * v), {"v": v}, rng_of(), draws=100)
    assert gaps(told, {"v": v}) == pytest.approx({"v": 1.0})


def test_mig_of_noise_is_about_zero():
    assert mutual_information_gap(NOISE, FACTORS, rng_of(), draws=100) == pytest.approx(0, abs=1e-9)
    q = {"mean": rng_of().normal(size=(N, 4)), "log_var": np.full((N, 4), -0.5)}
    assert abs(mutual_information_gap(q, FACTORS, rng_of(), draws=1000)) < 0.05


def test_a_factor_told_twice_has_no_gap_and_one_that_is_missing_has_none():
    twice = narrow(X, SHAPE, SCALE, 3 * X)
    found = gaps(code_information(twice, FACTORS, rng_of(), draws=N), FACTORS)
    assert found == pytest.approx({"x": 0, "shape": 1, "scale": 1}, abs=1e-9)
    missing = narrow(SHAPE, SCALE, np.zeros(N))
    found = gaps(code_information(missing, FACTORS, rng_of(), draws=N), FACTORS)
    assert found == pytest.approx({"x": 0, "shape": 1, "scale": 1}, abs=1e-9)


def test_turned_axes_have_a_smaller_gap():
    a, b = X - X.mean(), SCALE - SCALE.mean()
    straight, turned = narrow(a, b, log_var=-3.0), narrow(a + b, a - b, log_var=-3.0)
    two = {name: FACTORS[name] for name in ("x", "scale")}
    high, low = (mutual_information_gap(q, two, rng_of(), draws=500) for q in (straight, turned))
    assert high > 0.8 and low < high / 2


# The FactorVAE metric


def test_the_factor_vae_metric_of_ideal_codes_is_one():
    assert factor_vae_metric(IDEAL["mean"], FACTORS, rng_of()) == 1.0


def test_the_factor_vae_metric_of_noise_is_a_guess():
    many = {name: np.tile(v, 30) for name, v in FACTORS.items()}
    found = factor_vae_metric(rng_of().normal(size=(30 * N, 5)), many, rng_of(1), votes=2000)
    assert found == pytest.approx(1 / 3, abs=0.05)


def test_codes_that_do_not_vary_are_a_guess():
    found = factor_vae_metric(np.full((N, 3), 0.2), FACTORS, rng_of(), votes=1000)
    assert found == pytest.approx(1 / 3, abs=0.06)


def test_a_dead_dimension_has_no_vote():
    """Not even where it tells a factor: what is smaller than the noise of q cannot be read."""
    alive = rng_of().normal(size=(N, 3))
    dead = np.concatenate([alive, 1e-3 * IDEAL["mean"][:, :3]], axis=1)
    assert factor_vae_metric(dead[:, 3:], FACTORS, rng_of(), threshold=0.0) == 1.0
    found, expected = (factor_vae_metric(z, FACTORS, rng_of()) for z in (dead, alive))
    assert found == expected < 0.95


def test_the_scale_of_a_dimension_does_not_matter():
    codes = IDEAL["mean"] + 0.3 * rng_of().normal(size=(N, 4))
    once = factor_vae_metric(codes, FACTORS, rng_of(1), threshold=0.0)
    again = factor_vae_metric(codes * [1e-3, 1, 1e3, 1], FACTORS, rng_of(1), threshold=0.0)
    assert once == again > 0.9


def test_dimensions_that_mix_factors_lose_votes():
    codes = np.stack([X / 7 + SCALE / 5, X / 7 - SCALE / 5, SHAPE], axis=1)
    assert 0.4 < factor_vae_metric(codes, FACTORS, rng_of()) < 0.9


# Total correlation

RHO = 0.8


def gaussian_codes(n, noise=0.5):
    """q(z|x_n) of variance `noise`, whose q(z) is a Gaussian pair of correlation RHO."""
    root = np.linalg.cholesky(np.array([[1, RHO], [RHO, 1]]) - noise * np.eye(2) * (1 - RHO))
    mean = rng_of().normal(size=(n, 2)) @ root.T
    return {"mean": mean, "log_var": np.full((n, 2), np.log(noise * (1 - RHO)))}


def test_the_total_correlation_of_a_gaussian_is_its_closed_form():
    q, expected = gaussian_codes(4000), -0.5 * np.log(1 - RHO**2)
    assert gaussian_total_correlation(q["mean"], q["log_var"]) == pytest.approx(expected, abs=0.03)
    found, error = total_correlation(q, rng_of(1), draws=1500)
    assert error < 0.03 and found == pytest.approx(expected, abs=4 * error)


def test_independent_dimensions_have_none():
    assert total_correlation(IDEAL, rng_of(), draws=N)[0] == pytest.approx(0, abs=1e-9)
    assert gaussian_total_correlation(*IDEAL.values()) == pytest.approx(0, abs=1e-9)


def test_a_circle_has_total_correlation_and_no_correlation():
    angle = 2 * np.pi * np.arange(200) / 200
    q = narrow(np.cos(angle), np.sin(angle), log_var=-4.0)
    assert gaussian_total_correlation(*q.values()) == pytest.approx(0, abs=1e-9)
    assert total_correlation(q, rng_of(), draws=200)[0] > 0.3


def test_codes_that_tell_their_example_have_the_total_correlation_of_the_set():
    q = narrow(np.arange(N), rng_of().permutation(N), np.arange(N))
    assert total_correlation(q, rng_of(), draws=N)[0] == pytest.approx(2 * np.log(N), rel=1e-9)


def test_the_gaussian_total_correlation_does_not_know_units():
    z = gaussian_codes(500)["mean"]
    once = gaussian_total_correlation(z)
    assert gaussian_total_correlation(z * [1e-3, 40]) == pytest.approx(once, rel=1e-9)
    r = np.corrcoef(z.T)[0, 1]
    assert once == pytest.approx(-0.5 * np.log(1 - r**2), rel=1e-9)


# Levels


def test_a_continuous_factor_is_cut_into_levels_of_equal_share():
    values = rng_of().permutation(np.linspace(-1, 1, 1000))
    found = levels(values, 5)
    assert found.dtype == np.int64 and np.bincount(found).tolist() == [200] * 5
    assert (np.diff(found[np.argsort(values)]) >= 0).all()


# Any device


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_metrics_give_the_numbers_of_numpy_on_any_device(device):
    q = narrow(X, X + SHAPE, log_var=-1.0)
    there = to_device(q, device)
    for metric in (
        lambda q: code_information(q, FACTORS, rng_of(), 40)["x"],
        lambda q: binned_information(q["mean"], FACTORS)["x"],
        lambda q: mutual_information_gap(q, FACTORS, rng_of(), 40),
        lambda q: factor_vae_metric(q["mean"], FACTORS, rng_of(), 50),
        lambda q: total_correlation(q, rng_of(), 40),
        lambda q: gaussian_total_correlation(q["mean"], q["log_var"]),
    ):
        np.testing.assert_allclose(to_host(metric(there)), metric(q), rtol=1e-9)


# What is refused

CALLS = {
    "code_information": lambda q, f: code_information(q, f, rng_of(), 10),
    "binned_information": lambda q, f: binned_information(q["mean"], f),
    "mutual_information_gap": lambda q, f: mutual_information_gap(q, f, rng_of(), 10),
    "factor_vae_metric": lambda q, f: factor_vae_metric(q["mean"], f, rng_of(), 10),
}
every_metric = pytest.mark.parametrize("metric", CALLS.values(), ids=CALLS)


@every_metric
@pytest.mark.parametrize(
    "factors, message",
    [
        ({"x": X[:-1], "y": X}, "'x' has shape .143,., and the codes are of 144 examples"),
        ({"x": np.zeros(N, int), "y": X}, "'x' has one value in all 144 examples.*leave it out"),
        ({"x": X + 0.5, "y": X}, "'x' is continuous: cut it with metrics.levels"),
        ({"x": np.where(X == 3, np.nan, X), "y": X}, "'x' holds NaN or infinite values"),
        ({}, "expected factors as a dict"),
        (GRID, "expected factors as a dict"),
    ],
)
def test_factors_that_tell_nothing_are_refused(metric, factors, message):
    with pytest.raises(ValueError, match=message):
        metric(IDEAL, factors)


@every_metric
def test_nan_codes_are_refused(metric):
    q = {name: a.copy() for name, a in IDEAL.items()}
    q["mean"][7, 2] = np.nan
    with pytest.raises(ValueError, match=r"x holds 1 values that are NaN or infinite, .* \(7, 2\)"):
        metric(q, FACTORS)


@every_metric
def test_codes_of_one_axis_or_of_whole_numbers_are_refused(metric):
    with pytest.raises(ValueError, match=r"expected x of shape \(N, Z\)"):
        metric({name: a[:, 0] for name, a in IDEAL.items()}, FACTORS)
    with pytest.raises(TypeError, match="expected floats, got int64"):
        metric({name: a.astype(int) for name, a in IDEAL.items()}, FACTORS)


def test_too_few_examples_are_refused():
    one = {name: a[:1] for name, a in IDEAL.items()}
    with pytest.raises(ValueError, match=r"one example tells nothing of q\(z\)"):
        code_information(one, {"x": X[:1]}, rng_of(), 10)
    with pytest.raises(ValueError, match=r"one example tells nothing of q\(z\)"):
        total_correlation(one, rng_of(), 10)
    lone = np.r_[0, np.ones(N - 1, int)]
    with pytest.raises(
        ValueError, match="a value of factor 'lone' has 1 of 144 examples, at least"
    ):
        factor_vae_metric(IDEAL["mean"], {"lone": lone, "x": X}, rng_of(), 10)


def test_what_has_no_gap_or_no_classifier_is_refused():
    q = narrow(X)
    with pytest.raises(ValueError, match="a gap needs codes of 2 or more dimensions"):
        mutual_information_gap(q, FACTORS, rng_of(), 10)
    with pytest.raises(ValueError, match="one factor needs no classifier: give 2 or more"):
        factor_vae_metric(q["mean"], {"x": X}, rng_of(), 10)


@pytest.mark.parametrize("count", [0, 2.5, True])
def test_counts_that_are_none_are_refused(count):
    with pytest.raises(ValueError, match="draws must be a whole number >= 1"):
        total_correlation(IDEAL, rng_of(), count)
    with pytest.raises(ValueError, match="bins must be a whole number >= 1"):
        binned_information(IDEAL["mean"], FACTORS, count)
    with pytest.raises(ValueError, match="votes must be a whole number >= 1"):
        factor_vae_metric(IDEAL["mean"], FACTORS, rng_of(), count)


def test_a_singular_covariance_is_refused():
    with pytest.raises(
        ValueError, match="the covariance of 144 codes is singular: leave dimensions"
    ):
        gaussian_total_correlation(IDEAL["mean"])  # its last dimension is the same for all
    with pytest.raises(ValueError, match="the covariance of 2 codes is singular"):
        gaussian_total_correlation(IDEAL["mean"][:2])


@pytest.mark.parametrize(
    "values, n, message",
    [
        (X, 9, "cannot cut 8 different values into 9 levels"),
        (X, 1, "cannot cut 8 different values into 1 levels: give n between 2"),
        (np.array([1, np.nan]), 2, "expected finite values"),
        (GRID, 2, r"expected finite values \(N,\), got shape \(144, 3\)"),
    ],
)
def test_values_that_cannot_be_cut_are_refused(values, n, message):
    with pytest.raises(ValueError, match=message):
        levels(values, n)
