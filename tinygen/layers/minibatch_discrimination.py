"""How near an example is to the others of its batch, beside its own features.

M_i = f_i T,   c_b(i, j) = exp(-|M_ib - M_jb|_1),   y_i = (f_i, sum_j c_b(i, j))

A discriminator with this layer sees when a batch of fakes is all alike: T. Salimans, I. Goodfellow,
W. Zaremba, V. Cheung, A. Radford and X. Chen, arXiv 1606.03498, section 3.2.
                                                           docs/derivations/minibatch.md
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels.elementwise import BLOCK
from tinygen.layers import initialisers
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback

BLOCK_ON_GPU = 1 << 24  # entries of an array that lies between two lines


@dataclass(frozen=True)
class MinibatchDiscrimination(Layer):
    """f (N, A) -> y (N, A + B)        T (A, B, C)

    n_in     : A, the width of the features
    kernels  : B, the numbers that are added to each example
    n_kernel : C, the dimensions in which a kernel measures distance

    The pairs (i, j) are gone through once, in blocks, and anew in the backward pass: the memory
    grows with N, not with N^2. Real and fake batches go through on their own, so that neither
    sees the other. As in the paper the sum holds j = i, which is 1.

    Raises ValueError for sizes below 1, and for a batch of one, which has no others.
    """

    n_in: int
    kernels: int
    n_kernel: int

    couples = True

    def __post_init__(self) -> None:
        check_sizes(self, n_in=self.n_in, kernels=self.kernels, n_kernel=self.n_kernel)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"T": (self.n_in, self.kernels, self.n_kernel)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        n_out = self.kernels * self.n_kernel
        return {"T": initialisers.draw(weights, rng, self.shapes["T"], self.n_in, n_out, dtype)}

    def forward(self, p: Params, f: Array) -> tuple[Array, Pullback]:
        check_input(self, p, f, "N", self.n_in)
        if len(f) == 1:
            raise ValueError(
                "MinibatchDiscrimination: a batch of one example has no others to be near to: give "
                "two or more"
            )
        xp, (A, B, C), N = namespace(f), self.shapes["T"], len(f)
        T = p["T"].reshape(A, B * C)
        M = xp.ascontiguousarray((f @ T).T).reshape(B, C, N)  # M_i = f_i T           (1)
        near = xp.zeros((B, N), f.dtype)
        for n in blocks(M):
            c = nearness(xp, M, n)  #                                  (B, R, N - n.start)
            near[:, n] += c.sum(axis=-1)  # sum_j c_b(i, j)                           (3)
            near[:, n.stop :] += c[..., n.stop - n.start :].sum(axis=1)  # c_b(j, i)
        y = xp.concatenate([f, near.T], axis=1)  #                           (N, A + B)

        def dM(dy: Array) -> Array:
            dnear = xp.ascontiguousarray(dy[:, A:].T)  #                         (B, N)
            dM = xp.zeros_like(M)
            for n in blocks(M):
                # a pair is in the sums of both, and pulls them apart by as much      (4)
                w = nearness(xp, M, n) * (dnear[:, n, None] + dnear[:, None, n.start :])
                for c in range(C):
                    s = w * xp.sign(apart(M, c, n))  #                 (B, R, N - n.start)
                    dM[:, c, n] -= s.sum(axis=-1)
                    dM[:, c, n.stop :] += s[..., n.stop - n.start :].sum(axis=1)
            return dM.reshape(B * C, N).T  #                                     (N, B C)

        def dp(dy: Array) -> Params:
            return {"T": (f.T @ dM(dy)).reshape(A, B, C)}  #                          (5)

        def dx(dy: Array) -> Array:
            return dy[:, :A] + dM(dy) @ T.T  #                                        (6)

        def both(dy: Array) -> tuple[Params, Array]:
            d = dM(dy)
            return {"T": (f.T @ d).reshape(A, B, C)}, dy[:, :A] + d @ T.T

        return y, Pullback(dp, dx, y, both)

    def multiply_adds(self, x_shape: Any, y_shape: Any) -> int:
        N = x_shape[0]  # each pair once
        return int(N * (2 * self.n_in + N) * self.kernels * self.n_kernel) // 2


def nearness(xp: Any, M: Array, n: slice) -> Array:
    """c_b(i, j) = exp(-|M_ib - M_jb|_1) of the examples i in n with all j from there on."""
    distance = abs(apart(M, 0, n))
    for c in range(1, M.shape[1]):
        distance += abs(apart(M, c, n))
    return xp.exp(-distance)  #                                                       (2)


def apart(M: Array, c: int, n: slice) -> Array:
    """M_ibc - M_jbc, j from n.start on: (B, R, N - n.start)."""
    return M[:, c, n, None] - M[:, c, None, n.start :]


def blocks(M: Array) -> Iterator[slice]:
    """The examples in slices of R rows, so that (B, R, N) stays in the cache."""
    B, _, N = M.shape
    rows = max((BLOCK_ON_GPU if device_of(M) == "cuda" else BLOCK) // (B * N), 1)
    for start in range(0, N, rows):
        yield slice(start, min(start + rows, N))
