"""Where a known factor lies in the codes: the axis that tells most of it, and a curve.

The axis of v_k is argmax_j I(z_j; v_k). The curve is how codes move where v_k changes and the
other factors stand still, along a map from all factors to the codes,

    E[z | v] ~ f(v),      f a polynomial: products of up to 3 factors, powers of one up to 5,

by least squares over the means of q(z|x). An axis is found without factors, and named with them;
the curve is fitted to them. Where a factor is not coded along one line, it is bent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from tinygen import metrics


@dataclass(frozen=True)
class Axis:
    """The dimension that tells most of a factor.

    j      : counted from 0
    told   : I(z_j; v_k) / H(v_k);  second: that of the next best dimension
    rising : +1 where z_j rises with the factor, -1 where it falls
    """

    j: int
    told: float
    second: float
    rising: int


def axis_of(
    name: str,
    information: Mapping[str, np.ndarray],
    level: Mapping[str, np.ndarray],
    mean: np.ndarray,
) -> Axis:
    """The axis of the factor `name`; level (N,) whole numbers, mean (N, Z) of q(z|x)."""
    told = np.asarray(information[name]) / metrics.factor_entropy(level[name])
    order = np.argsort(-told)
    j = int(order[0])
    rising = np.sign(np.corrcoef(mean[:, j], level[name])[0, 1])
    return Axis(j, float(told[j]), float(told[order[1]]), -1 if rising < 0 else 1)


@dataclass(frozen=True)
class Curves:
    """E[z | v] ~ f(v), v (N, K) from -1 to 1.

    weights : of the polynomial's terms (F, Z)
    fitted  : the share of the codes' variance that f explains
    """

    names: tuple[str, ...]
    weights: np.ndarray
    fitted: float

    @classmethod
    def fit(cls, factors: Mapping[str, np.ndarray], mean: np.ndarray) -> "Curves":
        """By least squares, from the values of the factors (N,) and codes (N, Z)."""
        F, z = terms(scaled(factors)), mean.astype(np.float64)
        weights = np.linalg.lstsq(F, z, rcond=None)[0]
        left = ((z - F @ weights) ** 2).sum() / ((z - z.mean(axis=0)) ** 2).sum()
        return cls(tuple(factors), weights, float(1 - left))

    def step(self, v: np.ndarray, name: str, values: np.ndarray) -> np.ndarray:
        """How codes move (V, Z) from the factors v (K,) where one takes these values (V,)."""
        there = np.tile(v, (len(values), 1))
        there[:, self.names.index(name)] = values
        return (terms(there) - terms(v[None])) @ self.weights


def scaled(factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Each factor from -1, its least value, to 1, its largest (N, K)."""
    v = np.stack(list(factors.values()), axis=1).astype(np.float64)
    low, high = v.min(axis=0), v.max(axis=0)
    return (2 * v - low - high) / (high - low)


def terms(v: np.ndarray) -> np.ndarray:
    """1, the products of up to three factors, the fourth and fifth power of each (N, F)."""
    k = range(v.shape[1])
    products = [
        v[:, list(which)].prod(axis=1)
        for degree in (1, 2, 3)
        for which in combinations_with_replacement(k, degree)
    ]
    return np.stack([np.ones(len(v)), *products, *(v**4).T, *(v**5).T], axis=1)
