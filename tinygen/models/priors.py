"""Priors p(z) over the codes of a latent-variable model.

The standard normal, whose divergence has a closed form, and a learned mixture of Gaussians,

    log p(z) = log sum_k pi_k N(z; m_k, diag exp(v_k))

J. M. Tomczak and M. Welling, AISTATS 2018 (arXiv 1705.07120), compare such priors and the
standard normal.                                           docs/derivations/priors.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import kl_to_standard_normal
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers import Bounded
from tinygen.layers.base import check_array, check_device, check_params, check_sizes
from tinygen.likelihoods.base import draw_index, normal
from tinygen.likelihoods.gaussian import LOG_2PI
from tinygen.pullback import Pullback, no_params
from tinygen.reparameterise import log_density, reparameterise


class Prior:
    """A frozen description of a density p(z) of codes z (N, Z), in nats.

    learned : whether it has parameters; p is {} where it has none
    """

    learned = False

    def init(self, rng: np.random.Generator, n_latent: int, dtype: Any = np.float32) -> Params:
        """Parameters for codes of Z = n_latent numbers, drawn from `rng`."""
        return {}

    def log_prob(self, p: Params, z: Array) -> tuple[Array, Pullback]:
        """log p(z) (N,), in nats, and its pullback to (dp, dz)."""
        raise NotImplementedError(f"{type(self).__name__} defines no log_prob")

    def sample(self, p: Params, rng: np.random.Generator, shape: Any, like: Array) -> Array:
        """Draws z of the shape (N, Z), with the dtype and on the device of `like`."""
        raise NotImplementedError(f"{type(self).__name__} defines no sample")

    def kl(self, p: Params, q: Params, eps: Array) -> tuple[Array, Pullback]:
        """KL(q || p) (N,) from one draw, log q(z) - log p(z) at z = mean + sigma eps, in nats.

        Right on average; one value may be negative. The pullback maps d to (dp, dq).
        """
        z, z_backward = reparameterise(q, eps)
        log_q, q_backward = log_density(q, eps)
        log_p, p_backward = self.log_prob(p, z)
        kl = log_q - log_p  #                                             (N,)      (1)

        def dp(d: Array) -> Params:
            return p_backward.dp(-d)

        def dq(d: Array) -> Params:  # q enters by its density and by the draw      (2)
            return tree.add(q_backward.dp(d), z_backward.dp(p_backward.dx(-d)))

        return kl, Pullback(dp, dq, kl)


@dataclass(frozen=True)
class StandardNormal(Prior):
    """p(z) = N(z; 0, I), without parameters"""

    def log_prob(self, p: Params, z: Array) -> tuple[Array, Pullback]:
        """-sum_j (z_j^2 + log 2 pi) / 2 (N,), and its pullback to ({}, dz)."""
        check_params(self, p, {})
        check_array("StandardNormal", z, "N", "Z")
        log_p = -0.5 * (z * z + LOG_2PI).sum(axis=1)  #                   (N,)      (3)
        return log_p, Pullback(no_params, lambda d: -z * d[:, None], log_p)

    def sample(self, p: Params, rng: np.random.Generator, shape: Any, like: Array) -> Array:
        """Standard normal numbers of this shape."""
        return normal(rng, shape, like)

    def kl(self, p: Params, q: Params, eps: Array) -> tuple[Array, Pullback]:
        """KL(q || N(0, I)) (N,) in closed form; eps is not looked at."""
        check_params(self, p, {})
        kl, backward = kl_to_standard_normal(q)
        return kl, Pullback(no_params, backward.dp, kl)


STANDARD_NORMAL = StandardNormal()


@dataclass(frozen=True)
class MixturePrior(Prior):
    """p(z) = sum_k softmax(logits)_k N(z; mean_k, diag exp(c tanh(log_var_k / c))), learned

    n_components : K
    p = {"logits" (K,), "mean" (K, Z), "log_var" (K, Z)}; c = 10, as in `Bounded`

    Starts with equal weights, variances of one, and means drawn from N(0, I).
    Raises ValueError for K < 1, other keys or shapes, NaN, TypeError for dtypes and devices.
    """

    n_components: int
    learned = True

    def __post_init__(self) -> None:
        check_sizes(self, n_components=self.n_components)

    def init(self, rng: np.random.Generator, n_latent: int, dtype: Any = np.float32) -> Params:
        """{"logits" (K,), "mean" (K, Z), "log_var" (K, Z)}, the means drawn from `rng`."""
        shape = (self.n_components, n_latent)
        return {
            "logits": np.zeros(self.n_components, dtype),
            "mean": rng.standard_normal(shape).astype(dtype),
            "log_var": np.zeros(shape, dtype),
        }

    def log_prob(self, p: Params, z: Array) -> tuple[Array, Pullback]:
        """log sum_k pi_k N(z; m_k, diag exp(v_k)) (N,), and its pullback to (dp, dz)."""
        check_array("MixturePrior", z, "N", "Z")
        mean, log_var, bounded_backward = self.components(p, z)
        xp = namespace(z)
        log_pi = p["logits"] - log_sum_exp(p["logits"])  #                (K,)
        precision = xp.exp(-log_var)  # 1 / sigma_k^2                     (K, Z)
        e = z[:, None] - mean  #                                          (N, K, Z)
        squares = e * e * precision + (log_var + LOG_2PI)
        log_joint = log_pi - 0.5 * squares.sum(axis=2)  # log pi_k N_k    (N, K)    (4)
        log_p = log_sum_exp(log_joint)  #                                 (N,)      (5)
        r = xp.exp(log_joint - log_p[:, None])  # p(k|z)                  (N, K)    (6)

        def dp(d: Array) -> Params:
            w = r * d[:, None]  # r_nk d_n                                (N, K)
            dlogits = w.sum(axis=0) - xp.exp(log_pi) * d.sum()  #         (K,)      (7)
            dmean = (w[:, :, None] * e).sum(axis=0) * precision  #        (K, Z)    (8)
            spread = (w[:, :, None] * e * e).sum(axis=0) * precision
            dlog_var = 0.5 * (spread - w.sum(axis=0)[:, None])  #         (K, Z)    (9)
            return {"logits": dlogits, "mean": dmean, "log_var": bounded_backward.dx(dlog_var)}

        def dz(d: Array) -> Array:
            return -(r[:, :, None] * e * precision).sum(axis=1) * d[:, None]  # (N, Z) (10)

        return log_p, Pullback(dp, dz, log_p)

    def sample(self, p: Params, rng: np.random.Generator, shape: Any, like: Array) -> Array:
        """A component k by its weight, then a draw from it: z of the shape (N, Z)."""
        xp = namespace(like)
        n, n_latent = shape
        mean, log_var, _ = self.components(p, xp.zeros((1, n_latent), like.dtype))
        k = draw_index(rng, xp.repeat(p["logits"][None], n, axis=0))  #   (N,)
        return mean[k] + xp.exp(0.5 * log_var[k]) * normal(rng, (n, n_latent), like)

    def components(self, p: Params, z: Array) -> tuple[Array, Array, Pullback]:
        """mean and bounded log_var (K, Z), and the bound's pullback, after refusing a bad p."""
        shape = (self.n_components, z.shape[1])
        check_params(self, p, {"logits": shape[:1], "mean": shape, "log_var": shape})
        for leaf in p.values():
            check_device("MixturePrior", z, leaf)
            if leaf.dtype != z.dtype:
                raise TypeError(
                    f"MixturePrior: z is {z.dtype}, the parameters are {leaf.dtype}: "
                    f"use z.astype({str(leaf.dtype)!r})"
                )
        log_var, backward = Bounded().forward({}, p["log_var"])
        return p["mean"], log_var, backward
