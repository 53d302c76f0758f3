"""PixelRNN: its net, its order, what it refuses; gradients and sums are in the cases."""

import numpy as np
import pytest

from tinygen import arrays, to_device, to_host, tree
from tinygen.cases.common import jittered
from tinygen.cases.pixel_rnn import MODELS, draw_data, small
from tinygen.check import check_causal, check_gradients, receptive_field
from tinygen.layers import DiagonalBiLSTM, MaskedConv2d, Residual, RowLSTM
from tinygen.likelihoods import Bernoulli, Categorical, Likelihood
from tinygen.models import PixelRNN
from tinygen.models.pixel_rnn_nets import Skipping
from tinygen.optim import rmsprop
from tinygen.pullback import Pullback
from tinygen.training import Turn, train

every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
both = pytest.mark.parametrize("lstm", ["row", "diagonal"])


def point(model, dtype=np.float64, n=2):
    """Parameters with biases other than zero, and data."""
    rng = np.random.default_rng(0)
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, model.init(rng)))
    x = draw_data(rng, model, n)
    return p, x.astype(dtype) if x.dtype.kind == "f" else x


# The net


@both
def test_the_net_is_the_published_one(lstm):
    """A mask A of 7x7 to 2h, seven LSTMs 2h -> h -> 2h of mask B with a way round, a head of 32."""
    model = PixelRNN((28, 28, 1), lstm=lstm)
    assert (model.first.kernel, model.first.mask, model.first.c_out) == (7, "A", 32)
    nets = list(model.lstms.layers.values())
    assert len(nets) == 7 and all(isinstance(net, Residual) for net in nets)
    core, up = nets[0].layers["f"].layers.values()
    assert isinstance(core, {"row": RowLSTM, "diagonal": DiagonalBiLSTM}[lstm])
    assert (core.c_in, core.n_hidden, core.mask) == (32, 16, "B")
    assert (up.c_in, up.c_out, up.kernel, up.mask) == (16, 32, 1, "B")
    head = [n for n in model.head_net.layers.values() if isinstance(n, MaskedConv2d)]
    assert [(n.c_in, n.c_out, n.kernel, n.mask) for n in head] == [
        (32, 32, 1, "B"),
        (32, 1, 1, "B"),
    ]


def test_without_residuals_and_with_skips_it_is_the_equations():
    """Equations 1 to 4 of the page, layer by layer."""
    model = small((3, 4, 1), Bernoulli(), lstm="row", layers=2, residual=False, skip=True)
    p, x = point(model)
    nets, q = model.lstms.layers, p["lstms"]
    x_0, _ = model.first.forward(p["first"], x)
    x_1, _ = nets["0"].forward(q["0"], x_0)
    x_2, _ = nets["1"].forward(q["1"], x_1)
    sides = [nets[f"skip{l}"].forward(q[f"skip{l}"], x_l)[0] for l, x_l in enumerate((x_0, x_1))]
    head, out = p["head"]["head"], p["head"]["out"]
    t = np.maximum(x_2 + sum(sides), 0)
    expected = np.maximum(t @ head["W"][0, 0] + head["b"], 0) @ out["W"][0, 0] + out["b"]
    np.testing.assert_allclose(model.conditionals(p, x)[0], expected, rtol=1e-12)


@both
def test_the_context_is_a_triangle_or_the_whole_past(lstm):
    """Behind a first layer of 3x3: one Row LSTM does not see the far right of the rows above."""
    model = small((5, 9, 1), Bernoulli(grey=True), lstm=lstm, kernel=3)
    p, x = point(model, n=3)
    sees = receptive_field(model.conditionals, p, x, (4, 2))
    past = np.arange(45).reshape(5, 9) < 4 * 9 + 2
    assert not sees[~past].any()
    if lstm == "diagonal":
        past[3, 8] = False  # behind mask A, the end of the row above is in the first layer's reach
        np.testing.assert_array_equal(sees, past)
        return
    rows, columns = np.indices((5, 9))
    # the triangle of the layer (9 of row_lstm.md), and the three pixels above each of its own
    right = 2 + np.where(rows < 4, 4 - rows, -1)
    assert not sees[columns > right].any() and sees[past & (columns <= right)].all()


# Drawing


@pytest.mark.parametrize("name", MODELS)
def test_kept_columns_give_the_pixels_of_whole_passes(name):
    model = MODELS[name]
    p, _ = point(model)
    cached, naive = (
        model.sample(p, np.random.default_rng(3), 4, cached=cached) for cached in (True, False)
    )
    if np.issubdtype(cached.dtype, np.integer) or model.likelihood in (Bernoulli(),):
        np.testing.assert_array_equal(cached, naive)
    np.testing.assert_allclose(cached, naive, atol=1e-10)
    assert len(np.unique(cached)) > 1


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("name", MODELS)
def test_kept_columns_give_the_parameters_of_whole_passes(name, dtype, tolerance):
    model = MODELS[name]
    p, x = point(model, dtype)
    params, _ = model.conditionals(p, x)
    step = model.stepper(p, len(x))
    for i, place in enumerate(model.places(p, len(x))):
        later = np.arange(model.size).reshape(model.shape) >= i
        known = np.where(later, 0, x).astype(x.dtype)  # what is not drawn yet is not looked at
        for (leaf, a), (_, b) in zip(tree.leaves(step(i, known)), tree.leaves(params), strict=True):
            scale = max(1.0, abs(b).max())
            np.testing.assert_allclose(a, b[place], rtol=0, atol=tolerance * scale, err_msg=leaf)
            assert a.dtype == dtype


@both
def test_a_completion_keeps_what_is_known_and_is_that_of_whole_passes(lstm):
    model = small((4, 4, 1), Categorical(9), lstm=lstm, layers=2)
    p, x = point(model, n=20)
    cached, naive = (
        model.complete(p, np.random.default_rng(5), x, 6, cached=cached) for cached in (True, False)
    )
    np.testing.assert_array_equal(cached, naive)
    np.testing.assert_array_equal(cached.reshape(20, -1)[:, :6], x.reshape(20, -1)[:, :6])
    assert (cached != x).any()
    for known in (0, 16):
        with pytest.raises(ValueError, match=rf"known must be 1 .. 15 .*got {known}"):
            model.complete(p, np.random.default_rng(0), x, known)


# Wrong models


@both
def test_mask_b_in_the_first_layer_is_caught(lstm):
    model = small((3, 3, 1), Bernoulli(grey=True), lstm=lstm)
    p, x = point(model, n=1)
    assert check_causal(model.conditionals, p, x).passed
    vars(model)["first"] = MaskedConv2d(1, 2 * model.features, model.kernel, "B")  # the cached one
    report = check_causal(model.conditionals, p, x)
    rows = {row.name: row.verdict for row in report.rows}
    assert "sees input" in rows["gradient"] and "sees input" in rows["values"]


@both
def test_an_lstm_that_does_not_know_of_colours_is_caught(lstm):
    """Its masks let red's features see blue's: right for one channel, a leak for three."""
    model = small((2, 2, 3), Bernoulli(grey=True), lstm=lstm)
    p, x = point(model, n=1)
    assert check_causal(model.conditionals, p, x, channels=3).passed
    vars(model)["lstms"] = small((2, 2, 1), Bernoulli(), lstm=lstm, features=6).lstms
    assert not check_causal(model.conditionals, p, x, channels=3).passed


class ForgetsTheWayOn(Skipping):
    """Wrong: x_l is used by the next layer and by the skip; the second path has no gradient."""

    def forward(self, p, x):
        y, backward = super().forward(p, x)
        ways = dict.fromkeys(p, None)

        def both(dy):
            dp, dx = backward(dy)
            side = MaskedConv2d.forward(self.layers["skip0"], p["skip0"], x)[1].dx(dy)
            return {name: dp[name] for name in ways}, dx - side

        return y, Pullback.whole(both, y)


def test_a_skip_without_its_gradient_is_caught():
    model = small((2, 2, 1), Bernoulli(grey=True), lstm="row", skip=True)
    p, x = point(model)
    x_0, _ = model.first.forward(p["first"], x)
    rng = np.random.default_rng(1)
    wrong = ForgetsTheWayOn(
        [model.lstms.layers[str(l)] for l in range(model.layers)],
        [model.lstms.layers[f"skip{l}"] for l in range(model.layers)],
    )
    assert check_gradients(model.lstms, p["lstms"], x_0, rng=rng).passed
    assert not check_gradients(wrong, p["lstms"], x_0, rng=rng).passed


# Training and scoring


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_moves_after_one_step(name):
    model = MODELS[name]
    p, x = point(model, n=8)
    before, optimiser = tree.map(np.copy, p), rmsprop(1e-2)
    optimiser.update(p, model.loss(p, x)[1].dp(1.0), optimiser.init(p))
    for (leaf, a), (_, b) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert (a != b).any(), leaf


@both
def test_training_learns_pictures_of_two_kinds(lstm):
    """Stripes along rows or columns: a bit for the kind, one for the phase; chance is 16 bits."""
    rng = np.random.default_rng(0)
    stripe = (np.arange(4)[:, None] + rng.integers(0, 2, (200, 1, 1))) % 2
    across = rng.random((200, 1, 1)) < 0.5
    grid = np.broadcast_to(stripe, (200, 4, 1)) * np.ones((1, 1, 4))
    x = np.where(across, grid, grid.swapaxes(1, 2)).astype(np.float32)[..., None]
    model = PixelRNN((4, 4, 1), 4, 1, lstm, 8, kernel=3)
    turn = Turn("pixel-rnn", model.loss, model.draw_noise, rmsprop(1e-2))
    done = train(turn, model.init(rng), x, rng=rng, steps=150, batch=20, progress=False)
    bits = -model.log_prob(done.p, x)[0].mean() / np.log(2)
    assert 2 * 0.98 <= bits < 4


def test_many_images_are_scored_as_few_are(monkeypatch):
    model = MODELS["diagonal, binary pixels"]
    p, x = point(model, n=5)
    whole, error = model.log_prob(p, x)
    monkeypatch.setattr(PixelRNN, "at_once", 2)
    np.testing.assert_allclose(model.log_prob(p, x)[0], whole, rtol=1e-12)
    assert whole.shape == error.shape == (5,) and not error.any()


@every_device
@pytest.mark.parametrize("name", MODELS)
def test_the_numbers_of_numpy_on_any_device(name, device):
    def outcome(place):
        model = MODELS[name]
        p, x = point(model, np.float32)
        p, x = to_device(p, place), to_device(x, place)
        value, backward = model.loss(p, x)
        drawn = model.sample(p, np.random.default_rng(1), 2)
        params = model.conditionals(p, x)[0]
        scored = model.log_prob(p, x)[0]
        grads = backward.dp(1.0)
        return {"loss": value, "dp": grads, "params": params, "log p": scored, "drawn": drawn}

    here, there = outcome("cpu"), outcome(device)
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert arrays.device_of(b) == device, leaf
        if leaf != "drawn" or device == "pretend":
            np.testing.assert_allclose(to_host(b), a, rtol=1e-4, atol=1e-5, err_msg=leaf)


# What it refuses


class Strange(Likelihood):
    """A likelihood without outputs in the net."""

    def nll(self, params, x):
        raise NotImplementedError


@pytest.mark.parametrize(
    "build, error",
    [
        (lambda: PixelRNN((4, 4, 1), kernel=4), r"kernel must be odd, got 4"),
        (lambda: PixelRNN((4, 4, 1), lstm="Row"), r"lstm must be 'row' or 'diagonal', got 'Row'"),
        (lambda: PixelRNN((4, 4, 3), 16), r"multiples of 3.*features=16"),
        (lambda: PixelRNN((4, 4, 3), 18, head=32), r"multiples of 3.*head=32"),
        (lambda: PixelRNN((4, 4, 1), layers=0), r"layers must be a whole number >= 1, got 0"),
        (lambda: PixelRNN((7,)), r"shape must be \(H, W, C\), got \(7,\)"),
        (lambda: PixelRNN((4, 4, 1), likelihood=Strange()), r"expected|outputs for"),
    ],
)
def test_sizes_that_cannot_be_are_refused(build, error):
    with pytest.raises(ValueError, match=error):
        build()


@pytest.mark.parametrize(
    "name, change, error",
    [
        ("row, binary pixels", lambda x: x[:, :2], r"built for x of shape \(N, 3, 3, 1\), got"),
        ("row, binary pixels", lambda x: x.repeat(3, axis=3), r"got \(2, 3, 3, 3\): resize or"),
        ("row, binary pixels", lambda x: x[:0], r"is empty"),
        ("row, binary pixels", lambda x: x + 0.5, r"(?s)expected x .*(zeros and ones|0\.\.1)"),
        ("row, binary pixels", lambda x: x * np.nan, r"NaN"),
        ("diagonal, a softmax", lambda x: x + 2, r"levels .*expected 0..3"),
        ("row, logistic mixtures", lambda x: x - 8, r"levels .*expected 0..7"),
    ],
)
def test_data_that_do_not_fit_are_refused(name, change, error):
    p, x = point(MODELS[name])
    for use in (MODELS[name].loss, MODELS[name].log_prob):
        with pytest.raises(ValueError, match=error):
            use(p, change(x))


def test_floats_for_levels_are_refused():
    p, x = point(MODELS["row, a softmax"])
    with pytest.raises(TypeError, match=r"expected whole numbers 0..3, got float64: .*np.rint"):
        MODELS["row, a softmax"].loss(p, x.astype(float))


def test_a_condition_is_refused():
    model = MODELS["row, binary pixels"]
    p, x = point(model)
    for use in (model.loss, model.log_prob):
        with pytest.raises(ValueError, match=r"takes no condition: leave it out"):
            use(p, (x, np.array([0, 1])))
    with pytest.raises(ValueError, match=r"takes no condition"):
        model.sample(p, np.random.default_rng(0), 2, np.array([0, 1]))


def test_parameters_of_another_model_are_refused():
    model = MODELS["row, binary pixels"]
    p, x = point(model)
    with pytest.raises(ValueError, match=r"expected the parameters \['first', 'head', 'lstms'\]"):
        model.loss({**p, "prompt": {}}, x)
    other = small(model.shape, Categorical(4), lstm="diagonal", layers=2)
    with pytest.raises(ValueError, match=r"RowLSTM: parameter 'K_ss' must have shape"):
        model.loss(other.init(np.random.default_rng(0), np.float64), x)
