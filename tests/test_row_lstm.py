"""The Row LSTM: against PyTorch, its triangle of context, one pixel at a time, and wrong ones."""

import types
from pathlib import Path

import numpy as np
import pytest

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.check import check_causal, check_gradients, receptive_field
from tinygen.layers import RowLSTM, row_lstm
from tinygen.pullback import Pullback

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-9}


def point(layer, *shape, dtype=np.float64, seed=0):
    """Parameters with biases other than zero, and x (*shape, C)."""
    rng = np.random.default_rng(seed)
    p = jittered(rng, layer.init(rng, np.float64))
    return tree.map(lambda a: a.astype(dtype), (p, rng.normal(size=(*shape, layer.c_in))))


def close(ours, theirs, dtype):
    error = abs(ours - theirs).max() / max(abs(theirs).max(), 1.0)
    assert ours.dtype == dtype
    assert error <= TOLERANCE[dtype], f"relative error {error:.1e}"


def in_torch(torch, layer, p, x):
    """Equation 3 of the paper, with PyTorch's convolutions and its own gradients."""
    conv = torch.nn.functional
    F, k, before = layer.n_hidden, layer.kernel, layer.taps
    W_is = torch.zeros(4 * F, layer.c_in, 1, k, dtype=x.dtype)
    W_is[..., 0, :before] = (p["K_is"] * torch.tensor(layer.input_mask())).permute(2, 1, 0)
    W_is = W_is.to(x.dtype)
    a = conv.conv2d(x.permute(0, 3, 1, 2), W_is, p["b"], padding=(0, k // 2))  # (N, 4F, H, W)
    h = c = torch.zeros(x.shape[0], F, x.shape[2], dtype=x.dtype)
    rows = []
    for r in range(x.shape[1]):
        s = a[:, :, r] + conv.conv1d(h, p["K_ss"].permute(2, 1, 0), padding=k // 2)
        i, f, g, o = s.split(F, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        rows.append(h)
    return torch.stack(rows, 1).permute(0, 1, 3, 2)  # (N, H, W, F)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mask, channels", [("B", 1), ("A", 1), ("B", 3), ("A", 2)])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_pytorch(seed, mask, channels, dtype):
    torch = pytest.importorskip("torch")
    N, H, W, C, F, m = (int(n) for n in np.random.default_rng(seed).integers(1, 5, 6))
    layer = RowLSTM(C * channels, F * channels, mask, channels, kernel=2 * m - 1)
    p, x = point(layer, N, H, W, dtype=dtype, seed=seed)
    h, backward = layer.forward(p, x)
    dh = np.random.default_rng(9).normal(size=h.shape).astype(dtype)
    dp, dx = backward(dh)
    P = {name: torch.tensor(a).requires_grad_() for name, a in p.items()}
    X = torch.tensor(x).requires_grad_()
    theirs = in_torch(torch, layer, P, X)
    theirs.backward(torch.tensor(dh))
    close(h, theirs.detach().numpy(), dtype)
    close(dx, X.grad.numpy(), dtype)
    for name in p:
        close(dp[name], P[name].grad.numpy(), dtype)


def test_the_one_it_is_timed_against_computes_the_same(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from row_lstm_torch import RowLSTM as Theirs

    layer = RowLSTM(4, 3)
    p, x = point(layer, 2, 5, 4)
    theirs = Theirs(4, 3).double()
    P = {name: torch.tensor(a) for name, a in p.items()}
    with torch.no_grad():
        theirs.input_to_state.weight.copy_(P["K_is"].permute(2, 1, 0)[:, :, None, :])
        theirs.input_to_state.bias.copy_(P["b"])
        theirs.state_to_state.weight.copy_(P["K_ss"].permute(2, 1, 0))
        order = [*range(0, 6), *range(9, 12), *range(6, 9)]  # i, f, o, g
        for parameter in theirs.parameters():
            parameter.copy_(parameter[order].clone())
        y = theirs(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    close(layer.forward(p, x)[0], y.numpy(), np.float64)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("mask", ["A", "B"])
def test_a_layer_sees_a_triangle(kernel, mask):
    """Equation 9 of the page; mask A lacks the pixel itself, and so each row its last one."""
    layer, m, r, j = RowLSTM(2, 2, mask, kernel=kernel), kernel // 2, 4, 4
    p, x = point(layer, 2, 6, 9)
    rows, columns = np.indices((6, 9))
    d = r - rows
    right = np.minimum(j + d * m, 8) - (mask == "A")
    expected = (d >= 0) & (columns >= j - (d + 1) * m) & (columns <= right)
    if mask == "A" and kernel == 1:
        return  # it sees nothing at all
    np.testing.assert_array_equal(receptive_field(layer, p, x, (r, j)), expected)


def test_a_memory_of_many_rows_is_kept():
    """With open forget gates the first row is seen twenty rows below."""
    layer = RowLSTM(1, 2)
    p, x = point(layer, 2, 20, 3)
    p["b"] = np.repeat([0.0, 9.0, 0.0, 2.0], 2)
    _, backward = layer.forward(p, x)
    dy = np.zeros((2, 20, 3, 2))
    dy[:, -1] = 1
    assert abs(backward.dx(dy)[:, 0]).min() > 1e-3


def test_gradients_that_fade_become_zero_and_not_denormal():
    layer = RowLSTM(1, 2)
    p, x = point(layer, 1, 150, 3, dtype=np.float32)
    p["b"] = np.repeat([0, -1, 0, -1], 2).astype(np.float32)  # a third is kept from row to row
    dy = np.zeros((1, 150, 3, 2), np.float32)
    dy[:, -1] = 1
    dx = layer.forward(p, x)[1].dx(dy)
    assert dx[:, -1].any() and not dx[:, 0].any()
    assert not ((dx != 0) & (abs(dx) < np.finfo(np.float32).tiny)).any()


def test_a_small_gradient_is_no_faded_one():
    layer = RowLSTM(2, 3)
    p, x = point(layer, 1, 9, 3)
    _, backward = layer.forward(p, x)
    dy = np.random.default_rng(0).normal(size=(1, 9, 3, 3))
    np.testing.assert_allclose(1e30 * backward.dx(1e-30 * dy), backward.dx(dy), rtol=1e-10)


@pytest.mark.parametrize("kernel", [3, 7])
def test_a_row_may_be_shorter_than_half_the_kernel(kernel):
    layer = RowLSTM(2, 3, kernel=kernel)
    for width in (1, 2):
        p, x = point(layer, 2, 3, width)
        report = check_gradients(layer.forward, p, x, rng=np.random.default_rng(0))
        assert report.passed, str(report)
        h, step = layer.forward(p, x)[0], layer.stepper(p, 2, 3, width)
        for r, c in np.ndindex(3, width):
            np.testing.assert_allclose(step(r, c, x[:, r, c]), h[:, r, c], atol=1e-13)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-5)])
@pytest.mark.parametrize("layer", [RowLSTM(4, 3), RowLSTM(2, 4, "A", kernel=5), RowLSTM(3, 2)])
def test_pixel_by_pixel_it_is_the_layer(layer, dtype, tolerance):
    p, x = point(layer, 2, 4, 3, dtype=dtype)
    h, _ = layer.forward(p, x)
    step = layer.stepper(p, 2, 4, 3)
    for r, c in np.ndindex(4, 3):
        np.testing.assert_allclose(step(r, c, x[:, r, c]), h[:, r, c], rtol=0, atol=tolerance)


def test_a_pixel_may_be_stepped_again_when_more_of_its_channels_are_known():
    layer = RowLSTM(3, 6, channels=3)
    p, x = point(layer, 2, 3, 4)
    h, _ = layer.forward(p, x)
    step = layer.stepper(p, 2, 3, 4)
    for r, c in np.ndindex(3, 4):
        for channel in range(3):
            known = np.where(np.arange(3) <= channel, x[:, r, c], 7.0)
            here = step(r, c, known)[:, : 2 * channel + 2]
            np.testing.assert_allclose(here, h[:, r, c, : 2 * channel + 2], atol=1e-13)


# Wrong layers


def changed(old, new):
    """RowLSTM with one line of its source changed."""
    source = Path(row_lstm.__file__).read_text()
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in the source"
    module = types.ModuleType("tinygen.layers.row_lstm")
    exec(source.replace(old, new), vars(module))
    return module.RowLSTM


class LooksAtItsOwnRow(RowLSTM):
    """The state-to-state convolution is not masked: here it is laid over the row itself."""

    def forward(self, p, x):
        h, backward = super().forward(p, x)
        K = p["K_ss"][-1][:, : self.n_hidden]  # the tap of the pixel to the right
        y = h.copy()
        y[:, :, :-1] += h[:, :, 1:] @ K

        def both(dy):
            dh = dy.copy()
            dh[:, :, 1:] += dy[:, :, :-1] @ K.T
            return backward(dh)

        return y, Pullback.whole(both, y)


WRONG_ORDERS = {
    "masks exchanged": changed('if self.mask == "A" else', 'if self.mask == "B" else'),
    "no mask": changed("return K_is if M.all() else K_is *", "return K_is if True else K_is *"),
    "mask of one gate": changed(
        "M[-1] = np.tile(before.outer(channel_in, channel_out), 4)",
        "M[-1][:, : self.n_hidden] = before.outer(channel_in, channel_out)",
    ),
    "taps to the right": changed("x_taps = h_taps[:taps]", "x_taps = h_taps[-taps:]"),
    "its own row": LooksAtItsOwnRow,
}
WRONG_GRADIENTS = {
    "dK_is misses the first row": changed(
        "dK_is = xp.matmul(das, xs)", "dK_is = xp.matmul(das[1:], xs[1:])"
    ),
    "db misses the first row": changed(
        "dW = xp.matmul(das, hs[:H].reshape(H,", "dW = xp.matmul(das[1:], hs[1:H].reshape(H - 1,"
    ),
    "no path through the cell of the row above": changed(
        "cs[r], da, u, v)", "cs[r], da, u, v); dc[...] = 0"
    ),
    "no path through the state of the row above": changed(
        "dh[:, :, of] += dhs", "dh[:, :, of] += 0 * dhs"
    ),
    "taps not turned round": changed(
        "dh[:, :, of] += dhs.reshape(k, F, N, W)[t, :, :, to]",
        "dh[:, :, to] += dhs.reshape(k, F, N, W)[t, :, :, of]",
    ),
    "dK_is not masked": changed('{"K_is": masked(layer, dK_is)', '{"K_is": (dK_is)'),
    "c of this row in da_f": changed("cs[r], da, u, v)", "cs[r + 1], da, u, v)"),
}


def causal(kind, mask):
    layer = kind(3, 6, mask, channels=3)
    return check_causal(layer, *point(layer, 1, 3, 4), strict=mask == "A", channels=3)


def gradients(kind):
    layer = kind(3, 3, "B", channels=3)
    return check_gradients(layer, *point(layer, 2, 3, 3), rng=np.random.default_rng(1))


@pytest.mark.parametrize("name", WRONG_ORDERS)
def test_a_layer_that_sees_later_pixels_is_caught(name):
    assert causal(RowLSTM, "A").passed and causal(RowLSTM, "B").passed
    wrong = [causal(WRONG_ORDERS[name], mask) for mask in "AB"]
    assert not all(report.passed for report in wrong)
    assert any("sees input" in row.verdict for report in wrong for row in report.rows)


@pytest.mark.parametrize("name", WRONG_GRADIENTS)
def test_a_wrong_gradient_is_caught(name):
    assert gradients(RowLSTM).passed
    assert not gradients(WRONG_GRADIENTS[name]).passed


# Bad input


@pytest.mark.parametrize(
    "build, error",
    [
        (lambda: RowLSTM(4, 3, kernel=2), "RowLSTM: the kernel must be odd, got 2"),
        (lambda: RowLSTM(4, 3, "C"), "RowLSTM: mask must be 'A' or 'B', got 'C'"),
        (lambda: RowLSTM(4, 3, channels=3), r"3 channels must divide c_in = 4 and n_hidden = 3"),
        (lambda: RowLSTM(3, 4, channels=3), r"3 channels must divide .* an equal part"),
        (lambda: RowLSTM(0, 3), "RowLSTM: c_in must be a whole number >= 1, got 0"),
        (lambda: RowLSTM(4, 2.0), "RowLSTM: n_hidden must be a whole number >= 1, got 2.0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(build, error):
    with pytest.raises(ValueError, match=error):
        build()
