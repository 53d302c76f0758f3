"""What PixelCNN and Gated PixelCNN share: halves of pullbacks, devices, steps, refusals."""

import numpy as np
import pytest
from pixel_models import FAMILIES, point

from tinygen import arrays, to_device, to_host, tree
from tinygen.models.ancestral import recompute

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
every_family = pytest.mark.parametrize("family", FAMILIES)
every_model = pytest.mark.parametrize(
    "family, name", [(family, name) for family, cases in FAMILIES.items() for name in cases.MODELS]
)


@every_family
@pytest.mark.parametrize("name", ["binary pixels", "classes", "a picture"])
def test_halves_of_the_pullback_equal_the_whole(family, name):
    model, p, x, condition = point(family, name)
    _, backward = model.loss(p, x if condition is None else (x, condition))
    dp, dx = backward(1.0)
    whole = {"dp": dp, "dx": dx}
    halves = {"dp": backward.dp(1.0), "dx": backward.dx(1.0)}
    for (leaf, a), (_, b) in zip(tree.leaves(whole), tree.leaves(halves), strict=True):
        assert np.array_equal(a, b), leaf
    assert list(dp) == list(p)


@every_device
@every_model
def test_the_numbers_of_numpy_on_any_device(family, name, device):
    def outcome(place):
        model, p, x, condition = point(family, name, np.float32)
        p, x = to_device(p, place), to_device(x, place)
        condition = None if condition is None else to_device(condition, place)
        value, backward = model.loss(p, x if condition is None else (x, condition))
        params, _ = model.conditionals(p, x, condition)
        last = model.stepper(p, len(x), condition)(0, x)
        return {"loss": value, "dp": backward.dp(1.0), "params": params, "step": last}

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


@every_model
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_each_step_has_the_parameters_of_the_pass(family, name, dtype, tolerance):
    model, p, x, condition = point(family, name, dtype, n=2)
    canvas = np.zeros_like(x)  # later places are not there yet
    step, naive = model.stepper(p, 2, condition), recompute(model, p, 2, condition)
    for i, place in enumerate(np.ndindex(model.shape)):
        pairs = zip(tree.leaves(step(i, canvas)), tree.leaves(naive(i, canvas)), strict=True)
        for (leaf, a), (_, b) in pairs:
            assert a.dtype == b.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=f"{i} {leaf}")
        canvas[(slice(None), *place)] = x[(slice(None), *place)]


@every_family
@pytest.mark.parametrize(
    "name, change, error",
    [
        ("binary pixels", lambda x: x[:, :3], r"built for x of shape \(N, 4, 5, 1\), got"),
        ("binary pixels", lambda x: x.repeat(3, axis=3), r"got \(3, 4, 5, 3\): resize or reshape"),
        ("binary pixels", lambda x: x[:0], r"is empty"),
        ("binary pixels", lambda x: x + 0.5, r"(?s)expected x .*(zeros and ones|0\.\.1)"),
        ("binary pixels", lambda x: x * np.nan, r"NaN"),
        ("a softmax", lambda x: x + 2, r"levels .*expected 0..3"),
        ("logistic mixtures", lambda x: x - 8, r"levels .*expected 0..7"),
    ],
)
def test_data_that_do_not_fit_are_refused(family, name, change, error):
    model, p, x, _ = point(family, name)
    with pytest.raises(ValueError, match=error):
        model.loss(p, change(x))
