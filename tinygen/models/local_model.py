"""A density of images that knows their surfaces and nothing else: each pixel from its neighbours.

    p(x) = prod_i p(x_i | the pixels before i, in reading order, within a window of k x k)

One masked convolution and a pixel-wise layer behind it. It has no place to hold what a picture
shows, so it serves as the background model p_0 of a likelihood ratio (`likelihood_ratio`). A
product of conditional densities is a density: nothing is to be integrated, `log_prob` is exact.
A PixelCNN is many such layers (A. van den Oord et al. 2016, arXiv 1601.06759).
                                                           docs/derivations/outliers.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Bounded, Fork, Layer, MaskedConv2d, Sequential
from tinygen.layers.base import check_array
from tinygen.likelihoods import Bernoulli, Gaussian, Likelihood
from tinygen.models.nets import RELU
from tinygen.pullback import Pullback

AT_ONCE = 500  # images scored at once: bounds the memory, not the answer


@dataclass(frozen=True)
class LocalModel:
    """p(x) of images x (N, H, W, C)

    net        : causal, x -> the parameters of each pixel's distribution, from pixels before it
    likelihood : p(x_i | ...), such as Bernoulli()

    Raises what net and likelihood do: ValueError for pixels outside the range, NaN, other shapes
    and an empty batch, TypeError for another dtype or device.
    """

    net: Layer
    likelihood: Likelihood

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of the net, drawn from `rng`."""
        return self.net.init(rng, dtype, weights)

    def draw_noise(self, rng: np.random.Generator, x: Array) -> None:
        """None: the loss holds no noise."""

    def loss(self, p: Params, x: Array, noise: None = None) -> tuple[Array, Pullback]:
        """-log p(x) in nats per example, a mean over the batch; its pullback d -> (dp, dx)."""
        params, net_backward = self.net.forward(p, x)
        nll, nll_backward = self.likelihood.nll(params, x)  #                   (N,)     (11)
        value = nll.mean()

        def each(d: Array) -> Array:
            return namespace(nll).full_like(nll, d / len(nll))  #               (N,)

        def dp(d: Array) -> Params:
            return net_backward.dp(nll_backward.dp(each(d)))

        def both(d: Array) -> tuple[Params, Array]:
            dn = each(d)
            dparams, dx = net_backward(nll_backward.dp(dn))
            return dparams, dx + nll_backward.dx(dn)  # neighbours, and data to explain

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms={"nll": value})

    def log_prob(
        self, p: Params, x: Array, rng: Any = None, samples: int = 1
    ) -> tuple[Array, Array]:
        """log p(x) (N,), exact, and zeros (N,) for its standard error.

        rng, samples : not looked at; models that sample their likelihood take them
        """
        check_array("LocalModel", x, "N", "H", "W", "C")
        xp, parts = namespace(x), []
        for i in range(0, len(x), AT_ONCE):
            rows = x[i : i + AT_ONCE]
            parts.append(-self.likelihood.nll(self.net.forward(p, rows)[0], rows)[0])
        log_p = xp.concatenate(parts)
        return log_p, xp.zeros_like(log_p)


def conv_local_model(
    channels: int = 1,
    kernel: int = 5,
    hidden: int = 16,
    likelihood: Likelihood | None = None,
    activation: Layer = RELU,
) -> LocalModel:
    """The local model of images with so many channels: 1, or 3 in the order R, G, B.

    kernel     : k, odd; a pixel sees (k^2 - 1) / 2 others
    hidden     : features of a pixel's neighbourhood, a multiple of the channels
    likelihood : Bernoulli() where not given, or Gaussian(); ValueError for others, and for sizes
                 that `MaskedConv2d` refuses
    activation : such as Tanh()
    """
    likelihood = Bernoulli() if likelihood is None else likelihood
    if not isinstance(likelihood, Bernoulli | Gaussian):
        raise ValueError(
            f"conv_local_model: expected Bernoulli or Gaussian pixels, got {likelihood!r}: build "
            "LocalModel(net, likelihood) with a causal net for it"
        )
    first = MaskedConv2d(channels, hidden, kernel, "A", channels)
    last: Layer = MaskedConv2d(hidden, channels, 1, "B", channels)
    if isinstance(likelihood, Gaussian) and likelihood.std is None:
        last = Fork(mean=last, log_var=Sequential(last, Bounded()))
    return LocalModel(Sequential(neighbours=first, activation=activation, out=last), likelihood)
