"""The Diagonal BiLSTM: beside PyTorch and a plain loop, what it sees, its columns one by one."""

import sys
from pathlib import Path

import numpy as np
import pretend
import pytest
from plants.diagonal_lstm import Diagonal

from tinygen import arrays, layers, tree
from tinygen.cases.common import jittered
from tinygen.check import dependencies
from tinygen.layers import DiagonalBiLSTM

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}
SIZES = [(2, 3, 5), (2, 5, 3), (1, 4, 4), (3, 1, 4), (3, 4, 1), (2, 1, 1)]  # N, H, W
VARIANTS = [("B", 1), ("B", 3), ("A", 1), ("A", 3)]  # mask, channels

both_dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
all_sizes = pytest.mark.parametrize("size", SIZES, ids=str)
all_variants = pytest.mark.parametrize(("mask", "channels"), VARIANTS)


def point(size, mask="B", channels=1, dtype=np.float64):
    """A layer with its p, x and a dh."""
    rng = np.random.default_rng(sum(size))
    layer = DiagonalBiLSTM(3, 6, mask, channels)
    p = jittered(rng, layer.init(rng, np.float64))
    values = p, rng.normal(size=(*size, 3)), rng.normal(size=(*size, 6))
    return layer, *tree.map(lambda a: a.astype(dtype), values)


def agree(ours, theirs, tolerance):
    for (name, a), (_, b) in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        error = abs(a - b).max() / max(abs(b).max(), 1)
        assert error <= tolerance, f"{name}: relative error {error:.1e}"


# --- beside other code


@pytest.fixture
def torch_classes(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    sys.modules.pop("pixel_rnn_torch", None)
    import pixel_rnn_torch

    return {"packed": pixel_rnn_torch.Packed, "padded": pixel_rnn_torch.Padded}


@both_dtypes
@all_sizes
@pytest.mark.parametrize("kind", ["packed", "padded"])
def test_the_layer_equals_pytorchs_autograd(torch_classes, kind, size, dtype):
    import torch

    layer, p, x, dh = point(size, dtype=dtype)
    h, backward = layer.forward(p, x)
    theirs = torch_classes[kind](3, 6).to(torch.tensor(x).dtype)
    with torch.no_grad():
        for name, value in p.items():
            getattr(theirs, name).copy_(torch.tensor(value))
    X = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    Y = theirs(X)
    Y.backward(torch.tensor(dh.transpose(0, 3, 1, 2).copy()))
    dp = {name: getattr(theirs, name).grad.numpy() for name in p}
    expected = Y.detach().numpy(), dp, X.grad.numpy()
    agree((h, *backward(dh)), (nhwc(expected[0]), dp, nhwc(expected[2])), TOLERANCE[dtype])
    assert h.dtype == dtype


def nhwc(a):
    return a.transpose(0, 2, 3, 1)


@all_sizes
@all_variants
def test_the_layer_equals_a_loop_over_places(size, mask, channels):
    layer, p, x, dh = point(size, mask, channels)
    M = layer.input_mask()
    inputs = x
    if mask == "A":  # the loop has one input for both sweeps: pixel, left of it, right of it
        frame = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
        inputs = np.concatenate([x, frame[:, :, :-2], frame[:, :, 2:]], axis=3)
        zero = np.zeros_like(p["K_is"][:1, :3])
        left, right = p["K_is"] * M
        K_is = np.concatenate([[np.r_[left, zero[0]]], [np.r_[right[:3], zero[0], right[3:]]]])
    else:
        K_is = p["K_is"] * M
    h, backward = layer.forward(p, x)
    expected, plain = Diagonal().forward({**p, "K_is": K_is}, inputs)
    dp, dinputs = plain(dh)
    dx, dK_is = dinputs[..., :3].copy(), dp["K_is"]
    if mask == "A":
        dx[:, :, :-1] += dinputs[:, :, 1:, 3:6]
        dx[:, :, 1:] += dinputs[:, :, :-1, 6:]
        dK_is = np.stack([dK_is[0, :6], np.r_[dK_is[1, :3], dK_is[1, 6:]]])
    agree((h, *backward(dh)), (expected, {**dp, "K_is": dK_is * M}, dx), 1e-12)


# --- what it sees


@all_variants
@pytest.mark.parametrize("size", [(4, 5), (5, 3), (1, 4), (4, 1)], ids=str)
def test_a_place_sees_all_that_it_may_and_nothing_else(mask, channels, size):
    """No blind spot: every place and channel before, and with mask B the own channel."""
    layer, p, x, _ = point((1, *size), mask, channels)
    sees = dependencies(layer, p, x, channels)
    np.testing.assert_array_equal(sees, np.tri(len(sees), k=-1 if mask == "A" else 0, dtype=bool))


def test_the_mask_is_triangular_for_the_own_pixel_of_left_alone():
    M = DiagonalBiLSTM(3, 3, "B", 3).input_mask()
    np.testing.assert_array_equal(M[0], np.tile(np.triu(np.ones((3, 3))), 4))
    assert M[1].all()
    M = DiagonalBiLSTM(3, 3, "A", 3).input_mask()
    np.testing.assert_array_equal(M[0, :3], np.tile(np.triu(np.ones((3, 3)), 1), 4))
    assert M[0, 3:].all() and M[1].all()


def test_the_first_row_is_lefts_alone_and_the_last_row_of_right_has_no_gradient():
    layer, p, x, dh = point((2, 3, 4))
    other = {name: np.stack([a[0], 2 * a[1]]) for name, a in p.items()}
    h, backward = layer.forward(p, x)
    moved, _ = layer.forward(other, x)
    np.testing.assert_array_equal(moved[:, 0], h[:, 0])
    assert (abs(moved[:, 1:] - h[:, 1:]) > 1e-9).all()
    _, backward = layer.forward(p, x[:, :1].copy())
    assert all((a[1] == 0).all() for a in backward.dp(dh[:, :1].copy()).values())


# --- place by place


def drawn(layer, p, x):
    N, H, W, _ = x.shape
    step = layer.stepper(p, N, H, W)
    return np.stack([step(r, c, x[:, r, c]) for r, c in np.ndindex(H, W)], 1).reshape(N, H, W, -1)


@all_sizes
@all_variants
def test_place_by_place_it_is_the_same(size, mask, channels):
    layer, p, x, _ = point(size, mask, channels)
    agree(drawn(layer, p, x), layer.forward(p, x)[0], 1e-12)


def test_place_by_place_it_is_the_same_in_float32():
    layer, p, x, _ = point((2, 5, 4), dtype=np.float32)
    h = drawn(layer, p, x)
    agree(h, layer.forward(p, x)[0], 1e-5)
    assert h.dtype == np.float32


@pytest.mark.parametrize("mask", ["A", "B"])
def test_a_place_may_come_again_as_its_channels_become_known(mask):
    layer, p, x, _ = point((2, 3, 4), mask, channels=3)
    h, _ = layer.forward(p, x)
    step = layer.stepper(p, 2, 3, 4)
    for r, c in np.ndindex(3, 4):
        for k in range(3):  # before channel k is drawn (A), or just after (B)
            known = k if mask == "A" else k + 1
            partly = np.where(np.arange(3) < known, x[:, r, c], 0)
            third = slice(2 * k, 2 * k + 2)
            agree(step(r, c, partly)[:, third], h[:, r, c, third], 1e-12)
        step(r, c, x[:, r, c])


def test_what_a_step_gave_stays_as_it_was():
    layer, p, x, _ = point((2, 2, 3))
    step = layer.stepper(p, 2, 2, 3)
    first = step(0, 0, x[:, 0, 0])
    kept = first.copy()
    for r, c in list(np.ndindex(2, 3))[1:]:
        step(r, c, x[:, r, c])
    np.testing.assert_array_equal(first, kept)


def test_the_stepper_runs_on_a_device(monkeypatch):
    monkeypatch.setitem(arrays.DEVICES, "pretend", "pretend")
    layer, p, x, _ = point((2, 3, 4), "A", 3)
    expected = drawn(layer, p, x)
    q, y = arrays.to_device(p, "pretend"), arrays.to_device(x, "pretend")
    step = layer.stepper(q, 2, 3, 4)
    for r, c in np.ndindex(3, 4):
        column = step(r, c, y[:, r, c])
        assert isinstance(column, pretend.ndarray)
        np.testing.assert_array_equal(column.get(), expected[:, r, c])


# --- numbers


def test_a_half_that_is_not_asked_for_is_not_computed():
    layer, p, x, dh = point((2, 3, 4))
    _, backward = layer.forward(p, x)
    both = backward._both
    assert both(dh, dx=False)[1] is None
    assert both(dh, dp=False)[0] is None


def test_saturated_gates_stay_finite_in_float32():
    layer, p, x, _ = point((2, 3, 4), dtype=np.float32)
    h, backward = layer.forward(tree.map(lambda a: 200 * a, p), 100 * x)
    dp, dx = backward(np.ones_like(h))
    assert all(np.isfinite(a).all() for _, a in tree.leaves((h, dp, dx)))
    assert (abs(h) <= 2).all()


@pytest.mark.parametrize("path", ["cell", "output"])
@pytest.mark.parametrize(("dtype", "exact"), [(np.float64, 0.6**400), (np.float32, 0)])
def test_a_faded_gradient_is_zero_and_not_denormal(path, dtype, exact):
    """Of 401 places in a row, each hands 0.6 of what it gets back to the one before.

    0.6 times the smallest float rounds to itself, so it would stay, and slow every step.
    """
    layer = DiagonalBiLSTM(1, 1)
    p = tree.map(np.zeros_like, layer.init(np.random.default_rng(0), dtype))
    p["K_is"][0, 0, 2] = 1  # g = tanh(x + ..)
    if path == "cell":
        p["b"][0] = 40, np.log(0.6 / 0.4), 0, 40  # i = o = 1, f = 0.6
    else:
        p["b"][0] = 40, -40, 0, 40  # i = o = 1, f = 0
        p["K_ss"][0, 1, 0, 2] = 0.6
    h, backward = layer.forward(p, np.zeros((1, 1, 401, 1), dtype))
    dh = np.zeros_like(h)
    dh[:, :, -1] = 1
    np.testing.assert_allclose(backward.dx(dh)[0, 0, 0, 0], exact, rtol=1e-9)


def test_first_weights_are_orthogonal_blocks_and_a_forget_bias_of_one(rng):
    p = DiagonalBiLSTM(5, 4).init(rng, np.float64)
    for direction in p["K_ss"]:
        for block in np.split(direction.reshape(8, 16), 4, axis=1):
            np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-12)
    for b in p["b"]:
        np.testing.assert_array_equal(np.split(b, 4), [[0] * 4, [1] * 4, [0] * 4, [0] * 4])
    a = np.sqrt(6 / (5 + 4))
    assert 0.8 * a < abs(p["K_is"]).max() <= a
    assert abs(p["K_is"][0] - p["K_is"][1]).min() > 0
    assert (DiagonalBiLSTM(5, 4).init(rng, weights="zeros")["K_is"] == 0).all()
    assert DiagonalBiLSTM(5, 4).init(rng)["K_ss"].dtype == np.float32


def test_multiply_adds_are_those_of_two_inputs_and_four_states_a_place():
    count = DiagonalBiLSTM(5, 4).multiply_adds((2, 3, 6, 5), (2, 3, 6, 4))
    assert count == 2 * 3 * 6 * 2 * (5 + 2 * 4) * 16


# --- refused input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3), "DiagonalBiLSTM: c_in must be a whole number >= 1, got 0"),
        ((3, 2.0), "DiagonalBiLSTM: n_hidden must be a whole number"),
        ((3, 3, "C"), "DiagonalBiLSTM: mask must be 'A' or 'B', got 'C'"),
        ((3, 3, "b"), "mask must be 'A' or 'B', got 'b'"),
        ((3, 3, "B", 0), "channels must be a whole number >= 1"),
        ((4, 3, "B", 3), "3 channels must divide c_in = 4 and n_hidden = 3"),
        ((3, 4, "A", 3), "3 channels must divide c_in = 3 and n_hidden = 4"),
    ],
)
def test_bad_sizes_and_masks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiagonalBiLSTM(*arguments)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.ones((2, 5, 4, 1)),
            ValueError,
            r"expected x of shape \(N, H, W, 3\), got \(2, 5, 4, 1",
        ),
        (np.ones((5, 4, 3)), ValueError, r"got \(5, 4, 3\): add a batch axis"),
        (np.ones((0, 5, 4, 3)), ValueError, "is empty"),
        (np.ones((2, 0, 4, 3)), ValueError, "is empty"),
        (np.full((2, 5, 4, 3), np.nan), ValueError, "120 values that are NaN"),
        (np.ones((2, 5, 4, 3), np.float32), TypeError, "x is float32, parameter 'K_is' is float64"),
        (np.ones((2, 5, 4, 3), int), TypeError, "expected floats"),
    ],
)
def test_bad_input_is_refused(x, error, message, rng):
    layer = DiagonalBiLSTM(3, 2)
    with pytest.raises(error, match=message):
        layer.forward(layer.init(rng, np.float64), x)


def test_parameters_of_other_sizes_are_refused(rng):
    p = DiagonalBiLSTM(3, 2).init(rng, np.float64)
    with pytest.raises(ValueError, match=r"'K_is' must have shape \(2, 6, 8\)"):
        DiagonalBiLSTM(3, 2, "A").forward(p, np.ones((1, 2, 2, 3)))
    with pytest.raises(ValueError, match=r"expected the parameters \['K_is', 'K_ss', 'b'\]"):
        DiagonalBiLSTM(3, 2).stepper({"K_is": p["K_is"]}, 1, 2, 2)


def test_a_stepper_refuses_another_order_and_another_column(rng):
    layer = DiagonalBiLSTM(3, 2)
    p, x = layer.init(rng, np.float64), np.ones((2, 3))
    with pytest.raises(ValueError, match="n must be a whole number >= 1"):
        layer.stepper(p, 0, 2, 2)
    step = layer.stepper(p, 2, 2, 2)
    with pytest.raises(ValueError, match=r"expected the place \(0, 0\), got \(0, 1\)"):
        step(0, 1, x)
    step(0, 0, x)
    with pytest.raises(ValueError, match=r"expected the place \(0, 0\) or \(0, 1\), got \(1, 0\)"):
        step(1, 0, x)
    with pytest.raises(ValueError, match=r"expected x of shape \(2, 3\), got \(1, 3\)"):
        step(0, 1, x[:1])
    for place in [(0, 1), (1, 0), (1, 1)]:
        step(*place, x)
    with pytest.raises(ValueError, match=r"expected the place \(1, 1\), got \(0, 0\)"):
        step(0, 0, x)


def test_the_layer_is_public():
    assert layers.DiagonalBiLSTM is DiagonalBiLSTM
