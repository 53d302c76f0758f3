"""Corruptions for the denoising autoencoder: x~ = c(x; noise), undone by learning.

    masking            x~ = m x             m = 0 with probability rate, else 1
    Gaussian           x~ = x + std eps     eps ~ N(0, I)
    salt and pepper    x~ = m x + s         s = 1 or 0, a fair coin, where m = 0; s = 0 elsewhere

P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, Extracting and Composing Robust Features
with Denoising Autoencoders, ICML 2008; P. Vincent et al., Stacked Denoising Autoencoders, JMLR 11,
2010, section 3.3.                                         docs/derivations/autoencoder.md

NOTE: the papers corrupt a fixed share of the pixels of each example; here each pixel is drawn by
itself, so that `rate` is the share on average.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params
from tinygen.layers.base import Layer, check_array, check_input
from tinygen.likelihoods.base import check_beside, normal, uniform
from tinygen.pullback import Pullback, no_params


class Corruption(Layer):
    """x~ = forward({}, x, noise), of the shape of x; `noise` is drawn outside, by `draw`."""

    def draw(self, rng: np.random.Generator, x: Array) -> Any:
        """The noise for x: arrays of its shape and dtype, on its device."""
        raise NotImplementedError(f"{type(self).__name__} defines no draw")

    def forward(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """x~ and the pullback dx~ -> ({}, dx). Raises ValueError, TypeError for other noise."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")


@dataclass(frozen=True)
class Masking(Corruption):
    """x~ = m x        x, m (N, ...)

    rate : the probability of a zero, in [0, 1); ValueError else

    Unlike Dropout it leaves what remains unscaled: x~ is an image with holes.
    """

    rate: float

    def __post_init__(self) -> None:
        check_number(type(self).__name__, "rate", self.rate, least=0, below=1)

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """m, of zeros and ones."""
        check_array(type(self).__name__, x, "...")
        return (uniform(rng, x.shape, x) >= self.rate).astype(x.dtype)

    def forward(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """x~ from m."""
        check_input(self, p, x, "...")
        check_noise(self, noise, x)
        m = noise
        y = x * m  # m x            (N, ...)    (2)
        return y, Pullback(no_params, lambda dy: dy * m, y)  # m dx~            (3)


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """x~ = x + std eps        x, eps (N, ...)

    std : in the units of x, > 0; ValueError else
    """

    std: float

    def __post_init__(self) -> None:
        check_number("GaussianNoise", "std", self.std, above=0)

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """eps, standard normal."""
        check_array(type(self).__name__, x, "...")
        return normal(rng, x.shape, x)

    def forward(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """x~ from eps."""
        check_input(self, p, x, "...")
        check_noise(self, noise, x)
        y = x + float(self.std) * noise  # x + std eps    (N, ...)    (4)
        return y, Pullback(no_params, lambda dy: dy, y)  # dx~                  (5)


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """x~ = m x + s        x, m, s (N, ...)        for pixels in [0, 1]

    rate : the probability of a pixel to become black or white, in [0, 1); ValueError else
    """

    rate: float

    def __post_init__(self) -> None:
        check_number(type(self).__name__, "rate", self.rate, least=0, below=1)

    def draw(self, rng: np.random.Generator, x: Array) -> Params:
        """{"m", "s"}, of zeros and ones."""
        check_array(type(self).__name__, x, "...")
        u = uniform(rng, x.shape, x)
        m = (u >= self.rate).astype(x.dtype)
        # Where u < rate it is uniform below rate: one half of that is salt, a fair coin.
        s = (u < self.rate / 2).astype(x.dtype)
        return {"m": m, "s": s}

    def forward(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """x~ from m and s."""
        check_input(self, p, x, "...")
        if not isinstance(noise, dict) or noise.keys() != {"m", "s"}:
            given = sorted(noise) if isinstance(noise, dict) else type(noise).__name__
            raise ValueError(f"SaltAndPepper: expected noise of m, s, got {given}: use draw")
        for part in noise.values():
            check_noise(self, part, x)
        m, s = noise["m"], noise["s"]
        y = x * m + s  # m x + s    (N, ...)    (6)
        return y, Pullback(no_params, lambda dy: dy * m, y)  # m dx~            (3)


def check_noise(layer: Layer, noise: Any, x: Array) -> None:
    """Refuse noise that does not stand beside x pixel by pixel. Raises ValueError, TypeError."""
    check_beside(type(layer).__name__, "noise", noise, x)
