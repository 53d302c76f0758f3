"""Drawing from a MADE for the price of one pass: a hidden unit is computed once.

With inputs and units sorted by their degrees, all masked matrices are block-triangular. When the
place of degree i becomes known, the units of degree i have seen all that they ever will:

    a_1[>= i] += x_i W_1[i, >= i]                          h_l[i] = f(a_l[i])                 (5)
    a_l[>= i] += h_{l-1}[i] W_l[i, >= i],  l = 2 .. L      y[> i] += h_L[i] V[i, > i]

Each entry of each matrix is used once an example, and no masked one at all.
                                                           docs/derivations/made.md
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace


def columns(model: Any, p: Params, n: int, k: int) -> Callable[[int, Array], Array]:
    """step(i, rows) -> the numbers (n, K) of the i-th place in the order of mask k.

    rows : x flattened (n, D), of which the place before is read. For i = 0, 1, ... in turn.
    """
    c, D = model.connections(k), model.size
    b = p["net"]["out"]["b"]
    xp = namespace(b)
    sort = [c.order, *(np.argsort(m, kind="stable") for m in c.hidden)]
    names = [f"hidden{l + 1}" for l in range(len(c.hidden))]
    W = [
        p["net"][name]["W"][xp.asarray(rows)][:, xp.asarray(units)]
        for name, (rows, units) in zip(names, pairwise(sort), strict=True)
    ]
    V = by_place(p["net"]["out"]["W"], D, c.order)[xp.asarray(sort[-1])]  #    (H_L, D, K)
    a = [
        xp.repeat(p["net"][name]["b"][xp.asarray(units)][None], n, axis=0)
        for name, units in zip(names, sort[1:], strict=True)
    ]  #                                                                       (n, H_l)
    y = xp.repeat(by_place(b[None], D, c.order), n, axis=0)  #                 (n, D, K)
    if model.direct:
        A = by_place(p["direct"]["W"], D, c.order)[xp.asarray(c.order)]  #     (D, D, K)
    # units of degree i are ends[i - 1] : ends[i], in the sorted order
    ends = [np.searchsorted(np.sort(m), np.arange(D + 1), side="right") for m in c.hidden]

    def known(i: int, x: Array) -> None:
        """The place of degree i holds x (n,)."""
        h, units = x[:, None], slice(i - 1, i)
        for l, matrix in enumerate(W):
            start, end = int(ends[l][i - 1]), int(ends[l][i])
            if units.start < units.stop:
                a[l][:, start:] += h @ matrix[units, start:]  #                          (5)
            units = slice(start, end)
            if start < end:
                h, _ = model.activation.forward({}, a[l][:, units])  #                   (5)
        if units.start < units.stop:
            y[:, i:] += xp.tensordot(h, V[units, i:], axes=1)  #                         (5)
        if model.direct:
            y[:, i:] += x[:, None, None] * A[i - 1, i:]

    def step(i: int, rows: Array) -> Array:
        if i:
            known(i, model.as_floats(p, rows[:, int(c.order[i - 1])]))
        return y[:, i]

    return step


def by_place(W: Array, size: int, order: np.ndarray) -> Array:
    """Columns (I, D K) as (I, D, K), the places in that order."""
    return W.reshape(len(W), size, -1)[:, namespace(W).asarray(order)]
