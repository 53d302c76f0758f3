"""What a user may hand over by habit or mistake: it works, or the error says what to do."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tinygen import Pullback
from tinygen import layers as L
from tinygen.check import check_gradients
from tinygen.data import binarise
from tinygen.likelihoods import Bernoulli, Categorical
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam, sgd
from tinygen.schedules import cosine
from tinygen.training import Diverged, Turn, train


def mean_loss(p, x, noise):
    """|m - mean x|^2: a model without noise."""
    d = p["m"] - x.reshape(len(x), -1).mean(axis=0)
    value = (d * d).sum()
    return value, Pullback(lambda g: {"m": 2 * d * g}, lambda g: None, value)


def no_noise(rng, x):
    return None


def run(loss, p, x, optimiser, **kw):
    turn = Turn("model", loss, no_noise, optimiser)
    settings = {"epochs": 2, "batch": 4, "progress": False, **kw}
    return train(turn, p, x, rng=np.random.default_rng(0), **settings)


class Plain:
    """A layer as the contract has it, and no more: no base class, a function for a pullback."""

    def init(self, rng, dtype=np.float32):
        return {"a": rng.normal(size=4).astype(dtype)}

    def forward(self, p, x):
        def backward(dy):
            return {"a": (dy * x).sum(axis=0)}, dy * p["a"]

        return p["a"] * x, backward


def test_images_train_as_they_are():
    x = (np.random.default_rng(0).random((10, 4, 5, 1)) < 0.5).astype(np.float32)
    encoder = L.Sequential(L.Flatten(), q=L.Fork(mean=L.Dense(20, 3), log_var=L.Dense(20, 3)))
    vae = VAE(encoder, L.Sequential(L.Dense(3, 20), L.Reshape((4, 5, 1))), 3, Bernoulli())
    turn = Turn("vae", vae.loss, vae.draw_noise, adam(1e-3))
    p = vae.init(np.random.default_rng(1))
    done = train(turn, p, x, rng=np.random.default_rng(2), epochs=2, batch=4, progress=False)
    assert [record["epoch"] for record in done.log] == [1, 2]


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 2.0}, {"patience": 0}])
def test_counts_of_a_training_are_whole_numbers_from_one(wrong):
    x = np.ones((5, 3))
    with pytest.raises(ValueError, match=f"train: {next(iter(wrong))} must be a whole number >= 1"):
        run(mean_loss, {"m": np.zeros(3)}, x, sgd(0.1), validation=x, **wrong)


def test_a_model_without_noise_that_diverges_is_reported_as_such():
    def loss(p, x, noise):
        assert noise is None  # also when the step is done again, to see where it happened
        return mean_loss(p, x, noise)

    with pytest.raises(Diverged, match=r"model: .*not finite"):
        run(loss, {"m": np.full(3, 2.0)}, np.ones((9, 3)), sgd(1e200), epochs=3)


def test_a_last_step_to_nan_is_no_result():
    def loss(p, x, noise):
        return mean_loss(p, x, noise)[0], lambda d=1.0: ({"m": p["m"] * np.nan}, None)

    with pytest.raises(Diverged, match="parameter m is not finite after the step") as raised:
        run(loss, {"m": np.full(3, 2.0)}, np.ones((3, 3)), sgd(0.1), epochs=1)
    np.testing.assert_array_equal(raised.value.trained.p["m"], 2.0)


def test_a_loss_with_a_plain_function_for_a_pullback_trains():
    def loss(p, x, noise):
        value, backward = mean_loss(p, x, noise)
        return value, lambda d=1.0: (backward.dp(d), None)

    done = run(loss, {"m": np.zeros(3)}, np.ones((8, 3)), sgd(0.1))
    np.testing.assert_array_equal(
        done.p["m"], run(mean_loss, {"m": np.zeros(3)}, np.ones((8, 3)), sgd(0.1)).p["m"]
    )


def test_a_pullback_of_a_python_number_is_refused():
    with pytest.raises(TypeError, match=r"the output is a float.*without float\(\.\.\.\)"):
        Pullback(lambda d: {}, lambda d: d, 1.5)


@pytest.mark.parametrize("dy", [None, [1.0], "1"])
def test_a_cotangent_that_is_no_number_and_no_array_is_refused(dy):
    _, backward = mean_loss({"m": np.zeros(3)}, np.ones((2, 3)), None)
    for half in (backward, backward.dp, backward.dx):
        with pytest.raises(TypeError, match=f"dy is a {type(dy).__name__}.*give an array"):
            half(dy)


@pytest.mark.parametrize("leaf", [[1.0, 2.0], 1.5])
def test_a_leaf_that_the_gradient_check_cannot_move_is_refused(leaf):
    def f(p, x):  # a wrong dp, which nothing would look at
        return np.asarray(p["a"]) * x, lambda dy: ({"a": 0.0}, dy * np.asarray(p["a"]))

    with pytest.raises(TypeError, match=rf"{type(leaf).__name__}.*np\.asarray"):
        check_gradients(f, {"a": leaf}, np.ones((3, 2)), rng=np.random.default_rng(0))


def test_a_list_of_parameters_is_no_tree():
    def f(p, x):
        return p[0] * x, lambda dy: ([0 * p[0]], dy * p[0])

    with pytest.raises(TypeError, match="dicts and tuples"):
        check_gradients(f, [np.ones(2)], np.ones((3, 2)), rng=np.random.default_rng(0))


def test_a_layer_of_the_bare_contract_works_in_a_net():
    net = L.Sequential(L.Dense(3, 4), Plain(), L.Residual(Plain()), fork=L.Fork(a=Plain()))
    rng = np.random.default_rng(0)
    p, x = net.init(rng, np.float64), rng.normal(size=(2, 3))
    report = check_gradients(net, p, x, rng=rng)
    assert report.passed, report
    assert L.summary(net, (2, 3)).parameters == 16 + 3 * 4


def test_a_class_is_no_layer():
    with pytest.raises(TypeError, match="not a layer"):
        L.Sequential(L.Dense(3, 4), L.Relu)


@pytest.mark.parametrize("net", [L.Sequential(L.Relu()), L.Residual(L.Relu()), L.Fork(a=L.Relu())])
@pytest.mark.parametrize("extras", [np.ones((2, 3)), np.zeros(1), [], 0])
def test_extras_that_are_no_dict_are_refused(net, extras):
    with pytest.raises(ValueError, match=f"extras for {type(extras).__name__}"):
        net.forward({}, np.ones((2, 3)), extras)


def test_sizes_may_be_numpy_integers():
    two, three = np.int64(2), np.int32(3)
    layer = L.ConvTranspose2d(three, two, (three, 4), two, np.int64(1), (np.int64(1), 0))
    assert layer == L.ConvTranspose2d(3, 2, (3, 4), 2, 1, (1, 0))
    assert layer.output_size((4, 5)) == (8, 10)
    with pytest.raises(ValueError, match="must be smaller than"):
        L.ConvTranspose2d(3, 2, 3, two, 0, np.int64(2))


def test_numbers_of_optimisers_and_schedules_may_be_numpys():
    p, q = {"w": np.ones(3)}, {"w": np.ones(3)}
    g = {"w": np.arange(3.0)}
    for w, optimiser in ((p, adam(np.float32(0.5))), (q, adam(cosine(0.5, np.int64(4))))):
        optimiser.update(w, g, optimiser.init(w))
    np.testing.assert_array_equal(p["w"], q["w"])


@pytest.mark.parametrize("net", [L.Sequential(L.Dense(3, 4), head=L.Relu()), L.Fork(a=L.Relu())])
def test_composites_are_values_like_the_layers_in_them(net):
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin == net
        assert hash(twin) == hash(net)
        assert repr(twin) == repr(net)


def test_composites_differ_in_kind_children_and_order():
    a, b = L.Dense(3, 3), L.Tanh()
    nets = [L.Sequential(a=a, b=b), L.Sequential(b=b, a=a), L.Fork(a=a, b=b), L.Sequential(a=a)]
    assert len(set(nets)) == len(nets)
    assert all((m == n) == (m is n) for m in nets for n in nets)


@pytest.mark.parametrize("likelihood", [Bernoulli, "bernoulli", np.ones(3)])
def test_what_is_no_likelihood_is_refused_when_the_model_is_built(likelihood):
    with pytest.raises(TypeError, match=r"VAE: expected a likelihood such as Bernoulli\(\), got"):
        dense_vae(6, 5, 2, likelihood)


def test_the_dense_vae_says_which_likelihoods_it_has_heads_for():
    with pytest.raises(ValueError, match=r"dense_vae: .*Bernoulli and Gaussian.*build VAE"):
        dense_vae(6, 5, 2, Categorical(4))


@pytest.mark.parametrize(
    "encoder",
    [L.Dense(6, 2), L.Fork(mu=L.Dense(6, 2), log_var=L.Dense(6, 2)), L.Fork(mean=L.Dense(6, 2))],
)
def test_an_encoder_that_puts_out_no_gaussian_is_refused(encoder):
    vae = VAE(encoder, L.Dense(2, 6), 2, Bernoulli())
    p = vae.init(np.random.default_rng(0))
    with pytest.raises(ValueError, match="VAE: the encoder must put out a dict of mean, log_var"):
        vae.encode(p, np.ones((3, 6), np.float32))


def test_a_list_of_images_is_refused_by_name():
    vae, rng = dense_vae(6, 5, 2), np.random.default_rng(0)
    p, x = vae.init(rng), np.ones((3, 6)).tolist()
    for call in (lambda: vae.log_prob(p, x, rng), lambda: vae.draw_noise(rng, x)):
        with pytest.raises(TypeError, match=r"VAE: expected x as a NumPy or CuPy array, got list"):
            call()
    with pytest.raises(TypeError, match=r"binarise: expected .* array, got list"):
        binarise(rng, x)


def test_no_images_are_not_binarised():
    with pytest.raises(ValueError, match=r"binarise: x of shape \(0, 6\) is empty"):
        binarise(np.random.default_rng(0), np.ones((0, 6)))


def test_the_parts_of_the_library_are_reached_by_their_names():
    code = (
        "import tinygen as t; t.layers.summary, t.check.check_gradients, t.models.VAE, t.optim.adam"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dtype", [int, np.int32, bool, complex])
def test_weights_of_a_dtype_that_rounds_them_to_nothing_are_refused(dtype):
    for layer in (L.Dense(3, 4), L.Conv2d(1, 2, 3), L.LSTM(2, 3), L.Embedding(3, 2)):
        with pytest.raises(TypeError, match="weights are floats, got the dtype"):
            layer.init(np.random.default_rng(0), dtype)
