"""Few labels: which are drawn, what a line reads off features, the encoder without its decoder."""

import re

import numpy as np
import pytest

from tinygen import to_device, to_host, tree
from tinygen.data import load
from tinygen.data.few_labels import few_labels
from tinygen.likelihoods import Categorical
from tinygen.metrics.linear_probe import FeatureScale, curvature, linear_probe
from tinygen.models import dense_autoencoder, dense_vae, tied_autoencoder
from tinygen.models.features import encoder_net

LABELS = np.repeat([0, 1, 2], [40, 7, 90])

# The draw


@pytest.mark.parametrize("n, counts", [(3, {1}), (12, {4}), (14, {4, 5})])
def test_each_class_gets_its_share_of_the_labels(rng, n, counts):
    chosen = few_labels(rng, LABELS, n, 3)
    assert len(set(chosen.tolist())) == n
    assert set(np.bincount(LABELS[chosen]).tolist()) == counts


def test_one_seed_draws_one_set_and_another_another():
    draws = [few_labels(np.random.default_rng(seed), LABELS, 12, 3).tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] and sorted(draws[0]) != sorted(draws[2])


def test_a_larger_draw_holds_the_smaller_one():
    small, large = (few_labels(np.random.default_rng(5), LABELS, n, 3) for n in (6, 18))
    assert set(small.tolist()) < set(large.tolist())


def test_every_example_of_a_class_may_be_drawn_and_the_classes_stand_mixed(rng):
    draws = np.concatenate([few_labels(rng, LABELS, 3, 3) for _ in range(800)])
    assert set(draws.tolist()) == set(range(len(LABELS)))
    first = np.bincount(LABELS[draws[::3]], minlength=3)  # 267 each, with 13 to and fro
    assert first.min() > 200


@pytest.mark.parametrize(
    "labels, n, classes, error, message",
    [
        (LABELS, 2, 3, ValueError, "2 labels cannot show each of 3 classes: ask for 3 or more"),
        (LABELS, 0, 3, ValueError, "n must be a whole number >= 1, got 0"),
        (LABELS, 24, 3, ValueError, "class 1 has 7 examples, 8 were asked for: ask for fewer"),
        (LABELS, 8, 4, ValueError, "class 3 has no examples, 2 were asked for"),
        (LABELS, 6, 2, ValueError, "labels lie in 0..2, expected 0..1"),
        (LABELS - 1, 6, 3, ValueError, "labels lie in -1..1, expected 0..2"),
        (LABELS * 1.0, 6, 3, TypeError, "whole numbers, got float64: use np.asarray"),
        (LABELS.tolist(), 6, 3, TypeError, "whole numbers, got list"),
        (LABELS[:, None], 6, 3, ValueError, r"shape \(N,\), N >= 1, got \(137, 1\)"),
        (LABELS, 6, 1, ValueError, "classes must be a whole number >= 2, got 1"),
    ],
)
def test_a_draw_that_cannot_be_is_refused(rng, labels, n, classes, error, message):
    with pytest.raises(error, match=f"few_labels: .*{message}"):
        few_labels(rng, labels, n, classes)


# The probe


def problem(rng, N=40, F=6, K=3, dtype=np.float64):
    """Features of classes that overlap, far from zero and of unlike sizes."""
    y = np.arange(N) % K
    f = rng.normal(size=(N, F)) + rng.normal(size=(K, F))[y]
    return (3 + f * np.geomspace(0.1, 5, F)).astype(dtype), y


def loss(p, g, y, l2):
    nll = Categorical(p["W"].shape[1]).nll(g @ p["W"] + p["b"], y)[0]
    return nll.mean() + l2 / 2 * (p["W"] ** 2).sum()


def test_a_scale_makes_the_mean_square_one_and_keeps_the_ratios_of_columns(rng):
    f, _ = problem(rng)
    g = FeatureScale.of(f)(f)
    np.testing.assert_allclose(g.mean(axis=0), 0, atol=1e-14)
    assert (g**2).sum(axis=1).mean() == pytest.approx(1)
    np.testing.assert_allclose(g.std(axis=0) / g.std(axis=0)[0], f.std(axis=0) / f.std(axis=0)[0])


@pytest.mark.parametrize("N, F", [(40, 6), (6, 40)])
def test_a_probe_is_the_least_of_the_loss_that_scipy_finds(rng, N, F):
    optimize = pytest.importorskip("scipy.optimize")
    f, y = problem(rng, N, F)
    scale, l2 = FeatureScale.of(f), 0.02
    p = linear_probe(f, y, 3, l2, tolerance=1e-9)
    scaled = {"W": p["W"] * scale.size, "b": p["b"] + scale.shift @ p["W"]}

    def flat(w):
        return loss({"W": w[: 3 * F].reshape(F, 3), "b": w[3 * F :]}, scale(f), y, l2)

    best = optimize.minimize(flat, np.zeros(3 * F + 3), tol=1e-10)
    assert loss(scaled, scale(f), y, l2) == pytest.approx(best.fun, abs=1e-9)
    np.testing.assert_allclose(scaled["W"], best.x[: 3 * F].reshape(F, 3), atol=1e-4)
    assert scaled["b"].sum() == pytest.approx(0, abs=1e-9)  # the softmax knows differences alone


def test_the_bound_holds_for_every_direction_and_is_met_by_two_classes(rng):
    f, y = problem(rng)
    g, h = FeatureScale.of(f)(f), 1e-3
    bound = curvature(g)
    for K in (2, 3):
        for _ in range(20):
            v = {"W": rng.normal(size=(6, K)), "b": rng.normal(size=K)}
            size = sum(float((a**2).sum()) for a in v.values())
            up, here, down = (loss(tree.scale(v, s * h), g, y % K, 0.0) for s in (1, 0, -1))
            assert (up - 2 * here + down) / h**2 <= bound * size * (1 + 1e-4)
    rows = np.concatenate([g, np.ones((len(g), 1))], axis=1)
    top = np.linalg.svd(rows)[2][0] / np.sqrt(2)
    v = {"W": np.stack([top[:-1], -top[:-1]], 1), "b": np.array([top[-1], -top[-1]])}
    up, here, down = (loss(tree.scale(v, s * h), g, y % 2, 0.0) for s in (1, 0, -1))
    assert (up - 2 * here + down) / h**2 == pytest.approx(bound, rel=1e-4)


def test_features_of_another_unit_and_origin_change_no_logit(rng):
    f, y = problem(rng)
    p, q = (linear_probe(a, y, 3, 0.1, tolerance=1e-8) for a in (f, 1000 * f - 70))
    logits = f @ p["W"] + p["b"]
    np.testing.assert_allclose((1000 * f - 70) @ q["W"] + q["b"], logits, atol=1e-5)


def test_a_stronger_penalty_leaves_smaller_weights(rng):
    f, y = problem(rng)
    norms = [np.linalg.norm(linear_probe(f, y, 3, l2)["W"]) for l2 in (0.001, 0.1, 10)]
    assert norms[0] > 2 * norms[1] > 4 * norms[2]


@pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
def test_the_probe_runs_on_the_device(rng, device):
    f, y = problem(rng, dtype=np.float32)
    here = linear_probe(f, y, 3, 0.1)
    there = linear_probe(*to_device((f, y), device), 3, 0.1, FeatureScale.of(to_device(f, device)))
    assert here["W"].dtype == to_host(there["W"]).dtype == np.float32
    np.testing.assert_allclose(to_host(there["W"]), here["W"], atol=1e-4)


def test_bad_input_is_refused_with_its_name(rng):
    f, y = problem(rng)
    for given, message in [
        ((f, np.where(y == 1, 0, y), 3, 0.1), r"no labelled example of the classes \[1\]: label"),
        ((f, y + 1, 3, 0.1), r"labels: x holds levels 1..3, expected 0..2"),
        ((f, y[:-1], 3, 0.1), r"labels: expected x of shape \(40,\)"),
        ((f, y, 3, 0.0), r"l2 must be a finite number > 0, got 0.0"),
        ((f, y, 0, 0.1), r"classes must be a whole number >= 1"),
        ((np.where(f > 4, np.nan, f), y, 3, 0.1), "values that are NaN or infinite"),
        ((f[:, 0], y, 3, 0.1), r"expected x of shape \(N, F\)"),
        ((f, y, 3, 1e-9, None, 1e-9, 5), r"the gradient is above 1e-09 after 5 steps: raise l2"),
    ]:
        with pytest.raises(ValueError, match=f"linear_probe.*{message}"):
            linear_probe(*given)
    for alike in (np.ones((4, 3)), np.full((1000, 3), 0.1, np.float32), f[:1]):
        with pytest.raises(ValueError, match="the features of all examples are the same"):
            FeatureScale.of(alike)


# The encoder without its decoder


@pytest.fixture(scope="module")
def images():
    return load("digits").test.x[:9]


def models():
    shape = (8, 8, 1)
    return {
        "autoencoder": dense_autoencoder(shape, (12, 7), 3),
        "vae": dense_vae(shape, (12, 7), 3),
        "full": dense_vae(shape, (12, 7), 3, posterior="full"),
    }


@pytest.mark.parametrize("name", models())
def test_the_net_is_the_encoder_of_the_model_and_nothing_of_its_decoder(rng, images, name):
    model = models()[name]
    p = model.init(rng)
    net, weights = encoder_net(model, p)
    code = model.encode(p, images)
    code = code["mean"] if isinstance(code, dict) else code
    np.testing.assert_array_equal(net.forward(weights, images)[0], code)
    hidden_net, hidden_weights = encoder_net(model, p, "hidden")
    hidden = hidden_net.forward(hidden_weights, images)[0]
    assert hidden.shape == (9, 7) and hidden.min() == 0  # behind a ReLU
    last = weights["code"]
    np.testing.assert_allclose(hidden @ last["W"] + last["b"], code, rtol=1e-5, atol=1e-6)
    given = {id(leaf) for _, leaf in tree.leaves(p["encoder"])}
    assert {id(leaf) for _, leaf in tree.leaves(weights)} <= given
    assert tree.count(weights) == 64 * 12 + 12 + 12 * 7 + 7 + 7 * 3 + 3


def test_the_net_can_be_drawn_anew_with_the_same_shapes(rng, images):
    for model in models().values():
        for part in ("code", "hidden"):
            net, weights = encoder_net(model, model.init(rng), part)
            fresh = net.init(rng)
            tree.map(lambda a, b: np.testing.assert_equal(a.shape, b.shape), fresh, weights)


def test_an_encoder_of_one_layer_has_a_code_and_no_hidden_layer(rng, images):
    model = tied_autoencoder((8, 8, 1), 5)
    p = model.init(rng)
    net, weights = encoder_net(model, p)
    np.testing.assert_array_equal(net.forward(weights, images)[0], model.encode(p, images))
    with pytest.raises(ValueError, match="SigmoidEncoder is one layer, whose output is the code"):
        encoder_net(model, p, "hidden")


def test_other_parts_and_other_parameters_are_refused(rng):
    model = models()["vae"]
    p = model.init(rng)
    with pytest.raises(ValueError, match=re.escape("unknown part 'mean': choose code or hidden")):
        encoder_net(model, p, "mean")
    with pytest.raises(ValueError, match="expected the parameters"):
        encoder_net(model, p["encoder"])
