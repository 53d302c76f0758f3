"""Batch normalisation: each channel has mean 0 and variance 1 over the batch, then gamma and beta.

y = gamma (x - mean) / sqrt(var + eps) + beta              docs/derivations/batch_norm.md

There is no hidden mode. forward(p, x) is the training call: mean and var are those of the batch,
and the gradient flows through them. forward(p, x, statistics) takes them as given constants, as
sampling and testing need; `calibrate` computes them once, a value beside p.

Ioffe and Szegedy 2015, arXiv 1502.03167
"""

from dataclasses import dataclass

from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import sum_rows
from tinygen.layers.base import check_device, check_finite, check_input
from tinygen.layers.norm import ScaledNorm, normalise
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class BatchNorm(ScaledNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta        x, y (..., C)   gamma, beta (C,)

    n          : C; mean and var are over all axes but the last: N, or N, H, W
    statistics : the third argument of forward, {"mean": (C,), "var": (C,)}; without it, those of
                 the batch (var biased, divided by M)

    Raises ValueError for a batch of one value a channel, whose variance is zero whatever it is,
    and for statistics of other keys or shapes, or with a negative variance.
    NOTE: no running average is kept during training; `calibrate` replaces it (section 3.1 of the
    paper also takes the inference statistics from whole batches).
    """

    n: int
    eps: float = 1e-5

    couples = True  # where no statistics are given

    def forward(
        self, p: Params, x: Array, statistics: dict[str, Array] | None = None
    ) -> tuple[Array, Pullback]:
        check_input(self, p, x, "...", self.n)
        if statistics is not None:
            return self.with_statistics(p, x, statistics)
        if x.size == self.n:
            raise ValueError(
                f"BatchNorm: x of shape {x.shape} has one value per channel, so no variance: "
                "give a larger batch, or statistics from calibrate(net, p, batches)"
            )
        return normalise("BatchNorm", p, x, 1, self.eps)

    def with_statistics(
        self, p: Params, x: Array, statistics: dict[str, Array]
    ) -> tuple[Array, Pullback]:
        """The same map with mean and var as constants: affine in x, and its pullback likewise."""
        check_statistics(self, x, statistics)
        xp, gamma, beta = namespace(x), p["gamma"], p["beta"]
        mean, var = statistics["mean"], statistics["var"]
        inv_std = 1 / xp.sqrt(var + self.eps)  # 1 / sqrt(var + eps)   (C,)      (3)
        scale = gamma * inv_std
        y = (x - mean) * scale  # gamma (x - mean) / std + beta        (..., C)  (15)
        y += beta

        def dp(dy: Array) -> Params:
            dy_rows, x_rows = dy.reshape(-1, self.n), x.reshape(-1, self.n)
            x_hat = (x_rows - mean) * inv_std
            dgamma = sum_rows(dy_rows * x_hat)  # sum_m dy_m x_hat_m   (C,)      (16)
            return {"gamma": dgamma, "beta": sum_rows(dy_rows)}  # sum_m dy_m    (17)

        def dx(dy: Array) -> Array:
            return dy * scale  # gamma dy / std                        (..., C)  (18)

        return y, Pullback(dp, dx, y)


def check_statistics(norm: BatchNorm, x: Array, statistics: dict[str, Array]) -> None:
    """Refuse statistics that are not those of this norm. Raises ValueError or TypeError."""
    if not isinstance(statistics, dict) or statistics.keys() != {"mean", "var"}:
        given = sorted(statistics) if isinstance(statistics, dict) else type(statistics).__name__
        raise ValueError(
            f"BatchNorm: statistics must have the keys ['mean', 'var'], got {given}: "
            "use the ones that calibrate(net, p, batches) returns"
        )
    for key, value in statistics.items():
        if getattr(value, "shape", None) != (norm.n,):
            raise ValueError(
                f"BatchNorm: statistics {key!r} must have shape {(norm.n,)}, "
                f"got {getattr(value, 'shape', type(value).__name__)}"
            )
        if value.dtype != x.dtype:
            raise TypeError(
                f"BatchNorm: x is {x.dtype}, statistics {key!r} is {value.dtype}: "
                f"use .astype({str(x.dtype)!r})"
            )
        check_device("BatchNorm", x, value)
        check_finite(f"BatchNorm: statistics {key!r}", value)
    if namespace(x).__name__ != "cupy" and bool((statistics["var"] < 0).any()):
        raise ValueError("BatchNorm: statistics 'var' is negative: give variances, not their logs")
