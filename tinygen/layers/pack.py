"""m examples of a batch as one, their features or channels side by side: a critic that sees pairs.

y_n = (x_{nm}, ..., x_{nm + m - 1})

A generator that draws a few of the data's modes gives itself away in a pair sooner than in one
sample: Z. Lin, A. Khetan, G. Fanti and S. Oh, PacGAN, arXiv 1712.04086, section 2.
                                                           docs/derivations/pack.md
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_input, check_sizes
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Pack(Layer):
    """x (N, ..., C) -> y (N / m, ..., m C): entry i C + c of the last axis is c of example i

    m : examples in one pack; the paper's PacGAN2 has m = 2

    The first layer of a discriminator, which then gives one score for each pack, (N / m, 1).
    Raises ValueError for m < 1, and for a batch that m does not divide.
    """

    m: int

    couples = True

    def __post_init__(self) -> None:
        check_sizes(self, m=self.m)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", "C")
        N, m = len(x), self.m
        if N % m:
            raise ValueError(
                f"Pack: a batch of {N} examples does not make whole packs of {m}: give a batch "
                f"that {m} divides, such as {N - N % m or m}; at the end of an epoch leave the "
                "rest out"
            )
        inner, C = x.shape[1:-1], x.shape[-1]
        packs = x.reshape(N // m, m, *inner, C)  #                      (N/m, m, ..., C)
        # y[n, ..., i C + c] = x[n m + i, ..., c]
        y = beside(packs).reshape(N // m, *inner, m * C)  #             (N/m, ..., m C)  (1)

        def dx(dy: Array) -> Array:
            parts = dy.reshape(N // m, *inner, m, C)
            return above(parts).reshape(x.shape)  # dx[n m + i, ..., c] = dy[n, ..., i C + c]  (2)

        return y, Pullback(no_params, dx, y)


def beside(packs: Array) -> Array:
    """(M, m, ..., C) -> (M, ..., m, C)"""
    axes = range(packs.ndim)
    return packs.transpose(0, *axes[2:-1], 1, axes[-1])


def above(parts: Array) -> Array:
    """(M, ..., m, C) -> (M, m, ..., C), the way back."""
    axes = range(parts.ndim)
    return parts.transpose(0, axes[-2], *axes[1:-2], axes[-1])
