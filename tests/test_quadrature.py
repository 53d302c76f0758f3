"""Divergences on a grid equal their closed forms, and refuse what is no pair of densities."""

import numpy as np
import pytest

from tinygen.check import check_gradients
from tinygen.divergences import kl_diagonal
from tinygen.pullback import Pullback
from tinygen.quadrature import gaussian_on_grid, js_on_grid, kl_on_grid, midpoints

LOG_2 = np.log(2)
X, W = midpoints(-12, 12, 400)


def gaussian(mean, std, x=X):
    """log N(x; mean, std^2) as one row."""
    q = {"mean": np.array([float(mean)]), "log_var": np.array([2 * np.log(std)])}
    return gaussian_on_grid(q, x)[0]


def uniform(low, high, x):
    """log U(low, high) as one row; -inf outside."""
    with np.errstate(divide="ignore"):
        return np.log(((low < x) & (x < high)) / (high - low))[None]


def draws(rng, n=5):
    return {"mean": rng.normal(size=n), "log_var": 0.5 * rng.normal(size=n)}


both = pytest.mark.parametrize("divergence", [kl_on_grid, js_on_grid])


# Closed forms


def test_kl_on_a_grid_is_the_closed_form(rng):
    q, p = draws(rng), draws(rng)
    exact, _ = kl_diagonal(*({k: v[:, None] for k, v in d.items()} for d in (q, p)))
    found, _ = kl_on_grid(gaussian_on_grid(q, X)[0], gaussian_on_grid(p, X)[0], W)
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_its_gradient_is_that_of_the_closed_form(rng):
    q, p = draws(rng), draws(rng)
    columns = [{k: v[:, None] for k, v in d.items()} for d in (q, p)]
    exact = kl_diagonal(*columns)[1](np.ones(5))
    (log_q, q_back), (log_p, p_back) = gaussian_on_grid(q, X), gaussian_on_grid(p, X)
    dlog_q, dlog_p = kl_on_grid(log_q, log_p, W)[1](np.ones(5))
    for found, expected in zip((q_back.dp(dlog_q), p_back.dp(dlog_p)), exact, strict=True):
        for key in ("mean", "log_var"):
            np.testing.assert_allclose(found[key], expected[key][:, 0], atol=1e-11)


def test_uniforms_that_overlap_by_half_have_known_divergences():
    x, w = midpoints(0, 3, 300)
    for overlap in (1.0, 0.5, 0.25):
        p, q = uniform(0, 1, x), uniform(1 - overlap, 2 - overlap, x)
        js, _ = js_on_grid(p, q, w)
        assert js[0] == pytest.approx((1 - overlap) * LOG_2, abs=1e-12)
        assert kl_on_grid(p, q, w)[0][0] == pytest.approx(0 if overlap == 1 else np.inf)
    inside = uniform(0, 1, x), uniform(0, 2, x)  # KL sees what Q wastes, and no more
    assert kl_on_grid(*inside, w)[0][0] == pytest.approx(LOG_2)
    assert kl_on_grid(*inside[::-1], w)[0][0] == np.inf


def test_disjoint_supports_have_infinite_kl_and_js_log_2():
    x, w = midpoints(0, 3, 300)
    p, q = uniform(0, 1, x), uniform(2, 3, x)
    assert kl_on_grid(p, q, w)[0][0] == kl_on_grid(q, p, w)[0][0] == np.inf
    js, backward = js_on_grid(p, q, w)
    assert js[0] == pytest.approx(LOG_2, abs=1e-14)
    assert all(np.isfinite(d).all() for d in backward(np.ones(1)))


def test_where_a_tail_rounds_to_nothing_its_share_is_nothing():
    x, w = midpoints(-40, 40, 8000)  # w e^-743 rounds to 0, e^-743 does not
    p = gaussian(0, 1, x)
    q = np.where(p < -743, -np.inf, p)
    for divergence in (kl_on_grid, js_on_grid):
        assert divergence(p, q, w)[0][0] == pytest.approx(0, abs=1e-12)


def test_js_is_symmetric_and_between_zero_and_log_2(rng):
    p, q = (gaussian_on_grid(draws(rng, 50), X)[0] for _ in range(2))
    js, (there, back) = js_on_grid(p, q, W)[0], js_on_grid(q, p, W)[1](np.ones(50))
    np.testing.assert_allclose(js, js_on_grid(q, p, W)[0], rtol=1e-13)
    assert (js > 0).all() and (js < LOG_2).all()
    np.testing.assert_allclose(js_on_grid(p, q, W)[1](np.ones(50))[0], back, rtol=1e-12)
    np.testing.assert_allclose(js_on_grid(p, p, W)[0], 0, atol=1e-15)
    assert there.shape == back.shape == p.shape


def test_the_gradient_of_js_where_one_density_is_zero(rng):
    """Both densities may vanish at different nodes; the pullback there is a plain number."""
    x, w = midpoints(0, 4, 8)
    holes = np.zeros((2, 8))
    holes[0, :3] = holes[1, 5:] = -np.inf

    def f(p, _):
        logs = p + holes
        logs = logs - np.log((w * np.exp(logs)).sum(axis=1, keepdims=True))
        share = np.exp(logs) * w
        js, backward = js_on_grid(logs[:1], logs[1:], w)

        def dp(d):
            dlogs = np.concatenate(backward(d))
            return dlogs - share * dlogs.sum(axis=1, keepdims=True)

        return js, Pullback(dp, lambda d: (), js)

    assert check_gradients(f, rng.normal(size=(2, 8)), x, rng=rng, wrt_x=False)


def test_a_gaussian_on_a_grid_sums_to_one(rng):
    log_q, _ = gaussian_on_grid(draws(rng), X)
    np.testing.assert_allclose((W * np.exp(log_q)).sum(axis=1), 1, rtol=1e-12)


def test_midpoints_fill_the_interval():
    x, w = midpoints(-1, 2, 6)
    np.testing.assert_allclose(x, [-0.75, -0.25, 0.25, 0.75, 1.25, 1.75])
    assert w.sum() == pytest.approx(3)
    assert midpoints(0, 1, 4, np.float32)[0].dtype == np.float32


# Bad input


@both
@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"log_p": [[0.0]]}, TypeError, "log_p as a NumPy or CuPy array, got list"),
        ({"weights": np.ones(400, int)}, TypeError, "expected floats, weights is int64"),
        ({"log_q": gaussian(0, 1).astype(np.float32)}, TypeError, "log_q is float32, log_p is f"),
        ({"log_q": gaussian(0, 1)[:, 1:]}, ValueError, r"one grid of M nodes.*\(1, 399\)"),
        ({"weights": W[1:]}, ValueError, r"one grid of M nodes.*\(399,\)"),
        ({"log_p": gaussian(0, 1)[0]}, ValueError, r"\(400,\).*one density is a row, log_p\[None"),
        ({"log_q": gaussian(0, 1)[:0], "log_p": gaussian(0, 1)[:0]}, ValueError, "is empty"),
        ({"weights": -W}, ValueError, "weights must be finite and > 0, the smallest is -0.06"),
        ({"weights": W * np.nan}, ValueError, "weights must be finite and > 0"),
        ({"log_q": np.where(X > 1, np.nan, gaussian(0, 1))}, ValueError, "log_q holds NaN.*node 2"),
        ({"log_p": np.where(X > 1, np.inf, gaussian(0, 1))}, ValueError, r"log_p holds NaN or \+"),
        ({"log_p": np.exp(gaussian(0, 1))}, ValueError, "log_p sums to .* the logarithm of a norm"),
        ({"log_q": gaussian(0, 1) + 0.1}, ValueError, "row 0 of log_q sums to 1.10517"),
        ({"log_q": gaussian(12, 1)}, ValueError, "row 0 of log_q sums to 0.5.*wide enough"),
        ({"log_q": gaussian(0, 0.01)}, ValueError, "of log_q sums to .*fine enough"),
        ({"log_q": np.full((1, 400), -np.inf)}, ValueError, "of log_q sums to 0 on the grid"),
        ({"log_q": np.full((1, 400), 1e4)}, ValueError, "of log_q sums to inf on the grid"),
    ],
)
def test_what_is_no_pair_of_densities_is_refused(divergence, change, error, message):
    given = {"log_p": gaussian(0, 1), "log_q": gaussian(1, 1), "weights": W, **change}
    with pytest.raises(error, match=rf"^{divergence.__name__}: .*{message}"):
        divergence(**given)


@pytest.mark.parametrize(
    "q, x, error, message",
    [
        ({"mean": np.zeros(2)}, X, ValueError, r"dict of \['log_var', 'mean'\]"),
        ({"mean": np.zeros(2), "log_var": np.zeros(1)}, X, ValueError, "log_var of the parameters"),
        ({"mean": np.zeros((2, 1)), "log_var": np.zeros((2, 1))}, X, ValueError, r"shape \(N,\)"),
        ({"mean": np.array([np.nan]), "log_var": np.zeros(1)}, X, ValueError, "NaN or infinite"),
        ({"mean": np.zeros(1), "log_var": np.zeros(1)}, X[:, None], ValueError, r"shape \(M,\)"),
        (
            {"mean": np.zeros(1), "log_var": np.zeros(1)},
            X.astype(np.float32),
            TypeError,
            "x is float32, q's mean is float64",
        ),
    ],
)
def test_what_is_no_gaussian_on_a_grid_is_refused(q, x, error, message):
    with pytest.raises(error, match=rf"^gaussian_on_grid.*{message}"):
        gaussian_on_grid(q, x)


@pytest.mark.parametrize("asked", [(0, 0, 3), (1, 0, 3), (0, np.inf, 3), (0, 1, 0), (0, 1, 2.0)])
def test_what_is_no_interval_in_cells_is_refused(asked):
    with pytest.raises(ValueError, match="midpoints: "):
        midpoints(*asked)
