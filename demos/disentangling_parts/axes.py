"""Where a known factor lies in the codes: the axis that tells most of it, and a direction.

The axis of v_k is argmax_j I(z_j; v_k). The direction is the column of v_k in the linear map from
all factors to the codes,

    E[z | v] ~ b + A v,        A, b by least squares over the means of q(z|x),

how the code moves where v_k changes and the other factors stand still. An axis is found without
factors and named with them; the direction is fitted to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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
class Directions:
    """E[z | v] ~ b + A v.

    A      : (K, Z), a row a factor;  b: (Z,), the code where all factors are 0
    fitted : name -> share of the variance of the factor that a linear map of the codes explains
    """

    names: tuple[str, ...]
    A: np.ndarray
    b: np.ndarray
    fitted: dict[str, float]

    @classmethod
    def fit(cls, factors: Mapping[str, np.ndarray], mean: np.ndarray) -> "Directions":
        """By least squares, from the values of the factors (N,) and codes (N, Z)."""
        v = np.stack(list(factors.values()), axis=1).astype(np.float64)  # (N, K)
        z = mean.astype(np.float64)
        solved = np.linalg.lstsq(with_one(v), z, rcond=None)[0]
        back = with_one(z) @ np.linalg.lstsq(with_one(z), v, rcond=None)[0]
        left = ((v - back) ** 2).mean(axis=0) / v.var(axis=0)
        return cls(
            tuple(factors), solved[:-1], solved[-1], dict(zip(factors, 1 - left, strict=True))
        )

    def code(self, name: str, values: np.ndarray) -> np.ndarray:
        """Codes (V, Z) at values of one factor, the others 0."""
        k = self.names.index(name)
        return (self.b + np.outer(values, self.A[k])).astype(np.float32)


def with_one(a: np.ndarray) -> np.ndarray:
    """A column of ones on the right."""
    return np.concatenate([a, np.ones((len(a), 1))], axis=1)
