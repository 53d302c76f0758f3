"""The tables of novelty detection: who is normal, who is novel, and what is found."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygen.data import load
from tinygen.metrics import auroc
from tinygen.models import linear_autoencoder, pca_autoencoder, reconstruction_error

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
benchmark = pytest.importorskip("outliers_table", exc_type=ImportError)  # not in an installed copy


@pytest.mark.parametrize("table", ["one-class", "leave-one-out"])
def test_training_sees_normal_classes_alone_and_the_test_all(table):
    data, args = load("digits"), benchmark.arguments([table, "--data", "digits"])
    x, validation, test, novel = benchmark.parts(args, data, 3)
    one = table == "one-class"
    for found, part in ((x, data.train), (validation, data.validation)):
        np.testing.assert_array_equal(found, part.x[(part.labels == 3) == one])
    np.testing.assert_array_equal(test, data.test.x)
    np.testing.assert_array_equal(novel, (data.test.labels != 3) == one)


def test_the_area_of_principal_components_is_that_of_their_error(capsys):
    data = load("digits")
    found = benchmark.main(["one-class", "--data", "digits", "--models", "PCA", "--classes", "6"])
    p, _ = pca_autoencoder(data.train.x[data.train.labels == 6], 20)
    errors = reconstruction_error(linear_autoencoder((8, 8, 1), 20), p, data.test.x).astype(float)
    normal = data.test.labels == 6
    assert found[6]["PCA"][0] == pytest.approx(auroc(errors[normal], errors[~normal]), rel=1e-9)
    assert found[6]["PCA"][0] > 0.95
    assert f"mean of 1 classes, PCA: {found[6]['PCA'][0]:.4f}" in capsys.readouterr().out


def test_both_models_learn_one_class_and_the_areas_are_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "HIDDEN", (32, 16))
    kept = tmp_path / "areas.json"
    asked = ["one-class", "--data", "digits", "--classes", "0", "1", "--models", "AE", "VAE"]
    found = benchmark.main([*asked, "--epochs", "12", "--batch", "32", "--output", str(kept)])
    assert list(found) == [0, 1]
    assert list(found[0]) == ["AE", "VAE", "VAE, -ELBO", "VAE, -log p"]
    assert found[0]["AE"][0] > 0.95 and found[0]["VAE, -ELBO"][0] > 0.9
    again = json.loads(kept.read_text())
    assert again["areas"] == {
        str(c): {k: list(v) for k, v in row.items()} for c, row in found.items()
    }
    assert again["setting"]["epochs"] == 12
    assert "published" not in capsys.readouterr().out  # nobody published these digits
