"""Windows along rows: the sums of the plain definition, on all sizes that differ."""

import numpy as np
import pytest

from tinygen.kernels import row_windows


def by_definition(x, W, left):
    """y[n,i,j] = sum_uv x[n, i + u - (kh - 1), j + v - left] W[u,v], zeros outside."""
    (N, H, width, _), (kh, kw, _, O) = x.shape, W.shape
    y = np.zeros((N, H, width, O))
    for i, j, u, v in np.ndindex(H, width, kh, kw):
        a, b = i + u - (kh - 1), j + v - left
        if 0 <= a < H and 0 <= b < width:
            y[:, i, j] += x[:, a, b] @ W[u, v]
    return y


sizes = pytest.mark.parametrize(
    "N, H, width, kh, kw, left",
    [
        *((3, 5, 4, 2, 3, 1), (2, 4, 5, 4, 7, 3), (5, 3, 6, 1, 2, 1), (2, 3, 3, 1, 1, 0)),
        *((1, 2, 3, 4, 3, 1), (2, 5, 2, 1, 4, 3), (2, 4, 3, 3, 2, 0), (3, 1, 1, 2, 5, 2)),
        (7, 40, 21, 2, 3, 1),  # several blocks of images, the last one smaller
    ],
)


def point(N, H, width, kh, kw, dtype=np.float64):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(N, H, width, 3)).astype(dtype),
        rng.normal(size=(kh, kw, 3, 2)).astype(dtype),
        rng.normal(size=2).astype(dtype),
        rng.normal(size=(N, H, width, 2)).astype(dtype),
    )


@sizes
def test_windows_along_rows_are_the_sums_of_the_definition(N, H, width, kh, kw, left):
    x, W, b, _ = point(N, H, width, kh, kw)
    y = row_windows.correlate(x, W, b, left)
    np.testing.assert_allclose(y, by_definition(x, W, left) + b, atol=1e-12)


@sizes
def test_both_gradients_are_adjoints(N, H, width, kh, kw, left):
    """<y, dy> = <x, dx> = <W, dW>: linear in x and in W."""
    x, W, b, dy = point(N, H, width, kh, kw)
    inner = (row_windows.correlate(x, W, 0 * b, left) * dy).sum()
    dx = row_windows.input_grad(dy, W, left)
    dW = row_windows.weight_grad(x, dy, (kh, kw), left)
    assert dx.shape == x.shape and dW.shape == W.shape
    np.testing.assert_allclose([(x * dx).sum(), (W * dW).sum()], inner, rtol=1e-12)


def test_no_rounding_crosses_the_frame():
    """One pixel of x at 1e30 leaves alone, to the bit, all that does not see it."""
    x, W, b, _ = point(2, 6, 5, 2, 3)
    there = x.copy()
    there[0, 3, 2] = 1e30
    moved = row_windows.correlate(x, W, b, 1) != row_windows.correlate(there, W, b, 1)
    expected = np.zeros((2, 6, 5, 2), bool)
    expected[0, 3:5, 1:4] = True
    assert np.array_equal(moved, expected)


def test_single_precision_stays_single():
    x, W, b, dy = point(2, 4, 5, 2, 3, np.float32)
    for a in (x, W, b, dy):
        a.flags.writeable = False
    outs = (
        row_windows.correlate(x, W, b, 1),
        row_windows.input_grad(dy, W, 1),
        row_windows.weight_grad(x, dy, (2, 3), 1),
    )
    assert [a.dtype for a in outs] == [np.float32] * 3
