"""What the questions share: real digits as points in a plane, and the numbers of a fit."""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset, Part
from tinygen.models import GaussianMixture
from tinygen.models.pca import pca_autoencoder

DIGITS = (0, 1, 4)  # classes that lie apart on two principal axes
MOST = 3000  # training points

Answer = tuple[dict[str, Any], dict[str, Any]]


@dataclass
class Points:
    """Images of three digits on their first principal axes, in float64.

    x, test : (N, D) on the device;  y, y_test : (N,) the digit of each, on the host
    """

    x: Array
    y: np.ndarray
    test: Array
    y_test: np.ndarray

    @classmethod
    def of(
        cls, data: Dataset, args: argparse.Namespace, axes: int = 2, most: int = MOST
    ) -> "Points":
        """The axes are those of the training images. Refuses data without such classes."""
        if data.train.labels is None or not set(DIGITS) <= set(data.train.labels):
            raise SystemExit(
                f"mixtures: {data.name} has no classes {DIGITS}, which lie apart: use --data "
                "mnist, fashion-mnist or digits"
            )
        (x, y), (test, y_test) = chosen(data.train, most), chosen(data.test, None)
        p, _ = pca_autoencoder(x, axes)
        project = p["encoder"]["code"]

        def points(rows: np.ndarray) -> Array:
            z = rows @ project["W"] + project["b"]
            return to_device(z.astype(np.float64), args.device)

        return cls(points(x), y, points(test), y_test)


def chosen(part: Part, most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The rows (N, D) of the three classes, the first of them, and their labels."""
    assert part.labels is not None
    rows = np.flatnonzero(np.isin(part.labels, DIGITS))[:most]
    return part.x[rows].reshape(len(rows), -1), part.labels[rows]


def agreement(model: GaussianMixture, p: Params, points: Points) -> float:
    """Share of the test points whose class is the commonest one in their component."""
    found = to_host(model.predict(p, points.x))
    name = [
        np.bincount(points.y[found == k], minlength=10).argmax() if (found == k).any() else -1
        for k in range(model.n_components)
    ]
    return float((np.array(name)[to_host(model.predict(p, points.test))] == points.y_test).mean())


def told(fall: float) -> str:
    """The greatest fall of a record, as a table shows it: one of rounding is not 0.00."""
    return f"{fall:.0e}" if fall else "none"
