"""The autoencoder: its loss, its builders from images to images, what it refuses, its training."""

import itertools

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen.data import digits
from tinygen.layers import Dense, Flatten, Reshape, Sequential, Tanh
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    conv_autoencoder,
    deep_contractive_autoencoder,
    dense_autoencoder,
    linear_autoencoder,
    tied_autoencoder,
)
from tinygen.models.codes import gaussian_of_codes, sample_codes
from tinygen.models.corruption import Masking, SaltAndPepper
from tinygen.optim import adam
from tinygen.training import Diverged, Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)

BUILDERS = {
    "linear": linear_autoencoder,
    "dense": lambda shape, z, **kw: dense_autoencoder(shape, (9, 7), z, **kw),
    "conv": lambda shape, z, **kw: conv_autoencoder(shape, z, (2, 3, 4, 5), **kw),
    "tied": tied_autoencoder,
    "contractive": contractive_autoencoder,
    "deep contractive": lambda shape, z, **kw: deep_contractive_autoencoder(shape, (9, 7), z, **kw),
}
HEADED = [name for name in BUILDERS if name != "linear"]
SIZES = [(28, 28), (32, 32), (8, 8), (28, 20), (64, 64), (25, 25)]


def images(rng, *shape, dtype=np.float32):
    return rng.random(shape, dtype)


def fitted(model, x, epochs, seed=0, lr=3e-3, batch=64):
    rng = np.random.default_rng(seed)
    turn = Turn("autoencoder", model.loss, model.draw_noise, adam(lr))
    return train(turn, model.init(rng), x, rng=rng, epochs=epochs, batch=batch, progress=False).p


# The loss


def test_the_loss_is_a_sum_over_pixels_and_a_mean_over_images(rng):
    model = dense_autoencoder((4, 3, 2), (7,), 5)
    p, x = model.init(rng), images(rng, 3, 4, 3, 2)
    r = model.reconstruct(p, x)
    expected = sum((float(a) - float(b)) ** 2 for a, b in zip(r.flat, x.flat, strict=True)) / 3
    value, backward = model.loss(p, x)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    assert set(backward.terms) == {"squared_error"}
    assert model.errors(p, x).shape == (3,)
    assert float(model.errors(p, x).mean()) == pytest.approx(expected, rel=1e-5)


def test_the_target_is_the_clean_image(rng):
    model = dense_autoencoder((4, 3, 1), (7,), 5, corruption=Masking(0.5))
    p, x = model.init(rng, np.float64), images(rng, 6, 4, 3, 1, dtype=np.float64)
    noise = model.draw_noise(rng, x)
    assert 0 < noise.mean() < 1
    value, _ = model.loss(p, x, noise)
    error = model.decode(p, model.encode(p, x * noise)) - x
    assert float(value) == pytest.approx((error**2).sum() / 6, rel=1e-12)


def test_the_terms_add_up_and_the_contraction_has_its_weight(rng):
    shape, x = (4, 3, 1), images(rng, 6, 4, 3, 1)
    p = contractive_autoencoder(shape, 5, 0.7).init(rng)
    parts = {}
    for weight in (0.35, 0.7):
        value, backward = contractive_autoencoder(shape, 5, weight).loss(p, x)
        assert float(value) == pytest.approx(sum(map(float, backward.terms.values())), rel=1e-6)
        parts[weight] = backward.terms
    assert parts[0.7]["squared_error"] == parts[0.35]["squared_error"]
    assert parts[0.7]["contraction"] == pytest.approx(2 * parts[0.35]["contraction"], rel=1e-6)
    assert parts[0.7]["contraction"] > 0.01


# The builders


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BUILDERS)
def test_every_autoencoder_maps_images_to_codes_and_back(name, dtype, rng):
    for (h, w), c in itertools.product(SIZES, (1, 3)):
        model = BUILDERS[name]((h, w, c), 5)
        p, x = model.init(rng, dtype), images(rng, 2, h, w, c, dtype=dtype)
        z, r = model.encode(p, x), model.reconstruct(p, x)
        assert z.shape == (2, 5) and r.shape == x.shape
        assert z.dtype == r.dtype == model.loss(p, x)[0].dtype == dtype
        np.testing.assert_array_equal(model.decode(p, z), r)


@pytest.mark.parametrize("name", HEADED)
def test_a_sigmoid_head_keeps_pixels_inside_and_a_linear_one_does_not(name, rng):
    shape, z = (8, 8, 1), 100 * rng.normal(size=(20, 5))
    for head, kept in (("sigmoid", True), ("linear", False)):
        model = BUILDERS[name](shape, 5, head=head)
        r = model.decode(model.init(rng, np.float64), z)
        assert (r.min() >= 0 and r.max() <= 1) == kept


def test_the_linear_one_has_no_nonlinearity(rng):
    model = linear_autoencoder((4, 3, 2), 5)
    p = tree.map(lambda a: a + 0.1, model.init(rng, np.float64))
    x, y = images(rng, 2, 6, 4, 3, 2, dtype=np.float64)
    middle = model.reconstruct(p, (x + y) / 2)
    expected = (model.reconstruct(p, x) + model.reconstruct(p, y)) / 2
    np.testing.assert_allclose(middle, expected, atol=1e-12)


def test_the_default_conv_autoencoder_has_four_layers_each_way():
    model = conv_autoencoder((28, 28, 1), 5)
    for net, kind in ((model.encoder, "Conv2d("), (model.decoder, "ConvTranspose2d(")):
        assert repr(net).count(kind) == 4


@pytest.mark.parametrize("name", BUILDERS)
def test_one_step_moves_every_parameter(name, rng):
    model, x = BUILDERS[name]((12, 9, 1), 5), images(rng, 16, 12, 9, 1)
    p = model.init(np.random.default_rng(0))  # where `fitted` starts
    moved = tree.map(lambda a, b: bool((a != b).any()), p, fitted(model, x, 1, batch=16))
    assert all(dict(tree.leaves(moved)).values()), moved


# What is refused


def small(**options):
    return dense_autoencoder((4, 3, 1), (7,), 5, **options)


def test_a_contraction_of_an_encoder_whose_gradient_has_no_gradient_is_refused(rng):
    class Mine(Tanh):
        """A layer that nobody wrote a tangent for."""

    encoder = Sequential(Flatten(), Dense(12, 5), Mine())
    model = Autoencoder(encoder, small().decoder, 5, contraction=0.1)
    with pytest.raises(NotImplementedError, match=r"tangent: .*Mine"):
        model.loss(model.init(rng), images(rng, 3, 4, 3, 1))


@pytest.mark.parametrize("weight", [-0.1, np.nan, np.inf, "0.1", True])
def test_a_contraction_that_is_no_weight_is_refused(weight):
    with pytest.raises(ValueError, match="contraction must be a finite number >= 0"):
        contractive_autoencoder((4, 3, 1), 5, weight)


def test_a_corruption_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"a corruption such as Masking\(0.3\), got 0.3"):
        small(corruption=0.3)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match="unknown head 'tanh': choose linear or sigmoid"):
        small(head="tanh")


@pytest.mark.parametrize("n_latent", [0, 2.0, None])
def test_a_code_of_no_size_is_refused(n_latent):
    with pytest.raises(ValueError, match="n_latent must be a whole number >= 1"):
        Autoencoder(small().encoder, small().decoder, n_latent)


def test_noise_without_a_corruption_and_a_corruption_without_noise_are_refused(rng):
    x = images(rng, 2, 4, 3, 1)
    for model, noise in ((small(), x), (small(corruption=Masking(0.3)), None)):
        with pytest.raises(ValueError, match=r"the noise of type .* this model's draw_noise"):
            model.loss(model.init(rng), x, noise)


@pytest.mark.parametrize("p", [{}, {"encoder": {}}, None, "p"])
def test_parameters_of_another_model_are_refused(p, rng):
    with pytest.raises(ValueError, match=r"Autoencoder: expected the parameters \['decoder', 'enc"):
        small().loss(p, images(rng, 2, 4, 3, 1))
    with pytest.raises(
        ValueError, match=r"TiedAutoencoder: expected the parameters \['W', 'b', 'c"
    ):
        tied_autoencoder((4, 3, 1), 5).loss(p, images(rng, 2, 4, 3, 1))


def test_a_code_of_another_width_than_said_is_refused(rng):
    model = Autoencoder(small().encoder, small().decoder, 4)
    with pytest.raises(ValueError, match=r"codes have shape \(2, 5\), expected \(2, 4\)"):
        model.encode(small().init(rng), images(rng, 2, 4, 3, 1))


def test_a_decoder_of_another_shape_is_refused_where_it_would_broadcast(rng):
    model = Autoencoder(
        Sequential(Flatten(), Dense(12, 5)), Sequential(Dense(5, 4), Reshape((4, 1, 1))), 5
    )
    p, x = model.init(rng), images(rng, 2, 4, 3, 1)
    for ask in (model.loss, model.reconstruct, model.errors):
        with pytest.raises(ValueError, match=r"gives \(2, 4, 1, 1\) for x of \(2, 4, 3, 1\)"):
            ask(p, x)


@pytest.mark.parametrize("scale, shift", [(255, 0), (2, -1)])
def test_pixels_that_a_sigmoid_cannot_reach_are_refused(scale, shift, rng):
    model, x = small(head="sigmoid"), images(rng, 50, 4, 3, 1) * scale + shift
    with pytest.raises(ValueError, match=r"expected x within 0..1, .* rescale x .*linear head"):
        model.loss(model.init(rng), x.astype(np.float32))
    assert np.isfinite(small().loss(small().init(rng), x.astype(np.float32))[0])


@pytest.mark.parametrize("name", BUILDERS)
def test_bad_images_are_refused(name, rng):
    model = BUILDERS[name]((4, 3, 1), 5)
    p, x = model.init(rng), images(rng, 2, 4, 3, 1)
    hole = x.copy()
    hole[1, 2, 0, 0] = np.nan
    for bad, kind, message in (
        (hole, ValueError, "NaN or infinite"),
        (x[:0], ValueError, "empty"),
        (x.tolist(), TypeError, "expected a NumPy or CuPy array, got list"),
        ((255 * x).astype(np.uint8), TypeError, "expected floats, got uint8"),
        (x.astype(np.float64), TypeError, "float64"),
        (x[:, :3], ValueError, r"\(2, 3, 3, 1\)|got \(2, 9\)"),
    ):
        with pytest.raises(kind, match=message):
            model.loss(p, bad)
        with pytest.raises(kind, match=message):
            model.encode(p, bad)


# Training


@pytest.fixture(scope="module")
def real():
    return digits("train")[0], digits("test")[0]


def test_the_error_falls_with_the_size_of_the_code(real):
    x, test = real
    errors = []
    for n_latent in (2, 5, 20):
        model = dense_autoencoder((8, 8, 1), (64,), n_latent)
        errors.append(float(model.errors(fitted(model, x, 30), test).mean()))
    variance = float(((test - x.mean(axis=0)) ** 2).sum() / len(test))
    assert errors[0] < 0.7 * variance
    assert all(b < 0.7 * a for a, b in itertools.pairwise(errors)), errors


def test_a_conv_autoencoder_learns_digits(real):
    x, test = real
    model = conv_autoencoder((8, 8, 1), 5, (16, 32))
    variance = float(((test - x.mean(axis=0)) ** 2).sum() / len(test))
    assert float(model.errors(fitted(model, x, 8), test).mean()) < 0.6 * variance


def test_a_denoiser_undoes_the_noise_that_a_plain_one_keeps(real):
    x, test = real
    noise = SaltAndPepper(0.25)
    plain, denoiser = (dense_autoencoder((8, 8, 1), (64,), 32, corruption=c) for c in (None, noise))
    damaged, _ = noise.forward({}, test, noise.draw(np.random.default_rng(1), test))

    def error(model):
        recovered = model.reconstruct(fitted(model, x, 60), damaged)
        return float(((recovered - test) ** 2).sum() / len(test))

    kept, undone = error(plain), error(denoiser)
    assert undone < 0.6 * kept, (kept, undone)


def test_a_contraction_makes_the_code_insensitive_beyond_its_scale(real):
    x, test = real
    sensitivity = {}
    for weight in (0.0, 1.0):
        model = tied_autoencoder((8, 8, 1), 16, contraction=weight)
        p = fitted(model, x, 15)
        z = model.encode(p, test)
        norm, _ = model.encoder.jacobian_norm(model.nets(p)["encoder"], z)
        sensitivity[weight] = float(norm.mean()), float(norm.mean() / z.var(axis=0).sum())
    (free, free_relative), (held, held_relative) = sensitivity[0.0], sensitivity[1.0]
    assert held < 0.5 * free and held_relative < 0.8 * free_relative, sensitivity


@pytest.mark.parametrize("name", ["dense", "contractive", "deep contractive"])
def test_where_a_loss_became_infinite_is_found(name, rng):
    model, x = BUILDERS[name]((4, 3, 1), 5), images(rng, 4, 4, 3, 1)
    p = tree.map(lambda a: a + np.float32(1e38), model.init(rng))
    turn = Turn("autoencoder", model.loss, model.draw_noise, adam(1e-2))
    with pytest.raises(Diverged, match=r"output of layer encoder|Sigmoid: x holds 20 values"):
        train(turn, p, x, rng=rng, epochs=1, progress=False)


# Devices; the losses run on them through the cases


def everything(model, device):
    rng = np.random.default_rng(0)
    p = to_device(model.init(rng), device)
    x = to_device(images(rng, 6, 8, 6, 1), device)
    z = model.encode(p, x)
    fit = gaussian_of_codes(z)
    return {
        "noise": model.draw_noise(rng, x) or {},
        "z": z,
        "r": model.reconstruct(p, x),
        "errors": model.errors(p, x),
        "fit": fit,
        "drawn": model.decode(p, sample_codes(fit, rng, 7)),
    }


@every_device
@pytest.mark.parametrize("name", HEADED)
def test_an_autoencoder_gives_the_numbers_of_numpy_on_any_device(name, device):
    model = BUILDERS[name]((8, 6, 1), 3, head="sigmoid", corruption=SaltAndPepper(0.3))
    here, there = everything(model, "cpu"), everything(model, device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


def test_on_a_gpu_a_pixel_out_of_bounds_makes_the_loss_nan(rng, monkeypatch):
    model, x = small(head="sigmoid"), images(rng, 4, 4, 3, 1)
    x[2, 1, 1, 0] = 1.5
    monkeypatch.setattr("tinygen.models.autoencoder.device_of", lambda a: "cuda")
    assert np.isnan(model.loss(model.init(rng), x)[0])
    x[2, 1, 1, 0] = 1
    assert np.isfinite(model.loss(model.init(rng), x)[0])


def test_the_activation_can_be_chosen():
    model = dense_autoencoder((4, 3, 1), (7,), 5, activation=Tanh())
    assert repr(model).count("Tanh") == 2 and "Relu" not in repr(model)


def test_the_decoders_widths_are_the_encoders_in_a_mirror():
    model = dense_autoencoder((4, 3, 1), (9, 7), 5)
    widths = [
        (layer.n_in, layer.n_out)
        for net in (model.encoder.layers["features"], model.decoder.layers["images"])
        for layer in net.layers.values()
        if isinstance(layer, Dense)
    ]
    assert widths == [(12, 9), (9, 7), (5, 7), (7, 9), (9, 12)]
