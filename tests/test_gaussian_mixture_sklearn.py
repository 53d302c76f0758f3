"""From one start, EM here and in scikit-learn take the same steps."""

import warnings

import numpy as np
import pytest

from tinygen.models import GaussianMixture, em
from tinygen.models.covariances import KINDS

mixture = pytest.importorskip("sklearn.mixture")

K, D, STEPS = 4, 3, 15


def points(rng):
    """Overlapping clouds, with one point far off."""
    centres = 2 * rng.normal(size=(K, D))
    x = centres[rng.integers(K, size=300)] + rng.normal(size=(300, D)) @ np.diag([0.4, 1.0, 0.7])
    x[0] = 20.0
    return x


def theirs(kind, model, p, steps):
    """scikit-learn's object with the start p."""
    covariances = model.covariances(p)
    precisions = np.linalg.inv(covariances) if kind in ("full", "tied") else 1 / covariances
    return mixture.GaussianMixture(
        K, covariance_type=kind, reg_covar=1e-6, tol=0, max_iter=steps,
        weights_init=model.weights(p), means_init=p["mean"], precisions_init=precisions,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_of_scikit_learn_where_reg_covar_is_added(rng, kind):
    x = points(rng)
    model = GaussianMixture(K, kind, floor=1e-9, reg_covar=1e-6)
    p = model.start(rng, x)
    sk = theirs(kind, model, p, STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has not converged
        sk.fit(x)
    assert sk.n_iter_ == STEPS
    for _ in range(STEPS):
        p = em.em_step(model, p, x, rng, reseed=False).p
    np.testing.assert_allclose(model.weights(p), sk.weights_, atol=1e-6)
    np.testing.assert_allclose(p["mean"], sk.means_, atol=1e-6)
    np.testing.assert_allclose(model.covariances(p), sk.covariances_, atol=1e-6)
    np.testing.assert_allclose(model.score_samples(p, x), sk.score_samples(x), atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(p, x), sk.predict_proba(x), atol=1e-6)
    assert np.array_equal(model.predict(p, x), sk.predict(x))
    assert model.bic(p, x) == pytest.approx(sk.bic(x), abs=1e-6)
    assert model.aic(p, x) == pytest.approx(sk.aic(x), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_variance_added_twice_is_not_what_scikit_learn_does(rng, kind):
    """The comparison above can fail: it sees a reg_covar of another size."""
    x = points(rng)
    model = GaussianMixture(K, kind, floor=1e-9, reg_covar=1e-4)
    p = model.start(rng, x)
    sk = theirs(kind, model, p, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sk.fit(x)
    for _ in range(2):
        p = em.em_step(model, p, x, rng, reseed=False).p
    assert abs(model.covariances(p) - sk.covariances_).max() > 1e-5
