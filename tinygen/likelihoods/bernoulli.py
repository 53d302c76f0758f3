"""The Bernoulli likelihood of binary pixels, in logits.

p(x = 1) = sigmoid(l),  -log p(x) = softplus(l) - x l      docs/derivations/bernoulli.md
"""

import math
from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, device_of, namespace
from tinygen.kernels.elementwise import sigmoid
from tinygen.layers.base import check_array, check_finite
from tinygen.likelihoods.base import Likelihood, check_beside, per_example, row_blocks, uniform
from tinygen.pullback import Pullback

LOG_2 = math.log(2)
ENTRIES = 1 << 16  # in a block: four such float32 arrays fit the second-level cache


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """-log p(x | l) = sum_d softplus(l_d) - x_d l_d        params = logits l (N, ...), x likewise

    grey : False takes x in {0, 1}. True also takes grey levels in [0, 1]; the value is then the
           cross-entropy of x against sigmoid(l), not the likelihood of anything: never print it
           as an NLL.

    Raises ValueError for pixels outside that range, another shape, NaN or an empty batch,
    TypeError for another dtype or device. A GPU is not made to wait for the range of x: there an
    example with a pixel out of range has the value NaN.
    """

    grey: bool = False

    def nll(self, params: Array, x: Array) -> tuple[Array, Pullback]:
        """softplus(l) - x l, summed over the pixels: (N,), in nats; d logits, d x."""
        check_array("Bernoulli logits", params, "...")
        check_beside("Bernoulli", "x", x, params)
        self.check_pixels(x)
        logits, n = params, len(x)
        nll = cross_entropy(logits.reshape(n, -1), x.reshape(n, -1))  # (N,) (1)
        if device_of(x) == "cuda":
            nll[~self.allowed(x).reshape(n, -1).all(axis=1)] = math.nan

        def dlogits(dnll: Array) -> Array:  # (N,)
            d = excess(logits.reshape(n, -1), x.reshape(n, -1), dnll[:, None])  # (2)
            return d.reshape(logits.shape)

        def dx(dnll: Array) -> Array:
            return -logits * per_example(dnll, logits)  # -l    (N, ...) (3)

        return nll, Pullback(dlogits, dx, nll)

    def sample(self, params: Array, rng: np.random.Generator) -> Array:
        """x (N, ...) of zeros and ones: 1 where a uniform number falls below sigmoid(l)."""
        return (uniform(rng, params.shape, params) < self.mean(params)).astype(params.dtype)

    def mean(self, params: Array) -> Array:
        """sigmoid(l), the probability of a one (N, ...)."""
        check_array("Bernoulli logits", params, "...")
        return sigmoid(params)

    def allowed(self, x: Array) -> Array:
        """Which pixels lie in the range: bool, of the shape of x. NaN does not."""
        return (x >= 0) & (x <= 1) if self.grey else (x == 0) | (x == 1)

    def check_pixels(self, x: Array) -> None:
        """Refuse pixels that are not 0 or 1, or with `grey` not in [0, 1]. Raises ValueError."""
        if device_of(x) == "cuda" or all(self.allowed(x[rows]).all() for rows in row_blocks(x)):
            return
        check_finite("Bernoulli", x)
        low, high = float(x.min()), float(x.max())
        if low < 0 or high > 1:
            raise ValueError(
                f"Bernoulli: expected x within 0..1, got {low:g}..{high:g}: for pixels in -1..1 "
                "use (x + 1) / 2, for 0..255 use x / 255"
            )
        raise ValueError(
            "Bernoulli: expected x of zeros and ones, got grey levels between them: binarise x, "
            "as by rng.random(x.shape) < x, or choose Bernoulli(grey=True), whose value is a "
            "cross-entropy and not a likelihood"
        )


def cross_entropy(logits: Array, x: Array) -> Array:
    """sum_d softplus(l) - x l = sum_d (1[l > 0] - x) l + log2(1 + 2^(-|l| / log 2)) log 2: (N,).

    The first term is exactly zero where a sure pixel is right, so sums do not cancel; powers and
    logarithms of two cost about half of those of e. Absolute error: about eps a pixel.
    """
    xp = namespace(logits)
    ones = xp.ones(logits.shape[1], logits.dtype)
    nll = xp.empty(logits.shape[0], logits.dtype)
    for rows in row_blocks(logits, ENTRIES):
        l, t = logits[rows], xp.abs(logits[rows])  # (n, D)
        t *= -1 / LOG_2
        xp.exp2(t, out=t)  # e^-|l|
        t += 1
        xp.log2(t, out=t)  # log(1 + e^-|l|) / log 2              (n, D)
        hard = xp.greater(l, 0, out=xp.empty_like(l))  # 1[l > 0]
        hard -= x[rows]  #                                        (n, D)
        nll[rows] = xp.einsum("nd,nd->n", hard, l) + (t @ ones) * LOG_2
    return nll


def excess(logits: Array, x: Array, dnll: Array) -> Array:
    """(sigmoid(l) - x) dnll: the derivative of `cross_entropy`, with dnll (N, 1): (N, D)."""
    xp = namespace(logits)
    d = xp.empty_like(logits)
    for rows in row_blocks(logits, ENTRIES):
        block = d[rows]
        xp.multiply(logits[rows], 0.5, out=block)
        xp.tanh(block, out=block)
        block *= 0.5
        block += 0.5  # sigmoid(l)            (n, D)
        block -= x[rows]
        block *= dnll[rows]
    return d
