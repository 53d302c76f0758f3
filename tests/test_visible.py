"""What fully visible systems share: the step size that falls, the pull on weights, the numbers."""

import numpy as np
import pytest

from tinygen.likelihoods import Categorical
from tinygen.models import FullyVisibleBeliefNet
from tinygen.systems import visible
from tinygen.systems.visible import VisibleOptions


@pytest.mark.parametrize(
    "every, rates", [(2, [0.2] * 6 + [0.1] * 2), (0, 0.2 * 0.5 ** np.arange(8))]
)
def test_the_step_size_falls_by_epochs_or_steps_and_weights_are_pulled(every, rates):
    """Three steps an epoch; without a gradient a step is w -= lr l2 w."""
    o = VisibleOptions(lr=0.2, optimiser="sgd", decay=0.5, decay_every=every, l2=0.3)
    optimiser, p = o.decaying(3), {"w": np.ones(2)}
    state = optimiser.init(p)
    for rate in rates:
        before = p["w"].copy()
        optimiser.update(p, {"w": np.zeros(2)}, state)
        np.testing.assert_allclose(p["w"], before * (1 - rate * 0.3), rtol=1e-12)


def test_bits_are_those_of_a_place(rng):
    """All places of an image count, its channels too."""
    model = FullyVisibleBeliefNet((2, 3, 2), likelihood=Categorical(4))
    p, x = model.init(rng, np.float64), rng.integers(4, size=(20, 2, 3, 2))
    numbers = visible.measure(model, p, x, rng, 1)
    log_p = model.log_prob(p, x)[0]
    for name, values in {
        "log p(x), nats": log_p,
        "bits per dimension": -log_p / 12 / np.log(2),
    }.items():
        error = values.std(ddof=1) / np.sqrt(20)
        assert numbers[name] == pytest.approx((values.mean(), error), rel=1e-12)


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="option decay: must be above 0, got 0"):
        VisibleOptions(decay=0.0)
    with pytest.raises(ValueError, match="no effect with decay 1: choose a decay below 1"):
        VisibleOptions(decay_every=3)
    with pytest.raises(ValueError, match="option levels has no effect with likelihood bernoulli"):
        VisibleOptions(levels=4)
