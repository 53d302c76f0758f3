"""The Bernoulli likelihood of binary pixels, in logits.

p(x = 1) = sigmoid(l),  -log p(x) = softplus(l) - x l      docs/derivations/bernoulli.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, device_of, namespace
from tinygen.kernels import elementwise
from tinygen.kernels.elementwise import fused
from tinygen.likelihoods.base import Likelihood, check_pair, per_example, row_blocks, uniform
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """-log p(x | l) = sum_d softplus(l_d) - x_d l_d        params = logits l (N, ...), x likewise

    grey : False takes x in {0, 1}. True also takes grey levels in [0, 1]; the value is then the
           cross-entropy of x against sigmoid(l), not the likelihood of anything: never print it
           as an NLL.

    Raises ValueError for pixels outside that range, another shape, NaN or an empty batch.
    """

    grey: bool = False

    def nll(self, params: Array, x: Array) -> tuple[Array, Pullback]:
        """softplus(l) - x l, summed over the pixels: (N,), in nats; d logits, d x."""
        check_pair("Bernoulli", params, x)
        logits = params
        xp = namespace(logits)
        nll = xp.empty(logits.shape[0], logits.dtype)
        for rows in row_blocks(logits):
            block = x[rows]
            self.check_pixels(block)
            terms = cross_entropy(logits[rows], block)  # softplus(l) - x l          (n, ...) (1)
            nll[rows] = terms.reshape(terms.shape[0], -1).sum(axis=1)  # sum_d      (n,)

        def dlogits(dnll: Array) -> Array:  # (N,)
            d = xp.empty_like(logits)
            for rows in row_blocks(logits):
                residual = excess(logits[rows], x[rows])  # sigmoid(l) - x       (n, ...) (2)
                d[rows] = residual * per_example(dnll[rows], logits)
            return d

        def dx(dnll: Array) -> Array:
            return -logits * per_example(dnll, logits)  # -l                     (N, ...) (3)

        return nll, Pullback(dlogits, dx, nll)

    def sample(self, params: Array, rng: np.random.Generator) -> Array:
        """x (N, ...) of zeros and ones: 1 where a uniform number falls below sigmoid(l)."""
        return (uniform(rng, params.shape, params) < self.mean(params)).astype(params.dtype)

    def mean(self, params: Array) -> Array:
        """sigmoid(l), the probability of a one (N, ...)."""
        return elementwise.sigmoid(params)

    def check_pixels(self, x: Array) -> None:
        """Refuse pixels that are not 0 or 1, or with `grey` not in [0, 1]. Raises ValueError."""
        if device_of(x) == "cuda":
            return
        low, high = float(x.min()), float(x.max())  # NaN in x makes both NaN
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"Bernoulli: x must lie in 0..1, but spans {low:g}..{high:g}: for pixels in "
                "-1..1 use (x + 1) / 2, for 0..255 use x / 255"
            )
        if not self.grey and not ((x == 0) | (x == 1)).all():
            raise ValueError(
                "Bernoulli: x holds grey levels between 0 and 1: binarise it, as by "
                "rng.random(x.shape) < x, or choose Bernoulli(grey=True), whose value is a "
                "cross-entropy and not a likelihood"
            )


@fused
def cross_entropy(xp, l, x):  # type: ignore[no-untyped-def]  # noqa: E741
    """softplus(l) - x l = max(l, 0) - x l + log(1 + e^-|l|)."""
    return xp.maximum(l, 0) - x * l + xp.log1p(xp.exp(-xp.abs(l)))


@fused
def excess(xp, l, x):  # type: ignore[no-untyped-def]  # noqa: E741
    """sigmoid(l) - x, the derivative of (1)."""
    return xp.tanh(l * 0.5) * 0.5 + 0.5 - x
