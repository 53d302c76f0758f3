"""Layers pixel by pixel: what `forward` says, computed once; and PixelCNN's drawing by it."""

import numpy as np
import pytest

from tinygen import arrays, layers, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.cases.pixelcnn import MODELS, draw_condition, draw_data
from tinygen.layers import Conv2d, MaskedConv2d, Relu, Residual, Sequential, Tanh
from tinygen.models.columns import Taps, column
from tinygen.models.pixelcnn_stack import ResidualStack

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
SIZE = (4, 3)
STACKS = {
    "mask A": MaskedConv2d(6, 3, 5, "A"),
    "mask B, colours": MaskedConv2d(6, 3, 3, "B", 3),
    "mask A, colours": MaskedConv2d(6, 9, 3, "A", 3),
    "one row": MaskedConv2d(6, 2, (1, 5), "A"),
    "one pixel": MaskedConv2d(6, 2, 1, "B"),
    "nothing seen": MaskedConv2d(6, 2, 1, "A"),
    "a chain": Sequential(
        Residual(Sequential(Tanh(), MaskedConv2d(6, 6, 3, "B"), Relu())),
        MaskedConv2d(6, 4, 5, "B"),
        layers.GatedTanh(),
    ),
    "ResidualStack": ResidualStack(6, 3, 5, 2),
    "ResidualStack, colours": ResidualStack(6, 2, 9, 3, 3),
    "ResidualStack, no blocks": ResidualStack(6, 0, 5, 2),
}


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_columns_in_reading_order_are_the_pass(name, dtype, tolerance, rng):
    layer = STACKS[name]
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, layer.init(rng)))
    x = rng.normal(size=(2, *SIZE, 6)).astype(dtype)
    y, _ = layer.forward(p, x)
    step = column(layer, p, 2, SIZE)
    for i, j in np.ndindex(SIZE):
        got = step(i, j, x[:, i, j].T)
        assert got.dtype == dtype
        np.testing.assert_allclose(got.T, y[:, i, j], rtol=tolerance, atol=tolerance)


def test_a_column_holds_no_leftover_of_the_row_above(rng):
    """The frame at the end of a row is the frame at the start of the next: it stays zero."""
    layer = ResidualStack(4, 2, 3, 2)
    p = jittered(rng, layer.init(rng, np.float64))
    p["block0"]["f"]["down"]["b"] += 5.0  # the pixels are far from zero
    x = rng.normal(size=(1, 3, 5, 4))
    step, (y, _) = column(layer, p, 1, (3, 5)), layer.forward(p, x)
    for i, j in np.ndindex(3, 5):
        np.testing.assert_allclose(step(i, j, x[:, i, j].T).T, y[:, i, j], rtol=1e-12)


def test_a_layer_that_sees_later_pixels_has_no_column(rng):
    layer = Sequential(Conv2d(2, 2, 3, 1, 1))
    with pytest.raises(TypeError, match=r"column: Conv2d is no layer .* column\(p, n, size\)"):
        column(layer, layer.init(rng), 1, SIZE)


# Drawing with PixelCNN


def drawn(name, dtype, cached, device="cpu"):
    rng, model = np.random.default_rng(0), MODELS[name]
    p = to_device(tree.map(lambda a: a.astype(dtype), jittered(rng, model.init(rng))), device)
    condition = draw_condition(rng, model, 3)
    if condition is not None:
        condition = condition.astype(dtype) if condition.dtype.kind == "f" else condition
        condition = to_device(condition, device)
    return model.sample(p, np.random.default_rng(7), 3, condition, cached=cached)


@pytest.mark.parametrize("name", MODELS)
def test_cached_drawing_is_drawing_by_the_definition(name):
    cached, naive = (drawn(name, np.float64, cached) for cached in (True, False))
    assert cached.dtype == naive.dtype
    if name.startswith("Gaussian"):
        np.testing.assert_allclose(cached, naive, rtol=1e-10, atol=1e-10)
    else:
        np.testing.assert_array_equal(cached, naive)
        assert len(np.unique(cached)) > 1


# models whose draws change where a kept column is wrong
@pytest.mark.parametrize("name", ["binary colours", "classes, a softmax", "logistic mixtures"])
def test_a_prefix_is_completed_as_by_the_definition(name):
    rng, model = np.random.default_rng(0), MODELS[name]
    p = jittered(rng, model.init(rng, np.float64))
    x, condition = draw_data(rng, model, 2), draw_condition(rng, model, 2)
    known = model.size // 2 + 1
    a, b = (
        model.complete(p, np.random.default_rng(3), x, known, condition, cached=cached)
        for cached in (True, False)
    )
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a.reshape(2, -1)[:, :known], x.reshape(2, -1)[:, :known])


@every_device
@pytest.mark.parametrize("name", ["binary pixels", "logistic mixtures a colour", "classes"])
def test_the_draws_of_numpy_on_any_device(name, device):
    there = drawn(name, np.float64, True, device)
    assert arrays.device_of(there) == device
    np.testing.assert_array_equal(to_host(there), drawn(name, np.float64, True))


def test_a_kept_pixel_that_is_not_brought_up_to_date_is_found(monkeypatch):
    """The planted bug: the pixel before stays as it was when it was not drawn yet."""
    naive = drawn("binary pixels", np.float64, False)
    monkeypatch.setattr(Taps, "keep", lambda self, i, j, x: None)
    assert (drawn("binary pixels", np.float64, True) != naive).any()
