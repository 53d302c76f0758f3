"""The Row LSTM one pixel at a time, for drawing images: the row above is convolved once a row.

s_r = K_ss * h_{r-1} + b          at the first pixel of row r, for the whole row
a_rj = s_rj + sum_u x_{r, j+u-m} K_is_u                    docs/derivations/row_lstm.md
"""

from collections.abc import Callable

from tinygen.arrays import Array, namespace
from tinygen.kernels.elementwise import sigmoid

Step = Callable[[int, int, Array], Array]  # (r, c, x (n, C)) -> h (n, F)


def row_steps(K_is: Array, K_ss: Array, b: Array, n: int, W: int) -> Step:
    """step(r, c, x) -> h[r, c] (n, F) from x (n, C), the input at (r, c).

    K_is, K_ss, b : the weights, masked
    n, W          : images, and pixels in a row

    Places come in raster order. One may come again, when more channels of it are known: its last
    x counts.
    """
    xp, (taps, C, _), (k, F, _) = namespace(b), K_is.shape, K_ss.shape
    m = k // 2
    xs = xp.zeros((n, m + W, C), b.dtype)  # this row, and what lies left of it
    hs = xp.zeros((n, m + W + m, F), b.dtype)  # the row above, overwritten by this one
    cs, cs_above = xp.zeros((2, n, W, F), b.dtype)
    s = xp.empty((n, W, 4 * F), b.dtype)
    W_is, row = K_is.reshape(taps * C, 4 * F), -1

    def step(r: int, c: int, x: Array) -> Array:
        nonlocal row
        if r != row:
            s[...] = b
            for u in range(k):
                s[...] += hs[:, u : u + W] @ K_ss[u]  # K_ss * h_{r-1} + b     (n, W, 4F)
            cs_above[...] = cs
            row = r
        xs[:, m + c] = x
        a = s[:, c] + xs[:, c : c + taps].reshape(n, -1) @ W_is  # (1)  (n, 4F)
        gates = sigmoid(a)
        i, f, o = gates[:, :F], gates[:, F : 2 * F], gates[:, 3 * F :]  # (2), (3), (5)
        g = xp.tanh(a[:, 2 * F : 3 * F])  # (4)
        cs[:, c] = f * cs_above[:, c] + i * g  # (6)
        hs[:, m + c] = o * xp.tanh(cs[:, c])  # (7)
        return hs[:, m + c]

    return step
