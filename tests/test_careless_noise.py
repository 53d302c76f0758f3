"""What is handed over by mistake for noise, labels or features, of which a part would pass."""

import numpy as np
import pytest

from tinygen.metrics.linear_probe import linear_probe
from tinygen.models.debiasing_nets import dense_debiasing_vae
from tinygen.models.labels import stratified_order
from tinygen.models.m1_m2 import M1M2
from tinygen.models.outlier_exposure import OutlierExposure
from tinygen.models.resampling import debiasing_order
from tinygen.models.semi_supervised_vae import dense_semi_supervised_vae
from tinygen.models.vae import dense_vae
from tinygen.training import check_examples

N, D, K = 8, 6, 3
X = (np.random.default_rng(0).random((N, D)) < 0.5).astype(np.float32)
Y = np.arange(N) % K
FEW = np.where(np.arange(N) < K, Y, -1)
VAE = dense_vae(D, 5, 2)


@pytest.mark.parametrize(
    "model, batch",
    [
        (dense_semi_supervised_vae(D, 5, 2, K, 0.5), (X, Y)),
        (dense_semi_supervised_vae(D, 5, 2, K, 0.5), (X, FEW)),
        (dense_debiasing_vae(D, 5, 2, classes=K), (X, Y)),
        (M1M2(VAE, dense_semi_supervised_vae(2, 5, 2, K, 0.5)), (X, Y)),
        (OutlierExposure(VAE, 1.0), (X, 1 - X)),
    ],
)
@pytest.mark.parametrize("noise", [None, np.zeros((40, 2), np.float32), np.zeros(1, np.float32)])
def test_noise_of_another_batch_is_refused(model, batch, noise):
    with pytest.raises(ValueError, match=f"{type(model).__name__}: expected noise .*draw_noise"):
        model.loss(model.init(np.random.default_rng(0)), batch, noise)


@pytest.mark.parametrize(
    "y, error, message",
    [
        (Y.tolist(), TypeError, "whole numbers, got list"),
        (Y.astype(float), TypeError, "whole numbers, got float64"),
        (Y - 1, ValueError, r"labels lie in -1\.\.1, expected 0\.\.2"),
        (Y[:4], ValueError, r"labels of shape \(8,\), one an example, got \(4,\)"),
    ],
)
def test_a_debiasing_refuses_bad_labels(y, error, message):
    with pytest.raises(error, match=f"debiasing_order: .*{message}"):
        debiasing_order(dense_debiasing_vae(D, 5, 2, classes=K), X, y)


def test_no_labels_at_all_are_refused_by_name():
    for nothing in (None, 3):
        with pytest.raises(TypeError, match="stratified_order: expected labels y as an array"):
            stratified_order(nothing, 4, K)
    with pytest.raises(TypeError, match=r"train: x\[1\]: expected floats, got int64"):
        check_examples("train: x", (X, np.int64(3)))


def test_a_linear_probe_needs_more_digits_than_float16_has():
    with pytest.raises(TypeError, match=r"features are float16, .* use features\.astype"):
        linear_probe(X.astype(np.float16), Y, K, 0.1)
