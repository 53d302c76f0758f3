"""The mixture of Bernoullis: K pictures, each saying how often a pixel is black.

    p(x) = sum_k pi_k prod_d m_kd^x_d (1 - m_kd)^(1 - x_d),        m = sigmoid(pixels)

C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 9.3.3. Pixels are
independent within a component, and not in the mixture.            docs/derivations/em.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sigmoid, softplus
from tinygen.likelihoods import Bernoulli
from tinygen.models.mixture import Mixture
from tinygen.pullback import Pullback

LEAST = 0.5  # examples that a component must hold


@dataclass(frozen=True)
class BernoulliMixture(Mixture):
    """p(x) = sum_k softmax(logits)_k p(x|k), x (N, *shape) of zeros and ones, D pixels each

    n_components : K
    floor        : a probability m lies in floor .. 1 - floor. EM then maximises the likelihood
                   among such components; without it a pixel that is always white in a component
                   makes each image with that pixel black impossible there.
    n_init, shape : see `Mixture`

    p = {"logits" (K,), "pixels" (K, *shape)}, the logits of the weights and of the pixels.

    A component has collapsed when it holds less than half an example; EM lets it begin again.
    """

    floor: float = 1e-3

    centre = "pixels"
    entries = 1 << 20  # two large products a block

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("BernoulliMixture", "floor", self.floor, above=0.0, below=0.5)

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Of the components' pictures."""
        return {"pixels": (self.n_components, *shape)}

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Pictures near grey, equal weights: no start for EM, see `em.begin`."""
        pixels = rng.standard_normal((self.n_components, *self.needed_shape()))
        return {
            "logits": np.zeros(self.n_components, dtype),
            "pixels": pixels.astype(dtype),
        }

    def log_components(self, p: Params, rows: Array) -> tuple[Array, Pullback]:
        """log p(x|k) (N, K) of rows (N, D), and its pullback."""
        l = p["pixels"].reshape(self.n_components, -1)  #                 (K, D)
        log_x = rows @ l.T - softplus(l).sum(axis=1)  #                   (N, K)    (15)

        def dp(w: Array) -> Params:
            dl = w.T @ rows - w.sum(axis=0)[:, None] * sigmoid(l)  #      (K, D)    (22)
            return {"pixels": dl.reshape(p["pixels"].shape)}

        return log_x, Pullback(dp, lambda w: w @ l, log_x)  #  dx         (N, D)    (22)

    def statistics(self, p: Params, rows: Array, r: Array) -> Params:
        """N_k, and how many examples of each component have a pixel black."""
        return {"count": r.sum(axis=0), "black": r.T @ rows}

    def maximise(self, p: Params, sums: Params) -> Params:
        """The share of black in each pixel, within floor .. 1 - floor, as a logit."""
        xp = namespace(sums["black"])
        share = sums["black"] / sums["count"][:, None]
        m = xp.clip(share, self.floor, 1 - self.floor)  #                 (K, D)    (16)
        return {"pixels": logit(m)}

    def collapsed(self, sums: Params) -> list[int]:
        """Components with less than half an example."""
        return [k for k, count in enumerate(sums["count"].tolist()) if count < LEAST]

    def reseeded(self, new: Params, sums: Params, k: int, row: Array) -> Params:
        """Component k halfway between the example `row` and the mean picture."""
        xp = namespace(row)
        mean = sums["black"].sum(axis=0) / sums["count"].sum()
        pixels = new["pixels"].copy()
        pixels[k] = logit(xp.clip(0.5 * (row + mean), self.floor, 1 - self.floor))
        return new | {"pixels": pixels}

    def draw(self, p: Params, rng: np.random.Generator, k: Array) -> Array:
        """A row (n, D) of zeros and ones for each component in k (n,)."""
        return Bernoulli().sample(p["pixels"].reshape(self.n_components, -1)[k], rng)

    def means(self, p: Params) -> Array:
        """m, the picture of each component (K, *shape)."""
        return sigmoid(p["pixels"])

    def free(self, p: Params) -> int:
        """K - 1 weights and K D pixels."""
        return self.n_components * (1 + math.prod(p["pixels"].shape[1:])) - 1

    def check_values(self, x: Array) -> None:
        """Refuse pixels that are not 0 or 1. Raises ValueError."""
        Bernoulli().check_pixels(x)


def logit(m: Array) -> Array:
    """The l with sigmoid(l) = m."""
    xp = namespace(m)
    return xp.log(m) - xp.log1p(-m)
