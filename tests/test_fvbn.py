"""The fully visible belief net: its definition, the Gaussian that it can be, samples, refusals."""

import numpy as np
import pytest
from close import close

from tinygen import tree
from tinygen.cases.belief_nets import LIKELIHOODS, data, params_at
from tinygen.check import all_images, check_causal, check_gradients, check_normalised
from tinygen.layers import MaskedDense
from tinygen.likelihoods import Gaussian, LogisticMixture, MixtureDensity
from tinygen.models import FullyVisibleBeliefNet, fvbn
from tinygen.models.place_params import as_params
from tinygen.optim import adam
from tinygen.training import Turn, train

every_likelihood = pytest.mark.parametrize(
    "likelihood", LIKELIHOODS.values(), ids=list(LIKELIHOODS)
)


@every_likelihood
def test_a_place_is_a_regression_on_those_before_it(rng, likelihood):
    model = FullyVisibleBeliefNet((2, 3, 2), likelihood=likelihood)
    p, x = params_at(rng, model), data(rng, model)
    seen, O = model.as_floats(p, x).reshape(len(x), -1), model.outputs
    y = np.empty((len(x), 12, O))
    for i in range(12):
        W_i, b_i = p["W"][:i, i * O : (i + 1) * O], p["b"][i * O : (i + 1) * O]
        y[:, i] = b_i + seen[:, :i] @ W_i
    close(model.conditionals(p, x)[0], as_params(likelihood, y, model.shape)[0], 1e-13)


def test_with_a_fixed_variance_it_is_one_gaussian(rng):
    model = FullyVisibleBeliefNet((5,), likelihood=Gaussian(std=0.6))
    p, x = params_at(rng, model), rng.normal(size=(4, 5))
    # x = b + A^T x + sigma eps, A strictly upper: x ~ N(R^-T b, sigma^2 R^-T R^-1), R = I - A
    R = np.eye(5) - np.triu(p["W"], 1)
    back = np.linalg.inv(R).T
    error = x - back @ p["b"]
    covariance = 0.36 * back @ back.T
    square = np.einsum("ni,ij,nj->n", error, np.linalg.inv(covariance), error)
    log_p = -0.5 * (square + np.linalg.slogdet(2 * np.pi * covariance)[1])
    assert np.allclose(model.log_prob(p, x)[0], log_p, atol=1e-12)


@pytest.mark.parametrize("diagonal, right", [(1, True), (0, False)])
def test_a_place_that_sees_itself_is_found(rng, diagonal, right, monkeypatch):
    shifted = lambda ones, k: np.tril(ones.T, -diagonal).T  # noqa: E731  k = 0 is the BUG
    monkeypatch.setattr(fvbn.np, "triu", shifted)
    model = FullyVisibleBeliefNet((3, 3, 1))
    p, images = params_at(rng, model), all_images((3, 3, 1))
    assert check_gradients(model.conditionals, p, rng.normal(size=(2, 3, 3, 1)), rng=rng).passed
    assert check_causal(model.conditionals, p, images[40:43], strict=True).passed == right
    log_prob = lambda x: model.log_prob(p, x)[0]  # noqa: E731
    assert check_normalised(log_prob, images, tolerance=1e-10).passed == right


def test_a_step_moves_what_is_read_and_nothing_else(rng):
    model = FullyVisibleBeliefNet((6,))
    p, x = params_at(rng, model), data(rng, model, 20)
    x[0] = 1  # every place is white somewhere
    after = train(
        Turn("model", model.loss, model.draw_noise, adam(0.1)),
        p,
        x,
        rng=rng,
        steps=1,
        batch=20,
        progress=False,
    ).p
    assert np.array_equal(after["W"] != p["W"], np.triu(np.ones((6, 6), bool), 1))
    assert (after["b"] != p["b"]).all()


def test_two_places_are_fitted_to_their_frequencies(rng):
    x = np.array([[0, 0]] * 5 + [[0, 1]] * 1 + [[1, 0]] * 2 + [[1, 1]] * 4, np.float64)
    model = FullyVisibleBeliefNet((2,))
    turn = Turn("model", model.loss, model.draw_noise, adam(0.1))
    p = train(turn, model.init(rng, np.float64), x, rng=rng, steps=600, batch=12, progress=False).p
    found = np.exp(model.log_prob(p, all_images((2,)))[0])
    assert np.allclose(found, np.array([5, 1, 2, 4]) / 12, atol=1e-3)


def test_float32_stays_float32(rng):
    model = FullyVisibleBeliefNet((7,))
    p, x = model.init(rng), data(rng, model).astype(np.float32)
    value, backward = model.loss(p, x)
    grads = [a.dtype for _, a in tree.leaves(backward())]
    assert {value.dtype, model.log_prob(p, x)[0].dtype, *grads} == {np.dtype(np.float32)}
    assert isinstance(model.layer, MaskedDense)


def test_bad_input_is_refused(rng):
    model = FullyVisibleBeliefNet((2, 2, 1))
    p, x = model.init(rng), np.zeros((3, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match="components must be a whole number >= 1, got 0"):
        FullyVisibleBeliefNet((4,), likelihood=LogisticMixture(4), components=0)
    with pytest.raises(ValueError, match=r"expected places that are .* got MixtureDensity"):
        FullyVisibleBeliefNet((4,), likelihood=MixtureDensity(3))
    with pytest.raises(ValueError, match=r"parameter 'W' must have shape \(4, 4\), got \(4, 3\)"):
        model.loss(p | {"W": p["W"][:, :3]}, x)
    with pytest.raises(ValueError, match=r"parameter 'W' must have shape \(4, 4\), got \(4, 3\)"):
        model.sample(p | {"W": p["W"][:, :3]}, rng, 2)
