"""The discretised mixture of logistics: a density over grey levels, integrated over each level.

P(x) = sum_k w_k [sigmoid((c + h - m_k) / s_k) - sigmoid((c - h - m_k) / s_k)]

c = 2 x / (levels - 1) - 1 is the level in [-1, 1] and h = 1 / (levels - 1) half its width; the
first and the last level take the tails. Salimans, Karpathy, Chen and Kingma 2017 (PixelCNN++,
arXiv 1701.05517), section 2.1.                            docs/derivations/logistic_mixture.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arrays import Array, Params, device_of, namespace, to_device
from tinygen.kernels.elementwise import log_sum_exp, sigmoid, softplus
from tinygen.layers.base import check_sizes
from tinygen.likelihoods.base import (
    Likelihood,
    check_beside,
    check_dict,
    check_levels,
    draw_index,
    no_data_gradient,
    per_example,
    sum_examples,
)
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class LogisticMixture(Likelihood):
    """-log P(x), P a mixture of K logistics (w_k, m_k, s_k) integrated over the bin of x

    params = {"logits", "mean", "log_scale"}, each (N, ..., K): w = softmax(logits), m = mean in
    units where the levels span [-1, 1], s = e^log_scale. x (N, ...) whole numbers
    0 .. levels-1 of an integer dtype; the pullback's dx is the empty tree ().

    floor : the least log-scale f: log s = f + softplus(log_scale - f) is log_scale itself where
            that lies well above f. Below e^-7 all of a logistic fits into one of 256 levels.

    NOTE: the authors' code clamps log_scale at -7, where its gradient stops; this bound is
    smooth, so a component that became too narrow can widen again.
    NOTE: pixels of several channels are independent here; the paper makes the means of green and
    blue depend on the channels before.

    Raises ValueError for levels out of range, other keys or shapes, NaN or an empty batch,
    TypeError for data that are not integers.
    """

    levels: int = 256
    floor: float = -7.0

    def __post_init__(self) -> None:
        check_sizes(self, minimum=2, levels=self.levels)

    def nll(self, params: Params, x: Array) -> tuple[Array, Pullback]:
        """-log P(x), summed over the pixels: (N,), in nats; the gradients of the parameters."""
        self.check(params)
        logits, mean = params["logits"], params["mean"]
        check_levels("LogisticMixture", x, logits, logits.shape[:-1], self.levels)
        xp = namespace(logits)
        h = 1 / (self.levels - 1)
        c = (x.astype(logits.dtype) * (2 * h) - 1)[..., None]  #               (N, ..., 1)
        inv_s = xp.exp(-self.log_s(params))  # 1 / s                           (N, ..., K)
        b, a = (c + h - mean) * inv_s, (c - h - mean) * inv_s  # ends of bins  (N, ..., K)  (1)
        width = 2 * h * inv_s  # b - a                                         (N, ..., K)
        # Where there is a lower end, an upper end, both; else that factor is 1.
        low, high = (x > 0)[..., None], (x < self.levels - 1)[..., None]  #    (N, ..., 1)
        inner = low & high
        share = -xp.expm1(-width)  # 1 - e^-delta                              (N, ..., K)
        # log(sigmoid(b) - sigmoid(a)) = log sigmoid(b) + log sigmoid(-a) + log(1 - e^(a - b))
        log_p = (
            inner * xp.log(share) - high * softplus(-b) - low * softplus(a)
        )  #                                                                   (N, ..., K)  (2)
        joint = logits + log_p
        total = log_sum_exp(joint)  # log sum_k e^l_k P_k                      (N, ...)
        weight = log_sum_exp(logits)
        nll = sum_examples(weight - total)  #                                  (N,)         (3)

        def dparams(dnll: Array) -> Params:
            r = xp.exp(joint - total[..., None])  # responsibilities           (N, ..., K)
            w = xp.exp(logits - weight[..., None])  # mixture weights          (N, ..., K)
            d = per_example(dnll, logits)
            up, down = high * sigmoid(-b), low * sigmoid(a)  # d log_p / db, - d log_p / da
            slope = up - down  #                                               (N, ..., K)
            # delta / (e^delta - 1), written so that e^delta does not overflow
            squeeze = width * (1 - share) / share  #                           (N, ..., K)
            spread = up * b - down * a + inner * squeeze  #                    (N, ..., K)
            bound = sigmoid(params["log_scale"] - self.floor)  # d log s / d log_scale
            return {
                "logits": (w - r) * d,  #                                                  (4)
                "mean": r * slope * inv_s * d,  #                                          (5)
                "log_scale": r * spread * bound * d,  #                                    (6)
            }

        return nll, Pullback(dparams, no_data_gradient, nll)

    def sample(self, params: Params, rng: np.random.Generator) -> Array:
        """Levels x (N, ...), integers: a component, a logistic draw from it, its level."""
        self.check(params)
        xp = namespace(params["mean"])
        k = draw_index(rng, params["logits"])[..., None]  #                    (N, ..., 1)
        m = xp.take_along_axis(params["mean"], k, axis=-1)[..., 0]  #          (N, ...)
        s = xp.exp(xp.take_along_axis(self.log_s(params), k, axis=-1)[..., 0])
        noise = to_device(rng.logistic(size=m.shape).astype(m.dtype), device_of(m))
        v = m + s * noise  #                                                   (N, ...)
        x = xp.rint((v + 1) * ((self.levels - 1) / 2))
        return xp.clip(x, 0, self.levels - 1).astype(np.int64)

    def mean(self, params: Params) -> Array:
        """E[x] under P, in units of a level (N, ...): exact, by one pass a level.

        E[x] = sum_(j >= 1) P(x >= j), and x >= j where the logistic lies above the lower end of
        bin j.
        """
        self.check(params)
        xp, logits, mean = namespace(params["logits"]), params["logits"], params["mean"]
        w = xp.exp(logits - log_sum_exp(logits)[..., None])  #                 (N, ..., K)
        inv_s = xp.exp(-self.log_s(params))
        h = 1 / (self.levels - 1)
        above = xp.zeros_like(mean)
        for j in range(1, self.levels):
            above += sigmoid((mean - ((2 * j - 1) * h - 1)) * inv_s)  #        (N, ..., K)
        return (w * above).sum(axis=-1)  #                                     (N, ...)

    def log_s(self, params: Params) -> Array:
        """log s = f + softplus(log_scale - f) >= f."""
        return self.floor + softplus(params["log_scale"] - self.floor)

    def check(self, params: Params) -> None:
        """Refuse parameters of other keys or of unequal shapes. Raises ValueError, TypeError."""
        check_dict("LogisticMixture", params, "logits", "mean", "log_scale")
        for key in ("mean", "log_scale"):
            check_beside("LogisticMixture", key, params[key], params["logits"])
        if params["logits"].ndim < 2:
            raise ValueError(
                "LogisticMixture: expected parameters (N, ..., K), got "
                f"{params['logits'].shape}: add an axis for the components"
            )
