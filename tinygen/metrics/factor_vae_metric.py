"""The FactorVAE metric: does the dimension that stands still say which factor was held?

One vote: hold one factor at one value, draw L examples with it, divide the variance of each
dimension of their codes by that over all examples; the least one is the vote d for the factor k.
A table of votes V_dk is a classifier: it answers d by the factor that d was seen with most.

    metric = the share of new votes (d, k) with k = argmax_k' V_dk'

H. Kim and A. Mnih, ICML 2018, arXiv 1802.05983, section 4.
                                              docs/derivations/disentanglement_metrics.md
"""

from dataclasses import dataclass

import numpy as np

from tinygen.arguments import check_whole
from tinygen.arrays import Array, to_host
from tinygen.layers.base import check_array
from tinygen.metrics.active_units import THRESHOLD
from tinygen.metrics.code_information import Factors
from tinygen.metrics.factors import checked_factors


def factor_vae_metric(
    codes: Array,
    factors: Factors,
    rng: np.random.Generator,
    votes: int = 800,
    examples: int = 100,
    threshold: float = THRESHOLD,
) -> float:
    """The share of `votes` votes that a classifier of as many others answers rightly, 0..1.

    codes     : (N, Z), means of q(z|x), for all examples or as many as can be had
    factors   : name -> whole numbers (N,), two values or more each; cut continuous ones with
                `metrics.levels`
    examples  : L of each vote, drawn with replacement
    threshold : dimensions whose variance over all examples is not above it have no vote. Where
                none is above it, nothing is told of any factor: the metric is the best guess.

    Raises ValueError for shapes, NaN, a value with fewer than 2 examples, one factor alone,
    counts below 1, TypeError for no floats.

    NOTE: the paper counts the votes of one table; here those that fill the table are not those
    that it answers, so that 800 votes of noise are not flattered.
    """
    check_array("factor_vae_metric: codes", codes, "N", "Z")
    check_whole("factor_vae_metric", "votes", votes)
    check_whole("factor_vae_metric", "examples", examples)
    z = to_host(codes).astype(np.float64)
    level = checked_factors("factor_vae_metric", factors, len(z), least=2)
    if len(level) < 2:
        raise ValueError("factor_vae_metric: one factor needs no classifier: give 2 or more")
    variance = z.var(axis=0)
    used = variance > threshold
    z = z[:, used] / np.sqrt(variance[used])  #                        (N, Z')
    values = [Value.all_of(v) for v in level.values()]
    table = np.zeros((max(int(used.sum()), 1), len(values)), int)  #   V_dk
    for d, k in cast_votes(z, values, rng, votes, examples):
        table[d, k] += 1
    answer = table.argmax(axis=1)  #                                   k of each d      (6)
    return float(np.mean([answer[d] == k for d, k in cast_votes(z, values, rng, votes, examples)]))


@dataclass(frozen=True)
class Value:
    """One value of a factor: the examples that have it."""

    rows: np.ndarray

    @classmethod
    def all_of(cls, level: np.ndarray) -> list["Value"]:
        """The values of a factor, each with its examples."""
        return [cls(np.flatnonzero(level == c)) for c in range(level.max() + 1)]


def cast_votes(
    z: np.ndarray, values: list[list[Value]], rng: np.random.Generator, votes: int, examples: int
) -> list[tuple[int, int]]:
    """(d, k) of each vote: the dimension of least variance, the factor that was held."""
    found = []
    for k in rng.integers(len(values), size=votes):
        held = values[k][rng.integers(len(values[k]))]
        batch = z[rng.choice(held.rows, examples)]  #                  (L, Z')
        d = int(batch.var(axis=0).argmin()) if z.shape[1] else 0  #                     (5)
        found.append((d, int(k)))
    return found
