"""Skewing: the diagonals are the columns of the paper's map, and unskewing undoes it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.kernels.skew import diagonals, skew, unskew

SIZES = st.integers(1, 6)
quick = settings(max_examples=30, deadline=None)


def skewed_map(x):
    """The paper's map (N, H, H + W - 1, C), row r moved r places to the right; NaN: no pixel."""
    N, H, W, C = x.shape
    y = np.full((N, H, H + W - 1, C), np.nan)
    for r in range(H):
        y[:, r, r : r + W] = x[:, r]
    return y


def columns(y):
    """The columns of a skewed map without its empty places: (C, n N), N examples a place."""
    found = []
    for t in range(y.shape[2]):
        rows = [r for r in range(y.shape[1]) if not np.isnan(y[0, r, t, 0])]
        found.append(np.concatenate([y[:, r, t] for r in rows]).T)
    return found


@quick
@given(SIZES, SIZES, SIZES, SIZES)
def test_diagonals_are_the_columns_of_the_skewed_map(N, H, W, C):
    x = np.random.default_rng(0).normal(size=(N, H, W, C))
    steps = diagonals(H, W, N)
    for mirrored, image in ((False, x), (True, x[:, :, ::-1])):
        for ours, expected in zip(
            skew(x, steps, mirrored), columns(skewed_map(image)), strict=True
        ):
            np.testing.assert_array_equal(ours, expected)


@quick
@given(SIZES, SIZES, SIZES, SIZES, st.booleans())
def test_unskewing_is_inverse_and_adjoint(N, H, W, C, mirrored):
    rng = np.random.default_rng(0)
    steps, x = diagonals(H, W, N), rng.normal(size=(N, H, W, C))
    skewed = skew(x, steps, mirrored)
    np.testing.assert_array_equal(unskew(skewed, steps, x.shape, mirrored), x)
    y = [rng.normal(size=a.shape) for a in skewed]
    left = sum(np.vdot(a, b) for a, b in zip(skewed, y, strict=True))
    right = np.vdot(x, unskew(y, steps, x.shape, mirrored))
    assert abs(left - right) <= 1e-12 * max(1, np.sqrt(x.size) * np.linalg.norm(x))


@quick
@given(SIZES, SIZES, SIZES)
def test_neighbours_on_the_next_diagonal_are_those_beside_and_below(N, H, W):
    place = np.arange(H * W).reshape(1, H, W, 1) + np.zeros((N, 1, 1, 1), int)
    steps = diagonals(H, W, N)
    skewed = [a[0] for a in skew(place, steps)]
    beside, below = set(), set()
    for d, here, there in zip(steps, skewed, skewed[1:], strict=False):
        np.testing.assert_array_equal(here[d.beside[0]] + 1, there[d.beside[1]])
        np.testing.assert_array_equal(here[d.below[0]] + W, there[d.below[1]])
        beside |= set(there[d.beside[1]])
        below |= set(there[d.below[1]])
    assert beside == set(place[0, :, 1:].ravel())
    assert below == set(place[0, 1:].ravel())


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_a_row_and_a_column_have_a_place_a_diagonal(shape):
    assert [d.n for d in diagonals(*shape)] == [1] * (sum(shape) - 1)
