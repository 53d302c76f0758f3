"""Mu-law: its formula, its error bound, its order; what it refuses."""

import numpy as np
import pytest

from tinygen.data.mu_law import LEVELS, MU, decode, edges, encode


@pytest.mark.parametrize("levels", [2, 17, 256, 65536])
def test_every_level_comes_back(levels):
    q = np.arange(levels)
    x = decode(q, levels)
    assert np.array_equal(encode(x, levels), q)
    assert np.all(np.diff(x) > 0) and x[0] == -1 and x[-1] == 1 and x.dtype == np.float32


@pytest.mark.parametrize("levels", [16, 256, 1024])
def test_the_error_stays_below_its_bound_and_reaches_it(rng, levels):
    tiny = np.geomspace(1e-6, 1, 4000)
    x = np.concatenate([rng.uniform(-1, 1, 50_000), tiny, -tiny, [0.0]])
    bound = (np.abs(x) + 1 / MU) * ((1 + MU) ** (1 / (levels - 1)) - 1)
    error = np.abs(decode(encode(x, levels), levels) - x)
    assert np.all(error <= bound + 1e-7)  # 1e-7: decode gives single precision
    assert (error / bound).max() > 0.97


def test_the_bound_in_words_is_the_bound_in_numbers():
    share = (1 + MU) ** (1 / (LEVELS - 1)) - 1
    assert share == pytest.approx(0.022, abs=1e-4) and share / MU == pytest.approx(1e-4, rel=0.15)


def test_loud_and_quiet_are_coded_alike_with_either_sign(rng):
    x = rng.uniform(-1, 1, 1000)
    assert np.array_equal(encode(-x), LEVELS - 1 - encode(x))
    quiet, loud = np.array([0.010, 0.011]), np.array([0.800, 0.801])
    assert np.ptp(encode(quiet)) > 0 and np.ptp(encode(loud)) == 0
    assert (
        encode(np.array([0.01]))[0] - 127.5 > 128 * 0.2
    )  # a hundredth takes a fifth of the levels


@pytest.mark.parametrize("levels", [16, 256])
def test_the_edges_are_where_the_level_changes(levels):
    e = edges(levels)
    assert e.shape == (levels - 1,)
    below, above = encode(e - 1e-9, levels), encode(e + 1e-9, levels)
    assert np.array_equal(below, np.arange(levels - 1)) and np.array_equal(above, below + 1)


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: encode(np.array([0.5, 1.01])), ValueError, r"x must lie in \[-1, 1\], got 1.01"),
        (lambda: encode(np.array([np.nan])), ValueError, r"x must lie in \[-1, 1\], got nan"),
        (lambda: encode(np.zeros(3), 1), ValueError, "levels must be a whole number >= 2, got 1"),
        (lambda: decode(np.array([256])), ValueError, r"levels must lie in \[0, 255\], got 256"),
        (lambda: decode(np.array([-1])), ValueError, r"levels must lie in \[0, 255\], got -1"),
        (lambda: decode(np.array([0.5])), TypeError, "whole numbers, got float64: use encode"),
    ],
)
def test_what_is_no_sound_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
