"""NADE: its definition by loops, its two passes, what they leave alone, samples, refusals."""

from dataclasses import dataclass

import numpy as np
import pytest
from close import close

from tinygen import tree
from tinygen.cases.belief_nets import LIKELIHOODS, data, params_at
from tinygen.check import all_images, check_causal, check_gradients, check_normalised
from tinygen.likelihoods import Bernoulli, Gaussian, LogisticMixture, MixtureDensity
from tinygen.models import NADE, nade, nade_passes
from tinygen.models.place_params import as_params
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.systems import SYSTEMS
from tinygen.systems.base import Task
from tinygen.training import Turn, train

every_likelihood = pytest.mark.parametrize(
    "likelihood", LIKELIHOODS.values(), ids=list(LIKELIHOODS)
)
PLAIN = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "relu": lambda a: np.maximum(a, 0)}


@every_likelihood
@pytest.mark.parametrize("activation", PLAIN)
def test_nade_is_its_definition(rng, likelihood, activation):
    model = NADE((2, 3, 2), 5, activation, likelihood=likelihood)
    p, x = params_at(rng, model), data(rng, model)
    seen = model.as_floats(p, x).reshape(len(x), -1)
    y = np.empty((len(x), *p["b"].shape))
    for n in range(len(x)):
        for i in range(12):
            a = p["c"] + sum((seen[n, j] * p["W"][j] for j in range(i)), np.zeros(5))
            y[n, i] = p["b"][i] + p["V"][i] @ PLAIN[activation](a)
    close(model.conditionals(p, x)[0], as_params(likelihood, y, model.shape)[0], 1e-13)


@pytest.mark.parametrize("activation", PLAIN)
def test_gradients_are_exact_over_several_blocks_of_places_and_examples(
    rng, activation, monkeypatch
):
    monkeypatch.setattr(nade, "ROWS", 2)
    monkeypatch.setattr(nade_passes, "PLACES", 4)
    model = NADE((10,), 3, activation, likelihood=Gaussian())
    p, x = params_at(rng, model), rng.normal(size=(5, 10))
    x[x < -0.3] = 0  # places that leave some rows alone, and one that leaves all
    x[:, 6] = 0
    floats = check_gradients(lambda p, x: model.conditionals(p, x), p, x, rng=rng)
    assert floats.passed, str(floats)
    report = check_gradients(lambda p, _: model.loss(p, x), p, (), rng=rng, wrt_x=False)
    assert report.passed, str(report)


@every_likelihood
def test_rows_that_are_left_alone_change_no_gradient(rng, likelihood):
    model = NADE((4, 3, 1), 6, likelihood=likelihood)
    p, x = params_at(rng, model), data(rng, model, 7)
    backward = model.loss(p, x)[1]
    close(backward.dp(), backward()[0], 1e-13)  # `both` passes all rows for dx, `dp` does not


def test_only_what_is_not_zero_changes_a_state():
    column = np.array([0.0, 1.0, 0.0, 2.0])
    assert nade_passes.changing(column).tolist() == [1, 3]
    assert nade_passes.changing(column, everywhere=True) == slice(None)
    assert nade_passes.changing(column[1::2]) == slice(None)


def test_a_wrong_slope_is_found_by_the_gradient_check(rng, monkeypatch):
    f, _ = nade_passes.ACTIVATIONS["sigmoid"]
    monkeypatch.setitem(nade_passes.ACTIVATIONS, "sigmoid", (f, lambda h: h * (1 + h)))
    model = NADE((5,), 3)
    p, x = params_at(rng, model), data(rng, model)
    assert not check_gradients(lambda p, _: model.loss(p, x), p, (), rng=rng, wrt_x=False)


@dataclass(frozen=True)
class Leaky(NADE):
    """a_i = c + sum_{j<i} x_{j+1} W_j: one row too late, so that place i sees itself."""

    def conditionals(self, p, x, condition=None):
        later = np.roll(x.reshape(len(x), -1), -1, axis=1).reshape(x.shape)  # BUG
        y, backward = super().conditionals(p, later)

        def dx(dy):
            return np.roll(backward.dx(dy).reshape(len(x), -1), 1, axis=1).reshape(x.shape)

        return y, Pullback(backward.dp, dx, y)


@pytest.mark.parametrize("kind, right", [(NADE, True), (Leaky, False)])
def test_a_row_of_weights_too_late_is_found(rng, kind, right):
    model = kind((3, 3, 1), 5)
    p, images = params_at(rng, model), all_images((3, 3, 1))
    assert check_gradients(model.conditionals, p, rng.normal(size=(2, 3, 3, 1)), rng=rng).passed
    assert check_causal(model.conditionals, p, images[40:43], strict=True).passed == right
    log_prob = lambda x: model.log_prob(p, x)[0]  # noqa: E731
    assert check_normalised(log_prob, images, tolerance=1e-10).passed == right


def test_a_step_moves_every_parameter_that_is_read(rng):
    model = NADE((6,), 4)
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
    for name in p:
        moved = after[name] != p[name]
        assert moved[:-1].all() if name == "W" else moved.all(), name
    assert np.array_equal(after["W"][-1], p["W"][-1]), "no place comes after the last"


@pytest.mark.parametrize("activation, spread", [("relu", 2 / 90), ("sigmoid", 2 / (90 + 40))])
def test_the_command_starts_each_activation_by_its_rule(rng, activation, spread):
    kind = SYSTEMS["nade"]
    model = kind.build(kind.options(hidden=40, activation=activation), Task((9, 10, 1)))
    p = kind.start(model, rng, None)
    assert p["W"].var() == pytest.approx(spread, rel=0.1)
    assert not p["c"].any() and not p["b"].any()


def test_float32_stays_float32_and_is_as_exact_as_float32_can_be(rng):
    model = NADE((300,), 20)
    p = tree.map(lambda a: a.astype(np.float32), params_at(rng, model))
    x = data(rng, model, 8).astype(np.float32)
    value, backward = model.loss(p, x)
    dp = backward.dp()
    assert value.dtype == np.float32
    assert {a.dtype for _, a in tree.leaves(dp)} == {np.dtype(np.float32)}
    wide, wide_backward = model.loss(tree.map(np.float64, p), x.astype(np.float64))
    assert value == pytest.approx(wide, rel=1e-6)
    for name, exact in wide_backward.dp().items():
        assert abs(dp[name] - exact).max() < 1e-5 * abs(exact).max(), name


def test_nade_learns_what_no_regression_can(rng):
    from tinygen.models import FullyVisibleBeliefNet

    x = np.array([[a, b, a ^ b] for a in (0, 1) for b in (0, 1)], np.float32)  # 2 bits, not 3
    found = {}
    for name, model in {"nade": NADE((3,), 8), "fvbn": FullyVisibleBeliefNet((3,))}.items():
        turn = Turn("model", model.loss, model.draw_noise, adam(0.05))
        p = train(turn, model.init(rng), x, rng=rng, steps=400, batch=4, progress=False).p
        found[name] = -model.log_prob(p, x)[0].mean() / np.log(2)
    assert 2 <= found["nade"] < 2.05
    assert found["fvbn"] == pytest.approx(3, abs=0.01)


def test_bad_input_is_refused(rng):
    model = NADE((2, 2, 1), 3)
    p, x = model.init(rng), np.zeros((3, 2, 2, 1), np.float32)
    with pytest.raises(ValueError, match="NADE: n_hidden must be a whole number >= 1, got 0"):
        NADE((4,), 0)
    with pytest.raises(ValueError, match="NADE: components must be a whole number >= 1, got 0"):
        NADE((4,), 2, likelihood=LogisticMixture(4), components=0)
    with pytest.raises(ValueError, match="unknown activation 'tanh': choose one of sigmoid, relu"):
        NADE((4,), 2, "tanh")
    with pytest.raises(ValueError, match=r"NADE: expected places that are .* got MixtureDensity"):
        NADE((4,), 2, likelihood=MixtureDensity(3))
    with pytest.raises(ValueError, match=r"parameter 'W' must have shape \(4, 3\), got \(4, 2\)"):
        model.loss(p | {"W": p["W"][:, :2]}, x)
    with pytest.raises(ValueError, match=r"parameter 'W' must have shape \(4, 3\), got \(4, 2\)"):
        model.sample(p | {"W": p["W"][:, :2]}, rng, 2)
    with pytest.raises(ValueError, match=r"expected the parameters \['V', 'W', 'b', 'c'\]"):
        model.conditionals({"W": p["W"]}, x)
    assert model.likelihood == Bernoulli()
