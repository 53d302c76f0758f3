"""The density of sequences: what it sees, what it draws, what it carries on, what it refuses."""

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.check import all_images, check_causal, check_gradients, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture, MixtureDensity
from tinygen.models import LSTMDensity
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.training import Turn, train

KINDS = {
    "Gaussian": LSTMDensity(2, (4,)),
    "one std": LSTMDensity(2, (4,), likelihood=Gaussian(std=0.5)),
    "mixture": LSTMDensity(2, (4,), likelihood=MixtureDensity(3)),
    "Bernoulli": LSTMDensity(2, (4,), likelihood=Bernoulli()),
    "levels": LSTMDensity(hidden=(4,), likelihood=Categorical(5), embedding=3),
    "inputs": LSTMDensity(2, (4, 3), inputs=2),
    "levels, inputs": LSTMDensity(hidden=(4,), likelihood=Categorical(5), inputs=2, embedding=3),
}
every_kind = pytest.mark.parametrize("model", KINDS.values(), ids=KINDS.keys())


def point(model, rng, n=3, steps=6, dtype=np.float64):
    """Parameters away from their start, and data: x, or (x, u)."""
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, model.init(rng, np.float64)))
    x = rng.normal(size=(n, steps, model.channels)).astype(dtype)
    if model.levels:
        x = rng.integers(model.levels, size=(n, steps))
    elif isinstance(model.likelihood, Bernoulli):
        x = (x > 0).astype(dtype)
    return p, (x, rng.normal(size=(n, steps, model.inputs)).astype(dtype)) if model.inputs else x


def part(data, steps):
    """These steps of x, or of (x, u)."""
    return tree.map(lambda a: a[:, steps], data)


# What it says


@every_kind
def test_the_loss_is_minus_the_sum_over_steps_and_the_mean_over_sequences(model, rng):
    p, data = point(model, rng)
    value, backward = model.loss(p, data, model.draw_noise(rng, data))
    steps, _ = model.log_probs(p, data)
    log_p, error = model.log_prob(p, data, rng, samples=3)
    assert steps.shape == (3, 6) and backward.terms == {"nll": value}
    assert value == pytest.approx(-steps.sum() / 3, rel=1e-12)
    np.testing.assert_allclose(log_p, steps.sum(axis=1), rtol=1e-12)
    assert not error.any()


@every_kind
def test_a_step_hangs_on_no_later_one(model, rng):
    p, data = point(model, rng)
    first, _ = model.log_probs(p, part(data, slice(0, 4)))
    whole, _ = model.log_probs(p, data)
    np.testing.assert_allclose(first, whole[:, :4], rtol=1e-12)


class NoShift(LSTMDensity):
    """Wrong: step t reads x_t."""

    def forward(self, p, x, u, state):
        ahead = np.concatenate([x[:, 1:], x[:, -1:]], axis=1)
        return super().forward(p, ahead, u, state)


@pytest.mark.parametrize("likelihood", [Gaussian(), Categorical(2)])
def test_a_model_that_reads_what_it_explains_is_found(likelihood, rng):
    right = LSTMDensity(1, (4,), likelihood=likelihood)
    wrong = NoShift(1, (4,), likelihood=likelihood)
    p, x = point(right, rng, 1, 5)
    verdicts = [check_causal(model.conditionals, p, x).passed for model in (right, wrong)]
    assert verdicts == [True, False]


def test_a_model_that_reads_what_it_explains_does_not_sum_to_one(rng):
    points = all_images((6,), dtype=int)
    for cls, passes in ((LSTMDensity, True), (NoShift, False)):
        model = cls(hidden=(4,), likelihood=Categorical(2), embedding=3)
        p = tree.map(lambda a: 2 * a, point(model, rng)[0])

        def log_prob(x, model=model, p=p):
            return model.log_prob(p, x)[0]

        assert check_normalised(log_prob, points, tolerance=1e-10).passed == passes


class ForgetsTheTarget(LSTMDensity):
    """Wrong: x is read and explained; its gradient leaves the second out."""

    def loss(self, p, x, noise=None):
        value, backward = super().loss(p, x)
        nll = self.likelihood.nll(self.conditionals(p, x)[0], x)[1]
        half = np.full(len(x), 1 / len(x))
        return value, Pullback.whole(
            lambda d: (backward.dp(d), backward.dx(d) - d * nll.dx(half)), value
        )


class ForgetsTheStart(LSTMDensity):
    """Wrong: the first vector is learnt, and gets no gradient."""

    def loss(self, p, x, noise=None):
        value, backward = super().loss(p, x)

        def both(d):
            dp, dx = backward(d)
            return dp | {"start": 0 * dp["start"]}, dx

        return value, Pullback.whole(both, value)


def test_wrong_gradients_of_the_data_and_of_the_start_are_rejected(rng):
    p, x = point(LSTMDensity(2, (2,)), rng, 2, 3)
    for cls, passes in ((LSTMDensity, True), (ForgetsTheTarget, False), (ForgetsTheStart, False)):
        assert check_gradients(cls(2, (2,)).loss, p, x, rng=rng).passed == passes, cls


# What it draws


class Noted(np.random.Generator):
    """A generator that remembers the normal numbers it gave."""

    def __init__(self, rng):
        super().__init__(rng.bit_generator)
        self.given = []

    def standard_normal(self, *args):
        self.given.append(super().standard_normal(*args))
        return self.given[-1]


@pytest.mark.parametrize("name", ["Gaussian", "inputs"])
def test_a_sample_is_the_noise_moved_by_what_one_pass_over_it_says(name, rng):
    model = KINDS[name]
    p, data = point(model, rng)
    u = data[1] if model.inputs else None
    noted = Noted(rng)
    x = model.sample(p, noted, 3, 6, u)
    params, _ = model.conditionals(p, x, u)
    eps = np.stack(noted.given, axis=1)  # (n, T, C)
    expected = params["mean"] + np.exp(params["log_var"] / 2) * eps
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-12)


def test_levels_are_drawn_as_often_as_their_probability_says(rng):
    model = LSTMDensity(hidden=(4,), likelihood=Categorical(2), embedding=3)
    p = tree.map(lambda a: 3 * a, point(model, rng)[0])
    n, points = 20_000, all_images((3,), dtype=int)
    x = model.sample(p, rng, n, 3)
    share = (x[:, None] == points).all(axis=2).mean(axis=0)
    wanted = np.exp(model.log_prob(p, points)[0])
    assert wanted.std() > 0.05
    np.testing.assert_array_less(abs(share - wanted), 5 * np.sqrt(wanted * (1 - wanted) / n))


@pytest.mark.parametrize("name", ["Gaussian", "mixture", "inputs", "Bernoulli"])
def test_the_mean_in_the_place_of_a_draw_is_what_the_model_expects_after_it(name, rng):
    model = KINDS[name]
    p, data = point(model, rng)
    u = data[1] if model.inputs else None
    x = model.sample(p, rng, 3, 6, u, mean=True)
    mean = model.likelihood.mean(model.conditionals(p, x, u)[0])
    np.testing.assert_allclose(x, mean, rtol=0, atol=1e-12)


# What it carries on


@every_kind
def test_pieces_with_the_state_carried_give_what_the_whole_gives(model, rng, monkeypatch):
    p, data = point(model, rng, steps=11)
    whole, last = model.log_probs(p, data)
    state, found = None, []
    for steps in (slice(0, 1), slice(1, 7), slice(7, 11)):
        piece, state = model.log_probs(p, part(data, steps), state)
        found.append(piece)
    np.testing.assert_allclose(np.concatenate(found, axis=1), whole, rtol=1e-12)
    monkeypatch.setattr("tinygen.models.lstm_density.AT_ONCE", 7)  # two steps of three sequences
    np.testing.assert_allclose(model.log_probs(p, data)[0], whole, rtol=1e-12)
    for (leaf, a), (_, b) in zip(tree.leaves(state), tree.leaves(last), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=leaf)


def test_the_state_matters(rng):
    model = KINDS["Gaussian"]
    p, x = point(model, rng)
    state = model.log_probs(p, x[:, :3])[1]
    assert (
        abs(model.log_probs(p, x[:, 3:], state)[0] - model.log_probs(p, x[:, 3:])[0]).max() > 0.01
    )


@pytest.mark.parametrize("name", ["Gaussian", "inputs"])
def test_a_prefix_is_drawn_on_from_its_state(name, rng):
    model = KINDS[name]
    p, data = point(model, rng)
    x, u = data if model.inputs else (data, None)
    ahead = None if u is None else rng.normal(size=(3, 4, 2))
    state = model.log_probs(p, data)[1]
    drawn = model.sample(p, rng, 3, 4, ahead, state=state, mean=True)
    x = np.concatenate([x, drawn], axis=1)
    u = None if u is None else np.concatenate([u, ahead], axis=1)
    mean = model.conditionals(p, x, u)[0]["mean"][:, 6:]
    np.testing.assert_allclose(drawn, mean, rtol=0, atol=1e-12)


def test_a_long_series_is_read_in_pieces_of_bounded_size(rng, monkeypatch):
    model = LSTMDensity(1, (3,))
    p, x = point(model, rng, 1, 5000, np.float32)
    sizes, forward = [], LSTMDensity.forward

    def noted(self, p, x, u, state):
        sizes.append(x.shape[1])
        return forward(self, p, x, u, state)

    whole, _ = model.log_probs(p, x)
    monkeypatch.setattr("tinygen.models.lstm_density.AT_ONCE", 999)
    monkeypatch.setattr(LSTMDensity, "forward", noted)
    pieces, _ = model.log_probs(p, x)
    assert max(sizes) == 999 and sum(sizes) == 5000 and pieces.dtype == np.float32
    np.testing.assert_allclose(pieces, whole, rtol=1e-4, atol=1e-5)


# What it learns


@every_kind
def test_one_step_moves_every_parameter(model, rng):
    p, data = model.init(rng), point(model, rng, 8, 6, np.float32)[1]
    turn = Turn("sequences", model.loss, model.draw_noise, adam(1e-2))
    state = turn.optimiser.init(p)
    before = tree.map(np.copy, p)
    turn.play(p, state, data, rng)
    for (leaf, a), (_, b) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert (a != b).any(), leaf


def test_what_repeats_is_learnt_and_drawn(rng):
    model = LSTMDensity(hidden=(16,), likelihood=Categorical(3), embedding=4)
    x = (np.arange(12) + rng.integers(3, size=(64, 1))) % 3  # 0 1 2 0 1 2 ..., from any of them on
    turn = Turn("levels", model.loss, model.draw_noise, adam(2e-2))
    p = model.init(rng)
    state = turn.optimiser.init(p)
    for _ in range(120):
        turn.play(p, state, x, rng)
    log_p, _ = model.log_probs(p, x)
    assert -log_p[:, 1:].mean() < 0.05 and log_p[:, 0].mean() == pytest.approx(-np.log(3), abs=0.1)
    drawn = model.sample(p, rng, 50, 12)
    assert (np.diff(drawn, axis=1) % 3 == 1).mean() > 0.95


def test_floats_are_trained_on_by_the_loop(rng):
    model = LSTMDensity(1, (8,))
    x = np.cumsum(rng.normal(size=(64, 20, 1)), axis=1).astype(np.float32)
    turn = Turn("walks", model.loss, model.draw_noise, adam(1e-2))
    done = train(turn, model.init(rng), x, rng=rng, epochs=8, batch=16, progress=False)
    assert done.log[-1]["train"]["nll"] < 0.8 * done.log[0]["train"]["nll"]


def test_the_components_of_a_mixture_start_apart(rng):
    model = LSTMDensity(2, (4,), likelihood=MixtureDensity(3))
    b = model.init(rng)["head"]["mean"]["0"]["b"].reshape(3, 2)
    np.testing.assert_array_equal(b, [[-1, -1], [0, 0], [1, 1]])


# Everywhere


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
@every_kind
def test_it_gives_the_numbers_of_numpy_on_any_device(model, device):
    def outcome(place):
        rng = np.random.default_rng(0)
        p, data = to_device(point(model, rng, dtype=np.float32), place)
        value, backward = model.loss(p, data)
        log_p, state = model.log_probs(p, data)
        u = data[1] if model.inputs else None
        drawn = model.sample(p, rng, 3, 6, u), model.sample(p, rng, 3, 6, u, state=state)
        return value, backward.dp(), log_p, state, drawn

    for (leaf, a), (_, b) in zip(
        tree.leaves(outcome("cpu")), tree.leaves(outcome(device)), strict=True
    ):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


@every_kind
def test_one_step_of_one_sequence_is_enough(model, rng):
    p, data = point(model, rng, 1, 1)
    assert model.log_probs(p, data)[0].shape == (1, 1)
    assert np.isfinite(model.loss(p, data)[0])
    u = data[1] if model.inputs else None
    assert model.sample(p, rng, 1, 1, u).shape[:2] == (1, 1)
    params, backward = model.conditionals(p, data[0] if model.inputs else data, u)
    dx = backward.dx(tree.map(np.ones_like, params))
    for _, leaf in tree.leaves(dx[0] if model.inputs else dx):
        assert not leaf.any()  # the only step is read by none


# What it refuses

X = np.zeros((3, 6, 2))


@pytest.mark.parametrize(
    "name, data, error, message",
    [
        ("Gaussian", X[:0], ValueError, "empty"),
        ("Gaussian", X[:, :0], ValueError, "empty"),
        ("Gaussian", X[..., :1], ValueError, r"expected x of shape \(N, T, 2\), got \(3, 6, 1\)"),
        ("Gaussian", X[..., 0], ValueError, r"expected x of shape \(N, T, 2\)"),
        ("Gaussian", X * np.nan, ValueError, "x holds 36 values that are NaN"),
        ("Gaussian", X.astype(np.float32), TypeError, "x is float32, parameter"),
        ("Gaussian", X.tolist(), TypeError, "expected a NumPy or CuPy array, got list"),
        ("Gaussian", (X, X), ValueError, "takes no inputs: build it with inputs=U"),
        ("Bernoulli", X + 0.5, ValueError, "Bernoulli"),
        ("inputs", X, ValueError, r"takes inputs, 2 a step: .* of shape \(3, 6, 2\)"),
        ("inputs", (X, X[:, :5]), ValueError, r"u: expected x of shape \(3, 6, 2\)"),
        ("inputs", (X, X * np.nan), ValueError, "LSTMDensity: u: x holds"),
        ("levels", X[..., 0], TypeError, r"whole numbers 0..4, got float64: use x.astype"),
        ("levels", X.astype(int), ValueError, r"whole numbers of shape \(N, T\), got \(3, 6, 2\)"),
        ("levels", X[:0, :, 0].astype(int), ValueError, "empty"),
        ("levels", X[..., 0].astype(int) + 5, ValueError, r"must lie in 0 .. 4, got 5 .. 5"),
    ],
)
def test_what_is_no_sequence_of_the_model_is_refused(name, data, error, message, rng):
    model = KINDS[name]
    p = point(model, rng)[0]
    for ask in (model.loss, model.log_prob, model.log_probs):
        with pytest.raises(error, match=message):
            ask(p, data)


def test_what_cannot_be_drawn_is_refused(rng):
    model = KINDS["inputs"]
    p, data = point(model, rng)
    state = model.log_probs(p, data)[1]
    with pytest.raises(ValueError, match="takes inputs"):
        model.sample(p, rng, 3, 6)
    with pytest.raises(ValueError, match="steps must be a whole number >= 1, got 0"):
        model.sample(p, rng, 3, 0, data[1])
    with pytest.raises(ValueError, match="the state is of 3 sequences, expected 2"):
        model.sample(p, rng, 2, 6, data[1][:2], state=state)
    levels = KINDS["levels"]
    with pytest.raises(ValueError, match="the mean of levels is no level"):
        levels.sample(point(levels, rng)[0], rng, 3, 6, mean=True)


def test_a_seed_in_the_place_of_a_generator_is_refused(rng):
    model = LSTMDensity(2, (3,))
    with pytest.raises(TypeError, match=r"rng as a NumPy Generator, got int: .*default_rng\(7\)"):
        model.sample(model.init(rng), 7, 2, 3)


@pytest.mark.parametrize("name", ["inputs", "levels, inputs"])
@pytest.mark.parametrize("dtype, other", [("float32", "float64"), ("float64", "float32")])
def test_inputs_of_another_precision_than_the_parameters_are_refused(name, dtype, other, rng):
    model = KINDS[name]
    p, u = model.init(rng, dtype), rng.normal(size=(3, 6, 2))
    x = model.sample(p, rng, 3, 6, u.astype(dtype))
    says = f"u is {other}, the parameters are {dtype}: use u.astype\\('{dtype}'\\)"
    for ask in (model.loss, model.log_prob, lambda p, x: model.sample(p, rng, 3, 6, x[1])):
        with pytest.raises(TypeError, match=says):
            ask(p, (x, u.astype(other)))
    value, backward = model.loss(p, (x, u.astype(dtype)))
    assert {leaf.dtype for _, leaf in tree.leaves((value, *backward(1.0)))} == {np.dtype(dtype)}


def test_sizes_and_likelihoods_that_make_no_model_are_refused():
    with pytest.raises(TypeError, match="no head is known for the likelihood LogisticMixture"):
        LSTMDensity(likelihood=LogisticMixture(4))
    with pytest.raises(ValueError, match="hidden must be a tuple of 1 or more"):
        LSTMDensity(hidden=())
    with pytest.raises(ValueError, match="channels must be a whole number >= 1, got 0"):
        LSTMDensity(0)
    with pytest.raises(ValueError, match="inputs must be a whole number >= 0, got -1"):
        LSTMDensity(inputs=-1)
    with pytest.raises(ValueError, match="expected the parameters"):
        LSTMDensity().loss({"start": np.zeros(1)}, np.zeros((1, 2, 1)))
