"""What all fully visible models share: the loss, ancestral sampling, completion, refusals."""

from dataclasses import dataclass

import numpy as np
import pytest

from tinygen import tree
from tinygen.arrays import namespace
from tinygen.check import all_images, check_causal, check_gradients, check_normalised
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian
from tinygen.models import MADE
from tinygen.models.autoregressive import Autoregressive
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Chain(Autoregressive):
    """A Markov chain over the places: the parameters of one are v x_{i-1} + b (+ u condition)."""

    def init(self, rng, dtype=np.float64, weights="glorot"):
        outputs = self.levels or 1
        p = {"v": rng.normal(size=outputs), "b": rng.normal(size=(self.size, outputs))}
        return {name: a.astype(dtype) for name, a in p.items()} | {"u": np.ones(1, dtype)}

    def conditionals(self, p, x, condition=None):
        xp, n = namespace(p["b"]), len(x)
        before = xp.zeros((n, self.size), p["b"].dtype)
        before[:, 1:] = self.as_floats(p, x).reshape(n, -1)[:, :-1]
        y = before[..., None] * p["v"] + p["b"]  # (N, D, K)
        if condition is not None:
            y = y + p["u"] * condition[:, None, None]
        shape = (n, *self.shape, self.levels) if self.levels else (n, *self.shape)
        y = y.reshape(shape)

        def dp(dy):
            d = dy.reshape(n, self.size, -1)
            du = d.sum(axis=(1, 2)) @ condition if condition is not None else 0.0
            v = xp.einsum("nd,ndk->k", before, d)
            return {"v": v, "b": d.sum(axis=0), "u": xp.full(1, du, d.dtype)}

        def dx(dy):
            d = dy.reshape(n, self.size, -1)
            back = xp.zeros((n, self.size), d.dtype)
            back[:, :-1] = (d @ p["v"])[:, 1:]
            found = () if self.levels else back.reshape(x.shape)
            return found if condition is None else (found, p["u"] * d.sum(axis=(1, 2)))

        return y, Pullback(dp, dx, y)

    def stepper(self, p, n, condition=None):
        """It keeps what it needs, and leaves everything else."""
        places = list(np.ndindex(self.shape))

        def step(i, x):
            before = self.as_floats(p, x[(slice(None), *places[i - 1])]) if i else np.zeros(n)
            y = before[:, None] * p["v"] + p["b"][i]
            if condition is not None:
                y = y + p["u"] * condition[:, None]
            return y if self.levels else y[:, 0]

        return step


def test_the_gradient_of_the_data_is_that_of_what_is_seen_and_of_what_is_explained(rng):
    model = Chain((5,), likelihood=Gaussian(1.0))
    p = model.init(rng)
    assert check_gradients(model.loss, p, rng.normal(size=(3, 5)), rng=rng, zero=("u",)).passed


def test_the_gradient_of_a_condition_comes_back_beside_that_of_the_data(rng):
    model = Chain((2, 2, 1), likelihood=Gaussian(1.0))
    x = rng.normal(size=(3, 2, 2, 1)), rng.normal(size=3)
    assert check_gradients(model.loss, model.init(rng), x, rng=rng).passed


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(3)])
def test_a_chain_sums_to_one_and_sees_the_past_alone(rng, likelihood):
    model = Chain((2, 2, 1), likelihood=likelihood)
    p = model.init(rng)
    images = all_images((2, 2, 1), model.levels or 2, int if model.levels else float)
    assert check_normalised(lambda x: model.log_prob(p, x)[0], images, tolerance=1e-12)
    assert check_causal(model.conditionals, p, images[5:7], strict=True)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(4), Gaussian(1.0)])
@pytest.mark.parametrize("condition", [None, np.arange(6.0)])
def test_sampling_with_kept_columns_gives_what_recomputing_gives(rng, likelihood, condition):
    model = Chain((2, 3, 2), likelihood=likelihood)
    p = model.init(rng)
    fast, slow = (
        model.sample(p, np.random.default_rng(3), 6, condition, cached=cached)
        for cached in (True, False)
    )
    assert np.allclose(fast, slow, atol=1e-12) and fast.shape == (6, 2, 3, 2) and fast.std() > 0


def test_samples_are_as_frequent_as_they_are_probable(rng):
    model = Chain((3,))
    p = model.init(rng)
    x = model.sample(p, rng, 20000)
    images = all_images((3,))
    share = np.array([(x == image).all(axis=1).mean() for image in images])
    probability = np.exp(model.log_prob(p, images)[0])
    error = np.sqrt(probability * (1 - probability) / len(x))
    assert np.all(abs(share - probability) < 4 * error)


def test_a_completion_keeps_what_is_known_and_looks_at_nothing_else(rng):
    model = Chain((2, 3, 1), likelihood=Categorical(5))
    p, x = model.init(rng), rng.integers(5, size=(4, 2, 3, 1))
    other = x.copy()
    other[:, 1] = 4 - other[:, 1]
    for cached in (True, False):
        a = model.complete(p, np.random.default_rng(0), x, 3, cached=cached)
        b = model.complete(p, np.random.default_rng(0), other, 3, cached=cached)
        assert np.array_equal(a, b) and np.array_equal(a[:, 0], x[:, 0])
        assert not np.array_equal(a[:, 1], x[:, 1])


def test_a_model_that_keeps_columns_is_shown_the_known_places_too(rng, monkeypatch):
    shown, stepper = [], Chain.stepper

    def watched(self, p, n, condition=None):
        step = stepper(self, p, n, condition)
        return lambda i, x: (shown.append((i, x.copy())), step(i, x))[1]

    monkeypatch.setattr(Chain, "stepper", watched)
    model = Chain((4,))
    done = model.complete(model.init(rng), rng, np.ones((3, 4)), 2)
    assert [i for i, _ in shown] == [0, 1, 2, 3]
    for i, canvas in shown:
        there = max(i, 2)
        assert np.array_equal(canvas[:, :there], done[:, :there]) and not canvas[:, there:].any()


def test_each_place_is_shown_as_it_is_drawn(rng):
    model = Chain((4,), likelihood=Gaussian(1.0))
    seen = []
    x = model.sample(model.init(rng), rng, 2, each=lambda i, x: seen.append((i, x.copy())))
    assert [i for i, _ in seen] == [0, 1, 2, 3]
    for i, canvas in seen:
        assert np.array_equal(canvas[:, : i + 1], x[:, : i + 1]) and not canvas[:, i + 1 :].any()


def test_bad_input_is_refused(rng):
    model = Chain((2, 2, 1))
    p = model.init(rng)
    x = np.zeros((3, 2, 2, 1))
    for known in (0, 4, 5, -1):
        with pytest.raises(ValueError, match=r"known must be 1 .. 3 of the 4 places"):
            model.complete(p, rng, x, known)
    for wrong in (x[:, :1], x[..., 0], np.zeros((3, 2, 2, 3))):
        with pytest.raises(ValueError, match=r"built for x of shape \(N, 2, 2, 1\), got"):
            model.loss(p, wrong)
    with pytest.raises(ValueError, match="is empty: give at least one example"):
        model.log_prob(p, x[:0])
    with pytest.raises(ValueError, match="zeros and ones, got grey levels"):
        model.loss(p, x + 0.5)
    with pytest.raises(TypeError, match="expected x as a NumPy or CuPy array, got list"):
        model.loss(p, [[0]])
    with pytest.raises(ValueError, match="n must be a whole number >= 1, got 0"):
        model.sample(p, rng, 0)
    with pytest.raises(ValueError, match=r"shape must be \(D,\) or \(H, W, C\), got 4"):
        Chain(4)
    with pytest.raises(ValueError, match="shape must be a whole number >= 1, got 0"):
        Chain((0,))
    with pytest.raises(TypeError, match="expected a likelihood such as Bernoulli"):
        Chain((4,), likelihood=Bernoulli)
    levels = Chain((4,), likelihood=Categorical(3))
    with pytest.raises(TypeError, match=r"expected whole numbers 0..2, got float64"):
        levels.loss(levels.init(rng), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"holds levels 0..3, expected 0..2"):
        levels.loss(levels.init(rng), np.array([[0, 1, 2, 3]]))


@pytest.mark.parametrize(
    "model", [Chain((2, 2, 1)), MADE((2, 2, 1), (3,), n_masks=2)], ids=["a chain", "MADE"]
)
def test_a_seed_in_the_place_of_a_generator_is_refused(rng, model):
    p, x = model.init(rng, np.float64), np.zeros((3, 2, 2, 1))
    name = type(model).__name__
    says = (
        rf"{name}: expected rng as a NumPy Generator, got {{}}: give np.random.default_rng\({{}}\)"
    )
    for wrong, kind, remedy in ((7, "int", "7"), (None, "NoneType", "seed")):
        with pytest.raises(TypeError, match=says.format(kind, remedy)):
            model.sample(p, wrong, 3)
        with pytest.raises(TypeError, match=says.format(kind, remedy)):
            model.complete(p, wrong, x, 2)


def test_one_place_is_enough(rng):
    model = Chain((1,))
    p = tree.map(lambda a: 0 * a, model.init(rng))
    assert model.log_prob(p, np.ones((1, 1)))[0] == pytest.approx(-np.log(2))
    assert model.sample(p, rng, 3).shape == (3, 1)
