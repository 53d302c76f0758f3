"""Sliding windows over images: the sums that convolutions and their gradients are made of.

With padding p (zeros), stride s and a kernel of kh x kw taps,

    correlate              y[n,i,j,o] = sum_{u,v,c} x[n, i s + u - p, j s + v - p, c] W[u,v,c,o]
    correlate_input_grad  dx[n,a,b,c] = sum_{u,v,o} dy[n, (a+p-u)/s, (b+p-v)/s, o] W[u,v,c,o]
    correlate_weight_grad dW[u,v,c,o] = sum_{n,i,j} x[n, i s + u - p, j s + v - p, c] dy[n,i,j,o]

(a term whose index is no whole number, or outside, is absent). The second is the adjoint of the
first in x, the third in W. `taps` = (first, last) keeps only that run of the kernel's taps in
raster order: a causal kernel is such a run.

Windows become the rows of a matrix, a few images at a time so that it stays in the cache, and a
matrix product does the sums. On the CPU, stride 1 is left to `columns.py`, which copies less.
Derivation: docs/derivations/conv.md
"""

from collections.abc import Iterator

from tinygen.arrays import Array, device_of, namespace
from tinygen.kernels import columns, winograd

Pair = tuple[int, int]

# Window entries a block: 8 MB in float32 near a core, half a gigabyte on a GPU.
CPU_ENTRIES, GPU_ENTRIES = 1 << 21, 1 << 27


def out_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many windows fit: floor((size + 2 padding - kernel) / stride) + 1."""
    return (size + 2 * padding - kernel) // stride + 1


def correlate(x: Array, W: Array, stride: Pair, padding: Pair, taps: Pair | None = None) -> Array:
    """x (N, H, W, C), W (kh, kw, C, O) -> y (N, H', W', O)."""
    if taps is None and prefers_winograd(x, W.shape[:2], stride, padding, W.shape[3]):
        return winograd.correlate(x, W, padding)
    W_rows, taps = tap_rows(W, taps)
    out = tuple(map(out_size, x.shape[1:3], W.shape[:2], stride, padding))
    shape = (len(x), *out, W.shape[3])
    if taps[0] == taps[1]:
        return namespace(x).zeros(shape, x.dtype)  # a 1x1 kernel with mask A sees nothing
    if prefers_columns(x, W.shape[:2], stride):
        return columns.correlate(x, W_rows, W.shape[:2], padding, taps)
    y = namespace(x).empty(shape, x.dtype)
    for block, A in window_rows(x, W.shape[:2], stride, padding, taps):
        namespace(x).matmul(
            A, W_rows, out=y[block].reshape(-1, shape[3])
        )  # A W           (rows, O)
    return y


def correlate_weight_grad(
    x: Array, dy: Array, kernel: Pair, stride: Pair, padding: Pair, taps: Pair | None = None
) -> Array:
    """x (N, H, W, C), dy (N, H', W', O) -> dW (kh, kw, C, O); zero off the taps."""
    if taps is None and prefers_winograd(x, kernel, stride, padding, dy.shape[3]):
        return winograd.weight_grad(x, dy, padding)
    xp = namespace(x)
    C, O = x.shape[3], dy.shape[3]
    dW = xp.zeros((*kernel, C, O), x.dtype)
    dW_rows, taps = tap_rows(dW, taps)
    if taps[0] == taps[1]:
        return dW
    if prefers_columns(x, kernel, stride):
        columns.add_weight_grad(dW_rows, x, dy, kernel, padding, taps)
        return dW
    for block, A in window_rows(x, kernel, stride, padding, taps):
        dW_rows += A.T @ dy[block].reshape(-1, O)  # sum over windows: A^T dy      (taps C, O)
    return dW


def correlate_input_grad(
    dy: Array,
    W: Array,
    size: Pair,
    stride: Pair,
    padding: Pair,
    taps: Pair | None = None,
) -> Array:
    """dy (N, H', W', O), W (kh, kw, C, O) -> dx (N, H, W, C) with (H, W) = size."""
    kh, kw, C, O = W.shape
    ph, pw = padding
    if stride == (1, 1) and ph < kh and pw < kw:
        # At stride 1 the adjoint is itself a correlation: kernel turned by 180 degrees, C and O
        # exchanged, padding k - 1 - p.
        turned = namespace(W).ascontiguousarray(W[::-1, ::-1].transpose(0, 1, 3, 2))
        if taps is not None:
            taps = (kh * kw - taps[1], kh * kw - taps[0])
        return correlate(dy, turned, stride, (kh - 1 - ph, kw - 1 - pw), taps)
    dx = namespace(dy).empty((len(dy), *size, C), dy.dtype)
    for block in blocks(len(dy), dy.shape[1] * dy.shape[2] * kh * kw * C, dy):
        windows = dy[block].reshape(-1, O) @ W.reshape(-1, O).T  # dy W^T      (rows, kh kw C)
        windows = windows.reshape(*dy[block].shape[:3], kh, kw, C)
        dx[block] = fold(windows, size, stride, padding)
    return dx


def unfold(x: Array, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """The windows of x (N, H, W, C), copied out: (N, H', W', kh, kw, C)."""
    xp = namespace(x)
    ho, wo = map(out_size, x.shape[1:3], kernel, stride, padding)
    padded = pad(x, padding)
    n, h, w, c = padded.strides
    strides = (n, h * stride[0], w * stride[1], h, w, c)
    shape = (len(x), ho, wo, *kernel, x.shape[3])
    return xp.lib.stride_tricks.as_strided(padded, shape, strides).copy()


def fold(windows: Array, size: Pair, stride: Pair, padding: Pair) -> Array:
    """The adjoint of unfold: each window added where it was read -> (N, H, W, C)."""
    N, ho, wo, kh, kw, C = windows.shape
    (H, W), (ph, pw), (sh, sw) = size, padding, stride
    padded = namespace(windows).zeros((N, H + 2 * ph, W + 2 * pw, C), windows.dtype)
    for u in range(kh):
        for v in range(kw):  # tap (u, v) of all windows lies on a grid of stride s
            padded[:, u : u + ho * sh : sh, v : v + wo * sw : sw] += windows[:, :, :, u, v]
    return padded[:, ph : ph + H, pw : pw + W]


def pad(x: Array, padding: Pair) -> Array:
    """x (N, H, W, C) inside a frame of zeros (N, H + 2 ph, W + 2 pw, C)."""
    ph, pw = padding
    if ph == pw == 0:
        return x
    N, H, W, C = x.shape
    padded = namespace(x).zeros((N, H + 2 * ph, W + 2 * pw, C), x.dtype)
    padded[:, ph : ph + H, pw : pw + W] = x
    return padded


def window_rows(
    x: Array, kernel: Pair, stride: Pair, padding: Pair, taps: Pair
) -> Iterator[tuple[slice, Array]]:
    """(images, A) block by block; a row of A is one window's taps (rows, taps C)."""
    C = x.shape[3]
    if kernel == stride == (1, 1) and padding == (0, 0):
        yield slice(None), x.reshape(-1, C)  # each pixel is its own window
        return
    ho, wo = map(out_size, x.shape[1:3], kernel, stride, padding)
    width = kernel[0] * kernel[1] * C
    for block in blocks(len(x), ho * wo * width, x):
        A = unfold(x[block], kernel, stride, padding).reshape(-1, width)
        yield block, A[:, taps[0] * C : taps[1] * C]


def blocks(images: int, entries: int, like: Array) -> Iterator[slice]:
    """Runs of images whose windows, of so many `entries` an image, are of a good size."""
    most = CPU_ENTRIES if device_of(like) == "cpu" else GPU_ENTRIES
    step = max(1, most // entries)
    for start in range(0, images, step):
        yield slice(start, min(start + step, images))


def tap_rows(W: Array, taps: Pair | None) -> tuple[Array, Pair]:
    """W (kh, kw, C, O) as the matrix (taps C, O) of the taps that are kept, a view; and taps."""
    kh, kw, C, O = W.shape
    first, last = taps or (0, kh * kw)
    return W.reshape(-1, O)[first * C : last * C], (first, last)


def prefers_columns(x: Array, kernel: Pair, stride: Pair) -> bool:
    """Whether the CPU's way with less copying applies: stride 1 and more than one tap."""
    return device_of(x) == "cpu" and stride == (1, 1) and kernel != (1, 1)


def prefers_winograd(x: Array, kernel: Pair, stride: Pair, padding: Pair, channels: int) -> bool:
    """Whether the CPU's way with fewer products applies.

    Not to a causal run of taps: it rounds through all pixels of a tile, later ones included.
    """
    suits = winograd.suits(x.shape, kernel, padding, channels)
    return device_of(x) == "cpu" and stride == (1, 1) and suits
