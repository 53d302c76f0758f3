"""The Gaussian likelihood, with fixed, shared or per-pixel variance.

-log p(x) = ((x - mean)^2 / sigma^2 + log sigma^2 + log 2 pi) / 2
                                                           docs/derivations/gaussian.md
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_array, check_finite
from tinygen.likelihoods.base import (
    Likelihood,
    check_beside,
    check_dict,
    normal,
    per_example,
    sum_examples,
)
from tinygen.pullback import Pullback

LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """-log p(x) = sum_d ((x_d - mean_d)^2 / sigma_d^2 + log sigma_d^2 + log 2 pi) / 2

    std : a number fixes sigma, and params = mean (N, ...), the shape of x.
          None learns it: params = {"mean": (N, ...), "log_var"}, log_var = log sigma^2 of the
          shape of x (per pixel) or of any that broadcasts to it, such as (D,) or () (shared):
          its gradient is summed over the axes that it was repeated along.

    With std = sqrt(1/2) the NLL is the squared error plus D log(pi) / 2.
    Raises ValueError for std <= 0, other shapes, NaN or an empty batch, TypeError for dtypes.
    """

    std: float | None = None

    def __post_init__(self) -> None:
        if self.std is not None and not (0 < self.std < math.inf):
            raise ValueError(f"Gaussian: std must be a finite number > 0, got {self.std!r}")

    def nll(self, params: Any, x: Array) -> tuple[Array, Pullback]:
        """-log p(x) summed over the pixels: (N,), in nats; the gradients of params and of x."""
        mean, log_var = self.split(params)
        check_beside("Gaussian", "x", x, mean)
        check_finite("Gaussian", x)
        xp = namespace(x)
        precision = xp.exp(-log_var)  # 1 / sigma^2                  (shape of log_var)
        error = x - mean  #                                           (N, ...)
        terms = error * error * precision + (log_var + LOG_2PI)  #    (N, ...)
        nll = 0.5 * sum_examples(terms)  #                            (N,)     (1)

        def dmean(dnll: Array) -> Array:
            return -error * precision * per_example(dnll, x)  # (mean - x) / sigma^2  (2)

        def dlog_var(dnll: Array) -> Array:
            d = 0.5 - 0.5 * error * error * precision  # (1 - (x - mean)^2 / sigma^2) / 2     (3)
            return sum_to(d * per_example(dnll, x), log_var.shape)

        def dparams(dnll: Array) -> Params:
            if self.std is not None:
                return dmean(dnll)
            return {"mean": dmean(dnll), "log_var": dlog_var(dnll)}

        def dx(dnll: Array) -> Array:
            return error * precision * per_example(dnll, x)  # -d mean                 (4)

        return nll, Pullback(dparams, dx, nll)

    def sample(self, params: Any, rng: np.random.Generator) -> Array:
        """mean + sigma eps, eps standard normal: (N, ...)."""
        mean, log_var = self.split(params)
        return mean + namespace(mean).exp(0.5 * log_var) * normal(rng, mean.shape, mean)

    def mean(self, params: Any) -> Array:
        """The mean (N, ...)."""
        return self.split(params)[0]

    def split(self, params: Any) -> tuple[Array, Array]:
        """(mean, log_var), after refusing parameters of another structure."""
        if self.std is not None:
            check_array(f"Gaussian(std={self.std}) mean", params, "...")
            return params, namespace(params).asarray(2 * math.log(self.std), params.dtype)
        check_dict("Gaussian", params, "mean", "log_var")
        mean, log_var = params["mean"], params["log_var"]
        if not broadcasts(log_var.shape, mean.shape):
            raise ValueError(
                f"Gaussian: log_var of shape {log_var.shape} does not broadcast to the mean's "
                f"{mean.shape}: give one a pixel, one a column or one in all"
            )
        return mean, log_var


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of `shape` can be repeated to the shape `to`."""
    return len(shape) <= len(to) and all(
        size in (1, want) for size, want in zip(reversed(shape), reversed(to), strict=False)
    )


def sum_to(a: Array, shape: tuple[int, ...]) -> Array:
    """The adjoint of broadcasting: the sum of `a` over the axes along which it was repeated."""
    if a.shape == shape:
        return a
    xp = namespace(a)
    a = a.reshape(-1, *a.shape[a.ndim - len(shape) :]).sum(axis=0)
    axes = tuple(i for i, size in enumerate(shape) if size == 1)
    return xp.asarray(a.sum(axis=axes, keepdims=True) if axes else a)
