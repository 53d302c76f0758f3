"""Causality of one's own network: every leak at its place, told in few lines, drawn in colours."""

import numpy as np
import pytest

from tinygen import layers as L
from tinygen.check import CausalReport, check_causal, dependencies
from tinygen.check.receptive_field import REGIONS
from tinygen.plots import causality
from tinygen.plots.receptive import COLOURS
from tinygen.pullback import Pullback, no_params


def rows(W):
    """A function of one's own, without a backward: y = tanh(x) W over all places at once."""

    def f(x):
        return (np.tanh(x).reshape(len(x), -1) @ W).reshape(x.shape)

    return f


def planted(rng, size, *pairs):
    """A strictly upper matrix, and input j seen by output k for each pair (k, j)."""
    W = np.triu(rng.normal(size=(size, size)), 1)
    for k, j in pairs:
        W[j, k] = 0.3
    return W


def colour(figure, panel=0):
    """The drawn squares of a panel, as the names of their regions."""
    from matplotlib.colors import to_rgb

    names = {tuple(to_rgb(COLOURS[r])): r for r in REGIONS}
    drawn = figure.axes[panel].images[0].get_array()
    return np.array([[names[tuple(square)] for square in row] for row in drawn])


# Functions without a backward


@pytest.mark.parametrize("shape", [(2, 12), (2, 6, 2), (2, 12, 1), (2, 3, 4, 1), (2, 2, 2, 3)])
def test_a_function_of_values_alone_is_seen_through(rng, shape):
    W = planted(rng, 12) * (rng.random((12, 12)) < 0.6)
    channels = shape[-1] if len(shape) > 2 else 1
    report = check_causal(rows(W), x=rng.normal(size=shape), channels=channels)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["values", "alive"]
    assert np.array_equal(report.sees, W.T != 0)  # blind spots and all


def test_every_leak_is_reported_and_no_other(rng):
    pairs = [(0, 0), (2, 7), (2, 9), (5, 6), (11, 11)]
    report = check_causal(rows(planted(rng, 12, *pairs)), x=rng.normal(size=(2, 3, 4, 1)))
    places = [(divmod(k, 4), divmod(j, 4)) for k, j in pairs]
    assert not report and report.leaks == places
    assert "WRONG: output [0, 0] sees input [0, 0]; 5 such pairs" in str(report)
    assert "output [0, 2] sees 2 inputs: [1, 3], [2, 1]" in str(report)


def test_an_input_that_matters_only_beside_another_is_found(rng):
    x0 = rng.normal(size=(2, 6))

    def f(x):
        y = np.cumsum(x, axis=1) - x
        y[:, 1] += (x - x0)[:, 3] * (x - x0)[:, 4]  # 0 where one of them alone is changed
        return y

    assert check_causal(f, x=x0).leaks == [((1,), (3,))]


def test_a_layer_and_its_values_alone_give_one_receptive_field(rng):
    layer = L.Sequential(L.MaskedConv2d(1, 4, 3, "A"), L.Tanh(), L.MaskedConv2d(4, 1, 3, "B"))
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 5, 6, 1))
    whole = check_causal(layer, p, x)
    alone = check_causal(lambda x: layer.forward(p, x)[0], x=x)
    assert whole.passed and alone.passed and np.array_equal(whole.sees, alone.sees)
    assert np.array_equal(whole.sees, dependencies(layer, p, x))


def test_single_precision_is_judged_by_its_own_rounding(rng):
    W = planted(rng, 30).astype(np.float32)

    def noisy(x):  # later inputs reach the last bit, as they may in a blocked product
        y = x.astype(np.float32) @ W
        return y * (1 + 1e-7 * np.sign(x[:, -1:])).astype(np.float32)

    x = rng.normal(size=(2, 30))
    assert check_causal(noisy, x=x)
    W[20, 10] = 1e-3
    assert check_causal(noisy, x=x).leaks == [((10,), (20,))]


def test_a_net_of_pytorch_is_checked_through_a_function_of_arrays(rng):
    torch = pytest.importorskip("torch")
    net = torch.nn.Conv2d(1, 3, 3, padding=1).double()
    with torch.no_grad():
        net.weight[:, :, 1, 1:] = 0
        net.weight[:, :, 2] = 0
        net.weight[1, 0, 1, 1] = 0.1

    def f(x):
        return net(torch.from_numpy(x).moveaxis(3, 1)).moveaxis(1, 3).detach().numpy()

    x = rng.normal(size=(2, 4, 5, 1))
    assert check_causal(f, x=x, strict=False)
    leaks = check_causal(f, x=x).leaks
    assert leaks == [((r, c), (r, c)) for r in range(4) for c in range(5)]


# In words


def test_thousands_of_leaks_are_told_in_few_lines(rng):
    report = check_causal(rows(rng.normal(size=(60, 60))), x=rng.normal(size=(2, 6, 10, 1)))
    assert len(report.leaks) == 60 * 61 // 2
    text = str(report)
    assert len(text.splitlines()) < 30 and max(map(len, text.splitlines())) < 100
    assert "1830 leaks, of 60 outputs:" in text
    assert "output [0, 0] sees 60 inputs: [0, 0], [0, 1], [0, 2], ... [5, 9]" in text
    assert "and 52 more outputs" in text and "  its own input: 60 leaks" in text
    told = report.told(outputs=None, inputs=None)
    named = sum(line.count("[") - 1 for line in told if line.startswith("  output"))
    assert named == 1830  # all of them, where they are asked for


def test_leaks_are_counted_by_their_way(rng):
    layer = L.MaskedConv2d(3, 3, 3, "B", channels=3)  # B where A was meant
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 3, 4, 3))
    report = check_causal(layer, p, x, channels=3)
    assert report.leaks == [(at, at) for at in np.ndindex(3, 4, 3)]
    assert "by the way from output to input:\n    its own input: 36 leaks" in str(report)
    W = planted(rng, 12, (0, 5), (6, 11))
    report = check_causal(rows(W), x=rng.normal(size=(2, 3, 4, 1)))
    assert "row +1, column +1: 2 leaks" in str(report)


def test_what_passes_says_nothing_of_leaks(rng):
    report = check_causal(rows(planted(rng, 6)), x=rng.normal(size=(2, 6)))
    assert isinstance(report, CausalReport) and report.told() == [] and report.leaks == []
    assert str(report).endswith("  passed")


# As a picture


def test_the_picture_of_a_row_is_the_matrix_of_outputs_and_inputs(rng):
    W = np.zeros((6, 6))
    W[[0, 0, 1, 3], [1, 4, 4, 4]] = 1  # output 4 sees 0, 1, 3: 2 is its blind spot
    W[5, 3] = 1
    drawn = colour(causality(check_causal(rows(W), x=rng.normal(size=(2, 6)))))
    assert drawn[4].tolist() == ["seen", "seen", "blind spot", "seen", "later", "later"]
    assert drawn[1, 0] == "seen" and drawn[3, 5] == "leak" and (drawn == "leak").sum() == 1


def test_the_picture_of_a_sequence_with_groups_has_a_line_each(rng):
    report = check_causal(rows(planted(rng, 12, (3, 7))), x=rng.normal(size=(2, 6, 2)), channels=2)
    drawn = colour(causality(report))
    assert drawn.shape == (12, 12) and drawn[3, 7] == "leak" and (drawn == "leak").sum() == 1


def test_the_picture_of_an_image_shows_the_output_that_leaks_most(rng):
    W = planted(rng, 20, (7, 8), (7, 19), (2, 3))
    figure = causality(check_causal(rows(W), x=rng.normal(size=(2, 4, 5, 1))))
    assert figure.axes[0].get_title() == "output [1, 2], 2 leaks"
    drawn = colour(figure)
    assert drawn.shape == (4, 5) and drawn[1, 3] == drawn[3, 4] == "leak"
    assert drawn[0, 4] == "seen" and drawn[2, 0] == "later"
    fine = causality(check_causal(rows(planted(rng, 20)), x=rng.normal(size=(2, 4, 5, 1))))
    assert [axes.get_title() for axes in fine.axes] == ["output [2, 2]"]


# Bad input


def bad(x):
    y = np.cumsum(x, axis=1) - x
    y[:, 3:] *= np.nan
    return y


def random(x, rng=np.random.default_rng(0)):  # noqa: B008 it shall differ from call to call
    return x * rng.normal(size=x.shape)


def growing(x, calls=[0]):  # noqa: B006 it shall count its calls
    calls.append(0)
    return x[..., None].repeat(len(calls), axis=2)


@pytest.mark.parametrize(
    "f, error, says",
    [
        (bad, ValueError, r"NaN or infinity, first at output \[3\]: .* give an x within the range"),
        (lambda x: np.where(x > x[0, 2], x, -np.inf), ValueError, "NaN or infinity, first at"),
        (random, ValueError, r"differ from call to call .*\(net\.eval\(\) in"),
        (lambda x: x[:, 1:], ValueError, r"x \(2, 5\) has the positions \(5,\), but an output"),
        (lambda x: x.sum(), ValueError, r"has shape \(\): reshape it to \(N, 5, features\)"),
        (lambda x: 1.0, TypeError, r"must return an array like x .* got float"),
        (lambda x: [x], TypeError, r"got list: of a PyTorch module return y\.detach\(\)\.numpy"),
        (lambda x: (), ValueError, "f returns no array"),
        (
            lambda x: x[:1],
            ValueError,
            r"x has 2 examples, .* shape \(1, 5\): give a row an example",
        ),
        (lambda x: x.astype(object), TypeError, r"an output of dtype object, expected .*astype\("),
        (lambda x: x + 0j, TypeError, r"an output of dtype complex128, expected floats, integers"),
        (lambda x: x.astype(str), TypeError, r"an output of dtype <U\d+, expected floats"),
        (
            growing,
            ValueError,
            r"outputs of shapes \[\(2, 5, 2\)\], and then \[\(2, 5, 3\)\]: each call",
        ),
        (3, TypeError, r"expected a function f\(x\) -> y, got int"),
        (L.Tanh(), TypeError, r"Tanh is a layer, and p=None: give its parameters"),
    ],
)
def test_a_function_that_cannot_be_checked_is_refused(f, error, says, rng):
    with pytest.raises(error, match=says):
        check_causal(f, x=rng.normal(size=(2, 5)))


def test_an_input_that_cannot_be_moved_is_refused(rng):
    f = rows(planted(rng, 5))
    with pytest.raises(ValueError, match=r"all of x is 0\.0, so nothing can be changed"):
        check_causal(f, x=np.zeros((2, 5)))
    for x in (None, [[1.0, 2.0]]):
        with pytest.raises(TypeError, match=r"expected x as an array \(N, D\), .* got"):
            check_causal(f, x=x)


@pytest.mark.parametrize("p", [None, {}])
@pytest.mark.parametrize(
    "change, error, says",
    [
        (lambda x: x > 0, TypeError, r"x is bool, expected floats or integers: .*astype\(np.int64"),
        (lambda x: x.astype(object), TypeError, r"x is object, expected floats or integers"),
        (lambda x: x[0], ValueError, r"expected x \(N, D\), .* got x of shape \(5,\)"),
        (lambda x: x.reshape(2, 5, 1, 1, 1), ValueError, r"got x of shape \(2, 5, 1, 1, 1\)"),
        (lambda x: (x, x), TypeError, r"expected x as an array \(N, D\), .* got tuple"),
    ],
)
def test_an_input_of_another_kind_is_refused(change, error, says, p, rng):
    def f(p, x):
        return x, lambda dy: ({}, dy)

    with pytest.raises(error, match=says):
        check_causal(f if p == {} else lambda x: x, p, change(rng.normal(size=(2, 5))))


def test_a_gradient_that_is_no_array_is_refused(rng):
    def f(p, x):
        return np.cumsum(x, axis=1) - x, lambda dy: ({}, (dy, ()))

    with pytest.raises(TypeError, match=r"gave dx as tuple, expected an array like x \(2, 5\): "):
        check_causal(f, {}, rng.normal(size=(2, 5)))


def test_outputs_of_integers_and_booleans_are_seen_through(rng):
    x = rng.integers(4, size=(3, 6))
    for kind in (np.int64, np.uint8, bool):
        W = planted(rng, 6).astype(np.int64) != 0
        report = check_causal(lambda x, W=W, kind=kind: (x @ W % 2).astype(kind), x=x)
        assert report.passed and np.array_equal(report.sees, W.T)
    assert check_causal(lambda x: x > 1, x=x).leaks == [((k,), (k,)) for k in range(6)]


def test_the_sweeps_over_the_steps_can_be_watched(rng):
    watched = []

    def over(steps):
        watched.append(len(steps))
        return steps

    layer = L.MaskedConv2d(1, 2, 3, "A")
    p, x = layer.init(rng, np.float64), rng.normal(size=(2, 3, 4, 1))
    assert check_causal(layer, p, x, over=over) and watched == [12, 12]  # values, gradient
    watched.clear()
    assert not check_causal(lambda x: x, x=x, over=over) and watched == [12, 12]  # and each alone


def test_channels_in_front_are_told_where_they_belong(rng):
    x = rng.normal(size=(2, 4, 5, 1))
    with pytest.raises(ValueError, match=r"shape \(2, 1, 4, 5\): move its channels to the end"):
        check_causal(lambda x: x.transpose(0, 3, 1, 2), x=x)


def test_a_nan_that_comes_only_of_a_changed_input_is_refused_too(rng):
    x = rng.uniform(0.1, 1.0, size=(2, 5))
    limit = x[0, 0] + 1e-9

    def f(x):
        return x + np.where(x[:, :1] > limit, np.nan, 0.0) * (x[0, 0] > limit)

    with pytest.raises(ValueError, match=r"NaN or infinity"):
        check_causal(f, x=x)


def test_a_backward_that_claims_more_than_the_values_show_is_wrong(rng):
    W = planted(rng, 6)
    full = rng.normal(size=(6, 6))

    def f(p, x):
        return x @ W, Pullback(no_params, lambda dy: dy @ full.T, x)

    report = check_causal(f, {}, rng.normal(size=(2, 6)))
    assert [row.name for row in report.rows if not row.passed] == ["gradient"]
    assert len(report.leaks) == 21 and "21 such pairs" in str(report)
