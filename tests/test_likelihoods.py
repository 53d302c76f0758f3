"""Likelihoods are normalised, their samples follow them, and they agree with PyTorch's."""

import math

import numpy as np
import pytest

from tinygen.check import all_images, check_normalised
from tinygen.layers import Bounded
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture
from tinygen.likelihoods import bernoulli as bernoulli_module
from tinygen.likelihoods.base import draw_index

TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
every_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def repeated(params, n):
    """One row of parameters for n examples."""
    if isinstance(params, dict):
        return {key: repeated(value, n) for key, value in params.items()}
    return np.repeat(params[None], n, axis=0)


def log_prob(likelihood, params):
    """points (M, ...) -> log p(point | params), all under the same row of parameters."""
    return lambda points: -likelihood.nll(repeated(params, len(points)), points)[0]


def mixture(rng, *shape, scale=-1.5):
    return {
        "logits": rng.normal(size=shape),
        "mean": 0.7 * rng.normal(size=shape),
        "log_scale": scale + rng.normal(size=shape),
    }


def level_probabilities(likelihood, params):
    """P(x = k) for each level k (levels,), of one pixel with parameters (K,)."""
    x = np.arange(likelihood.levels)
    return np.exp(log_prob(likelihood, params)(x))


def assert_moments(samples, mean, variance, errors=4.5):
    """Mean and variance of (M, ...) samples within so many standard errors."""
    m = len(samples)
    centred = samples - samples.mean(axis=0)
    spread = samples.var(axis=0)
    fourth = (centred**4).mean(axis=0)
    of_mean = np.sqrt(spread / m)
    of_variance = np.sqrt((fourth - spread**2) / m)
    assert (abs(samples.mean(axis=0) - mean) <= errors * of_mean + 1e-12).all()
    assert (abs(spread - variance) <= errors * of_variance + 2 * spread / m + 1e-12).all()


# Every likelihood


class Nothing(Likelihood):
    pass


def test_a_likelihood_without_methods_says_so(rng):
    for call in (
        lambda: Nothing().nll(None, None),
        lambda: Nothing().sample(None, rng),
        lambda: Nothing().mean(None),
    ):
        with pytest.raises(NotImplementedError, match="Nothing defines no"):
            call()


def every_likelihood(rng, dtype):
    """(likelihood, params, x), with float32 or float64 values."""
    cast = lambda tree: {k: v.astype(dtype) for k, v in tree.items()}  # noqa: E731
    normal = lambda *shape: rng.normal(size=shape).astype(dtype)  # noqa: E731
    bits = rng.integers(2, size=(4, 3, 2)).astype(dtype)
    levels = rng.integers(5, size=(4, 3, 2))
    return [
        (Bernoulli(), normal(4, 3, 2), bits),
        (Bernoulli(grey=True), normal(4, 3, 2), rng.random((4, 3, 2)).astype(dtype)),
        (Gaussian(std=0.3), normal(4, 3, 2), normal(4, 3, 2)),
        (Gaussian(), cast({"mean": normal(4, 3, 2), "log_var": normal(2)}), normal(4, 3, 2)),
        (Gaussian(), cast({"mean": normal(4), "log_var": np.array(0.3)}), normal(4)),
        (Categorical(5), normal(4, 3, 2, 5), levels),
        (LogisticMixture(5), cast(mixture(rng, 4, 3, 2, 6)), levels),
    ]


@every_dtype
def test_the_dtype_of_the_parameters_is_that_of_values_gradients_and_means(rng, dtype):
    for likelihood, params, x in every_likelihood(rng, dtype):
        nll, backward = likelihood.nll(params, x)
        dparams, dx = backward(np.ones_like(nll))
        assert nll.shape == (4,)
        assert nll.dtype == dtype
        assert likelihood.mean(params).dtype == dtype
        assert likelihood.mean(params).shape == x.shape
        sample = likelihood.sample(params, rng)
        assert sample.shape == x.shape
        assert sample.dtype == x.dtype
        likelihood.nll(params, sample)  # a sample is data
        grads = dparams if isinstance(params, dict) else {"": dparams}
        values = params if isinstance(params, dict) else {"": params}
        assert {k: (g.shape, g.dtype) for k, g in grads.items()} == {
            k: (v.shape, v.dtype) for k, v in values.items()
        }
        if x.dtype.kind == "i":
            assert dx == ()
        else:
            assert (dx.shape, dx.dtype) == (x.shape, x.dtype)


def test_nll_is_one_number_an_example_that_sees_no_other(rng):
    for likelihood, params, x in every_likelihood(rng, "float64"):
        whole = likelihood.nll(params, x)[0]
        for n in range(4):
            rows = slice(n, n + 1)
            one = (
                {k: v[rows] if v.shape[:1] == (4,) else v for k, v in params.items()}
                if isinstance(params, dict)
                else params[rows]
            )
            np.testing.assert_allclose(likelihood.nll(one, x[rows])[0], whole[rows], rtol=1e-13)


def test_sampling_is_repeated_by_the_same_seed(rng):
    for likelihood, params, _ in every_likelihood(rng, "float32"):
        a, b, other = (likelihood.sample(params, np.random.default_rng(s)) for s in (1, 1, 2))
        np.testing.assert_array_equal(a, b)
        assert (a != other).any()


# Bernoulli


def test_bernoulli_sums_to_one_over_all_binary_images(rng):
    points = all_images((3, 3, 1))
    assert len(points) == 2**9
    report = check_normalised(
        log_prob(Bernoulli(), 2 * rng.normal(size=(3, 3, 1))), points, tolerance=1e-12
    )
    assert report.passed, str(report)


def test_the_grey_cross_entropy_is_no_likelihood():
    grey = np.linspace(0, 1, 1001)
    values = np.exp(log_prob(Bernoulli(grey=True), np.array([0.0]))(grey[:, None]))
    assert abs(np.trapezoid(values, grey) - 1) > 0.4


def test_bernoulli_is_softplus_minus_x_times_the_logit():
    l = np.array([[0.0, 3.0, -2.0]])
    for x in ([[0.0, 1.0, 1.0]], [[1.0, 0.0, 0.0]]):
        p = 1 / (1 + np.exp(-l))
        expected = -np.log(np.where(np.array(x) == 1, p, 1 - p)).sum()
        np.testing.assert_allclose(Bernoulli().nll(l, np.array(x))[0], [expected], rtol=1e-13)


@every_dtype
def test_bernoulli_is_finite_and_exact_at_extreme_logits(dtype):
    l = np.array([[1e4], [1e4], [-1e4], [-1e4]], dtype)
    x = np.array([[1], [0], [1], [0]], dtype)
    nll, backward = Bernoulli().nll(l, x)
    np.testing.assert_array_equal(nll, np.array([0, 1e4, 1e4, 0], dtype))
    dlogits, dx = backward(np.ones(4, dtype))
    np.testing.assert_array_equal(dlogits[:, 0], np.array([0, 1, -1, 0], dtype))
    np.testing.assert_array_equal(dx, -l)


def test_sure_and_right_pixels_do_not_drown_the_others_in_float32(rng):
    """Sums of max(l, 0) and of x l, taken apart, are near 3e6 here and known to 1/4 each."""
    l = rng.choice([-1, 1], (20, 784)) * rng.uniform(5e3, 15e3, (20, 784)).astype(np.float32)
    l = l.astype(np.float32)
    x = (l > 0).astype(np.float32)
    l[:, 7], x[:, 7] = -0.3, 1.0
    expected = np.log1p(np.exp(0.3))
    np.testing.assert_allclose(Bernoulli().nll(l, x)[0], np.full(20, expected), rtol=1e-6)


@pytest.mark.parametrize("grey", [False, True])
@every_dtype
def test_bernoulli_agrees_with_pytorch(rng, dtype, grey):
    torch = pytest.importorskip("torch")
    for shape in [(2, 5), (3, 1), (1, 4, 3), (64, 31, 41), (300, 784)]:  # one or several blocks
        l = (3 * rng.normal(size=shape)).astype(dtype)
        x = rng.random(shape) if grey else rng.integers(2, size=shape)
        x, dnll = x.astype(dtype), rng.normal(size=shape[0]).astype(dtype)
        nll, backward = Bernoulli(grey).nll(l, x)
        theirs, data = torch.tensor(l, requires_grad=True), torch.tensor(x, requires_grad=True)
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        value = loss(theirs, data, reduction="none").reshape(shape[0], -1).sum(1)
        value.backward(torch.tensor(dnll))
        tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        np.testing.assert_allclose(nll, value.detach().numpy(), **tolerance)
        dlogits, dx = backward(dnll)
        np.testing.assert_allclose(dlogits, theirs.grad.numpy(), **tolerance)
        np.testing.assert_allclose(dx, data.grad.numpy(), **tolerance)


def test_bernoulli_takes_arrays_that_are_not_contiguous(rng):
    l = rng.normal(size=(5, 3, 4))
    x = 1.0 * rng.integers(2, size=(5, 3, 4))
    turned = [np.moveaxis(np.moveaxis(a, 0, 2).copy(), 2, 0) for a in (l, x)]
    assert not turned[0].flags.c_contiguous
    (nll, backward), (nll2, backward2) = Bernoulli().nll(l, x), Bernoulli().nll(*turned)
    np.testing.assert_allclose(nll, nll2, rtol=1e-14)
    np.testing.assert_allclose(backward.dp(np.ones(5)), backward2.dp(np.ones(5)), rtol=1e-14)


def test_bernoulli_samples_have_its_moments(rng):
    l = 2 * rng.normal(size=6)
    p = 1 / (1 + np.exp(-l))
    x = Bernoulli().sample(repeated(l, 40_000), rng)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert_moments(x, p, p * (1 - p))
    np.testing.assert_allclose(Bernoulli().mean(l[None])[0], p, rtol=1e-12)


@pytest.mark.parametrize(
    ("grey", "pixel", "message"),
    [
        (False, -1.0, r"got -1\.\.1: for pixels in -1\.\.1 use \(x \+ 1\) / 2"),
        (True, -1.0, r"got -1\.\.1"),
        (False, 255.0, r"got 0\.\.255: .* for 0\.\.255 use x / 255"),
        (True, 1.0000001, "within 0..1"),
        (True, -1e-30, "within 0..1"),
        (False, 0.5, r"grey levels between them: binarise x, .* not a likelihood"),
        (False, 1e-30, "grey levels"),
        (False, 0.99999994, "grey levels"),
        (False, math.nan, "1 values that are NaN"),
        (True, math.nan, "1 values that are NaN"),
        (False, math.inf, "1 values that are NaN or infinite"),
        (True, -math.inf, "1 values that are NaN or infinite"),
    ],
)
@pytest.mark.parametrize("place", [(0, 0), (699, 99)])  # the first and the last block
def test_bernoulli_refuses_pixels_out_of_its_range(grey, pixel, message, place):
    x = np.tile(np.array([0, 1], np.float32), (700, 50))
    x[place] = pixel
    with pytest.raises(ValueError, match=message):
        Bernoulli(grey).nll(np.zeros_like(x), x)


def test_on_a_gpu_an_example_out_of_range_has_the_value_nan(monkeypatch):
    """The device is played by the CPU, which skips the check that a GPU would wait for."""
    monkeypatch.setattr(bernoulli_module, "device_of", lambda x: "cuda")
    x = np.array([[0, 1], [0.5, 1], [0, -1], [math.nan, 1]])
    with np.errstate(invalid="ignore"):
        binary, grey = (Bernoulli(g).nll(np.ones_like(x), x)[0] for g in (False, True))
    np.testing.assert_array_equal(np.isnan(binary), [False, True, True, True])
    np.testing.assert_array_equal(np.isnan(grey), [False, False, True, True])


# Gaussian


def test_gaussian_integrates_to_one():
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for likelihood, params, std in [
        (Gaussian(std=0.7), np.array([0.4]), 0.7),
        (Gaussian(), {"mean": np.array([0.4]), "log_var": np.array([-1.2])}, math.exp(-0.6)),
    ]:
        span = 12 * std
        report = check_normalised(
            log_prob(likelihood, params), 0.4 + span * nodes[:, None], span * weights
        )
        assert report.passed, str(report)


@every_dtype
def test_gaussian_agrees_with_pytorch(rng, dtype):
    torch = pytest.importorskip("torch")
    for shape, of_var in [((4, 5), (4, 5)), ((2, 3, 4), (4,)), ((3, 2), ()), ((5, 2, 3), (2, 1))]:
        mean, x = (rng.normal(size=shape).astype(dtype) for _ in range(2))
        log_var = rng.normal(size=of_var).astype(dtype)
        dnll = rng.normal(size=shape[0]).astype(dtype)
        nll, backward = Gaussian().nll({"mean": mean, "log_var": log_var}, x)
        dparams, dx = backward(dnll)
        m, v, data = (torch.tensor(a, requires_grad=True) for a in (mean, log_var, x))
        density = torch.distributions.Normal(m, torch.exp(v / 2).expand(shape))
        value = -density.log_prob(data).reshape(shape[0], -1).sum(1)
        value.backward(torch.tensor(dnll))
        tolerance = {"rtol": TOLERANCE[dtype], "atol": 10 * TOLERANCE[dtype]}
        np.testing.assert_allclose(nll, value.detach().numpy(), **tolerance)
        np.testing.assert_allclose(dparams["mean"], m.grad.numpy(), **tolerance)
        np.testing.assert_allclose(dparams["log_var"], v.grad.numpy(), **tolerance)
        np.testing.assert_allclose(dx, data.grad.numpy(), **tolerance)


def test_a_fixed_std_is_the_learned_variance_at_that_value(rng):
    mean, x = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    fixed, backward = Gaussian(std=0.7).nll(mean, x)
    params = {"mean": mean, "log_var": np.array(2 * math.log(0.7))}
    learned, of_learned = Gaussian().nll(params, x)
    np.testing.assert_allclose(fixed, learned, rtol=1e-14)
    np.testing.assert_allclose(
        backward.dp(np.ones(2)), of_learned.dp(np.ones(2))["mean"], rtol=1e-14
    )


def test_the_squared_error_is_the_gaussian_nll_at_variance_one_half_up_to_a_constant(rng):
    mean, x = rng.normal(size=(3, 5, 4)), rng.normal(size=(3, 5, 4))
    nll, backward = Gaussian(std=math.sqrt(0.5)).nll(mean, x)
    squared = ((x - mean) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(nll - squared, np.full(3, 20 * math.log(math.pi) / 2), rtol=1e-13)
    np.testing.assert_allclose(backward.dp(np.ones(3)), 2 * (mean - x), rtol=1e-13)


def test_the_shared_variance_with_zero_gradient_is_the_mean_squared_error(rng):
    """Where the likelihood of a shared log_var is greatest, exp(log_var) = mean (x - mean)^2."""
    mean, x = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    best = np.log(((x - mean) ** 2).mean())
    _, backward = Gaussian().nll({"mean": mean, "log_var": np.asarray(best)}, x)
    assert abs(backward.dp(np.ones(6))["log_var"]) < 1e-13


def test_gaussian_samples_have_its_moments(rng):
    mean, log_var = rng.normal(size=(2, 3)), rng.normal(size=3)
    n = 40_000
    x = Gaussian().sample({"mean": repeated(mean, n), "log_var": log_var}, rng)
    assert_moments(x, mean, np.exp(log_var) * np.ones((2, 3)))
    assert_moments(Gaussian(std=0.2).sample(repeated(mean, n), rng), mean, 0.04)
    np.testing.assert_array_equal(Gaussian().mean({"mean": mean, "log_var": log_var}), mean)


@pytest.mark.parametrize("std", [0.0, -1.0, math.nan, math.inf])
def test_gaussian_refuses_a_std_that_is_none(std):
    with pytest.raises(ValueError, match="std must be a finite number > 0"):
        Gaussian(std=std)


def test_gaussian_refuses_other_parameters():
    x = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"expected a dict of \['log_var', 'mean'\], got ndarray"):
        Gaussian().nll(x, x)
    with pytest.raises(ValueError, match=r"got \['log_std', 'mean'\]"):
        Gaussian().nll({"mean": x, "log_std": x}, x)
    with pytest.raises(TypeError, match=r"Gaussian\(std=1.0\) mean: expected a NumPy or CuPy"):
        Gaussian(std=1.0).nll({"mean": x, "log_var": x}, x)
    for shape in [(4,), (2, 3), (1, 4, 3)]:
        with pytest.raises(ValueError, match="does not broadcast to the mean's"):
            Gaussian().nll({"mean": x, "log_var": np.zeros(shape)}, x)
    with pytest.raises(ValueError, match=r"Gaussian log_var: .* NaN"):
        Gaussian().nll({"mean": x, "log_var": np.full(3, math.nan)}, x)
    with pytest.raises(ValueError, match=r"Gaussian: .* 1 values that are NaN"):
        Gaussian(std=1.0).nll(x, np.where(np.arange(12).reshape(4, 3) == 5, math.nan, x))
    with pytest.raises(TypeError, match="log_var is float32, mean is float64"):
        Gaussian().nll({"mean": x, "log_var": np.zeros(3, np.float32)}, x)


# Categorical


def test_categorical_sums_to_one_over_all_levels(rng):
    logits = 3 * rng.normal(size=256)
    report = check_normalised(log_prob(Categorical(), logits), np.arange(256), tolerance=1e-12)
    assert report.passed, str(report)
    points = all_images((2, 2), levels=4, dtype=int)
    report = check_normalised(log_prob(Categorical(4), rng.normal(size=(2, 2, 4))), points)
    assert report.passed, str(report)


@every_dtype
def test_categorical_agrees_with_pytorch(rng, dtype):
    torch = pytest.importorskip("torch")
    for shape in [(4, 7), (2, 3, 5), (3, 20, 30, 256)]:  # the last takes several blocks
        logits = (3 * rng.normal(size=shape)).astype(dtype)
        x = rng.integers(shape[-1], size=shape[:-1])
        dnll = rng.normal(size=shape[0]).astype(dtype)
        nll, backward = Categorical(shape[-1]).nll(logits, x)
        theirs = torch.tensor(logits, requires_grad=True)
        value = torch.nn.functional.cross_entropy(
            theirs.reshape(-1, shape[-1]), torch.tensor(x.ravel()), reduction="none"
        )
        value = value.reshape(shape[0], -1).sum(1)
        value.backward(torch.tensor(dnll))
        tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        np.testing.assert_allclose(nll, value.detach().numpy(), **tolerance)
        np.testing.assert_allclose(backward.dp(dnll), theirs.grad.numpy(), **tolerance)


@every_dtype
def test_categorical_is_finite_at_extreme_logits(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    nll, backward = Categorical(3).nll(logits, np.array([0, 1]))
    np.testing.assert_array_equal(nll, np.array([0, 2e4], dtype))
    expected = np.array([[0, 0, 0], [1, -1, 0]], dtype)
    np.testing.assert_array_equal(backward.dp(np.ones(2, dtype)), expected)


def test_a_constant_added_to_the_logits_changes_nothing(rng):
    logits, x = rng.normal(size=(3, 5)), np.array([0, 4, 2])
    np.testing.assert_allclose(
        Categorical(5).nll(logits, x)[0], Categorical(5).nll(logits + 50, x)[0], rtol=1e-12
    )
    rows = Categorical(5).nll(logits, x)[1].dp(np.ones(3)).sum(axis=1)
    np.testing.assert_allclose(rows, 0, atol=1e-15)


def test_categorical_samples_have_its_moments_and_frequencies(rng):
    logits = 2 * rng.normal(size=5)
    p = np.exp(logits) / np.exp(logits).sum()
    k, n = np.arange(5), 40_000
    x = Categorical(5).sample(repeated(logits, n), rng)
    mean = (k * p).sum()
    assert_moments(x, mean, (k**2 * p).sum() - mean**2)
    assert_moments(1.0 * (x[:, None] == k), p, p * (1 - p))
    np.testing.assert_allclose(Categorical(5).mean(logits[None]), [mean], rtol=1e-13)


def test_a_level_of_probability_zero_is_never_drawn():
    class Ends(np.random.Generator):
        """A generator of the least and the greatest float32 number in [0, 1)."""

        def random(self, shape, dtype):
            return np.resize(np.array([0, 1 - 2**-24], dtype), shape)

    logits = np.full((2, 6), -1e4, np.float32)
    logits[:, 2:4] = 3.0, 1.0
    np.testing.assert_array_equal(draw_index(Ends(np.random.PCG64()), logits), [2, 3])


def bad_levels(likelihood, params):
    """(exception, message, x) for labels that fit no pixel of (N, D) = (2, 3) with 5 levels."""
    good = np.zeros((2, 3), int)
    return [
        (ValueError, r"levels -1\.\.0, expected 0\.\.4: quantise", good - (np.arange(3) == 1)),
        (ValueError, r"levels 0\.\.5, expected 0\.\.4", good + 5 * (np.arange(3) == 2)),
        (TypeError, r"integer levels 0\.\.4, got float64: .* np.rint\(4 \* x\)", good + 0.5),
        (TypeError, "integer levels 0..4, got bool", good.astype(bool)),
        (TypeError, "array of integers, got list", good.tolist()),
        (ValueError, r"expected x of shape \(2, 3\), by the parameters, got \(3, 2\)", good.T),
        (ValueError, r"got \(2, 3, 1\)", good[..., None]),
    ]


def test_labels_that_are_no_levels_are_refused(rng):
    for likelihood, params in [
        (Categorical(5), rng.normal(size=(2, 3, 5))),
        (LogisticMixture(5), mixture(rng, 2, 3, 4)),
    ]:
        name = type(likelihood).__name__
        for error, message, x in bad_levels(likelihood, params):
            with pytest.raises(error, match=f"{name}: .*{message}"):
                likelihood.nll(params, x)


def test_categorical_refuses_logits_of_another_width_and_sizes_below_two():
    with pytest.raises(ValueError, match=r"logits: expected x of shape \(..., 256\)"):
        Categorical().nll(np.zeros((2, 255)), np.zeros(2, int))
    for call in (Categorical, LogisticMixture):
        with pytest.raises(ValueError, match="levels must be a whole number >= 2"):
            call(levels=1)


# Logistic mixture


@pytest.mark.parametrize("scale", [-6.5, -3.0, 0.0, 3.0])
@pytest.mark.parametrize("levels", [2, 5, 256])
def test_logistic_mixture_sums_to_one_over_all_levels(rng, levels, scale):
    params = mixture(rng, 4, scale=scale)
    points = np.arange(levels)
    report = check_normalised(log_prob(LogisticMixture(levels), params), points, tolerance=1e-11)
    assert report.passed, str(report)


def test_logistic_mixture_is_the_difference_of_two_sigmoids(rng):
    """The definition, in plain loops; and in the middle of the range nothing of it cancels."""
    likelihood, params = LogisticMixture(9), mixture(rng, 3, scale=-1.0)
    w = np.exp(params["logits"]) / np.exp(params["logits"]).sum()
    log_s = -7 + np.log1p(np.exp(params["log_scale"] + 7))
    got = level_probabilities(likelihood, params)

    def cdf(v, k):
        return 1 / (1 + math.exp(-(v - params["mean"][k]) / math.exp(log_s[k])))

    for x in range(9):
        c, total = 2 * x / 8 - 1, 0.0
        for k in range(3):
            above = 1.0 if x == 8 else cdf(c + 1 / 8, k)
            below = 0.0 if x == 0 else cdf(c - 1 / 8, k)
            total += w[k] * (above - below)
        np.testing.assert_allclose(got[x], total, rtol=1e-12)


@every_dtype
def test_logistic_mixture_agrees_with_pytorch(rng, dtype):
    torch = pytest.importorskip("torch")
    softplus, log_sigmoid = torch.nn.functional.softplus, torch.nn.functional.logsigmoid
    for shape, levels in [((4, 3, 5), 256), ((2, 3, 2, 10), 32), ((5, 1), 2)]:
        params = {k: v.astype(dtype) for k, v in mixture(rng, *shape).items()}
        x = rng.integers(levels, size=shape[:-1])
        x.flat[:2] = 0, levels - 1
        dnll = rng.normal(size=shape[0]).astype(dtype)
        nll, backward = LogisticMixture(levels).nll(params, x)
        p = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
        c = (torch.tensor(x, dtype=p["mean"].dtype) * 2 / (levels - 1) - 1)[..., None]
        inv_s = torch.exp(-(softplus(p["log_scale"] + 7) - 7))
        b = (c + 1 / (levels - 1) - p["mean"]) * inv_s
        a = (c - 1 / (levels - 1) - p["mean"]) * inv_s
        both = log_sigmoid(b) + log_sigmoid(-a) + torch.log(-torch.expm1(a - b))
        last = torch.tensor(x == levels - 1)[..., None]
        first = torch.tensor(x == 0)[..., None]
        log_p = torch.where(last, log_sigmoid(-a), torch.where(first, log_sigmoid(b), both))
        value = -torch.logsumexp(torch.log_softmax(p["logits"], -1) + log_p, -1)
        value = value.reshape(shape[0], -1).sum(1)
        value.backward(torch.tensor(dnll))
        # a - b cancels in their float32; here the width of the bin is computed without it
        tolerance = {"rtol": 10 * TOLERANCE[dtype], "atol": 10 * TOLERANCE[dtype]}
        np.testing.assert_allclose(nll, value.detach().numpy(), **tolerance)
        dparams = backward.dp(dnll)
        for key, value in p.items():
            np.testing.assert_allclose(dparams[key], value.grad.numpy(), **tolerance, err_msg=key)


@pytest.mark.parametrize("levels", [2, 9, 256])  # few levels: bins a thousand scales wide
@every_dtype
def test_logistic_mixture_is_finite_at_extremes(rng, dtype, levels):
    """Far means, narrow and wide scales, sure components: a difference of sigmoids is 0 there."""
    x = np.array([[0, levels // 3, levels - 1]])
    for mean in (0.0, 50.0, -1e4):
        for log_scale in (-1e4, -7.0, 20.0):
            params = {
                "logits": np.array([[[1e4, -1e4]] * 3], dtype),
                "mean": np.full((1, 3, 2), mean, dtype),
                "log_scale": np.full((1, 3, 2), log_scale, dtype),
            }
            nll, backward = LogisticMixture(levels).nll(params, x)
            assert np.isfinite(nll).all()
            for gradient in backward.dp(np.ones(1, dtype)).values():
                assert np.isfinite(gradient).all()


def test_the_floor_bounds_the_scale_and_leaves_larger_ones_alone():
    likelihood = LogisticMixture(floor=-4.0)
    log_s = likelihood.log_s({"log_scale": np.array([-1e4, -4.0, 20.0])})
    np.testing.assert_allclose(log_s, [-4.0, -4.0 + math.log(2), 20.0], rtol=1e-10)


def test_logistic_mixture_samples_follow_its_probabilities(rng):
    """Wide enough for the tails, narrow enough for the middle; mean and variance, each level."""
    likelihood, params, n = LogisticMixture(9), mixture(rng, 3), 40_000
    p, k = level_probabilities(likelihood, params), np.arange(9)
    x = likelihood.sample(repeated(params, n), rng)
    mean = (k * p).sum()
    assert_moments(x, mean, (k**2 * p).sum() - mean**2)
    likely = p > 1e-3
    assert_moments(1.0 * (x[:, None] == k)[:, likely], p[likely], (p * (1 - p))[likely])


def test_logistic_mixture_samples_and_mean_keep_to_its_floor(rng):
    """At a floor of -1 the scale is 1/e or more, however small log_scale is."""
    likelihood, k = LogisticMixture(9, floor=-1.0), np.arange(9)
    params = {**mixture(rng, 3), "log_scale": np.full(3, -1.5)}
    p = level_probabilities(likelihood, params)
    mean = (k * p).sum()
    x = likelihood.sample(repeated(params, 40_000), rng)
    assert_moments(x, mean, (k**2 * p).sum() - mean**2)
    np.testing.assert_allclose(likelihood.mean(repeated(params, 1)), [mean], rtol=1e-11)


def test_logistic_mixture_mean_is_that_of_its_levels(rng):
    for levels in (2, 9, 256):
        params = mixture(rng, 3)
        likelihood = LogisticMixture(levels)
        expected = (np.arange(levels) * level_probabilities(likelihood, params)).sum()
        mean = likelihood.mean(repeated(params, 1))
        np.testing.assert_allclose(mean, [expected], rtol=1e-11)


def test_logistic_mixture_refuses_other_parameters(rng):
    params, x = mixture(rng, 2, 3, 4), np.zeros((2, 3), int)
    with pytest.raises(ValueError, match=r"expected a dict of \['log_scale', 'logits', 'mean'\]"):
        LogisticMixture().nll({"logits": params["logits"]}, x)
    with pytest.raises(ValueError, match=r"mean of the parameters' shape \(2, 3, 4\)"):
        LogisticMixture().nll({**params, "mean": params["mean"][..., :1]}, x)
    with pytest.raises(ValueError, match=r"expected parameters \(N, ..., K\), got \(2,\)"):
        LogisticMixture().nll(mixture(rng, 2), np.zeros((), int))
    with pytest.raises(TypeError, match="mean is float32, logits is float64"):
        LogisticMixture().nll({**params, "mean": params["mean"].astype(np.float32)}, x)


# Bad input that all refuse


def test_bad_float_data_is_refused(rng):
    for likelihood, params, x in every_likelihood(rng, "float32"):
        if x.dtype.kind == "i":
            continue
        name = type(likelihood).__name__
        with pytest.raises(ValueError, match=f"{name}: expected x of the parameters' shape"):
            likelihood.nll(params, x[:-1])
        with pytest.raises(ValueError, match=f"{name}: expected x of the parameters' shape"):
            likelihood.nll(params, x[..., None])
        with pytest.raises(TypeError, match=rf"{name}: x is float64, .*x.astype\('float32'\)"):
            likelihood.nll(params, x.astype(np.float64))
        with pytest.raises(TypeError, match=f"{name}: x is int64"):
            likelihood.nll(params, x.astype(int))
        with pytest.raises(TypeError, match=f"{name}: expected x as a NumPy or CuPy array"):
            likelihood.nll(params, x.tolist())


def test_bad_parameters_are_refused(rng):
    for likelihood, params, x in every_likelihood(rng, "float32"):
        shared = {"log_var"} if isinstance(params, dict) and "log_var" in params else set()
        change = lambda f, params=params, shared=shared: (  # noqa: E731
            {k: v if k in shared else f(v) for k, v in params.items()}
            if isinstance(params, dict)
            else f(params)
        )
        with pytest.raises(ValueError, match="is empty: give at least one example"):
            likelihood.nll(change(lambda a: a[:0]), x[:0])
        with pytest.raises(ValueError, match="NaN"):
            likelihood.nll(change(lambda a: a * math.nan), x)
        with pytest.raises(TypeError, match="expected floats, got int64"):
            likelihood.nll(change(lambda a: a.astype(int)), x)
        with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got list"):
            likelihood.nll(change(lambda a: a.tolist()), x)


# Bounded


def test_bounded_is_the_identity_near_zero_and_never_leaves_its_limit():
    x = np.array([[1e-6, 1.0, 1e4, -1e4]])
    y, backward = Bounded(limit=2.0).forward({}, x)
    np.testing.assert_allclose(y, [[1e-6, 2 * math.tanh(0.5), 2.0, -2.0]], rtol=1e-12)
    np.testing.assert_allclose(backward.dx(np.ones_like(x))[0, :2], [1, 1 / math.cosh(0.5) ** 2])
    assert Bounded().limit == 10.0


@pytest.mark.parametrize("limit", [0, -1.0, math.inf, math.nan])
def test_bounded_refuses_a_limit_that_is_none(limit):
    with pytest.raises(ValueError, match="limit must be a finite number > 0"):
        Bounded(limit)
