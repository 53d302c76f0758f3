"""A mixture of Gaussians whose weights, means and variances a net puts out.

p(x) = sum_k w_k prod_c N(x_c; mean_kc, e^(log_var_kc)),   w = softmax(logits)

C. Bishop, Mixture Density Networks, Aston University NCRG/94/004, 1994.
                                                           docs/derivations/mixture_density.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers.base import check_finite, check_sizes
from tinygen.likelihoods.base import (
    Likelihood,
    check_beside,
    check_dict,
    draw_index,
    normal,
    per_example,
    sum_examples,
)
from tinygen.likelihoods.gaussian import LOG_2PI
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class MixtureDensity(Likelihood):
    """-log p(x), p a mixture of K Gaussians over vectors x of C numbers

    params = {"logits": (N, ..., K), "mean" and "log_var": (N, ..., K, C)}; x (N, ..., C) floats.
    Within a component the C numbers are independent; the components tie them together.

    components : K

    NOTE: Bishop gives a component one variance; here each of its C numbers has its own.

    Raises ValueError for K < 1, other keys or shapes, NaN or an empty batch, TypeError for dtypes.
    """

    components: int

    def __post_init__(self) -> None:
        check_sizes(self, components=self.components)

    def nll(self, params: Params, x: Array) -> tuple[Array, Pullback]:
        """-log p(x), summed over all axes but the first: (N,), in nats; d params and dx."""
        self.check(params)
        logits, mean, log_var = params["logits"], params["mean"], params["log_var"]
        check_beside("MixtureDensity", "x", x, mean[..., 0, :])
        check_finite("MixtureDensity", x)
        xp = namespace(x)
        precision = xp.exp(-log_var)  #                                     (N, ..., K, C)
        error = x[..., None, :] - mean  #                                   (N, ..., K, C)
        square = error * error * precision
        # log N_k = -sum_c ((x_c - mean_kc)^2 / sigma_kc^2 + log sigma_kc^2 + log 2 pi) / 2
        log_p = -0.5 * (square + log_var + LOG_2PI).sum(axis=-1)  #         (N, ..., K)  (1)
        joint = logits + log_p
        total = log_sum_exp(joint)  # log sum_k e^(l_k) N_k                 (N, ...)
        weight = log_sum_exp(logits)  #                                     (N, ...)
        each = weight - total
        nll = sum_examples(each) if each.ndim > 1 else each  #              (N,)         (2)

        def pulled(dnll: Array) -> tuple[Array, Array]:
            """Responsibilities times dnll (N, ..., K), and that times (x - mean) / sigma^2."""
            r = xp.exp(joint - total[..., None]) * per_example(dnll, logits)  #          (3)
            return r, r[..., None] * error * precision

        def dparams(dnll: Array) -> Params:
            r, pull = pulled(dnll)
            w = xp.exp(logits - weight[..., None]) * per_example(dnll, logits)
            return {
                "logits": w - r,  #                                         (N, ..., K)  (4)
                "mean": -pull,  # r (mean - x) / sigma^2                    (N, ..., K, C)  (5)
                "log_var": 0.5 * r[..., None] * (1 - square),  #            (N, ..., K, C)  (6)
            }

        def dx(dnll: Array) -> Array:
            return pulled(dnll)[1].sum(axis=-2)  # sum_k -d mean_k          (N, ..., C)  (7)

        return nll, Pullback(dparams, dx, nll)

    def sample(self, params: Params, rng: np.random.Generator) -> Array:
        """x (N, ..., C): a component by its weight, then a draw from it."""
        self.check(params)
        xp = namespace(params["mean"])
        k = draw_index(rng, params["logits"])[..., None, None]  #           (N, ..., 1, 1)
        mean, log_var = (
            xp.take_along_axis(params[key], k, axis=-2)[..., 0, :] for key in ("mean", "log_var")
        )  #                                                                (N, ..., C)
        return mean + xp.exp(0.5 * log_var) * normal(rng, mean.shape, mean)

    def mean(self, params: Params) -> Array:
        """E[x] = sum_k w_k mean_k (N, ..., C)."""
        self.check(params)
        logits = params["logits"]
        w = namespace(logits).exp(logits - log_sum_exp(logits)[..., None])
        return (w[..., None] * params["mean"]).sum(axis=-2)

    def check(self, params: Params) -> None:
        """Refuse parameters of other keys or shapes. Raises ValueError, TypeError."""
        check_dict("MixtureDensity", params, "logits", "mean", "log_var")
        logits, mean = params["logits"], params["mean"]
        if logits.ndim < 2 or logits.shape[-1] != self.components:
            raise ValueError(
                f"MixtureDensity: expected logits (N, ..., {self.components}), got {logits.shape}"
            )
        if mean.ndim != logits.ndim + 1 or mean.shape[:-1] != logits.shape:
            raise ValueError(
                f"MixtureDensity: expected mean of shape {(*logits.shape, 'C')}, got {mean.shape}: "
                "give each component a mean of C numbers"
            )
        check_beside("MixtureDensity", "log_var", params["log_var"], mean)
