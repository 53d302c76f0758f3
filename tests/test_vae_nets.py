"""The builders of VAEs: shapes of data, heads of likelihoods and posteriors, sizes of layers."""

import math

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import metrics, tree
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian
from tinygen.models import MixturePrior, vae_likelihood
from tinygen.models.vae import conv_vae, dense_vae
from tinygen.optim import adam

IMAGE = (5, 3, 2)
BUILDERS = {
    "rows": (lambda *a, **kw: dense_vae(7, 5, 3, *a, **kw), (7,)),
    "dense images": (lambda *a, **kw: dense_vae(IMAGE, (6, 5), 3, *a, **kw), IMAGE),
    "convolutions": (lambda *a, **kw: conv_vae(IMAGE, 3, (4, 6), *a, **kw), IMAGE),
}
every_builder = pytest.mark.parametrize("name", BUILDERS)


def point(name, *arguments, **options):
    """A model, its parameters, six examples, and a generator."""
    build, shape = BUILDERS[name]
    rng = np.random.default_rng(0)
    model = build(*arguments, **options)
    return model, model.init(rng), (rng.random((6, *shape)) < 0.5).astype(np.float32), rng


@every_builder
@pytest.mark.parametrize("posterior", ["diagonal", "full"])
@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("prior", [None, MixturePrior(2)], ids=["normal", "mixture"])
def test_what_comes_out_has_the_shape_of_what_went_in(name, posterior, samples, prior):
    options = {} if prior is None else {"prior": prior}
    model, p, x, rng = point(name, posterior=posterior, samples=samples, **options)
    q = model.encode(p, x)
    assert q["mean"].shape == (6, 3)
    spread = {"diagonal": ("log_var", (6, 3)), "full": ("L", (6, 3, 3))}[posterior]
    assert q[spread[0]].shape == spread[1]
    noise = model.draw_noise(rng, x)
    shapes = {
        "decoded": (model.decode(p, q["mean"]), x.shape),
        "reconstruction": (model.reconstruct(p, x, rng), x.shape),
        "mean": (model.reconstruct(p, x, rng, mean=True), x.shape),
        "sample": (model.sample(p, rng, 4), (4, *x.shape[1:])),
        "sample mean": (model.sample(p, rng, 4, mean=True), (4, *x.shape[1:])),
        "loss": (model.loss(p, x, noise)[0], ()),
        "elbo": (model.elbo(p, x, noise), (6,)),
        "log_prob": (model.log_prob(p, x, rng, 3)[0], (6,)),
    }
    for what, (value, shape) in shapes.items():
        assert value.shape == shape and value.dtype == np.float32, what
    dp, dx = model.loss(p, x, noise)[1]()
    assert dx.shape == x.shape
    assert {n: a.shape for n, a in tree.leaves(dp)} == {n: a.shape for n, a in tree.leaves(p)}
    assert {a.dtype for _, a in tree.leaves((dp, dx))} == {np.dtype(np.float32)}


@every_builder
@pytest.mark.parametrize("variance", ["pixel", "shared", "one"])
def test_a_learned_variance_is_one_a_pixel_and_image_one_a_pixel_or_one_in_all(name, variance):
    model, p, x, rng = point(name, Gaussian(), variance)
    params = model.decode(p, rng.normal(size=(6, 3)).astype(np.float32))
    shapes = {"pixel": x.shape, "shared": x.shape[1:], "one": (1,)}
    assert params["mean"].shape == x.shape
    assert params["log_var"].shape == shapes[variance]
    if variance == "pixel":
        assert np.ptp(params["log_var"], axis=0).min() > 0, "it depends on z"
    else:
        np.testing.assert_array_equal(params["log_var"], 0)  # a variance of one at the start


@every_builder
@pytest.mark.parametrize(
    "options",
    [
        {"posterior": "full"},
        {"prior": MixturePrior(2)},
        {"samples": 3, "posterior": "full", "prior": MixturePrior(2)},
        {"free_bits": 1e-6},
        {"beta": 0.5},
    ],
    ids=["full", "mixture", "draws", "free bits", "beta"],
)
def test_every_parameter_moves_in_one_step(name, options):
    model, p, x, rng = point(name, Gaussian(), "one", **options)
    before = tree.map(lambda a: a.copy(), p)
    optimiser = adam(1e-3)
    _, backward = model.loss(p, x, model.draw_noise(rng, x))
    optimiser.update(p, backward.dp(), optimiser.init(p))
    for (leaf, old), (_, new) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert np.any(old != new), f"{leaf} stood still"


def test_one_learned_variance_comes_to_be_the_mean_squared_error(rng):
    """Of a decoder whose mean is held, the best sigma^2 is the mean of the squared errors."""
    model = conv_vae(IMAGE, 3, (4,), Gaussian(), "one", beta=0.0)
    p, x = model.init(rng, np.float64), 3 * rng.normal(size=(20, *IMAGE))
    noise = model.draw_noise(rng, x)
    q = model.encode(p, x)
    params = model.decode(p, q["mean"] + np.exp(q["log_var"] / 2) * noise)
    error = ((x - params["mean"]) ** 2).mean()
    slopes = []
    for log_var in (0.0, math.log(error) - 0.1, math.log(error), math.log(error) + 0.1):
        p["decoder"]["out"]["log_var"]["0"]["c"][:] = 10 * np.arctanh(log_var / 10)  # the bound
        dp = model.loss(p, x, noise)[1].dp()
        slopes.append(dp["decoder"]["out"]["log_var"]["0"]["c"][0])
    assert slopes[0] < slopes[1] < -0.5 and slopes[2] == pytest.approx(0, abs=1e-10)
    assert slopes[3] > 0.5


def test_hidden_widths_go_from_data_to_code_and_back(rng):
    p = dense_vae(7, (6, 5), 2).init(rng)
    widths = [a.shape for n, a in tree.leaves(p) if n.endswith("W")]
    assert widths == [(7, 6), (6, 5), (5, 2), (5, 2), (2, 5), (5, 6), (6, 7)]
    p = dense_vae(IMAGE, (6, 5), 2, posterior="full").init(rng)
    widths = [a.shape for n, a in tree.leaves(p) if n.endswith("W")]
    assert widths == [(30, 6), (6, 5), (5, 2), (5, 3), (2, 5), (5, 6), (6, 30)]


def test_one_hidden_layer_may_be_given_as_a_number():
    assert dense_vae(7, 5, 2) == dense_vae(7, (5,), 2)
    assert dense_vae() == dense_vae(784, 400, 20)


def test_the_activation_is_that_which_was_asked_for():
    for model in (dense_vae(7, (6, 5), 2, activation=L.Tanh()), conv_vae(activation=L.Tanh())):
        assert "Relu" not in repr((model.encoder, model.decoder))
        assert repr(model.encoder).count("Tanh") == repr(model.decoder).count("Tanh") >= 2


def test_rows_and_images_of_the_same_numbers_are_one_model(rng):
    """An image is its row in the order of memory: the same weights give the same loss."""
    rows, images = dense_vae(30, (6, 5), 2), dense_vae(IMAGE, (6, 5), 2)
    p, q = rows.init(np.random.default_rng(1)), images.init(np.random.default_rng(1))
    x = (rng.random((4, 30)) < 0.5).astype(np.float32)
    noise = rows.draw_noise(rng, x)
    assert rows.loss(p, x, noise)[0] == images.loss(q, x.reshape(4, *IMAGE), noise)[0]


def test_a_convolutional_vae_learns_where_the_ink_is(rng):
    """Bars of one row or column of a 6x6 image: after some steps it beats independent pixels."""
    x = np.zeros((64, 6, 6, 1))
    for n in range(64):
        at = rng.integers(6)
        x[(n, at) if n % 2 else (n, slice(None), at)] = 1
    model, optimiser = conv_vae((6, 6, 1), 4, (8, 16)), adam(5e-3)
    p = model.init(rng, np.float64)
    state = optimiser.init(p)
    for _ in range(250):
        _, backward = model.loss(p, x, model.draw_noise(rng, x))
        optimiser.update(p, backward.dp(), state)
    on = x.mean(axis=0)
    independent = -(on * np.log(on) + (1 - on) * np.log(1 - on)).sum()
    nll = -model.log_prob(p, x, rng, 50)[0].mean()
    assert np.log(12) < nll + 0.3 and nll < 0.6 * independent
    assert metrics.active_units(model.encode(p, x)["mean"]) >= 2


def test_the_weights_fit_images_too(rng):
    model, p, x, _ = point("convolutions", samples=3)
    noise = model.draw_noise(rng, x)
    log_w, _ = vae_likelihood.log_weights(model, p, x, model.encode(p, x), noise)
    for n in range(6):
        one, _ = vae_likelihood.log_weights(
            model, p, x[n : n + 1], model.encode(p, x[n : n + 1]), noise[n : n + 1]
        )
        np.testing.assert_allclose(one[0], log_w[n], rtol=1e-5)


# Refusals


@pytest.mark.parametrize("build", [dense_vae, conv_vae])
def test_unknown_heads_are_refused(build):
    with pytest.raises(ValueError, match=r"unknown posterior 'round': choose diagonal or full"):
        build(IMAGE, posterior="round")
    with pytest.raises(
        ValueError, match=rf"{build.__name__}: unknown variance 'both': choose pixel, shared, one"
    ):
        build(IMAGE, likelihood=Gaussian(), variance="both")
    with pytest.raises(ValueError, match=rf"{build.__name__}: .*Bernoulli and Gaussian.*build VAE"):
        build(IMAGE, likelihood=Categorical(4))
    with pytest.raises(TypeError, match=r"expected a likelihood such as Bernoulli\(\), got"):
        build(IMAGE, likelihood=Bernoulli)


@pytest.mark.parametrize("shape", [0, -3, 2.5, (28, 28), "mnist", True])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape must be .*\(H, W, C\)"):
        dense_vae(shape)
    with pytest.raises(ValueError, match=r"conv_encoder: shape must be \(H, W, C\)"):
        conv_vae(shape)


def test_widths_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"hidden must be a tuple of .* got \(0,\)"):
        dense_vae(7, 0)
    with pytest.raises(ValueError, match=r"channels must be a tuple of 1 or more"):
        conv_vae(IMAGE, channels=())
    for build in (lambda: dense_vae(7, 5, 0), lambda: conv_vae(IMAGE, 0)):
        with pytest.raises(ValueError, match=r"_vae: n_latent must be a whole number >= 1, got 0"):
            build()


@pytest.mark.parametrize("name", ["dense images", "convolutions"])
def test_images_of_another_size_are_refused(name):
    model, p, x, rng = point(name)
    with pytest.raises(ValueError, match=r"30|shape"):
        model.loss(p, x[:, :4], model.draw_noise(rng, x))
    turned = x.transpose(0, 2, 1, 3).copy()
    with pytest.raises(ValueError, match=r"expected x of the parameters' shape|expected"):
        model.loss(p, turned, model.draw_noise(rng, x))
