"""The system of series: what its numbers and pictures are made of."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinygen.data.dataset import Part
from tinygen.likelihoods import MixtureDensity
from tinygen.systems import SYSTEMS
from tinygen.systems.base import Task
from tinygen.systems.lstm import LSTMOptions, build

KIND = SYSTEMS["lstm"]


@pytest.mark.parametrize("shape", [(9,), (9, 2)])
def test_series_of_one_and_of_several_channels_are_measured_and_drawn(shape, rng):
    model = build(LSTMOptions(hidden=(4,), likelihood="mixture", components=3), Task(shape))
    assert model.likelihood == MixtureDensity(3)
    part = Part(rng.normal(size=(6, *shape)).astype(np.float32))
    x, p = KIND.examples(part, None), model.init(rng)
    assert x.shape == (6, 9, 1 if len(shape) == 1 else 2)
    log_p = model.log_prob(p, x)[0]
    numbers = KIND.measure(model, p, x, rng, 1)
    assert numbers["log p(x), nats, a density"][0] == pytest.approx(log_p.mean(), rel=1e-6)
    a_step = numbers["-log p(x) / T, nats a step, a density"][0]
    assert a_step == pytest.approx(-log_p.mean() / 9, rel=1e-6)
    assert KIND.sample(model, p, rng, 3, False).shape == (3, *shape)


def test_drawn_on_series_keep_the_half_that_was_read(rng):
    model = build(LSTMOptions(hidden=(4,)), Task((9,)))
    x = rng.normal(size=(8, 9, 1)).astype(np.float32)
    trained = SimpleNamespace(model=model, p=model.init(rng), system=KIND, drawn="forward")
    gallery = SimpleNamespace(trained=trained, rng=rng, seen=x)
    figures = KIND.figures(gallery)
    assert (
        set(figures) == {"series", "continued"} == {n.removesuffix(".png") for n in KIND.captions}
    )
    for i, axes in enumerate(figures["continued"].axes[:6]):
        real, drawn = (line.get_ydata() for line in axes.lines)
        np.testing.assert_array_equal(real, x[i, :, 0])
        np.testing.assert_array_equal(drawn[:4], real[:4])
        assert (drawn[4:] != real[4:]).all()
    gallery.seen = None
    assert set(KIND.figures(gallery)) == {"series"}


def test_components_without_a_mixture_are_refused():
    with pytest.raises(
        ValueError, match="option components has no effect with likelihood gaussian"
    ):
        LSTMOptions(components=3)
