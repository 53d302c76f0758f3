"""3 x 3 correlations at stride 1 with a quarter of the multiplications, on the CPU.

Four neighbouring outputs of a three-tap filter g over six inputs d take 12 products. Toom and
Cook take 6: read g and d as polynomials, evaluate them at six points, multiply the values, and
interpolate. As matrices, for one axis and for both:

    y = A^T [(G g) * (B^T d)]                                                                  (1)
    Y = A^T [(G g G^T) * (B^T d B)] A       4 x 4 outputs from 6 x 6 inputs, * elementwise      (2)

With channels, the elementwise product becomes one matrix product a point: 36 of them.
Winograd 1980; Lavin and Gray 2016, arXiv 1509.09308. Derivation: docs/derivations/winograd.md

NOTE: the points are 0, 3/4, -3/4, 3/2, -3/2 and infinity instead of 0, 1, -1, 2, -2, which keeps
float32 rounding at about 2e-6 of the largest output, a third; measured on the page above.
"""

from collections.abc import Iterator

import numpy as np

Pair = tuple[int, int]

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)  # and infinity
TILE = 4  # outputs a tile and axis
TAPS = 3
REACH = TILE + TAPS - 1  # inputs a tile and axis
ENTRIES = 1 << 20  # transformed inputs a block


def transforms() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A^T (4, 6), G (6, 3), B^T (6, 6) for one axis."""
    AT, G, BT = np.zeros((TILE, REACH)), np.zeros((REACH, TAPS)), np.zeros((REACH, REACH))
    for j, a in enumerate(POINTS):
        others = [b for b in POINTS if b != a]
        AT[:, j] = a ** np.arange(TILE)
        G[j] = a ** np.arange(TAPS) / np.prod([a - b for b in others])  # g(a) over Lagrange's norm
        BT[j, :-1] = np.poly(others)[::-1]  # coefficients of prod (x - b)
    AT[-1, -1] = G[-1, -1] = 1.0  # at infinity only the leading coefficient is seen
    BT[-1] = np.poly(POINTS)[::-1]
    return AT, G, BT


AT, G, BT = transforms()
ATAT, GG, BTBT = np.kron(AT, AT), np.kron(G, G), np.kron(BT, BT)  # for both axes at once


def suits(shape: tuple[int, ...], kernel: tuple[int, int], padding: Pair, O: int) -> bool:
    """Whether tiling pays: enough channels, and little of the last tiles hanging over."""
    _, H, W, C = shape
    ho, wo = H + 2 * padding[0] - 2, W + 2 * padding[1] - 2
    if kernel != (TAPS, TAPS) or min(C, O) < 16 or min(ho, wo) < TILE:
        return False
    return tiles(ho) * tiles(wo) * TILE * TILE <= 1.35 * ho * wo


def tiles(size: int) -> int:
    """How many tiles cover an axis of outputs."""
    return -(-size // TILE)


def correlate(x: np.ndarray, W: np.ndarray, padding: Pair) -> np.ndarray:
    """x (N, H, W, C), W (3, 3, C, O) -> y (N, H', W', O)."""
    C, O = W.shape[2:]
    ho, wo = x.shape[1] + 2 * padding[0] - 2, x.shape[2] + 2 * padding[1] - 2
    GgG = (GG.astype(x.dtype) @ W.reshape(9, C * O)).reshape(36, C, O)  # G g G^T
    y = np.empty((len(x), ho, wo, O), x.dtype)
    for block, BdB in transformed_inputs(x, padding):
        products = np.matmul(BdB, GgG)  # sum over c at each point       (36, tiles, O)
        Y = ATAT.astype(x.dtype) @ products.reshape(36, -1)  # A^T [...] A
        y[block] = assemble(Y, y[block].shape)
    return y


def weight_grad(x: np.ndarray, dy: np.ndarray, padding: Pair) -> np.ndarray:
    """x (N, H, W, C), dy (N, H', W', O) -> dW (3, 3, C, O).

    The adjoint of (2) in g: dW = G^T [sum over tiles (B^T d B) (A dY A^T)] G.           (3)
    """
    C, O = x.shape[3], dy.shape[3]
    dGgG = np.zeros((36, C, O), x.dtype)
    for block, BdB in transformed_inputs(x, padding):
        AdYA = (ATAT.T.astype(x.dtype) @ split(dy[block])).reshape(36, -1, O)  # A dY A^T
        dGgG += np.matmul(BdB.transpose(0, 2, 1), AdYA)
    return (GG.T.astype(x.dtype) @ dGgG.reshape(36, -1)).reshape(3, 3, C, O)


def transformed_inputs(x: np.ndarray, padding: Pair) -> Iterator[tuple[slice, np.ndarray]]:
    """(images, B^T d B of their tiles (36, tiles, C)), a few images at a time."""
    N, H, W, C = x.shape
    ph, pw = padding
    th, tw = tiles(H + 2 * ph - 2), tiles(W + 2 * pw - 2)
    step = max(1, ENTRIES // (36 * th * tw * C))
    for start in range(0, N, step):
        block = slice(start, min(start + step, N))
        n = block.stop - start
        padded = np.zeros((n, TILE * th + 2, TILE * tw + 2, C), x.dtype)
        padded[:, ph : ph + H, pw : pw + W] = x[block]
        d = np.empty((REACH, REACH, n, th, tw, C), x.dtype)
        for u in range(REACH):
            for v in range(REACH):  # entry (u, v) of all tiles lies on a grid of spacing 4
                d[u, v] = padded[:, u : u + TILE * th : TILE, v : v + TILE * tw : TILE]
        yield block, (BTBT.astype(x.dtype) @ d.reshape(36, -1)).reshape(36, -1, C)


def split(dy: np.ndarray) -> np.ndarray:
    """dy (n, H', W', O) -> its 4 x 4 tiles (16, tiles O), zeros where they hang over."""
    n, ho, wo, O = dy.shape
    th, tw = tiles(ho), tiles(wo)
    if (ho, wo) != (TILE * th, TILE * tw):
        whole = np.zeros((n, TILE * th, TILE * tw, O), dy.dtype)
        whole[:, :ho, :wo] = dy
        dy = whole
    dY = dy.reshape(n, th, TILE, tw, TILE, O).transpose(2, 4, 0, 1, 3, 5)
    return dY.reshape(TILE * TILE, -1)


def assemble(Y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of split: tiles (16, tiles O) -> (n, H', W', O) as a view or copy."""
    n, ho, wo, O = shape
    th, tw = tiles(ho), tiles(wo)
    y = Y.reshape(TILE, TILE, n, th, tw, O).transpose(2, 3, 0, 4, 1, 5)
    return y.reshape(n, TILE * th, TILE * tw, O)[:, :ho, :wo]
