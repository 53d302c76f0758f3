"""The LSTM: against PyTorch, in pieces, at its first step, and with bad input refused."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_gradients
from tinygen.layers.lstm import unroll

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def close(ours, theirs, dtype):
    error = abs(ours - theirs).max() / max(abs(theirs).max(), 1.0)
    assert ours.dtype == dtype
    assert error <= TOLERANCE[dtype], f"relative error {error:.1e}"


def point(seed, dtype, cls=L.LSTM):
    """A layer of random sizes with its p, x, h_0, c_0."""
    rng = np.random.default_rng(seed)
    N, T, I, H = (int(n) for n in rng.integers(1, 9, 4))
    layer = cls(I, H)
    p = jittered(rng, layer.init(rng, np.float64))
    values = p, rng.normal(size=(N, T, I)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    return layer, *tree.map(lambda a: a.astype(dtype), values)


def torch_lstm(torch, layer, p):
    """PyTorch's layer with our parameters; its two biases sum to ours."""
    theirs = torch.nn.LSTM(layer.n_in, layer.n_hidden, batch_first=True)
    theirs = theirs.to(torch.tensor(p["b"]).dtype)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.tensor(p["Wx"].T.copy()))
        theirs.weight_hh_l0.copy_(torch.tensor(p["Wh"].T.copy()))
        theirs.bias_ih_l0.copy_(torch.tensor(0.25 * p["b"]))
        theirs.bias_hh_l0.copy_(torch.tensor(0.75 * p["b"]))
    return theirs


def compare_parameters(dp, theirs, dtype):
    close(dp["Wx"], theirs.weight_ih_l0.grad.numpy().T, dtype)
    close(dp["Wh"], theirs.weight_hh_l0.grad.numpy().T, dtype)
    close(dp["b"], theirs.bias_ih_l0.grad.numpy(), dtype)
    close(dp["b"], theirs.bias_hh_l0.grad.numpy(), dtype)


@both_dtypes
@pytest.mark.parametrize("seed", range(8))
def test_lstm_equals_pytorch(seed, dtype):
    torch = pytest.importorskip("torch")
    layer, p, x, _, _ = point(seed, dtype)
    h, backward = layer.forward(p, x)
    dh = np.random.default_rng(9).normal(size=h.shape).astype(dtype)
    dp, dx = backward(dh)
    theirs, X = torch_lstm(torch, layer, p), torch.tensor(x).requires_grad_()
    Y, _ = theirs(X)
    Y.backward(torch.tensor(dh))
    close(h, Y.detach().numpy(), dtype)
    close(dx, X.grad.numpy(), dtype)
    compare_parameters(dp, theirs, dtype)


@both_dtypes
@pytest.mark.parametrize("seed", range(8))
def test_stateful_lstm_equals_pytorch(seed, dtype):
    torch = pytest.importorskip("torch")
    layer, p, *x = point(seed, dtype, L.StatefulLSTM)
    y, backward = layer.forward(p, tuple(x))
    rng = np.random.default_rng(9)
    dy = tree.map(lambda a: rng.normal(size=a.shape).astype(dtype), y)
    dp, dx = backward(dy)
    theirs, (X, h_0, c_0) = torch_lstm(torch, layer, p), (torch.tensor(a) for a in x)
    states = X.requires_grad_(), h_0[None].requires_grad_(), c_0[None].requires_grad_()
    Y, (h_T, c_T) = theirs(states[0], states[1:])
    torch.autograd.backward([Y, h_T[0], c_T[0]], [torch.tensor(a) for a in dy])
    for ours, there in zip(y, (Y, h_T[0], c_T[0]), strict=True):
        close(ours, there.detach().numpy(), dtype)
    for ours, there in zip(dx, states, strict=True):
        close(ours, there.grad.numpy().reshape(ours.shape), dtype)
    compare_parameters(dp, theirs, dtype)


def test_one_step_is_the_equations(rng):
    layer = L.StatefulLSTM(1, 1)
    p = {"Wx": np.array([[1.0, 2, 3, 4]]), "Wh": np.array([[5.0, 6, 7, 8]]) / 10, "b": np.ones(4)}
    x, h_0, c_0 = 0.3, 0.2, -0.7
    i, f, o = (1 / (1 + np.exp(-(k * x + w * h_0 + 1))) for k, w in ((1, 0.5), (2, 0.6), (4, 0.8)))
    g = np.tanh(3 * x + 0.7 * h_0 + 1)
    c = f * c_0 + i * g
    states = np.array([[[x]]]), np.array([[h_0]]), np.array([[c_0]])
    h, h_T, c_T = layer.forward(p, states)[0]
    np.testing.assert_allclose([h.item(), h_T.item(), c_T.item()], [o * np.tanh(c)] * 2 + [c])


@pytest.mark.parametrize("cut", [1, 3, 4])
def test_a_sequence_in_two_pieces_is_the_sequence_and_so_are_its_gradients(cut):
    rng = np.random.default_rng(0)
    layer, pieces = L.LSTM(3, 4), L.StatefulLSTM(3, 4)
    p, x = jittered(rng, layer.init(rng, np.float64)), rng.normal(size=(2, 5, 3))
    h, backward = layer.forward(p, x)
    zero = np.zeros((2, 4))
    (h1, *state), first = pieces.forward(p, (x[:, :cut], zero, zero))
    (h2, h_T, _), second = pieces.forward(p, (x[:, cut:], *state))
    np.testing.assert_allclose(np.concatenate([h1, h2], axis=1), h, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(h_T, h2[:, -1])

    dh = rng.normal(size=h.shape)
    dp2, (dx2, dh_0, dc_0) = second((dh[:, cut:].copy(), zero, zero))
    dp1, (dx1, _, _) = first((dh[:, :cut].copy(), dh_0, dc_0))
    dp, dx = backward(dh)
    np.testing.assert_allclose(np.concatenate([dx1, dx2], axis=1), dx, rtol=0, atol=1e-13)
    for (name, a), (_, b) in zip(tree.leaves(tree.add(dp1, dp2)), tree.leaves(dp), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13, err_msg=name)


def test_the_last_output_has_a_gradient_at_the_first_step_and_no_later_input_moves_it(rng):
    layer = L.LSTM(3, 4)
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 6, 3))
    h, backward = layer.forward(p, x)
    dh = np.zeros_like(h)
    dh[:, -1] = rng.normal(size=(2, 4))
    assert (abs(backward.dx(dh)) > 1e-9).all()
    dh = np.zeros_like(h)
    dh[:, 2] = rng.normal(size=(2, 4))
    dx = backward.dx(dh)
    assert (abs(dx[:, :3]) > 1e-9).all()
    assert (dx[:, 3:] == 0).all()


def test_a_norm_before_an_lstm_receives_the_gradient_of_gamma(rng):
    net = L.Sequential(norm=L.LayerNorm(3), lstm=L.LSTM(3, 4), head=L.Dense(4, 2))
    p, x = jittered(rng, net.init(rng, np.float64)), rng.normal(size=(2, 5, 3))
    report = check_gradients(net, p, x, rng=rng)
    assert report.passed, str(report)
    assert "norm.gamma" in [row.name for row in report.rows] and report.zeros == ()


def test_a_half_that_is_not_asked_for_is_absent(rng):
    layer = L.LSTM(3, 4)
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 5, 3))
    h, _, _, gradients = unroll(p, x)
    assert gradients(h, dx=False)[1] is None
    assert gradients(h, dp=False)[0] is None


def test_saturated_gates_stay_finite_in_float32(rng):
    layer = L.LSTM(3, 4)
    p = tree.map(lambda a: 200 * a, layer.init(rng))
    x = 100 * rng.normal(size=(2, 9, 3)).astype(np.float32)
    h, backward = layer.forward(p, x)
    dp, dx = backward(np.ones_like(h))
    assert all(np.isfinite(a).all() for _, a in tree.leaves((h, dp, dx)))
    assert (abs(h) <= 1).all()


def test_a_faded_gradient_is_zero_and_not_denormal(rng):
    """0.6 times the smallest float rounds to itself, so it would stay, and slow every step."""
    layer = L.StatefulLSTM(1, 2)
    p = tree.map(np.zeros_like, layer.init(rng, np.float64))
    p["b"][2:4] = np.log(0.6 / 0.4)  # f = 0.6: the gradient of c_0 is 0.6^400 = 2e-89
    values = p, (np.ones((1, 400, 1)), np.zeros((1, 2)), np.zeros((1, 2)))
    for dtype, exact in ((np.float64, 0.6**400), (np.float32, 0)):
        q, x = tree.map(lambda a, dtype=dtype: a.astype(dtype), values)
        (h, h_T, c_T), backward = layer.forward(q, x)
        dy = np.zeros_like(h), np.zeros_like(h_T), np.ones_like(c_T)
        np.testing.assert_allclose(backward.dx(dy)[2], exact, rtol=1e-9)


def test_first_weights_are_orthogonal_blocks_and_a_forget_bias_of_one(rng):
    p = L.LSTM(5, 4).init(rng, np.float64)
    for block in np.split(p["Wh"], 4, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(np.split(p["b"], 4), [[0] * 4, [1] * 4, [0] * 4, [0] * 4])
    a = np.sqrt(6 / (5 + 4))
    assert 0.8 * a < abs(p["Wx"]).max() <= a
    assert (L.LSTM(5, 4).init(rng, weights="zeros")["Wx"] == 0).all()
    assert L.LSTM(5, 4).init(rng)["Wh"].dtype == np.float32


def test_multiply_adds_are_those_of_the_two_products():
    assert L.LSTM(5, 4).multiply_adds((2, 3, 5), (2, 3, 4)) == 2 * 3 * (5 + 4) * 16
    shapes = (2, 3, 5), (2, 4), (2, 4)
    assert L.StatefulLSTM(5, 4).multiply_adds(shapes, None) == 2 * 3 * (5 + 4) * 16


# refused input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.LSTM(0, 3), "LSTM: n_in must be a whole number >= 1, got 0"),
        (lambda: L.LSTM(3, -1), "LSTM: n_hidden must be a whole number"),
        (lambda: L.StatefulLSTM(3, 2.0), "StatefulLSTM: n_hidden must be a whole number"),
    ],
)
def test_bad_sizes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((2, 5, 4)), ValueError, r"LSTM: expected x of shape \(N, T, 3\), got \(2, 5, 4\)"),
        (np.ones((5, 3)), ValueError, r"got \(5, 3\): add a batch axis"),
        (np.ones((2, 0, 3)), ValueError, "is empty"),
        (np.full((2, 5, 3), np.nan), ValueError, "30 values that are NaN"),
        (np.ones((2, 5, 3), np.float32), TypeError, "x is float32, parameter 'Wx' is float64"),
        (np.ones((2, 5, 3), int), TypeError, "expected floats"),
    ],
)
def test_bad_input_is_refused(x, error, message, rng):
    layer = L.LSTM(3, 4)
    with pytest.raises(error, match=message):
        layer.forward(layer.init(rng, np.float64), x)


X, S = np.ones((2, 5, 3)), np.ones((2, 4))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X, ValueError, r"StatefulLSTM: expected the tuple \(x, h_0, c_0\), got ndarray"),
        ((X, S), ValueError, "got a tuple of 2"),
        ((X, np.ones((2, 3)), S), ValueError, r"StatefulLSTM: h_0: expected x of shape \(2, 4\)"),
        ((X, S, np.ones((1, 4))), ValueError, r"StatefulLSTM: c_0: .* got \(1, 4\)"),
        ((X, S, np.full((2, 4), np.inf)), ValueError, "c_0: x holds 8 values"),
        ((X, S.astype(np.float32), S), TypeError, "x is float64, h_0 is float32"),
        ((X, S, None), TypeError, "c_0: expected a NumPy or CuPy array, got NoneType"),
    ],
)
def test_bad_states_are_refused(x, error, message, rng):
    layer = L.StatefulLSTM(3, 4)
    with pytest.raises(error, match=message):
        layer.forward(layer.init(rng, np.float64), x)


def test_parameters_of_other_sizes_are_refused(rng):
    p = L.LSTM(3, 4).init(rng, np.float64)
    with pytest.raises(ValueError, match=r"'Wh' must have shape \(4, 16\)"):
        L.LSTM(3, 4).forward({**p, "Wh": p["Wh"][:, :12]}, X)
    with pytest.raises(ValueError, match=r"expected the parameters \['Wh', 'Wx', 'b'\]"):
        L.LSTM(3, 4).forward({"Wx": p["Wx"]}, X)
