"""Closed-form divergences equal their definition, and reparameterised draws are what they say."""

import math

import numpy as np
import pytest

from tinygen.divergences import (
    kl,
    kl_diagonal,
    kl_diagonal_standard,
    kl_full,
    kl_full_standard,
    kl_to_standard_normal,
)
from tinygen.reparameterise import reparameterise

N, Z = 4, 3
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def diagonal(rng, n=N, z=Z, dtype="float64"):
    return {
        "mean": rng.normal(size=(n, z)).astype(dtype),
        "log_var": rng.normal(size=(n, z)).astype(dtype),
    }


def full(rng, n=N, z=Z, dtype="float64"):
    L = np.tril(0.5 * rng.normal(size=(n, z, z)), -1)
    L[:, range(z), range(z)] = rng.uniform(0.5, 2.0, size=(n, z))
    return {"mean": rng.normal(size=(n, z)).astype(dtype), "L": L.astype(dtype)}


def as_full(q):
    """A diagonal Gaussian written with L = diag(exp(log_var / 2))."""
    std = np.exp(q["log_var"] / 2)
    return {"mean": q["mean"], "L": std[:, :, None] * np.eye(std.shape[1])}


def standard(q):
    """The standard normal in the parametrisation of q."""
    if "L" in q:
        return {"mean": 0 * q["mean"], "L": 0 * q["L"] + np.eye(q["L"].shape[1])}
    return {"mean": 0 * q["mean"], "log_var": 0 * q["log_var"]}


def log_density(q, z):
    """log N(z; q) for z (M, N, Z), from the covariance itself: (M, N)."""
    L = q["L"] if "L" in q else as_full(q)["L"]
    C = L @ L.swapaxes(1, 2)
    e = z - q["mean"]
    distance = np.einsum("mni,nij,mnj->mn", e, np.linalg.inv(C), e)
    return -0.5 * (distance + np.linalg.slogdet(C)[1] + e.shape[-1] * math.log(2 * math.pi))


def four(rng):
    """(divergence of (q, p), q, p) for each of the four; p is None where it is standard."""
    return {
        "kl_diagonal_standard": (lambda q, p: kl_diagonal_standard(q), diagonal(rng), None),
        "kl_diagonal": (kl_diagonal, diagonal(rng), diagonal(rng)),
        "kl_full_standard": (lambda q, p: kl_full_standard(q), full(rng), None),
        "kl_full": (kl_full, full(rng), full(rng)),
    }


every_divergence = pytest.mark.parametrize("name", list(four(np.random.default_rng(0))))


@every_divergence
def test_the_closed_form_is_the_monte_carlo_mean_of_the_log_ratio(rng, name):
    divergence, q, p = four(rng)[name]
    m = 40_000
    L = q["L"] if "L" in q else as_full(q)["L"]
    z = q["mean"] + np.einsum("nij,mnj->mni", L, rng.normal(size=(m, N, Z)))
    ratio = log_density(q, z) - log_density(p or standard(q), z)  # (M, N)
    error = ratio.std(axis=0) / math.sqrt(m)
    value = divergence(q, p)[0]
    assert value.shape == (N,)
    assert (abs(ratio.mean(axis=0) - value) <= 4.5 * error).all()
    assert (error < 0.05 * value).all()  # the test sees an error of a quarter


@every_divergence
def test_the_closed_form_is_the_quadrature_of_its_definition(rng, name):
    """In one dimension to 1e-9, where sampling sees two digits."""
    divergence = four(rng)[name][0]
    draw = full if "full" in name else diagonal
    q, p = draw(rng, N, 1), draw(rng, N, 1)
    p = standard(q) if "standard" in name else p
    z = np.linspace(-60, 60, 60_001)
    points = np.broadcast_to(z[:, None, None], (len(z), N, 1))
    log_q, log_p = log_density(q, points), log_density(p, points)
    expected = np.trapezoid(np.exp(log_q) * (log_q - log_p), z, axis=0)
    np.testing.assert_allclose(divergence(q, p)[0], expected, rtol=1e-9)


@every_divergence
def test_it_is_zero_with_zero_gradient_at_equality_and_positive_elsewhere(rng, name):
    for _ in range(50):
        divergence, q, p = four(rng)[name]
        assert (divergence(q, p)[0] > 0).all()
        q = standard(q) if p is None else q
        value, backward = divergence(q, q)
        np.testing.assert_allclose(value, 0, atol=1e-14)
        for gradient in backward.dp(np.ones(N)).values():
            np.testing.assert_allclose(gradient, 0, atol=1e-13)


@every_divergence
def test_near_equality_it_is_half_a_square_in_float32(rng, name):
    """1 + log_var - sigma^2 would be rounding noise here, and of either sign."""
    divergence, q, _ = four(rng)[name]
    q = standard(q)
    for step in (1e-2, 1e-3):
        near = {"mean": q["mean"].copy()}
        if "L" in q:
            near["L"] = q["L"] * math.exp(step / 2)
        else:
            near["log_var"] = q["log_var"] + step
        near, at = ({k: v.astype(np.float32) for k, v in d.items()} for d in (near, q))
        exact = Z * (math.expm1(step) - step) / 2
        value = divergence(near, at)[0]
        np.testing.assert_allclose(value, exact, rtol=2e-3)
        assert (value > 0).all()


def test_a_diagonal_gaussian_is_a_full_one_with_diagonal_l(rng):
    q, p = diagonal(rng), diagonal(rng)
    a, b = kl_diagonal(q, p)[0], kl_full(as_full(q), as_full(p))[0]
    np.testing.assert_allclose(a, b, rtol=1e-12)
    a, of_a = kl_diagonal_standard(q)
    b, of_b = kl_full_standard(as_full(q))
    np.testing.assert_allclose(a, b, rtol=1e-12)
    # d log_var = dL_ii sigma / 2, for L_ii = sigma = exp(log_var / 2)
    dL = np.diagonal(of_b.dp(np.ones(N))["L"], axis1=1, axis2=2)
    expected = dL * np.exp(q["log_var"] / 2) / 2
    np.testing.assert_allclose(of_a.dp(np.ones(N))["log_var"], expected, rtol=1e-11, atol=1e-14)


def test_to_a_standard_p_it_is_the_divergence_to_the_standard_normal(rng):
    q, f = diagonal(rng), full(rng)
    np.testing.assert_allclose(
        kl_diagonal(q, standard(q))[0], kl_diagonal_standard(q)[0], rtol=1e-13
    )
    np.testing.assert_allclose(kl_full(f, standard(f))[0], kl_full_standard(f)[0], rtol=1e-13)


def test_it_does_not_change_when_both_are_moved_by_one_affine_map(rng):
    q, p = full(rng), full(rng)
    A, shift = full(rng)["L"], rng.normal(size=(N, Z))

    def moved(d):
        return {"mean": (A @ d["mean"][..., None])[..., 0] + shift, "L": A @ d["L"]}

    np.testing.assert_allclose(kl_full(moved(q), moved(p))[0], kl_full(q, p)[0], rtol=1e-10)


def test_the_short_names_choose_by_the_parameters(rng):
    q, f = diagonal(rng), full(rng)
    np.testing.assert_array_equal(kl_to_standard_normal(q)[0], kl_diagonal_standard(q)[0])
    np.testing.assert_array_equal(kl_to_standard_normal(f)[0], kl_full_standard(f)[0])
    np.testing.assert_array_equal(kl(q, standard(q))[0], kl_diagonal(q, standard(q))[0])
    np.testing.assert_array_equal(kl(f, standard(f))[0], kl_full(f, standard(f))[0])


def test_a_diagonal_gaussian_of_any_rank_is_summed_over_all_but_the_first_axis(rng):
    q = diagonal(rng, 2, 12)
    image = {k: v.reshape(2, 2, 3, 2) for k, v in q.items()}
    np.testing.assert_allclose(kl_diagonal_standard(image)[0], kl_diagonal_standard(q)[0])
    np.testing.assert_allclose(
        kl_diagonal(image, standard(image))[0], kl_diagonal_standard(q)[0], rtol=1e-13
    )


@every_divergence
def test_nothing_flows_above_the_diagonal_of_l_nor_to_the_standard_normal(rng, name):
    divergence, q, p = four(rng)[name]
    dq, dp = divergence(q, p)[1](np.ones(N))
    if p is None:
        assert dp == ()
    for gradient in (dq, dp):
        if "L" in gradient:
            np.testing.assert_array_equal(np.triu(gradient["L"], 1), 0)


@every_dtype
@every_divergence
def test_it_agrees_with_pytorch(rng, name, dtype):
    torch = pytest.importorskip("torch")
    from torch.distributions import MultivariateNormal, Normal, kl_divergence

    for n, z in [(1, 1), (2, 5), (7, 3)]:
        draw = full if "full" in name else diagonal
        q, p = draw(rng, n, z, dtype), draw(rng, n, z, dtype)
        if "standard" in name:
            p = {k: v.astype(dtype) for k, v in standard(q).items()}
        dkl = rng.normal(size=n).astype(dtype)
        value, backward = four(rng)[name][0](q, p)
        theirs = [{k: torch.tensor(v, requires_grad=True) for k, v in d.items()} for d in (q, p)]

        def density(d):
            if "L" in d:
                return MultivariateNormal(d["mean"], scale_tril=d["L"])
            return Normal(d["mean"], torch.exp(d["log_var"] / 2))

        expected = kl_divergence(*(density(d) for d in theirs))
        expected = expected if "full" in name else expected.sum(1)
        expected.backward(torch.tensor(dkl))
        tolerance = {"rtol": TOLERANCE[dtype], "atol": 30 * TOLERANCE[dtype]}
        np.testing.assert_allclose(value, expected.detach().numpy(), **tolerance)
        for ours, tensors in zip(backward(dkl), theirs, strict=True):
            for key, gradient in ours.items() if ours else ():
                wanted = tensors[key].grad.numpy()
                wanted = np.tril(wanted) if key == "L" else wanted
                scale = max(1.0, abs(wanted).max())
                np.testing.assert_allclose(gradient / scale, wanted / scale, **tolerance)


def test_a_narrow_posterior_is_finite_in_float32():
    L = np.array([[[1e-9, 0], [0.5, 1e-5]]], np.float32)
    q = {"mean": np.zeros((1, 2), np.float32), "L": L}
    expected = (1e-18 + 0.25 + 1e-10 - 2) / 2 - math.log(1e-9) - math.log(1e-5)
    np.testing.assert_allclose(kl_full_standard(q)[0], [expected], rtol=1e-6)


# Reparameterisation


@pytest.mark.parametrize("draw", [diagonal, full])
def test_draws_have_the_mean_and_the_covariance(rng, draw):
    """exp(log_var) is the variance: a sampler that takes it for the std fails here."""
    q, m = draw(rng, 1), 40_000
    many = {k: np.repeat(v, m, axis=0) for k, v in q.items()}
    z, _ = reparameterise(many, rng.normal(size=(m, Z)))
    L = q["L"][0] if "L" in q else as_full(q)["L"][0]
    C = L @ L.T
    e = z - q["mean"]
    assert (abs(e.mean(axis=0)) <= 4.5 * np.sqrt(np.diag(C) / m)).all()
    # the variance of e_i e_j under a Gaussian is C_ii C_jj + C_ij^2
    error = np.sqrt((np.outer(np.diag(C), np.diag(C)) + C**2) / m)
    assert (abs(e.T @ e / m - C) <= 4.5 * error).all()
    if "log_var" in q:
        np.testing.assert_allclose(np.diag(C), np.exp(q["log_var"][0]), rtol=1e-12)


def test_for_f_of_z_squared_the_mean_gradient_is_two_means_and_two_stds(rng):
    """E[z^2] = mean^2 + std^2: its derivatives are 2 mean, and 2 std = 2 d log_var / (std / 2)."""
    mean, log_var, m = np.array([0.7, -1.2]), np.array([0.5, -0.8]), 40_000
    std = np.exp(log_var / 2)
    q = {"mean": np.tile(mean, (m, 1)), "log_var": np.tile(log_var, (m, 1))}
    z, backward = reparameterise(q, rng.normal(size=(m, 2)))
    dq = backward.dp(2 * z)  # f = z^2, df/dz = 2 z
    for samples, expected in [
        (dq["mean"], 2 * mean),
        (dq["log_var"] / (std / 2), 2 * std),  # d log_var = d std * std / 2
    ]:
        error = samples.std(axis=0) / math.sqrt(m)
        assert (error < 0.05).all()
        assert (abs(samples.mean(axis=0) - expected) <= 4 * error).all()


def test_for_f_of_z_squared_the_mean_gradient_of_l_is_two_l(rng):
    """E|z|^2 = |mean|^2 + |L|^2."""
    q, m = full(rng, 1), 40_000
    many = {k: np.repeat(v, m, axis=0) for k, v in q.items()}
    z, backward = reparameterise(many, rng.normal(size=(m, Z)))
    dL = backward.dp(2 * z)["L"]
    error = dL.std(axis=0) / math.sqrt(m)
    assert (abs(dL.mean(axis=0) - 2 * q["L"][0]) <= 4 * error + 1e-12).all()
    assert (error < 0.1).all()


def test_nothing_flows_above_the_diagonal_of_a_drawing_l(rng):
    dL = reparameterise(full(rng), rng.normal(size=(N, Z)))[1].dp(rng.normal(size=(N, Z)))["L"]
    np.testing.assert_array_equal(np.triu(dL, 1), 0)
    assert (dL[:, 2, 0] != 0).all()


def test_without_noise_a_draw_is_the_mean(rng):
    for q in (diagonal(rng), full(rng)):
        np.testing.assert_array_equal(reparameterise(q, np.zeros((N, Z)))[0], q["mean"])


# Bad input


def every_function(rng):
    """(function of q, q) for whatever takes a Gaussian, in either parametrisation."""
    eps, p, f = rng.normal(size=(N, Z)), diagonal(rng), full(rng)
    return [
        (kl_diagonal_standard, p),
        (lambda q: kl_diagonal(q, p), p),
        (lambda q: kl_diagonal(p, q), p),
        (lambda q: reparameterise(q, eps), p),
        (kl_full_standard, f),
        (lambda q: kl_full(q, f), f),
        (lambda q: kl_full(f, q), f),
        (lambda q: reparameterise(q, eps), f),
    ]


def test_bad_gaussians_are_refused(rng):
    for f, q in every_function(rng):
        spread = "L" if "L" in q else "log_var"
        with pytest.raises(ValueError, match=rf"expected a dict of .*'{spread}'"):
            f({spread: q[spread]})
        with pytest.raises(ValueError, match="expected a dict of"):
            f({**q, "std": q["mean"]})
        with pytest.raises(ValueError, match="NaN"):
            f({**q, "mean": q["mean"] * math.nan})
        with pytest.raises(ValueError, match=rf"{spread}: .* infinite"):
            f({**q, spread: np.where(q[spread] == q[spread].max(), math.inf, q[spread])})
        with pytest.raises(ValueError, match="is empty"):
            f({k: v[:0] for k, v in q.items()})
        with pytest.raises(ValueError, match=r"shape|and L"):
            f({**q, "mean": q["mean"][:, :2]})
        with pytest.raises(ValueError, match=r"shape|and L"):
            f({**q, spread: q[spread][:-1]})
        with pytest.raises(TypeError, match=f"{spread} is float32, mean is float64"):
            f({**q, spread: q[spread].astype(np.float32)})
        with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got list"):
            f({**q, spread: q[spread].tolist()})


def test_an_l_that_is_no_cholesky_factor_is_refused(rng):
    for f, q in every_function(rng):
        if "L" not in q:
            continue
        for entry in (0.0, -1.0):
            L = q["L"].copy()
            L[2, 1, 1] = entry
            with pytest.raises(ValueError, match=rf"positive diagonal, got {entry:g} on it"):
                f({**q, "L": L})
        covariance = q["L"] @ q["L"].swapaxes(1, 2)
        with pytest.raises(ValueError, match=r"lower-triangular L, .* np.linalg.cholesky"):
            f({**q, "L": covariance})


def test_two_gaussians_must_fit_each_other(rng):
    for f, draw in ((kl_diagonal, diagonal), (kl_full, full)):
        q = draw(rng)
        with pytest.raises(ValueError, match="p's mean of the parameters' shape"):
            f(q, draw(rng, N + 1))
        with pytest.raises(TypeError, match="p's mean is float32, the parameters are float64"):
            f(q, draw(rng, dtype="float32"))
    with pytest.raises(ValueError, match=r"q: expected a dict|p: expected a dict"):
        kl(full(rng), diagonal(rng))


def test_noise_of_another_shape_or_dtype_is_refused(rng):
    for q in (diagonal(rng), full(rng)):
        with pytest.raises(ValueError, match=r"eps of the parameters' shape \(4, 3\), got \(4, 1"):
            reparameterise(q, np.zeros((N, 1)))
        with pytest.raises(TypeError, match=r"eps is float32, .* use eps.astype\('float64'\)"):
            reparameterise(q, np.zeros((N, Z), np.float32))
        with pytest.raises(TypeError, match="expected eps as a NumPy or CuPy array"):
            reparameterise(q, np.zeros((N, Z)).tolist())
