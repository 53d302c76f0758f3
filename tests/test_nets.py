"""The stacks of autoencoders: a decoder gives back the image sizes that its encoder took."""

import numpy as np
import pytest

from tinygen.layers import Relu, Tanh
from tinygen.models.nets import (
    conv_decoder,
    conv_encoder,
    conv_features,
    conv_sizes,
    dense_decoder,
    dense_encoder,
    dense_features,
)

SIZES = [(28, 28), (32, 32), (8, 8), (28, 20), (64, 64), (25, 25), (1, 1), (3, 17)]


def run(net, x):
    return net.forward(net.init(np.random.default_rng(0)), x)[0]


@pytest.mark.parametrize("channels", [(2, 3, 4, 5), (3,)], ids=["four layers", "one layer"])
@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_conv_decoder_returns_the_encoders_shape(size, c, channels, rng):
    shape = (*size, c)
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    features = run(conv_encoder(shape, channels), x)
    assert features.shape == (2, conv_features(shape, channels))
    z = features[:, :1]
    assert run(conv_decoder(1, shape, channels), z).shape == x.shape
    assert run(conv_decoder(1, shape, channels, out_channels=2 * c), z).shape == (2, *size, 2 * c)


def test_each_transposed_layer_undoes_the_size_of_its_mirror(rng):
    shape, channels = (25, 20, 3), (2, 3, 4, 5)
    assert conv_sizes(shape, channels) == [(25, 20), (13, 10), (7, 5), (4, 3), (2, 2)]
    h, heights = rng.normal(size=(1, 2)).astype(np.float32), []
    decoder = conv_decoder(2, shape, channels)
    p = decoder.init(rng)
    for name, layer in decoder.layers.items():
        h, _ = layer.forward(p.get(name, {}), h)
        if "ConvTranspose2d" in repr(layer):
            heights.append(h.shape[1:3])
    assert heights == conv_sizes(shape, channels)[-2::-1]


@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)], ids=str)
def test_a_dense_pair_maps_images_to_features_and_codes_to_images(hidden, rng):
    shape = (4, 3, 2)
    x = rng.normal(size=(5, *shape)).astype(np.float32)
    features = run(dense_encoder(shape, hidden), x)
    assert features.shape == (5, dense_features(shape, hidden))
    assert (
        run(dense_decoder(6, hidden, shape), rng.normal(size=(5, 6)).astype(np.float32)).shape
        == x.shape
    )


def test_the_activation_stands_after_each_hidden_layer_and_not_at_the_end():
    def count(net, kind):
        return sum(isinstance(layer, kind) for layer in net.layers.values())

    assert count(dense_encoder((4, 3, 1), (7, 5), Tanh()), Tanh) == 2
    assert count(dense_decoder(2, (5, 7), (4, 3, 1), Tanh()), Tanh) == 2
    assert count(conv_encoder((4, 3, 1), (2, 3)), Relu) == 2
    assert count(conv_decoder(2, (4, 3, 1), (2, 3)), Relu) == 2
    assert not isinstance(list(conv_decoder(2, (4, 3, 1), (2, 3)).layers.values())[-1], Relu)


def test_images_of_another_size_are_refused_even_where_the_features_would_fit(rng):
    encoder = conv_encoder((28, 28, 1), (2, 2))
    assert conv_features((28, 28, 1), (2, 2)) == conv_features((25, 25, 1), (2, 2))
    with pytest.raises(ValueError, match=r"hold 784 numbers .*\(28, 28, 1\), got .*\(5, 25, 25, 1"):
        run(encoder, np.zeros((5, 25, 25, 1), np.float32))


@pytest.mark.parametrize("shape", [784, (28, 28), (28, 28, 0), (28, 28.0, 1), [28, 28, 1]])
def test_what_is_no_image_shape_is_refused(shape):
    for build in (
        lambda: dense_encoder(shape, (5,)),
        lambda: dense_decoder(2, (5,), shape),
        lambda: conv_encoder(shape),
        lambda: conv_decoder(2, shape),
    ):
        with pytest.raises(ValueError, match=r"shape must be \(H, W, C\)"):
            build()


@pytest.mark.parametrize("widths", [400, (400, 0), [400], (True,)])
def test_widths_that_are_no_tuple_of_sizes_are_refused(widths):
    for build in (
        lambda: dense_encoder((4, 3, 1), widths),
        lambda: dense_decoder(2, widths, (4, 3, 1)),
        lambda: conv_encoder((4, 3, 1), widths),
        lambda: conv_decoder(2, (4, 3, 1), widths),
    ):
        with pytest.raises(ValueError, match=r"must be a tuple of .* or more whole numbers"):
            build()
    with pytest.raises(ValueError, match="channels must be a tuple of 1 or more"):
        conv_encoder((4, 3, 1), ())
