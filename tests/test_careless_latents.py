"""What a user of the latent-variable family may hand over by mistake, model by model.

No labelled example of a class, labels outside the range, fewer points than components, constant
features, one class for a ROC curve, NaN rows, other shapes: an error that says what to do, or the
documented behaviour.
"""

import warnings

import commands
import numpy as np
import pytest

from tinygen import metrics
from tinygen.data.few_labels import few_labels
from tinygen.layers.base import NonFinite
from tinygen.metrics.auroc import auroc, auroc_and_error, roc_curve, threshold
from tinygen.metrics.code_information import binned_information
from tinygen.metrics.linear_probe import linear_probe
from tinygen.metrics.total_correlation import gaussian_total_correlation
from tinygen.models.bernoulli_mixture import BernoulliMixture
from tinygen.models.classifier import dense_classifier
from tinygen.models.conditional_vae import dense_conditional_vae
from tinygen.models.debiasing_nets import dense_debiasing_vae
from tinygen.models.factor_vae import factor_vae
from tinygen.models.gaussian_mixture import GaussianMixture
from tinygen.models.kmeans import kmeans
from tinygen.models.labels import stratified_order
from tinygen.models.m1_m2 import M1M2, informative
from tinygen.models.outlier_exposure import OutlierExposure, beside
from tinygen.models.outlier_scores import (
    likelihood_ratio,
    negative_elbo,
    negative_log_prob,
    reconstruction_error,
)
from tinygen.models.resampling import debiasing_order, resampling_weights
from tinygen.models.semi_supervised_vae import dense_semi_supervised_vae
from tinygen.models.tc_vae import tc_vae
from tinygen.models.vae import dense_vae
from tinygen.optim import adam
from tinygen.training import Turn, train

N, D, K = 8, 6, 3
X = (np.random.default_rng(0).random((N, D)) < 0.5).astype(np.float32)
Y = np.arange(N) % K
POINTS = np.random.default_rng(1).normal(size=(20, 3))
KINDS = ("full", "tied", "diag", "spherical")


def rng():
    return np.random.default_rng(0)


def spoilt(x, value=np.nan):
    """One row of x with a value that is no number."""
    x = x.copy()
    x[2, 1] = value
    return x


# Models that learn from labels: name -> (model, p)
LABELLED = {
    "ConditionalVAE": dense_conditional_vae(D, 5, 2, K),
    "SemiSupervisedVAE": dense_semi_supervised_vae(D, 5, 2, K, 0.5),
    "DebiasingVAE": dense_debiasing_vae(D, 5, 2, classes=K),
    "Classifier": dense_classifier(D, 5, K),
}
VAES = {
    "VAE": dense_vae(D, 5, 2),
    "TCVAE": tc_vae(dense_vae(D, 5, 2), 100),
}
every_labelled = pytest.mark.parametrize("name", LABELLED)
every_kind = pytest.mark.parametrize("kind", KINDS)


def loss_of(model, batch, p=None):
    p = model.init(rng()) if p is None else p
    return model.loss(p, batch, model.draw_noise(rng(), batch))[0]


# Labels outside the range, and what are no labels


@every_labelled
@pytest.mark.parametrize("y, range_", [(Y + 1, r"1\.\.3"), (Y - 2, r"-2\.\.0")])
def test_labels_out_of_range_are_refused_by_the_model_s_name(name, y, range_):
    with pytest.raises(ValueError, match=rf"{name}: labels lie in {range_}, expected 0\.\.2"):
        loss_of(LABELLED[name], (X, y))


def test_only_labels_that_are_too_high_ask_for_more_classes():
    with pytest.raises(ValueError, match=r"number the classes from 0, or .* classes=4"):
        loss_of(LABELLED["ConditionalVAE"], (X, Y + 1))
    with pytest.raises(ValueError, match=r"number the classes from 0$"):
        loss_of(LABELLED["ConditionalVAE"], (X, Y - 1))


@every_labelled
@pytest.mark.parametrize(
    "y, error, message",
    [
        (Y.astype(float), TypeError, "labels y as an array of whole numbers, got float64"),
        (Y > 0, TypeError, "labels y as an array of whole numbers, got bool"),
        (Y.tolist(), TypeError, "labels y as an array of whole numbers, got list"),
        (None, TypeError, "labels y as an array of whole numbers, got NoneType"),
        (np.eye(K)[Y], TypeError, "labels y as an array of whole numbers, got float64"),
        (Y[:, None], ValueError, r"labels of shape \(8,\), one an example, got \(8, 1\)"),
        (Y[:4], ValueError, r"labels of shape \(8,\), one an example, got \(4,\)"),
        (np.tile(Y, 2), ValueError, r"labels of shape \(8,\), one an example, got \(16,\)"),
    ],
)
def test_what_are_no_labels_is_refused_by_the_model_s_name(name, y, error, message):
    with pytest.raises(error, match=f"{name}: .*{message}"):
        loss_of(LABELLED[name], (X, y))


@every_labelled
@pytest.mark.parametrize("batch", [X, [X, Y], (X, Y, Y)])
def test_what_is_no_pair_is_refused(name, batch):
    with pytest.raises(TypeError, match=rf"{name}: expected \(x, y\), data and their labels, got"):
        model = LABELLED[name]
        model.loss(model.init(rng()), batch, None)


@pytest.mark.parametrize("y", [Y + 1, Y[:, None], Y[:4], Y.astype(float), None])
def test_every_use_of_labels_refuses_bad_ones(y):
    conditional, m2 = LABELLED["ConditionalVAE"], LABELLED["SemiSupervisedVAE"]
    classifier = LABELLED["Classifier"]
    p = conditional.init(rng())
    for call in (
        lambda: conditional.elbo(p, (X, y), np.zeros((N, 2), np.float32)),
        lambda: conditional.log_prob(p, (X, y), rng(), 3),
        lambda: conditional.encode(p, X, y),
        lambda: conditional.analogies(p, (X, y)),
        lambda: conditional.reconstruct(p, (X, y), rng()),
        lambda: m2.errors(m2.init(rng()), X, y),
        lambda: classifier.accuracy(classifier.init(rng()), X, y),
    ):
        with pytest.raises((ValueError, TypeError), match="label"):
            call()


@pytest.mark.parametrize("y", [np.array([K]), 5, np.zeros(0, int), np.zeros((2, 1), int), None])
def test_a_sample_of_what_is_no_class_is_refused(y):
    model = LABELLED["ConditionalVAE"]
    with pytest.raises((ValueError, TypeError), match=r"ConditionalVAE: .*labels"):
        model.sample(model.init(rng()), rng(), y)


@pytest.mark.parametrize(
    "labels, error, message",
    [
        (Y[:4], ValueError, r"expected x of shape \(8,\)"),
        (Y + 1, ValueError, r"holds levels 1\.\.3, expected 0\.\.2: .*number labels from 0"),
        (Y.astype(float), TypeError, "integer levels"),
    ],
)
def test_a_linear_probe_refuses_bad_labels(labels, error, message):
    with pytest.raises(error, match=f"linear_probe: labels.*{message}"):
        linear_probe(POINTS[:N], labels, K, 0.1)


# No labelled example of a class


def test_a_class_without_a_label_is_named():
    lacking = np.where(Y == 1, -1, Y)
    with pytest.raises(ValueError, match="stratified_order: no labelled example of class 1: give"):
        stratified_order(lacking, 4, K)
    with pytest.raises(ValueError, match="stratified_order: no labelled example of class 0, 1, 2"):
        stratified_order(np.full(N, -1), 4, K)
    with pytest.raises(ValueError, match=r"linear_probe: no labelled example of the classes \[1\]"):
        linear_probe(POINTS[:N], np.where(Y == 1, 0, Y), K, 0.1)
    with pytest.raises(ValueError, match="few_labels: class 1 has no examples"):
        few_labels(rng(), np.where(Y == 1, 0, Y), 3, K)
    with pytest.raises(ValueError, match="few_labels: 2 labels cannot show each of 3 classes"):
        few_labels(rng(), Y, 2, K)


@pytest.mark.parametrize("y, which", [(Y * 0, "no"), (Y * 0 + 1, "only")])
def test_a_debiasing_needs_the_class_and_others(y, which):
    with pytest.raises(ValueError, match=f"debiasing_order: the labels hold {which} examples of"):
        debiasing_order(LABELLED["DebiasingVAE"], X, y)


@pytest.mark.parametrize(
    "words, message",
    [
        (("semi-supervised-vae", "--labels", 5), "5 labels cannot show each of 10 classes"),
        (("semi-supervised-vae", "--labels", 10**6), "labels were asked for"),
        (("debiasing-vae", "--debias", 11), r"one of the classes 0..9, got 11"),
        (("gaussian-mixture", "--components", 5000), "examples for 5000 components"),
    ],
)
def test_the_commands_say_it_in_one_line(capsys, tmp_path, words, message):
    out = tmp_path / "run"
    line = commands.fails(capsys, "train", *words, "--data", "digits", "--epochs", 1, "--out", out)
    assert message in line and not (out / "checkpoint.safetensors").exists()


# Fewer points than components, constant features


@pytest.mark.parametrize(
    "call",
    [
        lambda: GaussianMixture(21).fit(POINTS, rng()),
        lambda: BernoulliMixture(21).fit((POINTS > 0).astype(float), rng()),
        lambda: GaussianMixture(21).start(rng(), POINTS),
    ],
)
def test_fewer_points_than_components_are_refused(call):
    with pytest.raises(ValueError, match=r"20 examples for 21 components: .*choose fewer"):
        call()


@every_kind
def test_fewer_different_points_than_components_are_refused(kind):
    with pytest.raises(ValueError, match="x holds 1 different points for 3 clusters: choose few"):
        GaussianMixture(3, kind).fit(np.ones((20, 3)), rng())
    with pytest.raises(ValueError, match="x holds 2 different points for 3 clusters"):
        BernoulliMixture(3).fit(np.eye(2)[np.arange(20) % 2], rng())
    with pytest.raises(ValueError, match="kmeans: x holds 20 different points for 21 clusters"):
        kmeans(POINTS, 21, rng())


@every_kind
def test_a_constant_feature_has_the_floor_for_its_variance(kind):
    x = np.c_[POINTS, np.full(20, 5.0)]
    model = GaussianMixture(2, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.fit(x, rng())
    assert not found.collapsed and np.isfinite(model.score_samples(found.p, x)).all()
    np.testing.assert_allclose(found.p["mean"][:, 3], 5)
    if kind != "spherical":  # where one variance serves all axes
        S = model.matrices(found.p)
        np.testing.assert_allclose(S[:, 3, 3], model.floor, rtol=1e-6)
        assert np.abs(S[:, 3, :3]).max() < 1e-9


def test_a_constant_pixel_has_a_probability_that_forbids_nothing():
    x = np.c_[POINTS > 0, np.ones(20), np.zeros(20)].astype(float)
    model = BernoulliMixture(2)
    p = model.fit(x, rng()).p
    assert np.isfinite(model.score_samples(p, 1 - x)).all()


def test_constant_features_and_codes_say_nothing():
    ones = np.ones((N, 3))
    with pytest.raises(ValueError, match="features of all examples are the same, and say nothing"):
        linear_probe(ones, Y, K, 0.1)
    with pytest.raises(ValueError, match=r"gaussian_total_correlation: .*is singular: leave dimen"):
        gaussian_total_correlation(np.c_[POINTS, np.ones(20)])
    with pytest.raises(ValueError, match=r"gaussian_total_correlation: .*is singular"):
        gaussian_total_correlation(POINTS[:3])  # of three points in three dimensions
    with pytest.raises(ValueError, match=r"no dimension of M1's code varies by more than 0\.1"):
        informative(ones)
    with pytest.raises(ValueError, match="factor 'a' has one value in all 20 examples"):
        binned_information(POINTS, {"a": np.zeros(20, int)})
    np.testing.assert_allclose(resampling_weights(ones), 1 / N)
    assert auroc(ones[:, 0], ones[:, 0]) == 0.5


# One class for a ROC curve


@pytest.mark.parametrize("call", [auroc, auroc_and_error, roc_curve])
def test_one_class_has_no_roc_curve(call):
    s, none = np.arange(3.0), np.zeros(0)
    for name, pair in {"scores_out": (s, none), "scores_in": (none, s)}.items():
        with pytest.raises(ValueError, match=f"{name} is empty: one class alone has no ROC curve"):
            call(*pair)


def test_a_spread_needs_two_of_each_and_a_threshold_one():
    one, two = np.ones(1), np.arange(2.0)
    with pytest.raises(ValueError, match="got 2 inliers and 1 outliers: a spread needs at least 2"):
        auroc_and_error(two, one)
    with pytest.raises(ValueError, match=r"threshold: .* is empty"):
        threshold(np.zeros(0))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("call", [auroc, auroc_and_error, roc_curve, lambda s, _: threshold(s)])
def test_scores_that_are_no_numbers_have_no_order(call, bad):
    with pytest.raises(NonFinite, match="values that are NaN or infinite"):
        call(np.r_[np.arange(3.0), bad], np.arange(3.0))


# NaN rows


MIXTURE = GaussianMixture(2)
MIXTURE_P = MIXTURE.fit(POINTS, rng()).p
VAE = VAES["VAE"]
VAE_P = VAE.init(rng())
FACTOR = factor_vae(VAE, (4,))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    "call",
    [
        lambda x, points: MIXTURE.fit(points, rng()),
        lambda x, points: MIXTURE.score_samples(MIXTURE_P, points),
        lambda x, points: MIXTURE.predict_proba(MIXTURE_P, points),
        lambda x, points: MIXTURE.bic(MIXTURE_P, points),
        lambda x, points: BernoulliMixture(2).fit(x, rng()),
        lambda x, points: kmeans(points, 2, rng()),
        *(lambda x, points, m=m: loss_of(m, (x, Y)) for m in LABELLED.values()),
        *(lambda x, points, m=m: loss_of(m, x) for m in VAES.values()),
        lambda x, points: FACTOR.vae_loss(FACTOR.init(rng()), x, FACTOR.draw_noise(rng(), x)),
        lambda x, points: loss_of(OutlierExposure(VAE, 1.0), (X, x)),
        lambda x, points: loss_of(OutlierExposure(VAE, 1.0), (x, X)),
        lambda x, points: beside(x),
        lambda x, points: reconstruction_error(VAE, VAE_P, x),
        lambda x, points: negative_elbo(VAE, VAE_P, x, rng()),
        lambda x, points: negative_log_prob(VAE, VAE_P, x, rng(), 2),
        lambda x, points: likelihood_ratio(VAE, VAE_P, VAE, VAE_P, x, rng(), 2),
        lambda x, points: LABELLED["SemiSupervisedVAE"].predict(
            LABELLED["SemiSupervisedVAE"].init(rng()), x
        ),
        lambda x, points: linear_probe(points[:N], Y, K, 0.1),
        lambda x, points: binned_information(points, {"a": np.arange(20) % 2}),
        lambda x, points: gaussian_total_correlation(points),
        lambda x, points: informative(points),
        lambda x, points: resampling_weights(points),
    ],
)
def test_nan_and_infinite_rows_are_refused(call, bad):
    with pytest.raises(NonFinite, match="NaN or infinite"):
        call(spoilt(X, bad), spoilt(POINTS, bad))


@every_labelled
def test_training_refuses_what_the_loss_would_meet_later(name):
    model = LABELLED[name]

    def go(batch, **more):
        turn = Turn("model", model.loss, model.draw_noise, adam(1e-3))
        return train(
            turn, model.init(rng()), batch, rng=rng(), epochs=1, batch=4, progress=False, **more
        )

    assert len(go((X, Y)).log) == 1
    with pytest.raises(NonFinite, match="train: x"):
        go((spoilt(X), Y))
    with pytest.raises(NonFinite, match="train: validation"):
        go((X, Y), validation=(spoilt(X), Y))
    with pytest.raises(ValueError, match="as many examples each"):
        go((X, Y[:4]))
    with pytest.raises(ValueError, match=rf"{name}: labels lie in 1\.\.3"):
        go((X, Y + 1))


# Wrong shapes, sizes and kinds


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: MIXTURE.predict(MIXTURE_P, POINTS[:, :2]), ValueError, r"expected x of shape"),
        (lambda: MIXTURE.predict(MIXTURE_P, POINTS[0]), ValueError, r"add a batch axis"),
        (lambda: MIXTURE.predict(MIXTURE_P, POINTS.astype(int)), TypeError, "expected floats"),
        (lambda: MIXTURE.fit(POINTS.tolist(), rng()), TypeError, "got list: use np.asarray"),
        (lambda: MIXTURE.fit(POINTS[:0], rng()), ValueError, "is empty"),
        (lambda: MIXTURE.bic(MIXTURE_P, POINTS[:0]), ValueError, "is empty: give at least one"),
        (lambda: MIXTURE.aic(MIXTURE_P, POINTS[:0]), ValueError, "is empty: give at least one"),
        (
            lambda: MIXTURE.fit(1e30 * POINTS.astype(np.float32), rng()),
            NonFinite,
            "squares of x overflow float32: scale x down",
        ),
        (lambda: GaussianMixture(3).fit(POINTS, rng(), start=MIXTURE_P), ValueError, r"\(3,\)"),
        (lambda: GaussianMixture(0), ValueError, "n_components must be a whole number >= 1"),
        (lambda: GaussianMixture(2, "ful"), ValueError, "choose one of full, tied, diag"),
        (lambda: BernoulliMixture(2).fit(POINTS, rng()), ValueError, r"expected x within 0\.\.1"),
        (lambda: negative_log_prob(VAE, VAE_P, X, rng(), 0), ValueError, "samples must be"),
        (lambda: reconstruction_error(VAE, VAE_P, X[:0]), ValueError, "is empty"),
        (lambda: beside(X[:0]), ValueError, "is empty"),
        (
            lambda: loss_of(OutlierExposure(VAE, 1.0), (X, X[:4])),
            ValueError,
            "one outlier for each",
        ),
        (lambda: loss_of(OutlierExposure(VAE, 1.0), X), ValueError, "expected a pair"),
        (lambda: loss_of(tc_vae(VAE, 4), X), ValueError, "a batch of 8 out of n_examples=4"),
        (lambda: resampling_weights(POINTS[0]), ValueError, r"expected codes \(N, Z\)"),
        (lambda: informative(POINTS[0]), ValueError, r"expected x of shape \(N, Z\)"),
        (
            lambda: binned_information(POINTS, {"a": np.array(["b", "c"] * 10)}),
            ValueError,
            "factor 'a' holds <U1: give whole numbers, np.unique",
        ),
        (
            lambda: metrics.mutual_information_gap(
                {"mean": POINTS, "log_var": POINTS}, {"a": np.arange(5)}, rng()
            ),
            ValueError,
            "factor 'a' has shape",
        ),
    ],
)
def test_other_shapes_sizes_and_kinds_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@every_labelled
def test_other_shapes_and_pixels_are_refused_by_every_labelled_model(name):
    model = LABELLED[name]
    with pytest.raises(ValueError, match=r"expected x of shape"):
        loss_of(model, (X[:, :5], Y))
    with pytest.raises(TypeError, match=r"float64, parameter 'W' is float32"):
        loss_of(model, (X.astype(np.float64), Y))
    with pytest.raises(ValueError, match="is empty"):
        loss_of(model, (X[:0], Y[:0]))
    if name != "Classifier":
        with pytest.raises(ValueError, match=r"expected x within 0\.\.1, got 0\.\.3"):
            loss_of(model, (3 * X, Y))


def test_codes_of_another_size_than_m2_takes_are_refused():
    model = M1M2(VAE, dense_semi_supervised_vae(3, 5, 2, K, 0.5))
    with pytest.raises(ValueError, match=r"expected x of shape \(.*3\), got \(8, 2\)"):
        loss_of(model, (X, Y))
