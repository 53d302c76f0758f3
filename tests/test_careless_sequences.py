"""What a user may hand to fully visible models by mistake: an error says what to do."""

import numpy as np
import pytest

from tinygen.check import check_causal
from tinygen.data import mu_law
from tinygen.likelihoods import Categorical, Gaussian
from tinygen.models import MADE, NADE, FullyVisibleBeliefNet, LSTMDensity, PixelCNN
from tinygen.models.ngram import NGram

SHAPE = (2, 2, 1)


@pytest.mark.parametrize("model", [FullyVisibleBeliefNet(SHAPE), NADE(SHAPE, 3)], ids=repr)
def test_a_condition_that_would_be_ignored_is_refused(model, rng):
    p, x = model.init(rng, np.float64), rng.integers(2, size=(3, *SHAPE)).astype(float)
    labels = np.zeros(3, int)
    for call in (
        lambda: model.loss(p, (x, labels)),
        lambda: model.log_prob(p, (x, labels)),
        lambda: model.sample(p, rng, 3, labels),
        lambda: model.sample(p, rng, 3, labels, cached=False),
        lambda: model.complete(p, rng, x, 2, labels),
    ):
        with pytest.raises(ValueError, match="takes no condition: leave it out"):
            call()


@pytest.mark.parametrize("of", [FullyVisibleBeliefNet, MADE, PixelCNN])
def test_known_places_that_are_no_data_are_refused(of, rng):
    model = of(SHAPE) if of is not PixelCNN else PixelCNN(SHAPE, 2, 1, 2, 3)
    p, x = model.init(rng, np.float64), np.zeros((3, *SHAPE))
    for value, message in ((7.0, "within 0..1"), (0.5, "zeros and ones"), (np.nan, "NaN")):
        with pytest.raises(ValueError, match=message):
            model.complete(p, rng, x + value, 2)
    with pytest.raises(ValueError, match=r"known must be 1 .. 3 of the 4 places, got 2.5"):
        model.complete(p, rng, x, 2.5)
    x.reshape(3, -1)[:, 2:] = np.nan  # the rest is not looked at
    assert np.isfinite(model.complete(p, rng, x, 2)).all()


def test_known_levels_out_of_range_are_refused(rng):
    model = FullyVisibleBeliefNet(SHAPE, likelihood=Categorical(3))
    with pytest.raises(ValueError, match=r"x holds levels 5..5, expected 0..2"):
        model.complete(model.init(rng), rng, np.full((1, *SHAPE), 5), 2)


def test_known_floats_that_are_not_finite_are_refused(rng):
    model = NADE(SHAPE, 3, likelihood=Gaussian())
    with pytest.raises(ValueError, match="NaN or infinite"):
        model.complete(model.init(rng), rng, np.full((1, *SHAPE), np.inf), 2)


def test_drawing_without_parameters_says_so(rng):
    with pytest.raises(ValueError, match="p holds no parameters: give what init"):
        PixelCNN(SHAPE, 2, 1, 2, 3).sample({}, rng, 1)
    with pytest.raises(ValueError, match="LSTMDensity: expected the parameters"):
        LSTMDensity(1, (2,)).sample({}, rng, 1, 2)
    with pytest.raises(ValueError, match="LSTMDensity: expected the parameters"):
        LSTMDensity(1, (2,)).log_prob({}, np.zeros((1, 2, 1)))


def test_the_state_of_another_model_is_refused(rng):
    x, one, two = np.zeros((3, 4, 1)), LSTMDensity(1, (2,)), LSTMDensity(1, (2, 2))
    p, p2 = one.init(rng, np.float64), two.init(rng, np.float64)
    both = one.log_probs(p, x)
    for model, q, has in ((two, p2, 1), (one, p, 2)):
        state = both[1] if has == 1 else two.log_probs(p2, x)[1]
        with pytest.raises(ValueError, match=f"the state is of {has} LSTM layers, the model has"):
            model.sample(q, rng, 3, 2, state=state)
    with pytest.raises(TypeError, match="expected a state, as log_probs returns it"):
        one.sample(p, rng, 3, 2, state=both)


def test_a_past_of_an_ngram_is_whole_numbers(rng):
    model = NGram(2, 3)
    p = model.fit(rng.integers(3, size=30))
    with pytest.raises(TypeError, match="expected a NumPy array of whole numbers, got float64"):
        model.sample(p, rng, 2, [1.7])
    with pytest.raises(TypeError, match="whole numbers, got float64"):
        model.probabilities(p, np.array([1.7]))
    assert len(model.sample(p, rng, 2, [])) == len(model.sample(p, rng, 2, (1, 2))) == 2
    with pytest.raises(ValueError, match="the tables are of the orders 1, 2; NGram"):
        NGram(3, 3).log_probs(p, np.zeros(4, int))


def test_edges_of_a_number_of_levels_that_is_none_are_refused():
    for levels in (0, 1, 2.5):
        with pytest.raises(ValueError, match="levels must be a whole number >= 2"):
            mu_law.edges(levels)


@pytest.mark.parametrize("channels", [0, -1])
def test_no_groups_of_channels_are_refused(channels):
    with pytest.raises(ValueError, match=f"channels={channels} does not divide"):
        check_causal(lambda x: x, None, np.ones((2, 3)), channels=channels)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_causality_of_no_input_is_refused(shape):
    with pytest.raises(ValueError, match="is empty: give at least one example"):
        check_causal(lambda x: x, None, np.ones(shape))
