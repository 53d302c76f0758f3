"""The table of the likelihood by more and more samples: each column from the same weights."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from linear_vae import Z, exact_log_p, linear_point, linear_vae

from tinygen.models.vae_likelihood import log_weights

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
# absent from an installed copy
table = pytest.importorskip("importance_samples", exc_type=ImportError)


def test_each_column_is_the_mean_over_groups_of_the_log_of_the_mean_weight(rng):
    model, (p, x) = linear_vae(), linear_point(rng, n=1)
    found = table.estimates(SimpleNamespace(model=model, p=p), x, np.random.default_rng(3))
    eps = np.random.default_rng(3).standard_normal((1, 5000, Z))
    log_w = log_weights(model, p, x, model.encode(p, x), eps)[0][0]
    groups = [np.exp(log_w[i : i + 100]).mean() for i in range(0, 5000, 100)]
    expected = [log_w.mean(), np.log(groups).mean(), np.log(np.exp(log_w).mean())]
    np.testing.assert_allclose(found, [expected], rtol=1e-10)
    assert found[0, 0] < found[0, 1] < found[0, 2]  # by Jensen, in every draw
    assert found[0, 2] == pytest.approx(exact_log_p(p, x)[0], abs=0.1)
