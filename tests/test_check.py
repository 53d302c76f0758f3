"""The checks themselves: what they accept, what they refuse, and what they say."""

import re

import matplotlib.image
import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.check import (
    Report,
    Row,
    all_images,
    check_adjoint,
    check_causal,
    check_contract,
    check_gradients,
    check_normalised,
    dependencies,
)
from tinygen.check.gradients import REDRAWS
from tinygen.pullback import Pullback, no_params


def pointwise(value, slope):
    """f(p, x) -> y = value(x) with dx = dy slope(x)."""

    def f(p, x):
        y = value(x)
        return y, Pullback(no_params, lambda dy: dy * slope(x), y)

    return f


def failing(report):
    return [row.name for row in report.rows if not row.passed]


# What f, p and x may look like


def test_p_x_and_y_may_be_trees_and_scalars(rng):
    """y = {"s": sum x0 w, "t": (x1^2,)}, x = (x0, {"deep": x1}, labels)."""

    def f(p, x):
        w, (x0, rest, labels) = p["a"]["w"], x
        y = {"s": (x0 * w).sum(), "t": (rest["deep"] ** 2,), "labels": labels}

        def dp(dy):
            return {"a": {"w": dy["s"] * x0}}

        def dx(dy):
            return dy["s"] * w, {"deep": 2 * rest["deep"] * dy["t"][0]}, ()

        return y, Pullback(dp, dx, y)

    x = (rng.normal(size=(2, 3)), {"deep": rng.normal(size=4)}, np.array([1, 0]))
    report = check_gradients(f, {"a": {"w": rng.normal(size=(2, 3))}}, x, rng=rng)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == ["a.w", "x.0", "x.1.deep"]


def test_y_may_be_a_plain_number(rng):
    def f(p, x):
        return float((x**2).sum()), lambda dy: ({}, 2 * x * dy)

    assert check_gradients(f, {}, rng.normal(size=3), rng=rng).passed


def test_a_parameter_array_by_itself_is_named_p(rng):
    def f(p, x):
        y = p * x
        return y, Pullback(lambda dy: dy * x, lambda dy: dy * p, y)

    report = check_gradients(f, rng.normal(size=3), rng.normal(size=3), rng=rng)
    assert report.passed
    assert [row.name for row in report.rows] == ["p", "x"]


def test_without_x_the_input_is_left_out_and_dx_is_not_called(rng):
    def f(p, x):
        y = p["w"] * x
        return y, Pullback(lambda dy: {"w": dy * x}, None, y)

    report = check_gradients(f, {"w": rng.normal(size=3)}, rng.normal(size=3), rng=rng, wrt_x=False)
    assert report.passed
    assert [row.name for row in report.rows] == ["w"]


def test_single_precision_parameters_are_checked_in_double(rng):
    layer = L.Dense(3, 4)
    p = layer.init(rng)
    report = check_gradients(layer, p, rng.normal(size=(2, 3)).astype(np.float32), rng=rng)
    assert report.passed and max(row.error for row in report.rows) < 1e-9
    assert p["W"].dtype == np.float32


def test_the_callers_arrays_are_not_changed(rng):
    layer, x = L.Dense(3, 4), rng.normal(size=(2, 3))
    p = layer.init(rng, np.float64)
    before = tree.map(np.copy, p), x.copy()
    check_gradients(layer, p, x, rng=rng)
    assert all(
        np.array_equal(a, b)
        for (_, a), (_, b) in zip(tree.leaves((p, x)), tree.leaves(before), strict=True)
    )


def test_the_same_seed_gives_the_same_report(rng):
    layer = L.Dense(3, 4)
    p, x = layer.init(rng), rng.normal(size=(2, 3))
    reports = [str(check_gradients(layer, p, x, rng=np.random.default_rng(5))) for _ in range(2)]
    assert reports[0] == reports[1]


def test_large_leaves_are_moved_along_five_directions_small_ones_along_every_axis(rng):
    calls = []

    def f(p, x):
        calls.append(x)
        return x * x, Pullback(no_params, lambda dy: 2 * x * dy, x)

    for size, directions in ((200, 205), (201, 5)):
        calls.clear()
        assert check_gradients(f, {}, rng.normal(size=size), rng=rng).passed
        assert len(calls) == 2 + 2 * directions  # y, y again, and both sides at the first step


# What is refused


@pytest.mark.parametrize("share, passes", [(3e-7, True), (3e-6, False)])
def test_the_tolerance_is_a_millionth_of_the_gradient(rng, share, passes):
    f = pointwise(np.sin, lambda x: np.cos(x) * (1 + share))
    assert check_gradients(f, {}, rng.normal(size=(4, 3)), rng=rng).passed == passes


@pytest.mark.parametrize("share, passes", [(1e-7, True), (2e-3, False)])
def test_a_large_output_hides_no_more_than_a_thousandth(rng, share, passes):
    """S = sum |u y| is near 1e7 here: a floor of 2e-4 at the first step, of 0.02 at the last."""
    f = pointwise(lambda x: 1e6 + x, lambda x: np.full_like(x, 1 + share))
    assert check_gradients(f, {}, rng.normal(size=(4, 3)), rng=rng).passed == passes


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_fails(rng, bad):
    report = check_gradients(pointwise(np.tanh, lambda x: bad + 0 * x), {}, np.ones(3), rng=rng)
    assert failing(report) == ["x"]
    assert "NaN or infinity" in str(report)


def test_a_value_that_is_not_finite_fails(rng):
    report = check_gradients(pointwise(lambda x: x * np.nan, np.ones_like), {}, np.ones(3), rng=rng)
    assert failing(report) == ["y"]


def test_a_value_that_is_nan_beside_the_point_fails(rng):
    def value(x):
        return np.where(x == 1, x, np.nan)

    report = check_gradients(pointwise(value, np.ones_like), {}, np.ones(3), rng=rng)
    assert failing(report) == ["x"]


def test_noise_inside_f_is_named(rng):
    noise = np.random.default_rng(0)
    f = pointwise(lambda x: x + noise.normal(size=x.shape), np.ones_like)
    report = check_gradients(f, {}, np.ones(3), rng=rng)
    assert failing(report) == ["y"]
    assert "noise must be an argument" in str(report)


def test_a_gradient_of_another_dtype_fails(rng):
    report = check_gradients(
        pointwise(lambda x: x, lambda x: np.float32(1)), {}, np.ones(3), rng=rng
    )
    assert report.passed  # float64 times float32 is float64

    def f(p, x):
        return x, Pullback(no_params, lambda dy: dy.astype(np.float32), x)

    report = check_gradients(f, {}, np.ones(3), rng=rng)
    assert failing(report) == ["x"]
    assert "the gradient is float32, the leaf is float64" in str(report)


@pytest.mark.parametrize(
    "dx, says",
    [
        (lambda dy: (dy,), "a gradient of no leaf|expected a tuple|no gradient"),
        (lambda dy: [dy, dy], "a list, expected a tuple"),
        (lambda dy: None, "no gradient, expected a tuple"),
        (lambda dy: (dy, dy, dy), "a gradient of no leaf"),
        (lambda dy: (dy, dy[:2]), r"has shape \(2,\), expected \(3,\)"),
        (lambda dy: (dy, 1.0), "the gradient is a float, expected an array"),
    ],
)
def test_dx_must_have_the_structure_and_shapes_of_x(rng, dx, says):
    def f(p, x):
        y = x[0] + x[1]
        return y, Pullback(no_params, dx, y)

    report = check_gradients(f, {}, (np.ones(3), np.ones(3)), rng=rng)
    assert not report.passed
    assert re.search(says, str(report)), str(report)


def test_a_zero_gradient_fails_unless_it_is_named(rng):
    f = pointwise(lambda x: 0 * x + 1, lambda x: 0 * x)
    assert failing(check_gradients(f, {}, np.ones(3), rng=rng)) == ["x"]
    report = check_gradients(f, {}, np.ones(3), rng=rng, zero=("x",))
    assert report.passed and report.zeros == ("x",)


def test_a_map_that_is_zero_itself_is_told_apart_from_an_error(rng):
    f = pointwise(lambda x: 0 * x, lambda x: 0 * x)
    assert check_gradients(f, {}, np.ones(3), rng=rng, zero=("x",)).passed
    f = pointwise(lambda x: 0 * x, lambda x: 0 * x + 1e-9)
    assert failing(check_gradients(f, {}, np.ones(3), rng=rng, zero=("x",))) == ["x"]


def test_a_leaf_named_zero_that_is_not_fails(rng):
    report = check_gradients(L.Tanh(), {}, np.ones(3), rng=rng, zero=("x",))
    assert "named in zero=, but it is not zero" in str(report)
    assert not report.passed


def test_a_name_in_zero_that_no_leaf_has_is_refused(rng):
    with pytest.raises(ValueError, match=r"zero= names \['b'\], but the leaves are \['x'\]"):
        check_gradients(L.Tanh(), {}, np.ones(3), rng=rng, zero=("b",))


def test_a_point_on_the_edge_of_what_f_accepts_is_explained(rng):
    def f(p, x):
        if x.min() < 0 or x.max() > 1:
            raise ValueError("pixels outside [0, 1]")
        return x, Pullback(no_params, lambda dy: dy, x)

    with pytest.raises(ValueError, match="pixels outside") as refusal:
        check_gradients(f, {}, np.ones(3), rng=rng)
    assert "wrt_x=False" in refusal.value.__notes__[0]


# Kinks


def test_a_kink_redraws_the_point_and_is_counted(rng):
    report = check_gradients(L.Relu(), {}, np.zeros((2, 3)), rng=rng)
    assert report.passed and report.redraws == 1
    assert "point redrawn once" in str(report)


def test_a_kink_deep_inside_a_net_is_found(rng):
    net = L.Sequential(L.Dense(3, 5), L.Relu(), L.Dense(5, 4), L.Tanh(), L.Dense(4, 2))
    p = net.init(rng, np.float64)  # zero biases: at x = 0 every ReLU stands at its kink
    report = check_gradients(net, p, np.zeros((2, 3)), rng=rng)
    assert report.passed and report.redraws >= 1


def test_a_kink_between_the_two_smallest_steps_is_found(rng):
    x = np.array([3e-7, -3e-7, 0.5])
    report = check_gradients(L.Relu(), {}, x, rng=rng)
    assert report.passed and report.redraws == 1


def test_a_kink_that_no_redraw_leaves_fails(rng):
    def f(p, x):  # |x - x|: the corner goes wherever the point goes
        here = np.round(x, 3)
        y = np.abs(x - anchor.setdefault(here.tobytes(), x))
        return y, Pullback(no_params, lambda dy: 0 * dy, y)

    anchor = {}
    report = check_gradients(f, {}, np.ones(2), rng=rng)
    assert not report.passed
    assert report.redraws == REDRAWS
    assert "kink suspected" in str(report)


def test_a_wrong_gradient_at_a_kink_fails_at_the_redrawn_point(rng):
    f = pointwise(lambda x: np.maximum(x, 0), lambda x: 1.0 * (x <= 0))
    report = check_gradients(f, {}, np.zeros(4), rng=rng)
    assert failing(report) == ["x"]
    assert "kink" not in report.rows[0].verdict


def test_a_plain_error_is_not_forgiven_beside_a_kink(rng):
    """w is wrong at this point alone; x stands at a kink, which would redraw the point."""

    def f(p, x):
        y = p["w"] * 3 + np.abs(x)
        wrong = 2.0 if p["w"][0] == 1.0 else 3.0
        return y, Pullback(lambda dy: {"w": wrong * dy}, lambda dy: dy * (x > 0), y)

    report = check_gradients(f, {"w": np.ones(3)}, np.zeros(3), rng=rng)
    assert not report.passed and report.redraws == 0
    assert "w" in failing(report)


def test_a_smooth_wrong_gradient_is_no_kink(rng):
    f = pointwise(lambda x: np.sin(40 * x), lambda x: 39 * np.cos(40 * x))
    report = check_gradients(f, {}, rng.normal(size=5), rng=rng)
    assert failing(report) == ["x"] and report.redraws == 0
    assert "kink" not in str(report)


def test_a_value_that_jumps_is_no_kink(rng):
    f = pointwise(lambda x: np.where(x == 1, 0.0, x), lambda x: 0.5 * np.ones_like(x))
    report = check_gradients(f, {}, np.ones(3), rng=rng)
    assert failing(report) == ["x"] and report.redraws == 0


def test_a_turned_array_stays_turned(rng):
    """The layer is wrong on arrays that are not contiguous; every moved point must be one."""

    def f(p, x):
        y = x * x if x.flags.c_contiguous else np.empty_like(x, order="C")
        if not x.flags.c_contiguous:
            y.reshape(-1)[...] = (x * x).reshape(-1, order="F")  # BUG: in the order of memory
        return y, Pullback(no_params, lambda dy: 2 * x * dy, y)

    x = rng.normal(size=(4, 3))
    assert check_gradients(f, {}, x, rng=rng).passed
    report = check_gradients(f, {}, np.asfortranarray(x), rng=rng)
    assert failing(report) == ["x"] and report.redraws == 0


def test_the_redrawn_point_stays_where_f_accepts_it(rng):
    """Pixels in [0, 1], with a kink at 1 / 2: a free step off 0.9999 would be refused."""

    def f(p, x):
        if x.min() < 0 or x.max() > 1:
            raise ValueError("pixels outside [0, 1]")
        y = np.maximum(x, 0.5)
        return y, Pullback(no_params, lambda dy: dy * (x > 0.5), y)

    x = np.array([0.0002, 0.5, 0.5, 0.5, 0.9998] * 8)
    reports = [check_gradients(f, {}, x, rng=np.random.default_rng(seed)) for seed in range(5)]
    assert all(r.redraws >= 1 for r in reports)
    assert all(r.passed for r in reports), str(reports[0])


# The report


def test_report_prints_a_line_a_leaf_with_error_step_and_verdict(rng):
    layer = L.Dense(3, 4)
    text = str(check_gradients(layer, layer.init(rng), rng.normal(size=(2, 3)), rng=rng))
    lines = text.splitlines()
    assert lines[0] == "gradients of Dense"
    assert lines[1].split() == ["leaf", "error", "step", "verdict"]
    assert [line.split()[0] for line in lines[2:5]] == ["W", "b", "x"]
    assert [line.split()[2:] for line in lines[2:5]] == [["1e-04", "ok"]] * 3
    assert lines[-1].strip() == "passed"


def test_a_wrong_row_says_where_and_by_how_much(rng):
    def f(p, x):
        y = 2 * x
        slope = np.where(np.arange(6).reshape(2, 3) == 4, 1.0, 2.0)
        return y, Pullback(no_params, lambda dy: slope * dy, y)

    text = str(check_gradients(f, {}, rng.normal(size=(2, 3)), rng=rng))
    assert "WRONG at [1, 1]: numeric" in text
    assert text.splitlines()[-1].strip() == "FAILED"


def test_a_report_without_rows_has_shown_nothing_and_fails(rng):
    report = check_gradients(lambda p, x: (x, lambda dy: ({}, ())), {}, np.arange(3), rng=rng)
    assert not report and not report.passed
    assert "nothing to check" in str(report)


def test_the_plot_shows_a_v_for_a_right_gradient_and_a_flat_line_for_a_wrong_one(rng, tmp_path):
    right = check_gradients(L.Tanh(), {}, rng.normal(size=(2, 3)), rng=rng)
    figure = right.plot(tmp_path / "v.png")
    steps, errors = figure.axes[0].lines[0].get_data()
    best = errors.argmin()
    assert steps[0] > steps[-1]
    assert 0 < best < len(errors) - 1
    assert errors[0] > 1e3 * errors[best] and errors[-1] > 1e3 * errors[best]
    picture = matplotlib.image.imread(tmp_path / "v.png")
    assert picture.shape[0] > 300 and picture.std() > 0.01

    wrong = check_gradients(pointwise(np.tanh, lambda x: 0.9 + 0 * x), {}, np.ones(4), rng=rng)
    errors = wrong.plot().axes[0].lines[0].get_ydata()
    assert errors[4:16].max() < 1.01 * errors[4:16].min()


def test_the_plot_leaves_out_steps_that_f_refuses(rng):
    def f(p, x):
        if x.max() > 1:
            raise ValueError("too large")
        return x**3, Pullback(no_params, lambda dy: 3 * x**2 * dy, x)

    report = check_gradients(f, {}, np.full(3, 0.99), rng=rng)
    errors = report.plot().axes[0].lines[0].get_ydata()
    assert report.passed and np.isnan(errors[0]) and np.isfinite(errors[-1])


def test_the_plot_leaves_out_leaves_whose_gradient_is_rightly_zero(rng):
    net = L.Sequential(L.Dense(3, 2), L.BatchNorm(2))
    p, x = net.init(rng, np.float64), rng.normal(size=(4, 3))
    report = check_gradients(net, p, x, rng=rng, zero=("0.b",))
    assert report.passed and "0.b" not in report.sweep() and "0.W" in report.sweep()


def test_only_gradient_checks_can_be_plotted(rng):
    with pytest.raises(ValueError, match="only gradient checks"):
        Report("adjoint", [Row("adjoint", 0.0, None, "ok")]).plot()


# check_adjoint


A = np.random.default_rng(7).normal(size=(12, 20))


def test_a_matrix_and_its_transpose_are_adjoint(rng):
    report = check_adjoint(
        lambda x: (A @ x.reshape(20)).reshape(3, 4),
        lambda y: (y.reshape(12) @ A).reshape(4, 5),
        (4, 5),
        (3, 4),
        rng=rng,
    )
    assert report.passed and report.rows[-1].error < 1e-14, str(report)


@pytest.mark.parametrize(
    "forward, adjoint, row, says",
    [
        (lambda x: A @ x, lambda y: y @ (A * (1 + 1e-10)), "adjoint", "WRONG: <A x, y>"),
        (lambda x: A @ x + 1, lambda y: y @ A, "A linear", "not linear"),
        (lambda x: A @ x, lambda y: np.abs(y) @ A, "A^T linear", "not linear"),
        (lambda x: 0 * (A @ x), lambda y: 0 * (y @ A), "A linear", "zero"),
        (lambda x: A @ x, lambda y: (y @ A)[:-1], "A^T shape", r"\(19,\), expected \(20,\)"),
        (lambda x: A @ x * np.nan, lambda y: y @ A, "A linear", "WRONG"),
    ],
)
def test_what_is_not_adjoint_is_refused(rng, forward, adjoint, row, says):
    report = check_adjoint(forward, adjoint, (20,), (12,), rng=rng)
    assert row in failing(report), str(report)
    assert re.search(says, str(report)), str(report)


# check_causal


def linear_map(W):
    """x (N, ..., C) -> y (N, ..., F) over all positions at once, W (in, out)."""

    def f(p, x):
        shape = x.shape if x.ndim == 2 else (*x.shape[:-1], -1)
        y = (x.reshape(len(x), -1) @ W).reshape(shape)
        return y, Pullback(no_params, lambda dy: (dy.reshape(len(x), -1) @ W.T).reshape(x.shape), y)

    return f


@pytest.mark.parametrize("shape", [(2, 6), (2, 6, 1), (2, 2, 3, 1)])
@pytest.mark.parametrize("strict", [True, False])
def test_causality_holds_in_raster_order_on_vectors_sequences_and_images(rng, shape, strict):
    W = np.triu(rng.normal(size=(6, 6)), 1 if strict else 0)
    report = check_causal(linear_map(W), {}, rng.normal(size=shape), strict=strict)
    assert report.passed, str(report)


@pytest.mark.parametrize("shape", [(2, 6), (2, 6, 1), (2, 2, 3, 1)])
def test_every_single_leak_is_found_at_its_place(rng, shape):
    for i in range(6):
        for k in range(i + 1):  # input i is seen by output k <= i
            W = np.triu(rng.normal(size=(6, 6)), 1)
            W[i, k] = 1e-3
            report = check_causal(linear_map(W), {}, rng.normal(size=shape))
            assert failing(report) == ["values", "gradient"], str(report)
            assert check_causal(linear_map(W), {}, rng.normal(size=shape), False).passed == (i == k)


def test_a_leak_is_named_by_position_and_group(rng):
    W = np.triu(rng.normal(size=(12, 12)), 1)
    W[11, 2] = 1
    report = check_causal(linear_map(W), {}, rng.normal(size=(2, 2, 2, 3)), channels=3)
    assert "output [0, 0] group 2 sees input [1, 1] group 2; 1 such pairs" in str(report)


def test_channel_groups_are_contiguous_parts_of_the_features(rng):
    """Two features a channel: r r g g b b on both sides, at one position."""
    blocks = np.kron(np.triu(np.ones((3, 3)), 1), np.ones((2, 2)))
    x = rng.normal(size=(2, 1, 1, 6))
    assert check_causal(linear_map(blocks), {}, x, channels=3).passed
    assert not check_causal(linear_map(blocks), {}, x).passed  # a whole pixel sees itself
    assert check_causal(linear_map(blocks), {}, x, strict=False).passed


def test_the_gradient_row_sees_what_rounding_would_hide_in_the_values(rng):
    W = np.triu(rng.normal(size=(6, 6)), 1)
    W[3, 1] = 1e-30
    assert failing(check_causal(linear_map(W), {}, rng.normal(size=(2, 6)))) == ["gradient"]


def test_the_values_row_does_not_trust_backward(rng):
    """The forward leaks, the backward keeps silent about it."""
    W, full = np.triu(rng.normal(size=(6, 6)), 1), rng.normal(size=(6, 6))

    def f(p, x):
        return x @ full, Pullback(no_params, lambda dy: dy @ W.T, x)

    assert failing(check_causal(f, {}, rng.normal(size=(2, 6)))) == ["values"]


def test_integer_inputs_are_checked_by_their_values(rng):
    W = np.triu(rng.normal(size=(6, 6)), 1)
    for matrix, fails in ((W, []), (W.T, ["values"]), (0 * W, ["alive"])):

        def f(p, x, matrix=matrix):
            y = x.astype(np.float64) @ matrix
            return y, Pullback(no_params, lambda dy: (), y)

        assert failing(check_causal(f, {}, rng.integers(256, size=(2, 6)))) == fails


def test_y_may_be_a_tree_with_more_features_than_x(rng):
    W = np.triu(rng.normal(size=(6, 6)), 1)

    def f(p, x):
        y = {"mean": x @ W, "logits": (x @ W)[..., None] * np.arange(1, 4)}

        def dx(dy):
            return (dy["mean"] + dy["logits"] @ np.arange(1, 4)) @ W.T

        return y, Pullback(no_params, dx, y)

    assert check_causal(f, {}, rng.normal(size=(2, 6))).passed


def test_dependencies_are_the_receptive_field(rng):
    W = (rng.random((6, 6)) < 0.5) * rng.normal(size=(6, 6))
    assert np.array_equal(dependencies(linear_map(W), {}, rng.normal(size=(2, 6))), (W != 0).T)


def test_causality_refuses_shapes_that_it_cannot_order(rng):
    def f(p, x):
        return x[:, :1], Pullback(no_params, lambda dy: x, x[:, :1])

    with pytest.raises(ValueError, match=r"x \(2, 6\) has the positions \(6,\)"):
        check_causal(f, {}, rng.normal(size=(2, 6)))
    with pytest.raises(ValueError, match="channels=3 does not divide the 2 features"):
        check_causal(linear_map(np.eye(2)), {}, rng.normal(size=(2, 1, 1, 2)), channels=3)


# check_normalised


def test_all_images_are_listed_once():
    images = all_images((3, 3, 1))
    assert images.shape == (512, 3, 3, 1) and set(images.reshape(-1)) == {0.0, 1.0}
    assert len(np.unique(images.reshape(512, -1), axis=0)) == 512
    levels = all_images((2, 1, 2), levels=3, dtype=int)
    assert levels.shape == (81, 2, 1, 2) and levels.dtype == int and levels.max() == 2
    assert len(np.unique(levels.reshape(81, -1), axis=0)) == 81


def test_too_many_images_are_refused():
    with pytest.raises(ValueError, match="too many to list"):
        all_images((5, 5, 1))


@pytest.mark.parametrize("total", [1 - 2e-6, 1 + 2e-6, 0.99, 2.0])
def test_masses_that_do_not_sum_to_one_are_refused(total):
    log_p = np.log(np.full(8, total / 8))
    report = check_normalised(lambda x: log_p[x], np.arange(8))
    assert failing(report) == ["sum"] and report.rows[-1].error == pytest.approx(abs(total - 1))


def test_masses_that_sum_to_one_are_accepted_over_several_blocks():
    n = 10_000
    assert check_normalised(lambda x: np.full(len(x), -np.log(n)), np.arange(n)).passed


def test_a_density_needs_its_weights():
    x, w = np.polynomial.hermite.hermgauss(20)

    def log_prob(x):
        return -(x**2) - 0.5 * np.log(np.pi)

    assert check_normalised(log_prob, x, weights=w * np.exp(x**2)).passed
    assert not check_normalised(log_prob, x).passed


@pytest.mark.parametrize(
    "log_prob, says",
    [
        (lambda x: np.full(len(x), np.nan), "NaN"),
        (lambda x: np.full(len(x), np.inf), "infinity"),
        (lambda x: np.array([0.5, -3.0, -3.0, -3.0]), "above 0"),
        (lambda x: np.full((len(x), 1), np.log(0.25)), r"shape \(4, 1\) for 4 points"),
        (lambda x: 0.0, r"shape \(\) for 4 points"),
    ],
)
def test_values_that_are_no_log_probabilities_are_refused(log_prob, says):
    report = check_normalised(log_prob, np.arange(4))
    assert failing(report) == ["values"]
    assert re.search(says, str(report))


def test_impossible_points_are_allowed():
    log_p = np.array([-np.inf, np.log(0.5), np.log(0.5)])
    assert check_normalised(lambda x: log_p[x], np.arange(3)).passed


# check_contract


def test_the_contract_holds_for_a_layer_in_both_precisions(rng):
    net = L.Sequential(L.Dense(3, 4), L.Tanh(), L.Dense(4, 2))
    for dtype in (np.float32, np.float64):
        x = rng.normal(size=(2, 3)).astype(dtype)
        report = check_contract(net, net.init(rng, dtype), x, rng=rng)
        assert report.passed, str(report)
        assert {"read-only", "again", "between", "additive", "halves", "dtype"} <= {
            row.name for row in report.rows
        }


def test_the_contract_takes_a_backward_without_halves(rng):
    def f(p, x):
        return x * p["w"], lambda dy: ({"w": dy * x}, dy * p["w"])

    report = check_contract(f, {"w": rng.normal(size=3)}, rng.normal(size=3), rng=rng)
    assert report.passed and "halves" not in {row.name for row in report.rows}


def test_errors_other_than_a_write_are_passed_on(rng):
    with pytest.raises(ValueError, match="Dense: expected x of shape"):
        check_contract(L.Dense(3, 4), L.Dense(3, 4).init(rng), rng.normal(size=(2, 5)), rng=rng)
