"""A wrong input is refused at the call, by the layer's name: expected, given, remedy.

The first part runs over every kind of layer of the package; the second holds what is special.
"""

import re

import numpy as np
import pretend
import pytest

from tinygen import arrays, to_device, tree
from tinygen import layers as L

# One of each layer that maps one float array: the layer, and a shape that it takes.
LAYERS = {
    "Dense": (L.Dense(4, 6), (2, 4)),
    "BatchNorm": (L.BatchNorm(3), (5, 3)),
    "InstanceNorm": (L.InstanceNorm(3), (2, 5, 4, 3)),
    "LayerNorm": (L.LayerNorm(5), (3, 5)),
    "MinibatchDiscrimination": (L.MinibatchDiscrimination(4, 3, 2), (5, 4)),
    "Equalised": (L.Equalised(L.Dense(4, 6)), (2, 4)),
    "MinibatchStd": (L.MinibatchStd(), (4, 5)),
    "Pack": (L.Pack(2), (4, 5)),
    "PixelNorm": (L.PixelNorm(), (2, 5, 4, 3)),
    "Dropout": (L.Dropout(0.4), (3, 5)),
    "Relu": (L.Relu(), (2, 5)),
    "Bounded": (L.Bounded(), (2, 5)),
    "Cholesky": (L.Cholesky(3), (2, 6)),
    "LeakyRelu": (L.LeakyRelu(), (2, 5)),
    "Elu": (L.Elu(), (2, 5)),
    "Tanh": (L.Tanh(), (2, 5)),
    "Sigmoid": (L.Sigmoid(), (2, 5)),
    "Softplus": (L.Softplus(), (2, 5)),
    "Maxout": (L.Maxout(2), (2, 6)),
    "GatedTanh": (L.GatedTanh(), (2, 6)),
    "Softmax": (L.Softmax(), (2, 5)),
    "Flatten": (L.Flatten(), (2, 3, 5)),
    "Reshape": (L.Reshape((5, 3)), (2, 3, 5)),
    "AvgPool2d": (L.AvgPool2d(2), (2, 6, 4, 3)),
    "MaxPool2d": (L.MaxPool2d(2), (2, 6, 4, 3)),
    "Upsample2d": (L.Upsample2d(2), (2, 4, 5, 3)),
    "Bicubic2d": (L.Bicubic2d(2), (2, 4, 5, 3)),
    "ReflectionPad2d": (L.ReflectionPad2d(1), (2, 5, 4, 3)),
}
CONVOLUTIONS = {
    "Conv1d": lambda: (L.Conv1d(3, 6, 2), (2, 5, 3)),
    "Conv2d": lambda: (L.Conv2d(3, 6, 2), (2, 5, 4, 3)),
    "ConvTranspose2d": lambda: (L.ConvTranspose2d(3, 6, 2), (2, 5, 4, 3)),
    "MaskedConv2d": lambda: (L.MaskedConv2d(3, 6, 3, "A"), (2, 5, 4, 3)),
    "VerticalConv2d": lambda: (L.VerticalConv2d(3, 6, 3), (2, 5, 4, 3)),
    "LSTM": lambda: (L.LSTM(3, 4), (2, 5, 3)),
    "MaskedDense": lambda: (L.MaskedDense(np.ones((4, 6))), (2, 4)),
    "RowLSTM": lambda: (L.RowLSTM(3, 4), (2, 5, 4, 3)),
    "DiagonalBiLSTM": lambda: (L.DiagonalBiLSTM(3, 4), (2, 5, 4, 3)),
}
LAYERS |= {name: make() for name, make in CONVOLUTIONS.items() if hasattr(L, name)}
WITH_PARAMETERS = [name for name, (layer, _) in LAYERS.items() if layer.shapes]
OF_IMAGES = [n for n, (_, shape) in LAYERS.items() if len(shape) == 4 and n != "PixelNorm"]

every_layer = pytest.mark.parametrize("name", LAYERS)


def point(name, dtype=np.float32):
    layer, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    return layer, layer.init(rng, dtype), rng.normal(size=shape).astype(dtype)


def refused(error, message, layer, p, x):
    """The call raises this error, and its message opens with the layer's name."""
    with pytest.raises(error, match=rf"(?s)^{type(layer).__name__}\b.*{message}"):
        layer.forward(p, x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 5)), r"\(2, 5\)"),
        (np.full((2, 4), np.nan), "NaN|finite"),
        (np.zeros(4), r"\(4,\)"),
    ],
)
def test_a_labelled_layer_refuses_a_bad_input_beside_good_labels(x, message):
    layer = L.LabelledDense(4, 3, 6)
    p = layer.init(np.random.default_rng(0), np.float64)
    with pytest.raises(ValueError, match=rf"^LabelledDense\b.*{message}"):
        layer.forward(p, x, np.array([0, 2]))


def test_every_layer_of_the_package_is_tested_here_or_below():
    kinds = {
        name
        for name in L.__all__
        if isinstance(getattr(L, name), type) and issubclass(getattr(L, name), L.Layer)
    }
    elsewhere = {"Layer", "Embedding", "Concat", "Sequential", "Residual", "Fork"}  # below
    elsewhere |= {"Shared", "StatefulLSTM", "LabelledDense"}  # no input is read; several inputs
    elsewhere |= {"LabelBias"}  # a second input: test_dcgan.py
    elsewhere |= {"FadeIn"}  # a pair: test_progressive_gan.py
    elsewhere |= {"GatedBlock"}  # two stacks: test_gated_pixelcnn.py
    assert kinds - elsewhere - {type(layer).__name__ for layer, _ in LAYERS.values()} == set()


@every_layer
def test_a_good_input_is_taken(name):
    layer, p, x = point(name)
    y, _ = layer.forward(p, x)
    assert y.dtype == np.float32


@every_layer
def test_integers_are_refused(name):
    layer, p, x = point(name)
    refused(TypeError, r"expected floats, got int64: use x.astype", layer, p, x.astype(int))


@every_layer
def test_what_is_no_array_is_refused(name):
    layer, p, x = point(name)
    refused(TypeError, r"expected a NumPy or CuPy array, got list", layer, p, x.tolist())


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_another_dtype_than_the_parameters_is_refused(name):
    layer, p, x = point(name)
    message = r"x is float64, parameter '\w+' is float32: use x.astype\('float32'\)"
    refused(TypeError, message, layer, p, x.astype(np.float64))


@every_layer
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_and_located(name, value):
    layer, p, x = point(name)
    place = tuple(size - 1 for size in x.shape)
    x[place] = value
    refused(ValueError, rf"1 value.*{re.escape(str(place))}.*look before it for", layer, p, x)


@every_layer
def test_an_empty_batch_is_refused(name):
    layer, p, x = point(name)
    message = rf"{re.escape(str(x[:0].shape))} is empty: give at least one example"
    refused(ValueError, message, layer, p, x[:0])


@pytest.mark.parametrize("name", OF_IMAGES)
def test_an_image_without_a_batch_axis_is_refused(name):
    layer, p, x = point(name)
    message = rf"expected x of shape \(.*\), got {re.escape(str(x[0].shape))}: add a batch axis"
    refused(ValueError, message, layer, p, x[0])


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_another_width_is_refused(name):
    layer, p, x = point(name)
    wide = np.concatenate([x, x], axis=-1)
    message = rf"expected x of shape .*{x.shape[-1]}\), got {re.escape(str(wide.shape))}: reshape"
    refused(ValueError, message, layer, p, wide)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_a_missing_parameter_is_refused(name):
    layer, p, x = point(name)
    key, *rest = p
    message = rf"expected the parameters .*'{key}'.* got \[.*use the dict that .* init returns"
    refused(ValueError, message, layer, {k: p[k] for k in rest}, x)


@every_layer
def test_an_unknown_parameter_is_refused(name):
    layer, p, x = point(name)
    refused(ValueError, r"expected the parameters \[.*got .*'Q'", layer, {**p, "Q": x}, x)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_a_parameter_of_another_shape_is_refused(name):
    layer, p, x = point(name)
    for key, value in p.items():
        wrong = {**p, key: np.concatenate([value, value])}
        shapes = [re.escape(str(a.shape)) for a in (value, wrong[key])]
        refused(
            ValueError,
            rf"parameter '{key}' must have shape {shapes[0]}, got {shapes[1]}",
            *(layer, wrong, x),
        )


@every_layer
def test_parameters_that_are_no_dict_are_refused(name):
    layer, p, x = point(name)
    refused(ValueError, r"expected the parameters .* got tuple", layer, tuple(p.values()), x)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_arrays_on_two_devices_are_refused(name, monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    layer, p, x = point(name)
    message = "x is on 'pretend', the parameters are on 'cpu': move one with tinygen.to_device"
    refused(TypeError, message, layer, p, to_device(x, "pretend"))
    assert type(to_device(x, "pretend")) is pretend.ndarray


@every_layer
def test_a_cotangent_of_another_shape_is_refused(name):
    layer, p, x = point(name)
    y, backward = layer.forward(p, x)
    wrong = np.concatenate([y, y])
    message = (
        rf"dy has shape {re.escape(str(wrong.shape))}, the output has {re.escape(str(y.shape))}"
    )
    for half in (backward, backward.dp, backward.dx):
        with pytest.raises(ValueError, match=message):
            half(wrong)
        with pytest.raises(ValueError, match=r"dy has shape \(\), the output has"):
            half(1.0)


@every_layer
def test_a_cotangent_of_another_dtype_is_refused(name):
    layer, p, x = point(name)
    y, backward = layer.forward(p, x)
    message = r"dy is float64, the output is float32: use dy.astype\('float32'\)"
    for half in (backward, backward.dp, backward.dx):
        with pytest.raises(TypeError, match=message):
            half(y.astype(np.float64))


# Construction.

SIZES = {
    "Dense: n_in": lambda size: L.Dense(size, 3),
    "Dense: n_out": lambda size: L.Dense(3, size),
    "Maxout: pieces": L.Maxout,
    "Pack: m": L.Pack,
    "MinibatchDiscrimination: kernels": lambda size: L.MinibatchDiscrimination(3, size, 2),
    "AvgPool2d: kernel": L.AvgPool2d,
    "MaxPool2d: kernel": L.MaxPool2d,
    "Upsample2d: scale": L.Upsample2d,
    "ReflectionPad2d: n": L.ReflectionPad2d,
    "Embedding: n": lambda size: L.Embedding(size, 3),
    "Embedding: dim": lambda size: L.Embedding(3, size),
    "Reshape: shape[1]": lambda size: L.Reshape((3, size)),
}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("size", [0, -1, 2.0, True, None, "3"])
def test_sizes_that_are_no_whole_numbers_from_one_are_refused(name, size):
    message = re.escape(f"{name} must be a whole number >= 1, got {size!r}")
    with pytest.raises(ValueError, match=message):
        SIZES[name](size)


@pytest.mark.parametrize("kind", [L.AvgPool2d, L.MaxPool2d, L.Upsample2d])
def test_a_pair_must_be_a_pair(kind):
    message = rf"{kind.__name__}: \w+ must be one number or \(rows, columns\), got \(2, 2, 2\)"
    with pytest.raises(ValueError, match=message):
        kind((2, 2, 2))
    with pytest.raises(
        ValueError, match=rf"{kind.__name__}: \w+ must be a whole number >= 1, got 0"
    ):
        kind((2, 0))


@pytest.mark.parametrize("slope", [-0.1, 1.0, 2, float("nan")])
def test_a_slope_outside_its_range_is_refused(slope):
    with pytest.raises(
        ValueError, match=rf"LeakyRelu: slope must lie in 0 <= slope < 1, got {slope}"
    ):
        L.LeakyRelu(slope)


@pytest.mark.parametrize("shape", [[3, 5], 15, None])
def test_a_shape_that_is_no_tuple_is_refused(shape):
    with pytest.raises(TypeError, match="Reshape: shape must be a tuple of sizes"):
        L.Reshape(shape)


# What one layer alone can get wrong.


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("layer", [L.AvgPool2d((2, 3)), L.MaxPool2d((2, 3))])
@pytest.mark.parametrize(("H", "W", "crop"), [(5, 6, "4 x 6"), (4, 7, "4 x 6"), (1, 2, "0 x 0")])
def test_a_kernel_that_does_not_divide_the_image_is_refused(layer, H, W, crop):
    refused(
        ValueError,
        rf"blocks of 2 x 3 must tile .* \(2, {H}, {W}, 3\), {H} x {W} pixels: crop x to {crop}",
        *(layer, {}, zeros(2, H, W, 3)),
    )


@pytest.mark.parametrize(("H", "W"), [(3, 5), (5, 3), (2, 9)])
def test_a_border_as_wide_as_the_image_is_refused(H, W):
    message = rf"a border of 3 needs .* at least 4 x 4 pixels, got .*: use n <= {min(H, W) - 1}"
    refused(ValueError, message, L.ReflectionPad2d(3), {}, zeros(2, H, W, 3))


def test_a_width_that_does_not_split_is_refused():
    message = r"the last axis must be a multiple of {}, got x of shape \(2, 7\)"
    refused(ValueError, message.format(3), L.Maxout(3), {}, zeros(2, 7))
    refused(ValueError, message.format(2), L.GatedTanh(), {}, zeros(2, 7))


def test_a_shape_of_another_size_is_refused():
    message = r"must hold 15 numbers to become \(3, 5\), got x of shape \(2, 14\), which holds 14"
    refused(ValueError, message, L.Reshape((3, 5)), {}, zeros(2, 14))


def test_flatten_refuses_what_has_no_axes_to_join():
    refused(ValueError, r"expected x of shape \(\.\.\., I\), got \(3,\)", L.Flatten(), {}, zeros(3))


EMBEDDING = L.Embedding(5, 3)
TABLE = EMBEDDING.init(np.random.default_rng(0))


@pytest.mark.parametrize(("label", "remedy"), [(-1, "renumber"), (5, r"Embedding\(n=6, \.\.\.\)")])
@pytest.mark.parametrize("device", ["cpu", "pretend"])
def test_labels_out_of_range_are_refused(label, remedy, device, monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    p, x = (to_device(a, device) for a in (TABLE, np.array([[2, label]])))
    refused(ValueError, rf"labels must lie in 0 \.\. 4, got .*{label}.*{remedy}", EMBEDDING, p, x)


@pytest.mark.parametrize("x", [zeros(3), np.array([True]), [1, 2], 3], ids=repr)
def test_what_is_no_label_is_refused(x):
    message = r"expected an array of integer labels, got \w+: use x.astype\(np.int64\)"
    refused(TypeError, message, EMBEDDING, TABLE, x)


def test_no_labels_are_refused():
    refused(ValueError, r"\(0,\) is empty", EMBEDDING, TABLE, np.zeros(0, int))


def test_an_embedding_refuses_wrong_parameters(monkeypatch):
    x = np.array([1, 2])
    refused(ValueError, r"expected the parameters \['W'\], got \[\]", EMBEDDING, {}, x)
    refused(
        ValueError,
        r"'W' must have shape \(5, 3\), got \(4, 3\)",
        EMBEDDING,
        {"W": TABLE["W"][:4]},
        x,
    )
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    message = "x is on 'pretend', the parameters are on 'cpu'"
    refused(TypeError, message, EMBEDDING, TABLE, to_device(x, "pretend"))


JOINS = {
    "one array": (TypeError, "expected a tuple or dict of arrays, got ndarray", zeros(2, 3)),
    "no array": (TypeError, "expected a tuple or dict of arrays, got tuple without entries", ()),
    "other leading axes": (
        ValueError,
        r"all axes but the last must agree, input '0' has shape \(2, 3\), input '1' has \(4, 3\)",
        (zeros(2, 3), zeros(4, 3)),
    ),
    "other numbers of axes": (
        ValueError,
        r"input 'a' has shape \(2, 3\), input 'b' has \(2, 1, 3\)",
        {"a": zeros(2, 3), "b": zeros(2, 1, 3)},
    ),
    "other dtypes": (
        TypeError,
        r"input '0' is float32, input '1' is float64: use .astype\('float32'\)",
        (zeros(2, 3), np.zeros((2, 3))),
    ),
    "integers": (TypeError, "input '1': expected floats", (zeros(2, 3), np.zeros((2, 3), int))),
    "NaN": (ValueError, "input '0'.*NaN", (zeros(2, 3) + np.float32(np.nan), zeros(2, 3))),
    "an empty batch": (ValueError, r"input '0'.*\(0, 3\) is empty", (zeros(0, 3), zeros(0, 3))),
    "a list": (TypeError, "expected a tuple or dict of arrays, got list", [zeros(2, 3)]),
}


@pytest.mark.parametrize("name", JOINS)
def test_a_join_refuses(name):
    error, message, x = JOINS[name]
    refused(error, message, L.Concat(), {}, x)


def test_a_join_refuses_two_devices(monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    x = (zeros(2, 3), to_device(zeros(2, 3), "pretend"))
    refused(TypeError, "input '1': .*on 'pretend'.*on 'cpu'", L.Concat(), {}, x)


def test_parameters_of_a_child_that_are_missing_are_refused_by_its_name():
    net = L.Sequential(L.Dense(3, 4), head=L.Dense(4, 2))
    p = net.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"Dense: expected the parameters \['W', 'b'\]") as caught:
        net.forward({"0": p["0"]}, zeros(2, 3))
    assert "in layer 'head' (Dense) of Sequential" in caught.value.__notes__
    assert tree.count(p) == 26
