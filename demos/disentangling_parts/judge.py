"""What a picture shows, by someone who has never seen a code: factors read from pixels.

Pixels -> 60 principal components, and their products in pairs -> factors, by ridge regression on
the training images. Its share of explained variance on the test images says how far to trust it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

COMPONENTS, RIDGE, ROWS = 60, 3.0, 4000


@dataclass(frozen=True)
class Judge:
    """Images (N, H, W, C) -> the value of each factor (N,)."""

    names: tuple[str, ...]
    centre: np.ndarray
    axes: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, factors: Mapping[str, np.ndarray]) -> "Judge":
        """On the first images; x (N, H, W, C), factors (N,) each."""
        flat = x[:ROWS].reshape(len(x[:ROWS]), -1).astype(np.float64)
        centre = flat.mean(axis=0)
        _, s, vt = np.linalg.svd(flat - centre, full_matrices=False)
        n = min(COMPONENTS, int((s > 1e-6 * s[0]).sum()))
        axes = vt[:n].T / s[:n] * sqrt(len(flat))  # components of variance 1     (D, n)
        self = cls(tuple(factors), centre, axes, np.zeros(0))
        F = self.features(x)
        v = np.stack(list(factors.values()), axis=1).astype(np.float64)
        weights = np.linalg.solve(F.T @ F + RIDGE * np.eye(F.shape[1]), F.T @ v)
        return cls(tuple(factors), centre, axes, weights)

    def features(self, x: np.ndarray) -> np.ndarray:
        """1, the components, their products (N, F)."""
        c = (x.reshape(len(x), -1) - self.centre) @ self.axes
        i, j = np.triu_indices(c.shape[1])
        return np.concatenate([np.ones((len(c), 1)), c, c[:, i] * c[:, j]], axis=1)

    def read(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Name -> the factor of each image (N,)."""
        return dict(zip(self.names, (self.features(x) @ self.weights).T, strict=True))

    def trust(self, x: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The share of each factor's variance that is explained on images not seen."""
        found = self.read(x)
        return {
            name: float(1 - ((v - found[name]) ** 2).mean() / np.var(v))
            for name, v in factors.items()
        }


def changes(judge: Judge, images: np.ndarray) -> dict[str, float]:
    """How far each factor goes along a walk: its largest value less its smallest."""
    return {name: float(np.ptp(v)) for name, v in judge.read(images).items()}
