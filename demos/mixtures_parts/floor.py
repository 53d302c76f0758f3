"""4. What the floor is for: without one the likelihood of the training points has no maximum.

Few points in many dimensions, and more components than they can carry.
"""

import argparse
import warnings
from typing import Any

import numpy as np

from mixtures_parts.setting import Answer, Points, told
from tinygen import metrics
from tinygen.models import GaussianMixture, em
from tinygen.plots.style import LINES, dress, new_figure

AXES, FEW, K = 10, 150, 8
FLOORS = tuple(10.0**e for e in range(-9, 2))


def answer(args: argparse.Namespace, points: Points, rng: Any) -> Answer:
    """One fit a floor, from the same k-means start."""
    rows: dict[str, Any] = {}
    for floor in FLOORS[:: 3 if args.quick else 1]:
        model = GaussianMixture(K, floor=floor)
        start = model.start(np.random.default_rng(args.seed), points.x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what is left collapsed is counted
            found = model.fit(points.x, rng, start=start, tol=1e-6, max_iter=200)
        rows[f"floor {floor:g}"] = {
            "log p(x), training": found.log_likelihood[-1],
            "log p(x), test": metrics.mean_and_error(model.score_samples(found.p, points.test)),
            "began again": len(found.reseeded),
            "greatest fall of a step": told(fall(found)),
        }
    figure = new_figure(4.6, 3.0)
    ax, floors = figure.subplots(), [float(name.split()[1]) for name in rows]
    ax.plot(floors, [r["log p(x), training"] for r in rows.values()], "o-", ms=3, color=LINES[0])
    ax.plot(floors, [r["log p(x), test"][0] for r in rows.values()], "o-", ms=3, color=LINES[1])
    dress(ax, "log p(x), nats: training blue, test red", "floor: least variance in any direction")
    ax.set_xscale("log")
    return rows, {"floor": figure}


def fall(found: em.Fitted) -> float:
    """Of the steps at which no component began again."""
    return em.falls(found.log_likelihood, tuple(step for step, _ in found.reseeded))
