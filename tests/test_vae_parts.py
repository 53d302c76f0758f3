"""What VAEs are made of: the Cholesky layer, the density of a draw, active units."""

import math

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.divergences import kl_diagonal_standard, kl_full_standard
from tinygen.likelihoods import Bernoulli
from tinygen.metrics import active_units, activity
from tinygen.models.vae import dense_vae
from tinygen.reparameterise import log_density, reparameterise

N, Z = 4, 3


# The Cholesky layer


def test_every_list_of_numbers_gives_a_cholesky_factor(rng):
    a = 3 * rng.normal(size=(50, 6))
    factor, _ = L.Cholesky(Z).forward({}, a)
    assert factor.shape == (50, Z, Z)
    np.testing.assert_array_equal(np.triu(factor, 1), 0)
    cov = factor @ factor.swapaxes(1, 2)
    np.testing.assert_allclose(np.linalg.cholesky(cov), factor, rtol=1e-6, atol=1e-9)


def test_the_numbers_fill_the_triangle_row_by_row():
    a = np.array([[0.0, 6.0, 0.0, 9.0, 12.0, 0.0]])  # divided by 3 below the diagonal
    factor, _ = L.Cholesky(3).forward({}, a)
    np.testing.assert_array_equal(factor[0], [[1, 0, 0], [2, 1, 0], [3, 4, 1]])


def test_zeros_give_the_identity_and_the_diagonal_is_half_a_bounded_log_variance(rng):
    layer = L.Cholesky(2, limit=4.0)
    np.testing.assert_array_equal(layer.forward({}, np.zeros((1, 3)))[0][0], np.eye(2))
    factor, _ = layer.forward({}, np.array([[1.3, 0.0, -900.0]]))
    np.testing.assert_allclose(factor[0, 0, 0] ** 2, np.exp(4 * np.tanh(1.3 / 4)), rtol=1e-14)
    np.testing.assert_allclose(factor[0, 1, 1], np.exp(-2), rtol=1e-14)


def test_without_numbers_below_the_diagonal_it_is_the_diagonal_gaussian(rng):
    mean, log_var = rng.normal(size=(2, N, Z))
    a = np.zeros((N, 6))
    a[:, [0, 2, 5]] = log_var
    factor, _ = L.Cholesky(Z).forward({}, a)
    bounded, _ = L.Bounded().forward({}, log_var)
    full, _ = kl_full_standard({"mean": mean, "L": factor})
    diagonal, _ = kl_diagonal_standard({"mean": mean, "log_var": bounded})
    np.testing.assert_allclose(full, diagonal, rtol=1e-12)


def test_a_row_below_the_diagonal_begins_no_larger_than_one_number(rng):
    a = rng.normal(size=(500, L.Cholesky(32).n_in))
    factor, _ = L.Cholesky(32).forward({}, a)
    rows = (np.tril(factor, -1) ** 2).sum(axis=2)  # (500, 32): variance added to each dimension
    assert 0.01 < rows[:, -1].mean() < 0.05


def test_its_width_is_that_of_a_triangle():
    assert [L.Cholesky(n).n_in for n in (1, 2, 3, 20)] == [1, 3, 6, 210]
    with pytest.raises(ValueError, match=r"Cholesky: expected x of shape \(N, 6\), got \(2, 9\)"):
        L.Cholesky(3).forward({}, np.ones((2, 9)))


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match=r"Cholesky: limit must be a finite number > 0, got"):
        L.Cholesky(3, limit)
    with pytest.raises(ValueError, match=r"Cholesky: n must be a whole number >= 1, got 0"):
        L.Cholesky(0)


# The density of a draw


def gaussian(rng, posterior):
    mean = rng.normal(size=(N, Z))
    if posterior == "diagonal":
        return {"mean": mean, "log_var": rng.normal(size=(N, Z))}
    return {"mean": mean, "L": L.Cholesky(Z).forward({}, rng.normal(size=(N, 6)))[0]}


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_the_density_of_a_draw_is_that_of_its_gaussian_there(rng, posterior):
    q, eps = gaussian(rng, posterior), rng.normal(size=(N, Z))
    z, _ = reparameterise(q, eps)
    factor = q["L"] if "L" in q else np.exp(q["log_var"] / 2)[:, :, None] * np.eye(Z)
    cov = factor @ factor.swapaxes(1, 2)
    e = z - q["mean"]
    squares = np.einsum("ni,nij,nj->n", e, np.linalg.inv(cov), e)
    expected = -0.5 * (squares + np.linalg.slogdet(2 * np.pi * cov)[1])
    np.testing.assert_allclose(log_density(q, eps)[0], expected, rtol=1e-11)


def test_the_density_of_a_draw_refuses_what_a_draw_refuses(rng):
    for posterior in ("diagonal", "full"):
        q = gaussian(rng, posterior)
        with pytest.raises(
            ValueError, match=r"log_density: expected eps .* \(4, 3\), got \(4, 1\)"
        ):
            log_density(q, np.zeros((N, 1)))
        with pytest.raises(TypeError, match=r"log_density: eps is float32"):
            log_density(q, np.zeros((N, Z), np.float32))
        with pytest.raises(ValueError, match=r"log_density: expected a dict of"):
            log_density({**q, "std": q["mean"]}, np.zeros((N, Z)))


# Active units


def test_a_unit_is_active_where_its_mean_moves_with_the_example(rng):
    mean = rng.normal(size=(20_000, 4)) * np.array([1.0, 0.2, 0.05, 0.0]) + 7
    np.testing.assert_allclose(activity(mean), [1, 0.04, 0.0025, 0], rtol=0.05, atol=1e-12)
    assert active_units(mean) == 2
    assert active_units(mean, threshold=0.001) == 3


def test_an_encoder_that_ignores_its_input_has_no_active_unit(rng):
    model = dense_vae(7, 5, 3, Bernoulli(grey=True))
    p, x = model.init(rng), rng.random((50, 7)).astype(np.float32)
    assert active_units(model.encode(p, x)["mean"]) == 3
    p["encoder"]["q"]["mean"]["W"][:, 1:] = 0  # two units collapse
    assert active_units(model.encode(p, x)["mean"]) == 1


def test_means_of_which_no_variance_can_be_had_are_refused():
    with pytest.raises(ValueError, match=r"one example has no variance"):
        activity(np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"activity: mean: expected x of shape \(N, Z\)"):
        active_units(np.ones(3))
    with pytest.raises(ValueError, match=r"NaN or infinite"):
        active_units(np.array([[1.0, np.nan], [0.0, 1.0]]))
