"""What every forward and backward pass promises, besides being right.

Nothing that crossed a boundary is written to; backward is a function of dy alone, linear, and the
same in halves; gradients have the keys, shapes and dtypes of what they are gradients of.
"""

import numpy as np
import pytest

from tinygen import tree
from tinygen.cases import CASES, Case
from tinygen.layers import Dense, Embedding, Sequential
from tinygen.pullback import Pullback

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def point(case, dtype=np.float64):
    f, p, x = case.make(np.random.default_rng(3))
    return f, cast(p, dtype), cast(x, dtype)


def cast(values, dtype):
    return tree.map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, values)


def cotangent(y, seed):
    rng = np.random.default_rng(seed)
    return tree.map(lambda a: np.asarray(rng.normal(size=a.shape), a.dtype), y)


def gradients(case, backward, dy):
    """(dp, dx); the data of a loss that has no dx leaves dp alone."""
    return backward(dy) if case.wrt_x else (backward.dp(dy), {})


def freeze(values):
    """Read-only from here on: a write raises."""
    for _, a in tree.leaves(values):
        if isinstance(a, np.ndarray):
            a.flags.writeable = False
    return values


def bits(values):
    return [(name, np.asarray(a).dtype, np.asarray(a).tobytes()) for name, a in tree.leaves(values)]


@every_case
def test_nothing_that_crossed_a_boundary_is_written_to(case):
    f, p, x = point(case)
    freeze((p, x))
    before = bits((p, x))
    y, backward = f(p, x)
    dy = freeze(cotangent(y, 1))
    freeze(y)
    crossed = bits((y, dy))
    first = freeze(gradients(case, backward, dy))
    results = bits(first)
    gradients(case, backward, dy)
    backward.dp(dy)
    f(p, x)
    assert bits((p, x)) == before
    assert bits((y, dy)) == crossed
    assert bits(first) == results, "a later call wrote into gradients handed out before"


@every_case
def test_forward_and_backward_give_the_same_bits_twice(case):
    f, p, x = point(case)
    (y, backward), (y2, backward2) = f(p, x), f(p, x)
    assert bits(y) == bits(y2)
    dy = cotangent(y, 1)
    first = bits(gradients(case, backward, dy))
    assert bits(gradients(case, backward, dy)) == first
    assert bits(gradients(case, backward2, dy)) == first


@every_case
def test_a_backward_pass_between_does_not_change_the_next(case):
    f, p, x = point(case)
    y, backward = f(p, x)
    u, v = cotangent(y, 1), cotangent(y, 2)
    expected = bits(gradients(case, f(p, x)[1], v))
    gradients(case, backward, u)
    assert bits(gradients(case, backward, v)) == expected


@every_case
def test_backward_is_linear(case):
    f, p, x = point(case)
    y, backward = f(p, x)
    u, v = cotangent(y, 1), cotangent(y, 2)
    both = gradients(case, backward, tree.map(lambda a, b: 2 * a + b, u, v))
    one, other = gradients(case, backward, u), gradients(case, backward, v)
    parts = zip(tree.leaves(both), tree.leaves(one), tree.leaves(other), strict=True)
    for (name, whole), (_, a), (_, b) in parts:
        scale = max(1.0, abs(2 * a).max(), abs(b).max())
        np.testing.assert_allclose(whole, 2 * a + b, rtol=0, atol=1e-12 * scale, err_msg=name)


@every_case
def test_the_halves_equal_the_whole(case):
    f, p, x = point(case)
    y, backward = f(p, x)
    dy = cotangent(y, 1)
    dp, dx = gradients(case, backward, dy)
    assert bits(backward.dp(dy)) == bits(dp)
    if case.wrt_x:
        assert bits(backward.dx(dy)) == bits(dx)


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_keys_shapes_and_dtypes_of_the_values(case, dtype):
    f, p, x = point(case, dtype)
    y, backward = f(p, x)
    for name, a in tree.leaves(y):
        assert a.dtype == dtype, f"output {name!r} is {a.dtype}"
    dp, dx = gradients(case, backward, cotangent(y, 1))
    floats = {n: a for n, a in tree.leaves(x) if a.dtype.kind == "f"} if case.wrt_x else {}
    for what, values, grads in (("p", dict(tree.leaves(p)), dp), ("x", floats, dx)):
        grads = dict(tree.leaves(grads))
        assert grads.keys() == values.keys(), what
        for name, value in values.items():
            assert grads[name].shape == value.shape, f"{what}: {name}"
            assert grads[name].dtype == dtype, f"{what}: {name} is {grads[name].dtype}"


# The tests above can fail: each rejects a map that breaks its promise.


def double(both, y_of=lambda p, x: p["W"] * x):
    """A map of (p, x) with a backward of our choice: both(p, x, dy) -> (dp, dx)."""

    def f(p, x):
        y = y_of(p, x)
        return y, Pullback.whole(lambda dy: both(p, x, dy), y)

    return f


def right(p, x, dy):
    return {"W": (x * dy).sum(axis=0)}, p["W"] * dy


def writes_dy(p, x, dy):
    dy *= p["W"]
    return {"W": x.sum(axis=0)}, dy


def writes_x(p, x):
    x += 1
    return p["W"] * x


def reuses_a_buffer(p, x, dy, buffer=np.empty((2, 3))):  # noqa: B008
    np.multiply(p["W"], dy, out=buffer)
    return {"W": (x * dy).sum(axis=0)}, buffer


def counts_calls(p, x, dy, calls=[]):  # noqa: B006
    calls.append(0)
    return {"W": (x * dy).sum(axis=0) * len(calls)}, p["W"] * dy


def affine(p, x, dy):
    return {"W": (x * dy).sum(axis=0) + 1e-9}, p["W"] * dy


def other_half(p, x):
    y = p["W"] * x
    whole = Pullback.whole(lambda dy: right(p, x, dy), y)
    return y, Pullback(lambda dy: {"W": 2 * whole.dp(dy)["W"]}, whole.dx, y, whole)


def random_forward(p, x, rng=np.random.default_rng(0)):  # noqa: B008
    return p["W"] * x + rng.normal()


BREACHES = {
    "writes x": (double(right, writes_x), test_nothing_that_crossed_a_boundary_is_written_to),
    "writes dy": (double(writes_dy), test_nothing_that_crossed_a_boundary_is_written_to),
    "hands out a buffer again": (
        double(reuses_a_buffer),
        test_nothing_that_crossed_a_boundary_is_written_to,
    ),
    "keeps state": (double(counts_calls), test_forward_and_backward_give_the_same_bits_twice),
    "draws noise": (
        double(right, random_forward),
        test_forward_and_backward_give_the_same_bits_twice,
    ),
    "keeps state between": (
        double(counts_calls),
        test_a_backward_pass_between_does_not_change_the_next,
    ),
    "is affine": (double(affine), test_backward_is_linear),
    "has other halves": (other_half, test_the_halves_equal_the_whole),
    "leaves dp out": (
        double(lambda p, x, dy: ({}, p["W"] * dy)),
        test_gradients_have_the_keys_shapes_and_dtypes_of_the_values,
    ),
    "adds a key": (
        double(lambda p, x, dy: ({**right(p, x, dy)[0], "b": dy}, p["W"] * dy)),
        test_gradients_have_the_keys_shapes_and_dtypes_of_the_values,
    ),
    "does not sum over the batch": (
        double(lambda p, x, dy: ({"W": x * dy}, p["W"] * dy)),
        test_gradients_have_the_keys_shapes_and_dtypes_of_the_values,
    ),
    "promotes": (
        double(lambda p, x, dy: (right(p, x, dy)[0], p["W"] * dy * np.float64(1))),
        test_gradients_have_the_keys_shapes_and_dtypes_of_the_values,
    ),
    "promotes y": (
        double(right, lambda p, x: p["W"] * x * np.float64(1)),
        test_gradients_have_the_keys_shapes_and_dtypes_of_the_values,
    ),
}


def broken_case(f):
    return Case("broken", lambda rng: (f, {"W": rng.normal(size=3)}, rng.normal(size=(2, 3))))


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_contract_is_found(name):
    f, check = BREACHES[name]
    dtype = (np.float32,) if "dtype" in check.__code__.co_varnames[:2] else ()
    with pytest.raises((AssertionError, ValueError, TypeError)):
        check(broken_case(f), *dtype)


def test_the_unbroken_map_passes_them_all():
    for _, check in BREACHES.values():
        dtype = (np.float32,) if "dtype" in check.__code__.co_varnames[:2] else ()
        check(broken_case(double(right)), *dtype)


def test_integer_input_has_no_gradient():
    net = Sequential(Embedding(5, 4), Dense(4, 3))
    p, x = net.init(np.random.default_rng(0)), np.array([0, 3, 3])
    y, backward = net.forward(p, x)
    dp, dx = backward(np.ones_like(y))
    assert dx == {}
    assert backward.dx(np.ones_like(y)) == {}
    np.testing.assert_array_equal(dp["0"]["W"][[1, 2, 4]], 0)
    assert abs(dp["0"]["W"][[0, 3]]).min() > 0
