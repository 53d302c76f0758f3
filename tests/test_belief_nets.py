"""What FVBN and NADE share: kept states, samples, devices, one place, refusals."""

import numpy as np
import pytest
from close import close

from tinygen import to_device, to_host, tree
from tinygen.cases.belief_nets import LIKELIHOODS, data, nets, params_at
from tinygen.check import all_images, check_gradients
from tinygen.likelihoods import Bernoulli, Categorical

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
every_likelihood = pytest.mark.parametrize(
    "likelihood", LIKELIHOODS.values(), ids=list(LIKELIHOODS)
)
every_net = pytest.mark.parametrize("name", nets(Bernoulli()))


@every_net
@every_likelihood
def test_sampling_with_a_kept_state_gives_what_recomputing_gives(rng, likelihood, name):
    model = nets(likelihood, (3, 2, 2))[name]
    p = params_at(rng, model)
    fast, slow = (
        model.sample(p, np.random.default_rng(3), 6, cached=cached) for cached in (True, False)
    )
    assert np.allclose(fast, slow, rtol=0, atol=1e-10) and fast.std() > 0
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
        p_d = tree.map(lambda a, dtype=dtype: a.astype(dtype), p)
        x = fast if model.levels else fast.astype(dtype)
        step, whole = model.stepper(p_d, 6), model.conditionals(p_d, x)[0]
        for i, place in enumerate(np.ndindex(model.shape)):
            at = (slice(None), *place)
            close(step(i, x), tree.map(lambda a, at=at: a[at], whole), tolerance)


@every_net
def test_samples_are_as_frequent_as_they_are_probable(rng, name):
    model = nets(Bernoulli(), (3,))[name]
    p = tree.map(lambda a: 3 * a, params_at(rng, model))
    x, images = model.sample(p, rng, 20000), all_images((3,))
    share = np.array([(x == image).all(axis=1).mean() for image in images])
    probability = np.exp(model.log_prob(p, images)[0])
    error = np.sqrt(probability * (1 - probability) / len(x))
    assert np.all(abs(share - probability) < 4 * error) and probability.max() > 0.25


@every_device
@every_net
@every_likelihood
def test_a_device_gives_the_samples_and_likelihoods_of_numpy(rng, likelihood, name, device):
    model = nets(likelihood, (3, 2, 1))[name]
    p, x = params_at(rng, model), data(rng, model)

    def outcome(where):
        here, seen = to_device(p, where), to_device(x, where)
        return to_host(
            {
                "log_p": model.log_prob(here, seen)[0],
                "sample": model.sample(here, np.random.default_rng(1), 4),
                "completion": model.complete(here, np.random.default_rng(1), seen, 2),
            }
        )

    close(outcome(device), outcome("cpu"), 1e-12)


@every_net
@every_likelihood
def test_one_place_alone_is_a_whole_model(rng, likelihood, name):
    model = nets(likelihood, (1,))[name]
    p, x = tree.map(lambda a: a + 1, params_at(rng, model)), data(rng, model)  # no dead unit
    report = check_gradients(
        lambda p, _: model.loss(p, x), p, (), rng=rng, wrt_x=False, zero=("W",)
    )
    assert report.passed, str(report)
    assert model.sample(p, rng, 2).shape == (2, 1)


@every_net
@pytest.mark.parametrize(
    "levels, change, error, says",
    [
        (0, lambda x: x.reshape(3, 4), ValueError, r"x of shape \(N, 2, 2, 1\), got \(3, 4\)"),
        (0, lambda x: x[:0], ValueError, "is empty: give at least one example"),
        (0, lambda x: x + np.float32(0.5), ValueError, "zeros and ones, got grey levels between"),
        (0, lambda x: x * np.float32("nan"), ValueError, "NaN"),
        (0, lambda x: x.astype(np.float64), TypeError, "float64"),
        (5, lambda x: x, TypeError, r"expected whole numbers 0..4, got float32"),
        (5, lambda x: x.astype(int) + 5, ValueError, r"holds levels 5..5, expected 0..4"),
    ],
)
def test_data_that_do_not_fit_are_refused(rng, name, levels, change, error, says):
    model = nets(Categorical(levels) if levels else Bernoulli(), (2, 2, 1))[name]
    with pytest.raises(error, match=says):
        model.loss(model.init(rng), change(np.zeros((3, 2, 2, 1), np.float32)))
