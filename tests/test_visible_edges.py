"""Fully visible models at the edges: one picture, one row, one column, one pixel, large kernels."""

import numpy as np
import pytest

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_causal
from tinygen.likelihoods import Bernoulli, Categorical
from tinygen.models import MADE, NADE, FullyVisibleBeliefNet, GatedPixelCNN, PixelCNN, PixelRNN
from tinygen.models.ancestral import recompute

SHAPES = [(1, 1, 3), (1, 4, 1), (4, 1, 1), (3, 2, 1), (2, 1, 3)]
MODELS = {
    "FVBN": FullyVisibleBeliefNet,
    "NADE": lambda shape, **more: NADE(shape, 3, **more),
    "MADE": lambda shape, **more: MADE(shape, (5, 4), direct=True, **more),
    "PixelCNN": lambda shape, **more: PixelCNN(shape, *sizes(shape, 2), 7, **more),
    "Gated PixelCNN": lambda shape, **more: GatedPixelCNN(
        shape, 2 * shape[2], 2, kernel=5, head=3 * shape[2], first=7, **more
    ),
    "rows": lambda shape, **more: PixelRNN(
        shape, 2 * shape[2], 2, "row", 3 * shape[2], kernel=7, skip=True, **more
    ),
    "diagonals": lambda shape, **more: PixelRNN(
        shape, 2 * shape[2], 2, "diagonal", 3 * shape[2], kernel=7, **more
    ),
}


def sizes(shape, blocks):
    """Features, blocks, head of a PixelCNN."""
    return 4 * shape[2], blocks, 4 * shape[2]


def point(name, shape, likelihood):
    """A model and parameters; biases are raised, so that rectifiers live."""
    rng, model = np.random.default_rng(1), MODELS[name](shape, likelihood=likelihood)
    return model, tree.map(lambda a: a + 0.3, jittered(rng, model.init(rng, np.float64)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODELS)
def test_one_picture_is_drawn_as_by_the_definition(name, shape):
    model, p = point(name, shape, Categorical(3))
    cached, naive = (
        model.sample(p, np.random.default_rng(7), 1, cached=cached) for cached in (True, False)
    )
    assert cached.shape == (1, *shape) and np.array_equal(cached, naive)
    step, whole = model.stepper(p, 1), recompute(model, p, 1)
    for i in range(model.size):  # of a picture that is known, as in a completion
        np.testing.assert_allclose(step(i, naive), whole(i, naive), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["PixelCNN", "Gated PixelCNN", "rows", "diagonals"])
def test_what_is_alike_at_all_pixels_serves_pictures_of_any_size(name, channels):
    """Rows below are not seen, so a picture's first rows say the same without them."""
    _, p = point(name, (3, 4, channels), Categorical(3))
    low, high = (MODELS[name]((rows, 4, channels), likelihood=Categorical(3)) for rows in (3, 6))
    x = np.random.default_rng(2).integers(3, size=(2, 6, 4, channels))
    short, tall = low.conditionals(p, x[:, :3])[0], high.conditionals(p, x)[0]
    np.testing.assert_allclose(tall[:, :3], short, rtol=1e-12, atol=1e-12)
    drawn = high.sample(p, np.random.default_rng(3), 2)
    assert np.array_equal(drawn, high.sample(p, np.random.default_rng(3), 2, cached=False))


PAIRS = {  # two models, of which each takes other parameters
    "PixelCNN, kernel": [PixelCNN((4, 4, 1), *sizes((4, 4, 1), 1), kernel) for kernel in (5, 3)],
    "PixelCNN, blocks": [PixelCNN((4, 4, 1), *sizes((4, 4, 1), blocks)) for blocks in (2, 1)],
    "Gated PixelCNN, layers": [GatedPixelCNN((4, 4, 1), 2, layers) for layers in (3, 2)],
    "Gated PixelCNN, head": [GatedPixelCNN((4, 4, 1), 2, 2, head=head) for head in (4, 2)],
    "PixelRNN, layers": [PixelRNN((4, 4, 1), 2, layers, "row") for layers in (3, 2)],
    "PixelRNN, kernel": [PixelRNN((4, 4, 1), 2, 1, kernel=kernel) for kernel in (5, 3)],
    "PixelRNN, skips": [PixelRNN((4, 4, 1), 2, 1, skip=skip) for skip in (True, False)],
    "MADE, hidden": [MADE((4, 4, 1), (hidden,)) for hidden in (6, 5)],
    "MADE, direct": [MADE((4, 4, 1), (5,), direct=direct) for direct in (True, False)],
    "MADE, the picture": [MADE((4, width, 1), (5,)) for width in (4, 3)],
    "NADE, the picture": [NADE((4, width, 1), 5) for width in (4, 3)],
    "FVBN, the picture": [FullyVisibleBeliefNet((4, width, 1)) for width in (4, 3)],
}


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("models", PAIRS.values(), ids=PAIRS.keys())
def test_nothing_is_drawn_from_the_parameters_of_other_sizes(models, cached):
    for model, other in (models, reversed(models)):
        p, rng = other.init(np.random.default_rng(0)), np.random.default_rng(1)
        with pytest.raises(ValueError, match=r"parameter"):
            model.sample(p, rng, 2, cached=cached)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_seen_too_early(name, shape):
    model, p = point(name, shape, Bernoulli(grey=True))
    x = np.random.default_rng(2).uniform(0.1, 0.9, (2, *shape))
    report = check_causal(model.conditionals, p, x, strict=True, channels=shape[2])
    assert report.passed, str(report)
