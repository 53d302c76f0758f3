"""M2 and M1+M2: the bounds are bounds, the classes are summed exactly, labels are what they are."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_conditional_vae import STD, D, K, Z, exact_log_p, linear_model

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered, of_data
from tinygen.check import check_gradients
from tinygen.layers import Dense
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models import vae_likelihood
from tinygen.models.labels import stratified_order
from tinygen.models.m1_m2 import M1M2, draw_codes, informative, pruned
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.models.vae import conv_vae, dense_vae
from tinygen.optim import adam
from tinygen.pullback import Pullback
from tinygen.training import Turn, train

MIXED = np.array([-1, 2, -1, 0, -1])


def linear_m2():
    """Per class a linear-Gaussian decoder; a linear classifier."""
    return SemiSupervisedVAE(linear_model(), Dense(D, K), share=0.4)


def small(likelihood=None, **more):
    return dense_semi_supervised_vae(
        D, 4, Z, K, 0.4, 0.3, likelihood or Bernoulli(grey=True), **more
    )


def log_normal(a, mean, std):
    return -(((a - mean) / std) ** 2 / 2 + np.log(std) + np.log(2 * np.pi) / 2).sum(axis=-1)


def test_the_enumerated_bound_is_the_mean_of_log_p_over_q_and_lies_below_log_p(rng):
    """U against draws of y ~ q(y|x) and z ~ q(z|x,y), each density written out from scratch."""
    model, n, draws = linear_m2(), 3, 40_000
    p, x = jittered(rng, model.init(rng, np.float64)), 0.5 * rng.normal(size=(n, D))
    p["vae"] = tree.map(lambda a: 0.4 * a, p["vae"])  # densities that vary little over the draws
    points = math.sqrt(Z) * np.concatenate([np.eye(Z), -np.eye(Z)])  # exact for a quadratic
    bound = np.mean([model.elbo(p, x, np.tile(e, (n * K, 1))) for e in points], axis=0)

    logits = x @ p["classifier"]["W"] + p["classifier"]["b"]
    q_y = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    part = p["vae"]["decoder"]["label"]
    log_px = np.log(
        np.mean([np.exp(exact_log_p(p["vae"], x, np.full(n, k))) for k in range(K)], axis=0)
    )
    for i in range(n):
        y = rng.choice(K, size=draws, p=q_y[i])
        many = np.repeat(x[i : i + 1], draws, axis=0)
        q = model.vae.encode(p["vae"], many, y)
        std = np.exp(q["log_var"] / 2)
        z = q["mean"] + std * rng.standard_normal((draws, Z))
        log_x = log_normal(many, z @ part["W"] + part["V"][y] + part["b"], STD)
        log_joint = log_x + log_normal(z, 0.0, 1.0) - math.log(K)
        values = log_joint - np.log(q_y[i, y]) - log_normal(z, q["mean"], std)
        error = values.std() / math.sqrt(draws)
        assert abs(values.mean() - bound[i]) <= 4 * error
        assert error < 0.02 < log_px[i] - bound[i]


def test_the_bound_is_log_p_where_q_is_the_posterior(rng):
    """A decoder that sees no z, a classifier that is Bayes' rule: nothing is lost."""
    model = linear_m2()
    p = jittered(rng, model.init(rng, np.float64))
    p["vae"]["encoder"] = tree.scale(p["vae"]["encoder"], 0.0)  # q(z|x,y) = N(0, I)
    part = p["vae"]["decoder"]["label"]
    part["W"] = 0 * part["W"]
    centres = part["V"] + part["b"]
    p["classifier"] = {"W": centres.T / STD**2, "b": -0.5 * (centres**2).sum(axis=1) / STD**2}
    x = rng.normal(size=(4, D))
    log_px = np.log(
        np.mean([np.exp(exact_log_p(p["vae"], x, np.full(4, k))) for k in range(K)], axis=0)
    )
    found = model.elbo(p, x, rng.normal(size=(4 * K, Z)))
    np.testing.assert_allclose(found, log_px, rtol=1e-12)


def written_out(model, p, batch, noise):
    """The loss example by example, as the paper has it, divided by N."""
    x, y = batch
    eps, at, sums = noise, 0, {"L": [], "U": [], "C": []}
    known = [i for i in range(len(y)) if y[i] >= 0]
    for i in [*known, *(i for i in range(len(y)) if y[i] < 0)]:
        log_q = model.log_class(p, x[i : i + 1])[0]
        classes = [y[i]] if y[i] >= 0 else range(model.classes)
        costs = []
        for k in classes:
            one = (x[i : i + 1], np.array([k]))
            costs.append(math.log(K) - model.vae.elbo(p["vae"], one, eps[at : at + 1])[0])
            at += 1
        if y[i] >= 0:
            sums["L"].append(costs[0])
            sums["C"].append(-log_q[y[i]])
        else:
            entropy = -(np.exp(log_q) * log_q).sum()
            sums["U"].append(np.exp(log_q) @ costs - entropy)
    means = {name: np.mean(values) if values else 0.0 for name, values in sums.items()}
    return (
        model.share * means["L"] + (1 - model.share) * means["U"] + model.alpha * means["C"],
        means,
    )


@pytest.mark.parametrize("y", [MIXED, np.array([1, 0, 2, 2, 1]), np.full(5, -1)])
def test_the_loss_is_the_papers_sum_over_examples_and_classes(rng, y):
    model = small()
    p, x = jittered(rng, model.init(rng, np.float64)), rng.random((5, D))
    noise = model.draw_noise(rng, (x, y))
    value, backward = model.loss(p, (x, y), noise)
    expected, means = written_out(model, p, (x, y), noise)
    assert value == pytest.approx(expected, rel=1e-12)
    names = {"labelled": "L", "unlabelled": "U", "classifier": "C"}
    for name, term in backward.terms.items():
        assert term == pytest.approx(means[names[name]], rel=1e-12)
    assert len(backward.terms) == (y.min() < 0) + 2 * (y.max() >= 0)


def test_the_loss_does_not_hang_on_how_many_labelled_examples_a_batch_holds(rng):
    model = small()
    p, x = model.init(rng, np.float64), rng.random((2, D))
    x, y = x[[0, 1, 0]], np.array([1, -1, 1])  # one labelled example, or the same twice
    eps = rng.normal(size=(1 + K, Z))
    once = model.loss(p, (x[:2], y[:2]), eps)[0]
    twice = model.loss(p, (x, y), np.concatenate([eps[:1], eps]))[0]
    assert once == pytest.approx(twice, rel=1e-12)


def planted(model, forget):
    """The loss of M2 with a part of the classifier's gradient wrong on examples without label."""

    def loss(p, batch, noise):
        value, backward = model.loss(p, batch, noise)
        x, y = batch
        unknown = y < 0
        log_q = model.log_class(p, x[unknown])
        q = np.exp(log_q)
        every = np.tile(np.arange(K), int(unknown.sum()))
        L, _ = model.vae.bound(p["vae"], x[unknown], every, noise[int((~unknown).sum()) :])
        cost = L.reshape(-1, K) + math.log(K) + log_q
        right = q * (cost - (q * cost).sum(axis=1, keepdims=True))
        wrong = {
            "entropy": q * (cost - log_q - (q * (cost - log_q)).sum(axis=1, keepdims=True)),
            "softmax": q * cost,
            "nothing": right,
        }[forget]
        extra = (1 - model.share) / unknown.sum() * (wrong - right)  # (N_u, K)

        def dp(d):
            grads = backward.dp(d)
            classifier = {
                "W": grads["classifier"]["W"] + d * x[unknown].T @ extra,
                "b": grads["classifier"]["b"] + d * extra.sum(axis=0),
            }
            return grads | {"classifier": classifier}

        return value, Pullback(dp, backward.dx, value)

    return loss


@pytest.mark.parametrize("forget", ["nothing", "entropy", "softmax"])
def test_a_wrong_gradient_of_the_classifier_is_rejected(rng, forget):
    model = linear_m2()
    p, x = jittered(rng, model.init(rng, np.float64)), rng.normal(size=(5, D))
    f = of_data(planted(model, forget), MIXED, model.draw_noise(rng, (x, MIXED)))
    report = check_gradients(f, p, x, rng=rng)
    wrong = {row.name for row in report.rows if not row.passed}
    assert wrong == (set() if forget == "nothing" else {"classifier.W", "classifier.b"})


def test_every_parameter_moves_in_one_step_whatever_labels_a_batch_holds(rng):
    for y in (MIXED, np.full(5, -1), np.arange(5) % K):
        model = small(Gaussian())
        p, x = model.init(rng), rng.random((5, D), np.float32)
        before = tree.map(lambda a: a.copy(), p)
        optimiser = adam(1e-3)
        _, backward = model.loss(p, (x, y), model.draw_noise(rng, (x, y)))
        optimiser.update(p, backward.dp(), optimiser.init(p))
        still = {
            leaf
            for (leaf, old), (_, new) in zip(tree.leaves(before), tree.leaves(p), strict=True)
            if np.array_equal(old, new)
        }
        assert not still, y


def blobs(rng, n=600, labels=6):
    """Three clouds far apart; two labels of each class known."""
    y = rng.integers(K, size=n)
    centres = 2.5 * np.eye(K, D)
    x = (centres[y] + 0.5 * rng.standard_normal((n, D))).astype(np.float32)
    known = np.concatenate([np.flatnonzero(y == k)[: labels // K] for k in range(K)])
    seen = np.full(n, -1)
    seen[known] = y[known]
    return x, y, seen


def test_a_few_labels_name_the_clusters_that_it_finds_alone(rng):
    x, y, seen = blobs(rng)
    model = dense_semi_supervised_vae(D, 20, 1, K, 6 / 600, 1.0, Gaussian(), "one")
    turn = Turn("m2", model.loss, model.draw_noise, adam(5e-3))
    order = stratified_order(seen, 25, K)
    done = train(
        turn, model.init(rng), (x, seen), rng=rng, epochs=10, batch=25, order=order, progress=False
    )
    assert model.errors(done.p, x, y).mean() < 0.02
    assert done.log[-1]["train"]["unlabelled"] < done.log[0]["train"]["unlabelled"]
    drawn = model.vae.sample(done.p["vae"], rng, np.repeat(np.arange(K), 30))
    assert np.mean(drawn[:, :K].argmax(axis=1) == np.repeat(np.arange(K), 30)) > 0.9


# The order of an epoch


def test_each_batch_holds_its_share_of_labelled_examples_and_each_other_one_comes_once(rng):
    y = np.full(103, -1)
    known = np.array([3, 50, 77, 101])
    y[known] = [0, 1, 2, 1]
    order = stratified_order(y, 10, K, labelled=3)(rng, {})
    batches = [order[i : i + 10] for i in range(0, len(order), 10)]
    assert all(np.sum(y[rows] >= 0) == 3 for rows in batches)
    others = order[y[order] < 0]
    assert np.array_equal(np.sort(others), np.setdiff1d(np.arange(103), known))
    counts = np.bincount(order, minlength=103)[known]
    assert counts.sum() == 3 * len(batches) and np.ptp(counts) <= 1


def test_an_order_is_drawn_anew_and_by_default_takes_the_share_of_all_labels(rng):
    y = np.full(200, -1)
    y[:40] = np.arange(40) % K
    order = stratified_order(y, 20, K)
    first, second = order(rng, {}), order(rng, {})
    assert len(first) == len(second) == 200 and np.any(first != second)
    assert all(np.sum(y[first[i : i + 20]] >= 0) == 4 for i in range(0, 200, 20))
    y[3:40] = -1
    rare = stratified_order(y, 20, K)(rng, {})
    assert np.sum(y[rare[:20]] >= 0) == 1  # one at least
    assert np.array_equal(np.sort(stratified_order(np.arange(9) % K, 4, K)(rng, {})), np.arange(9))


@pytest.mark.parametrize(
    "y, batch, more, message",
    [
        ([0, 1, -1, -1], 2, {}, r"no labelled example of class 2: give each class a label"),
        ([-1, -1, -1], 2, {}, r"no labelled example of class 0, 1, 2"),
        ([0, 1, 2, 3], 2, {}, r"labels lie in 0\.\.3, expected 0\.\.2, or -1 for an example"),
        ([0, 1, 2, -2], 2, {}, r"labels lie in -2\.\.2, expected 0\.\.2, or -1"),
        ([0, 1, 2, -1], 2, {"labelled": 2}, r"2 labelled examples in a batch of 2 leave no room"),
        ([0, 1, 2, -1], 2, {"labelled": 0}, r"0 labelled examples in a batch of 2"),
        ([0, 1, 2, -1], 0, {}, r"batch must be a whole number >= 1, got 0"),
    ],
)
def test_an_order_that_cannot_be_is_refused(y, batch, more, message):
    with pytest.raises(ValueError, match=message):
        stratified_order(np.array(y), batch, K, **more)
    with pytest.raises(TypeError, match=r"array of whole numbers, got float64"):
        stratified_order(np.array([0.0, 1.5]), 2, K)


# M1+M2


def m1_m2(n_latent=4):
    return M1M2(
        dense_vae(9, 6, n_latent), dense_semi_supervised_vae(4, 5, Z, K, 0.4, 0.3, Gaussian())
    )


def binary(rng, n=6):
    return (rng.random((n, 9)) < 0.5).astype(np.float32)


def test_m1_stays_and_m2_moves(rng):
    model = m1_m2()
    p, x, y = model.init(rng), binary(rng), np.array([0, 1, 2, -1, -1, -1])
    turn = Turn("m2", model.loss, model.draw_noise, adam(1e-2), player="m2")
    done = train(turn, p, (x, y), rng=rng, steps=1, progress=False)
    for (leaf, old), (_, new) in zip(tree.leaves(p), tree.leaves(done.p), strict=True):
        assert np.array_equal(old, new) == leaf.startswith("m1"), leaf


def test_m2_sees_a_draw_of_m1s_code_and_classes_by_its_mean(rng):
    model = m1_m2()
    p, x, y = model.init(rng, np.float64), binary(rng).astype(np.float64), MIXED[[0, 1, 2, 3, 4, 0]]
    noise = model.draw_noise(rng, (x, y))
    q = model.m1.encode(p["m1"], x)
    z1 = q["mean"] + np.exp(q["log_var"] / 2) * noise["m1"]
    assert model.loss(p, (x, y), noise)[0] == model.m2.loss(p["m2"], (z1, y), noise["m2"])[0]
    assert np.array_equal(model.predict(p, x), model.m2.predict(p["m2"], q["mean"]))
    drawn, labels = draw_codes(np.random.default_rng(1), (q["mean"], q["log_var"], y))
    eps = np.random.default_rng(1).standard_normal(drawn.shape)
    np.testing.assert_allclose(drawn, q["mean"] + np.exp(q["log_var"] / 2) * eps, rtol=1e-12)
    assert labels is y


@pytest.mark.parametrize(
    "build", [lambda z: dense_vae(9, 6, z), lambda z: conv_vae((3, 3, 1), z, (2,))]
)
def test_a_pruned_vae_is_the_whole_one_with_zeros_for_the_rest(rng, build):
    kept, shape = np.array([0, 3]), (4, 9)
    whole, less = build(4), build(2)
    p = whole.init(rng, np.float64)
    if less.encoder.layers["0"] != whole.encoder.layers["0"] or "conv" in repr(whole).lower():
        shape = (4, 3, 3, 1)
    x = (rng.random(shape) < 0.5).astype(float)
    cut = pruned(p, kept)
    q, q_less = whole.encode(p, x), less.encode(cut, x)
    for key in q:
        np.testing.assert_allclose(q_less[key], q[key][:, kept], rtol=1e-12)
    z = rng.normal(size=(4, 2))
    filled = np.zeros((4, 4))
    filled[:, kept] = z
    np.testing.assert_allclose(less.decode(cut, z), whole.decode(p, filled), atol=1e-12)
    like = less.init(rng, np.float64)
    assert [(n, a.shape) for n, a in tree.leaves(cut)] == [
        (n, a.shape) for n, a in tree.leaves(like)
    ]


def test_the_bound_of_both_is_that_of_m1_where_m2_has_learnt_its_prior(rng):
    """With all weights zero M2 says N(0, I), whatever the class: -U(z1) = log p(z1)."""
    model = m1_m2()
    p, x = model.init(rng, np.float64), binary(rng).astype(np.float64)
    p["m2"] = tree.map(lambda a: 0 * a, p["m2"])
    eps = rng.normal(size=(6, 4))
    q = model.m1.encode(p["m1"], x)
    expected, _ = vae_likelihood.log_weights(model.m1, p["m1"], x, q, eps[:, None])
    found = model.elbo(p, x, {"m1": eps, "m2": rng.normal(size=(6 * K, Z))})
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-12)


def test_dimensions_that_say_nothing_are_found(rng):
    mean = rng.normal(size=(500, 4)) * [1.0, 0.05, 0.2, 0.0]
    assert np.array_equal(informative(mean), [0, 2])
    assert np.array_equal(informative(mean, above=0.5), [0])
    with pytest.raises(ValueError, match=r"no dimension of M1's code varies by more than 9"):
        informative(mean, above=9)


# Devices, and what is refused


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_m1_and_m2_give_the_numbers_of_numpy_on_any_device(device):
    def outcome(device):
        rng, model = np.random.default_rng(0), m1_m2()
        p, x = to_device(model.init(rng), device), to_device(binary(rng, 5), device)
        batch = (x, to_device(MIXED, device))
        noise = model.draw_noise(rng, batch)
        value, backward = model.loss(p, batch, noise)
        z1 = model.features(p, x)
        eps = to_device(rng.standard_normal((5 * K, Z)).astype(np.float32), device)
        codes, _ = draw_codes(rng, (z1, z1, batch[1]))
        return {
            "loss": value,
            "gradient": backward.dp(),
            "elbo": model.m2.elbo(p["m2"], z1, eps),
            "classes": model.predict(p, x),
            "sample": model.sample(p, rng, 3, mean=True),
            "analogies": model.analogies(p, (x, np.arange(5) % K)),
            "codes": codes,
            "pruned": pruned(p["m1"], informative(z1, above=0.01)),
        }

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


@pytest.mark.parametrize(
    "y, error, message",
    [
        (np.array([0, 1, 3]), ValueError, r"labels lie in 0\.\.3, expected 0\.\.2, or -1 for an"),
        (np.array([0, -2, 1]), ValueError, r"labels lie in -2\.\.1, expected 0\.\.2, or -1"),
        (np.array([0.0, 1.0, -1.0]), TypeError, r"array of whole numbers, got float64"),
        (np.array([0, 1]), ValueError, r"expected labels of shape \(3,\), one an example"),
    ],
)
def test_labels_that_are_none_are_refused(rng, y, error, message):
    model = small()
    p, x = model.init(rng), rng.random((3, D), np.float32)
    with pytest.raises(error, match=message):
        model.draw_noise(rng, (x, y))
    with pytest.raises(error, match=message):
        model.loss(p, (x, y), np.zeros((3, Z), np.float32))


def test_other_bad_input_is_refused(rng):
    model = small()
    p, x = model.init(rng), rng.random((3, D), np.float32)
    with pytest.raises(TypeError, match=r"SemiSupervisedVAE: expected \(x, y\), data and their"):
        model.loss(p, x, None)
    with pytest.raises(ValueError, match=r"expected the parameters \['classifier', 'vae'\], got"):
        model.predict({"W": x}, x)
    with pytest.raises(ValueError, match=r"labels lie in -1\.\.1, expected 0\.\.2"):
        model.errors(p, x, np.array([0, -1, 1]))  # of an example without label nothing is known
    with pytest.raises(ValueError, match=r"share=1 says .* 1 of 3 have none, .*: give share="):
        replace(model, share=1.0).loss(p, (x, np.array([0, -1, 1])), np.zeros((5, Z), x.dtype))
    for share in (0, 1.5, True):
        with pytest.raises(ValueError, match=r"share must lie in 0 < share <= 1, got"):
            replace(model, share=share)
    with pytest.raises(ValueError, match=r"alpha must be a finite number >= 0, got -1"):
        replace(model, alpha=-1)
