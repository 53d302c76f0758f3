"""The categorical likelihood of discrete levels, such as a 256-way softmax a pixel.

p(x = k) = softmax(l)_k,  -log p(x) = log sum_k e^(l_k) - l_x
                                                           docs/derivations/categorical.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers.base import check_array, check_sizes
from tinygen.likelihoods.base import (
    Likelihood,
    check_levels,
    draw_index,
    no_data_gradient,
    row_blocks,
    sum_examples,
)
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Categorical(Likelihood):
    """-log p(x | l) = sum_d log sum_k e^(l_dk) - l_d,x_d

    params = logits l (N, ..., K), K = levels; x (N, ...) whole numbers 0 .. K-1 of an integer
    dtype. A level has no derivative: the pullback's dx is the empty tree ().

    Raises ValueError for levels out of range, another shape, NaN in the logits or an empty
    batch, TypeError for data that are not integers.
    """

    levels: int = 256

    def __post_init__(self) -> None:
        check_sizes(self, minimum=2, levels=self.levels)

    def nll(self, params: Array, x: Array) -> tuple[Array, Pullback]:
        """log sum_k e^(l_k) - l_x, summed over the pixels: (N,), in nats; d logits."""
        self.check_logits(params)
        check_levels("Categorical", x, params, params.shape[:-1], self.levels)
        xp, logits = namespace(params), params.reshape(-1, self.levels)  # (M, K), M pixels
        label = x.reshape(-1)  #                                           (M,)
        total = xp.empty(len(logits), logits.dtype)
        for rows in row_blocks(logits):
            total[rows] = log_sum_exp(logits[rows])  # log sum_k e^l_k     (M,)
        pixel = xp.arange(len(logits))
        terms = total - logits[pixel, label]  #                            (M,)    (1)
        nll = sum_examples(terms.reshape(x.shape))  #                      (N,)

        def dlogits(dnll: Array) -> Array:  # (N,)
            d = xp.empty_like(logits)
            scale = xp.repeat(dnll, len(logits) // len(dnll))  #           (M,)
            for rows in row_blocks(logits):
                xp.subtract(logits[rows], total[rows, None], out=d[rows])
                xp.exp(d[rows], out=d[rows])  # softmax(l)
                d[rows] *= scale[rows, None]
            d[pixel, label] -= scale  # softmax(l) - 1[k = x]              (M, K)  (2)
            return d.reshape(params.shape)

        return nll, Pullback(dlogits, no_data_gradient, nll)

    def sample(self, params: Array, rng: np.random.Generator) -> Array:
        """Levels x (N, ...), integers, by the inverse CDF."""
        self.check_logits(params)
        return draw_index(rng, params)

    def mean(self, params: Array) -> Array:
        """E[x] = sum_k k softmax(l)_k, in units of a level (N, ...)."""
        self.check_logits(params)
        xp = namespace(params)
        p = xp.exp(params - log_sum_exp(params)[..., None])  #             (N, ..., K)
        return p @ xp.arange(self.levels, dtype=params.dtype)  #           (N, ...)

    def check_logits(self, logits: Array) -> None:
        """Refuse logits that do not end in an axis of K. Raises ValueError, TypeError."""
        check_array("Categorical logits", logits, "...", self.levels)
