"""MADE: its probability, its orders and masks, what is drawn from it, and what is refused."""

import math
from itertools import pairwise

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.cases.made import causal, several, small, sums
from tinygen.check import all_images, check_normalised
from tinygen.kernels.elementwise import sigmoid
from tinygen.layers import Tanh
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, LogisticMixture, MixtureDensity
from tinygen.models import MADE, made_net, made_steps
from tinygen.models.made_masks import Connections
from tinygen.optim import adam

IMAGES = all_images((3, 3, 1))
every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)


def parameters(model, seed=0, scale=1.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    p = tree.map(lambda a: scale * a, jittered(rng, model.init(rng, np.float64)))
    return tree.map(lambda a: a.astype(dtype), p)


def test_the_probability_is_that_of_the_definition():
    """Each conditional by a sum over the probabilities of all images, in the mask's order."""
    model = several()
    p, k = parameters(model, scale=2), 1
    order = model.connections(k).order
    logits = model.conditionals(p, IMAGES, k)[0].reshape(len(IMAGES), -1)
    P = np.exp(model.log_prob(p, (IMAGES, np.full(len(IMAGES), k)))[0])
    rows, x = IMAGES.reshape(len(IMAGES), -1), 301
    for i, d in enumerate(order):
        alike = (rows[:, order[:i]] == rows[x, order[:i]]).all(axis=1)
        black = P[alike & (rows[:, d] == 1)].sum() / P[alike].sum()
        assert sigmoid(logits)[x, d] == pytest.approx(black, rel=1e-12)


def test_masks_are_averaged_as_probabilities():
    model = several()
    p = parameters(model, scale=3)
    each = [model.log_prob(p, (IMAGES, np.full(512, k)))[0] for k in range(3)]
    log_p, error = model.log_prob(p, IMAGES)
    np.testing.assert_allclose(np.exp(log_p), np.exp(each).mean(axis=0), rtol=1e-12)
    assert np.array_equal(model.log_prob(p, (IMAGES, 1))[0], each[1])
    assert not error.any() and abs(each[0] - each[1]).max() > 0.1
    assert model.loss(p, IMAGES, 1)[0] == pytest.approx(-each[1].mean(), rel=1e-12)


def twins():
    """Two pixels that are always alike: the second of either order copies the first."""
    orders = (MADE((2,), (1,), 2, "random", activation=Tanh(), seed=seed) for seed in range(99))
    model = next(m for m in orders if list(m.connections(0).order) != list(m.connections(1).order))
    hidden = {"W": np.full((2, 1), 40.0), "b": np.array([-20.0])}  # -1 or 1, by the first pixel
    out = {"W": np.full((1, 2), 12.0), "b": np.zeros(2)}
    return model, {"net": {"hidden1": hidden, "out": out}}


def test_an_average_of_logits_is_no_probability():
    """What a published 79.3 did. Here it says of each of two images that it is almost sure."""
    (model, p), images = twins(), all_images((2,))
    np.testing.assert_allclose(np.exp(model.log_prob(p, images)[0]), [0.5, 0, 0, 0.5], atol=1e-5)
    logits = np.mean([model.conditionals(p, images, k)[0] for k in range(2)], axis=0)
    report = check_normalised(lambda x: -Bernoulli().nll(logits, x)[0], images)
    assert not report.passed
    assert 1.98 < np.exp(-Bernoulli().nll(logits, images)[0]).sum() < 2


def test_the_loss_of_a_mask_is_above_that_of_the_average(rng):
    model = several()
    p, x = parameters(model, scale=3), IMAGES[rng.integers(512, size=50)]
    losses = [model.loss(p, x, k)[0] for k in range(3)]
    assert np.mean(losses) > -model.log_prob(p, x)[0].mean() + 0.01


def test_a_mask_is_drawn_for_each_batch(rng):
    model, seen = several(), set()
    for _ in range(40):
        seen.add(int(model.draw_noise(rng, None)))
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("option", ["natural", "random"])
def test_orders_and_degrees_are_what_they_are_called(option):
    model = MADE((4, 5, 1), (30, 20), n_masks=2, order=option)
    here, there = model.connections(0), model.connections(1)
    natural = np.arange(20)
    assert np.array_equal(np.sort(here.order), natural)
    assert np.array_equal(here.order, natural) == (option == "natural")
    assert np.array_equal(here.order, there.order) == (option == "natural")
    assert not np.array_equal(here.hidden[0], there.hidden[0])
    assert np.array_equal(here.inputs[here.order], 1 + natural)
    assert all(m.min() >= 1 and m.max() <= 19 for m in here.hidden)
    assert here.hidden[1].min() >= here.hidden[0].min()
    even = MADE((4, 5, 1), (38,), n_masks=2, order=option, degrees="even")
    assert np.array_equal(even.connections(1).hidden[0], np.repeat(np.arange(1, 20), 2))
    again = MADE((4, 5, 1), (30, 20), n_masks=2, order=option, seed=1).connections(0)
    assert not np.array_equal(again.hidden[0], here.hidden[0])


@pytest.mark.parametrize("width, most", [(3, 5), (5, 3), (8, 2), (16, 1), (17, 0), (40, 0)])
def test_even_degrees_of_few_units_miss_the_places_right_before(width, most):
    c = MADE((18,), (width,), n_masks=2, degrees="even").connections(0)
    into, out = c.masks(1)
    sees = into @ out.astype(int) > 0  # (input, output)
    missed = [next((m for m in range(k) if sees[k - 1 - m, k]), k) for k in range(18)]
    assert max(missed) == most == -(-17 // width) - 1
    again = MADE((18,), (width,), n_masks=2, degrees="even").connections(1)
    assert all(np.array_equal(a, b) for a, b in zip(c.masks(1), again.masks(1), strict=True))


def test_each_place_sees_all_before_it_where_there_are_units_enough():
    """As many paths as M_1 M_2 says: none from a place to itself or to an earlier one."""
    c = MADE((6,), (60, 40), order="random", seed=3).connections(0)
    first, second, last = (M.astype(int) for M in c.masks(1))
    paths = (first @ second @ last)[c.order][:, c.order]
    assert np.array_equal(paths > 0, np.triu(np.ones((6, 6), bool), 1))


def test_without_hidden_layers_it_is_a_logistic_regression_of_each_place(rng):
    model = MADE((5,), ())
    p, x = parameters(model), np.round(rng.random((3, 5)))
    W, b = p["net"]["out"]["W"], p["net"]["out"]["b"]
    np.testing.assert_allclose(model.conditionals(p, x)[0], x @ np.triu(W, 1) + b, rtol=1e-12)


def test_one_place_alone_is_a_coin():
    model = MADE((1,), (4,))
    p, x = parameters(model), np.array([[0.0], [1.0]])
    b = p["net"]["out"]["b"]
    np.testing.assert_allclose(
        model.log_prob(p, x)[0], [-np.logaddexp(0, b[0]), -np.logaddexp(0, -b[0])]
    )


def test_every_parameter_that_a_mask_shows_moves_after_one_step(rng):
    """A row or column of W is hidden whole where its unit sees nothing or is seen by none."""
    model = several(hidden=(40, 30))
    p = parameters(model)
    x = np.round(rng.random((64, 3, 3, 1)))
    before, rule = tree.map(np.copy, p), adam(1e-2)
    rule.update(p, model.loss(p, x, 1)[1].dp(), rule.init(p))
    *hidden, last = model.connections(1).masks(1)
    shown = {"net.hidden1.W": hidden[0], "net.hidden2.W": hidden[1], "net.out.W": last}
    shown["direct.W"] = model.connections(1).direct(1)
    for (name, a), (_, b) in zip(tree.leaves(p), tree.leaves(before), strict=True):
        assert np.array_equal(a != b, shown.get(name, np.ones(a.shape, bool))), name


@pytest.mark.parametrize(
    "model",
    [
        small(),
        several(),
        several(degrees="even", likelihood=Categorical(4)),
        several((6,), likelihood=Gaussian()),
        small(hidden=()),
        MADE((2, 2, 3), (9, 8), n_masks=2, order="random", likelihood=Categorical(3)),
        small((5,), likelihood=LogisticMixture(6)),
    ],
    ids=["binary", "masks", "levels", "Gaussian", "no hidden layer", "colour", "logistics"],
)
def test_cached_sampling_is_naive_sampling(model):
    p = parameters(model, scale=2)
    masks = np.arange(20) % model.n_masks
    found = [
        model.sample(p, np.random.default_rng(5), 20, masks, cached=cached)
        for cached in (True, False)
    ]
    np.testing.assert_allclose(*found, rtol=1e-12)
    x, step = found[0], model.stepper(p, 20, masks)
    places, params = model.places(p, 20, masks), model.conditionals(p, x, masks)[0]
    for i, place in enumerate(places):
        here, there = step(i, x), tree.map(lambda a, place=place: a[place], params)
        for (_, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_cached_sampling_in_float32():
    model = MADE((5, 5, 1), (60,), n_masks=2, order="random")
    p = parameters(model, dtype=np.float32)
    x = model.sample(p, np.random.default_rng(0), 8, np.arange(8) % 2)
    assert x.dtype == np.float32
    step, masks = model.stepper(p, 8, np.arange(8) % 2), np.arange(8) % 2
    params = model.conditionals(p, x, masks)[0]
    for i, place in enumerate(model.places(p, 8, masks)):
        np.testing.assert_allclose(step(i, x), params[place], rtol=1e-4, atol=1e-5)


def frequencies(x):
    """How often each of the 2^9 images occurs among x (n, 3, 3, 1)."""
    code = x.reshape(len(x), -1).astype(int) @ (1 << np.arange(9)[::-1])
    return np.bincount(code, minlength=512) / len(x)


def test_samples_are_draws_from_the_average_of_the_masks():
    """chi^2 of 512 cells lies within 5 of its standard deviations of 511."""
    model, n = several(), 40_000
    p = parameters(model, scale=2)
    P = np.exp(model.log_prob(p, IMAGES)[0])
    f = frequencies(model.sample(p, np.random.default_rng(2), n))
    chi2 = (n * (f - P) ** 2 / P).sum()
    assert abs(chi2 - 511) < 5 * math.sqrt(2 * 511)


def test_completions_are_draws_given_the_known_places():
    """With several masks: each is to be drawn by what it makes of the known places."""
    model, n, known = small(n_masks=3), 20_000, 4
    p = parameters(model, scale=4)
    P = np.exp(model.log_prob(p, IMAGES)[0])
    given = IMAGES[0b110100000]
    alike = (IMAGES.reshape(512, 9)[:, :known] == given.reshape(9)[:known]).all(axis=1)
    P = np.where(alike, P, 0) / P[alike].sum()
    x = np.repeat(given[None], n, axis=0)
    x[:, 1, 1:] = np.nan  # unknown: not looked at
    f = frequencies(model.complete(p, np.random.default_rng(2), x, known))
    assert not f[~alike].any()
    chi2 = (n * (f - P) ** 2)[alike] / P[alike]
    assert abs(chi2.sum() - 31) < 5 * math.sqrt(2 * 31)
    blind = np.array([model.log_prob(p, (IMAGES, np.full(512, k)))[0] for k in range(3)])
    seen = np.exp(blind)[:, alike].sum(axis=1)
    assert seen.max() > 1.2 * seen.min()  # so that masks drawn blindly would be told apart


def test_a_callback_sees_each_place_once_it_is_drawn():
    model, drawn = several(n_masks=1), []
    p, order = parameters(model), model.connections(0).order
    x = model.sample(p, np.random.default_rng(0), 2, each=lambda i, x: drawn.append(x.copy()))
    for i, canvas in enumerate(drawn):
        late = order[i + 1 :]
        assert not canvas.reshape(2, -1)[:, late].any()
    assert np.array_equal(drawn[-1], x)


# ---------------------------------------------------------------- planted bugs


def failed(claims):
    return [not claim.check(np.random.default_rng(0)).passed for claim in claims]


@pytest.fixture
def clean():
    """No layers that were made with a planted bug, before or after."""
    made_net.layers.cache_clear()
    yield
    made_net.layers.cache_clear()


def plant(monkeypatch, masks):
    monkeypatch.setattr(Connections, "masks", masks)


def test_an_output_that_may_see_its_own_place_is_found(monkeypatch, clean):
    def masks(self, numbers):
        levels = [self.inputs, *self.hidden, np.repeat(self.inputs, numbers)]
        return [a[:, None] <= b for a, b in pairwise(levels)]

    plant(monkeypatch, masks)
    assert all(failed(causal("", several(direct=False)))) and all(
        failed(sums("", several(), IMAGES))
    )


def test_hidden_units_that_see_too_little_are_found_by_the_paths(monkeypatch, clean):
    """> in place of >=: causal all the same, but a place is blind to the one right before it."""
    right = Connections.masks

    def masks(self, numbers):
        levels = [self.inputs, *self.hidden]
        strict = [a[:, None] < b for a, b in pairwise(levels)]
        return [*strict, right(self, numbers)[-1]]

    plant(monkeypatch, masks)
    with pytest.raises(AssertionError):
        test_each_place_sees_all_before_it_where_there_are_units_enough()


def test_an_order_that_the_outputs_do_not_follow_is_found(monkeypatch, clean):
    right = Connections.masks

    def masks(self, numbers):
        D = len(self.order)
        last = self.hidden[-1][:, None] < np.repeat(np.arange(1, D + 1), numbers)
        return [*right(self, numbers)[:-1], last]

    plant(monkeypatch, masks)
    assert all(failed(causal("", several()))) and all(failed(sums("", several(), IMAGES)))


def test_direct_connections_that_leak_are_found(monkeypatch, clean):
    monkeypatch.setattr(
        Connections,
        "direct",
        lambda self, numbers: self.inputs[:, None] <= np.repeat(self.inputs, numbers),
    )
    assert all(failed(causal("", several()))) and all(failed(sums("", several(), IMAGES)))


def test_a_sampler_that_finishes_units_too_early_is_found(monkeypatch):
    """Units of degree i read before the place of degree i is known."""
    monkeypatch.setattr(made_steps.np, "searchsorted", early, raising=True)
    with pytest.raises(AssertionError):
        test_cached_sampling_is_naive_sampling(several())


def early(m, degrees, side):
    """Where degrees begin, for where they end."""
    return np.array([int((m < d).sum()) for d in degrees])


# ---------------------------------------------------------------- devices, bad input


@every_device
def test_on_any_device_as_on_the_cpu(device):
    model = several((3, 2, 1))

    def outcome(place):
        rng = np.random.default_rng(3)
        p = to_device(parameters(model), place)
        x = to_device(np.round(rng.random((5, 3, 2, 1))), place)
        masks = np.array([2, 0, 0, 1, 2])
        found = {"p": model.log_prob(p, x)[0], "loss": model.loss(p, x, masks)[0]}
        found["dp"], found["dx"] = model.loss(p, x, model.draw_noise(rng, x))[1]()
        found["x"] = model.sample(p, rng, 6)
        found["naive"] = model.sample(p, rng, 6, masks[np.arange(6) % 5], cached=False)
        natural = small((3, 2, 1), n_masks=2)
        q = to_device(parameters(natural), place)
        found["completed"] = natural.complete(q, rng, x, 3)
        return found

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-9, atol=1e-12, err_msg=leaf)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"order": "reverse"}, r"MADE: order must be one of natural, random, got 'reverse'"),
        ({"degrees": "odd"}, r"MADE: degrees must be one of random, even, got 'odd'"),
        ({"hidden": 500}, r"MADE: hidden must be a tuple of 0 or more whole numbers >= 1"),
        ({"n_masks": 0}, r"MADE: n_masks must be a whole number >= 1, got 0"),
        ({"seed": -1}, r"MADE: seed must be a whole number >= 0, got -1"),
        ({"likelihood": MixtureDensity(2)}, r"MADE: expected places that are Bernoulli, Gaussian,"),
    ],
)
def test_options_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MADE((4,), **options)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda m, p, x: m.loss(p, x), r"an average of 3 masks.*give its index 0..2"),
        (lambda m, p, x: m.conditionals(p, x), r"an average of 3 masks"),
        (lambda m, p, x: m.loss(p, x, 3), r"MADE: mask 3..3 was asked for, expected 0..2"),
        (lambda m, p, x: m.loss(p, x, -1), r"MADE: mask -1..-1 was asked for, expected 0..2"),
        (lambda m, p, x: m.loss(p, x, [0, 1]), r"or 4 of them, one an example; got int64 of shape"),
        (lambda m, p, x: m.loss(p, x, 1.0), r"MADE: expected a mask as a whole number.*float64"),
        (
            lambda m, p, x: m.complete(p, np.random.default_rng(0), x, 3),
            r"do not come first in random orders.*order='natural'",
        ),
        (
            lambda m, p, x: m.loss({"net": p["net"]}, x, 1),
            r"MADE: expected the parameters \['direct', 'net'\], got \['net'\]",
        ),
        (lambda m, p, x: m.loss(p, x[:, :2], 1), r"the model was built for x of shape \(N, 3, 3"),
        (lambda m, p, x: m.log_prob(p, x[:0]), r"is empty: give at least one example"),
        (lambda m, p, x: m.loss(p, x + np.nan, 1), r"NaN"),
        (lambda m, p, x: m.log_prob(p, x * 2), r"Bernoulli: expected x within 0..1, got 0..2"),
        (lambda m, p, x: m.sample(p, np.random.default_rng(0), 0), r"n must be a whole number"),
    ],
)
def test_bad_input_is_refused(use, message, rng):
    model = several()
    with pytest.raises(ValueError, match=message):
        use(model, parameters(model), np.round(rng.random((4, 3, 3, 1))))


def test_completing_all_or_nothing_is_refused(rng):
    model = small(n_masks=2)
    for known in (0, 9):
        with pytest.raises(ValueError, match=r"known must be 1 .. 8 of the 9 places"):
            model.complete(parameters(model), rng, IMAGES[:2], known)
