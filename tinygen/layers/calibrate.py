"""The statistics that batch norms use after training, measured in one pass over data.

mean = sum_b w_b mean_b                                    mean of the means
var  = sum_b w_b var_b + sum_b w_b (mean_b - mean)^2       mean of the variances, variance of means

over batches b, weighted by their sizes, w_b = M_b / sum_b M_b: the mean and variance of all values
that the layer saw. The result is a value beside p, so training keeps no hidden state.

docs/derivations/batch_norm.md, section 4                  Ioffe and Szegedy 2015, algorithm 2
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, is_array, namespace
from tinygen.layers.base import Layer
from tinygen.layers.batch_norm import BatchNorm
from tinygen.layers.compose import Composite
from tinygen.layers.norm import moments
from tinygen.pullback import Pullback


def calibrate(
    net: Layer, p: Params, batches: Array | Iterable[Any], extras: Iterable[Params] | None = None
) -> Any:
    """The extras with which `net.forward(p, x, extras)` uses the statistics of these batches.

    net     : a BatchNorm, or a composite that holds some at any depth
    p       : the net's parameters; they keep their bits
    batches : one batch (an array), or an iterable of batches, each an input of the net
    extras  : of each batch, what other layers of the net need, such as {"label": labels}

    Returns {"mean", "var"} for a lone BatchNorm; for a composite the dict of its children's, by
    name, nested as they are. While it measures, each batch is
    normalised by its own statistics, as in training. Raises ValueError for no batches,
    and where no batch norm is found.
    NOTE: the paper multiplies the mean variance by M / (M - 1); here the variance between batches
    is added instead, which is exact for any M.
    """
    probe = observed(net)
    count = 0
    needed = repeat(None) if extras is None else extras
    for batch, extra in zip([batches] if is_array(batches) else batches, needed, strict=False):
        probe.forward(p, batch) if extra is None else probe.forward(p, batch, extra)  # type: ignore
        count += 1
    if count == 0:
        raise ValueError("calibrate: no batches: give an array, or an iterable of at least one")
    statistics = collected(probe)
    if not statistics:
        raise ValueError(
            f"calibrate: found no BatchNorm in {type(net).__name__}: it looks into composites "
            "(Sequential, Residual, Fork), not into layers that hide one"
        )
    return statistics


@dataclass(frozen=True)
class ObservedBatchNorm(Layer):
    """A batch norm that notes (M, mean, var) of each batch it sees."""

    norm: BatchNorm
    seen: list[tuple[int, Array, Array]] = field(default_factory=list)

    def forward(self, p: Params, x: Array) -> tuple[Array, Pullback]:
        y, backward = self.norm.forward(p, x)
        rows = x.reshape(1, -1, self.norm.n)
        mean, var = moments(rows)
        self.seen.append((rows.shape[1], mean[0, 0], var[0, 0]))
        return y, backward


def observed(layer: Layer) -> Layer:
    """The same net, with each batch norm in it replaced by one that takes notes."""
    if isinstance(layer, BatchNorm):
        return ObservedBatchNorm(layer)
    if isinstance(layer, Composite):
        return layer.with_layers({name: observed(child) for name, child in layer.layers.items()})
    return layer


def collected(layer: Layer) -> Any:
    """The notes, as extras: nested by the names of the layers."""
    if isinstance(layer, ObservedBatchNorm):
        return population(layer.seen)
    if isinstance(layer, Composite):
        children = {name: collected(child) for name, child in layer.layers.items()}
        return {name: extras for name, extras in children.items() if extras}
    return {}


def population(seen: list[tuple[int, Array, Array]]) -> dict[str, Array]:
    """Mean and variance of the union of batches, from (M, mean, var) of each."""
    if not seen:
        raise ValueError("calibrate: a batch norm of the net was never reached: nothing to measure")
    dtype, xp = seen[0][1].dtype, namespace(seen[0][1])
    w = xp.asarray(np.array([M for M, _, _ in seen], np.float64))
    w = w / w.sum()  # M_b / sum M                           (B,)
    means = xp.stack([mean for _, mean, _ in seen]).astype(np.float64)  # (B, C)
    variances = xp.stack([var for _, _, var in seen]).astype(np.float64)
    mean = w @ means  # sum_b w_b mean_b                     (C,)   (19)
    spread = means - mean
    var = w @ (variances + spread * spread)  # sum_b w_b (var_b + (mean_b - mean)^2)   (20)
    return {"mean": mean.astype(dtype), "var": var.astype(dtype)}
