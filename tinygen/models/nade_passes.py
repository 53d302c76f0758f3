"""NADE's passes over the places, forwards and backwards, in O(N D H).

    a_1 = c,   a_{i+1} = a_i + x_i W_i,   h_i = f(a_i),   y_i = b_i + h_i V_i^T

Where x_i = 0, a and h stay as they are: on black and white pictures most rows of most places are
left alone, which is exact. What a row owes to its state is gathered in G until the state changes.
                                                           docs/derivations/nade.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, device_of, namespace
from tinygen.kernels.elementwise import sigmoid

ROWS = 256  # examples at once: their states fit the second-level cache
PLACES = 32  # in a block: between two, a is kept, so that none is undone further than this


def relu(a: Array) -> Array:
    """max(a, 0)"""
    return namespace(a).maximum(a, 0)


# f, and f' as a function of h = f(a)
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "sigmoid": (sigmoid, lambda h: h * (1 - h)),
    "relu": (relu, lambda h: (h > 0).astype(h.dtype)),
}


def forward(
    W: Array, c: Array, V: Array, b: Array, x: Array, activation: str
) -> tuple[Array, list[Array]]:
    """y (N, D, O) of x (N, D), and a after each block of places.

    W (D, H)   c (H,)   V (D, O, H)   b (D, O)
    """
    xp, (N, D), (f, _) = namespace(x), x.shape, ACTIVATIONS[activation]
    y, columns, ends = xp.empty((N, *b.shape), x.dtype), xp.ascontiguousarray(x.T), []
    a = xp.empty((N, len(c)), x.dtype)
    a[...] = c  # a_1 = c                                             (N, H)  (2)
    h = f(a)
    for i in range(D):
        y[:, i] = h @ V[i].T  # y_i = h_i V_i^T + b_i                 (N, O)  (4)
        rows = changing(columns[i])
        new = a[rows] + columns[i][rows, None] * W[i]  # a_i + x_i W_i        (3)
        a[rows], h[rows] = new, f(new)
        if (i + 1) % PLACES == 0 or i + 1 == D:
            ends.append(a.copy())
    y += b
    return y, ends


def backward(
    W: Array, V: Array, x: Array, ends: list[Array], dy: Array, activation: str, wrt_x: bool
) -> tuple[dict[str, Array], Array | None]:
    """dp, and dx (N, D) where it is asked for, of dy (N, D, O)."""
    xp, (N, D), (f, slope) = namespace(x), x.shape, ACTIVATIONS[activation]
    _, O, H = V.shape
    columns = xp.ascontiguousarray(x.T)
    dW, dV = xp.empty_like(W), xp.empty_like(V)
    dx = xp.empty((D, N), x.dtype) if wrt_x else None
    G = xp.zeros((N, H), x.dtype)  # sum of dy_j V_j over the places j that saw the present h
    da = xp.zeros((N, H), x.dtype)  # dL/da, without what G still holds
    for k in reversed(range(len(ends))):
        start, end = k * PLACES, min((k + 1) * PLACES, D)
        a = ends[k].copy()  # a_{i+1} at i = end - 1                   (N, H)
        h = f(a)
        owed = dy[:, start:end].reshape(N, -1).copy()  # what is not yet in G  (N, places O)
        V_block = V[start:end].reshape(-1, H)  #                              (places O, H)
        for i in reversed(range(start, end)):
            later, rows = slice((i + 1 - start) * O, None), changing(columns[i], wrt_x)
            # dL/dh = sum over the places j > i that saw it of dy_j V_j        (6)
            dh = G[rows] + owed[rows, later] @ V_block[later]
            G[rows], owed[rows, later] = 0, 0
            # da_{i+1} += dh f'(a)                                            (7)
            da_rows = da[rows] + dh * slope(h[rows])
            da[rows] = da_rows
            # dW_i = x_i^T da_{i+1},  dx_i = da_{i+1} W_i^T                   (8), (9)
            x_i = columns[i][rows]
            dW[i] = x_i @ da_rows
            if dx is not None:
                dx[i] = da_rows @ W[i]
            # a_i = a_{i+1} - x_i W_i
            a_rows = a[rows] - x_i[:, None] * W[i]
            a[rows], h[rows] = a_rows, f(a_rows)
            dV[i] = dy[:, i].T @ h  # dV_i = dy_i^T h_i               (O, H)  (5)
        G += owed @ V_block
    da += G * slope(h)
    grads = {"W": dW, "c": da.sum(axis=0), "V": dV, "b": dy.sum(axis=0)}
    return grads, None if dx is None else dx.T


def changing(x_i: Array, everywhere: bool = False) -> Any:
    """The rows whose state place i changes; all of them where to look would make a GPU wait."""
    if everywhere or device_of(x_i) != "cpu":
        return slice(None)
    rows = namespace(x_i).flatnonzero(x_i)
    return slice(None) if len(rows) == len(x_i) else rows
