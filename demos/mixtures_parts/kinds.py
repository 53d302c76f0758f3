"""2. and 3. Which covariance, and how many components: likelihood, and what parameters cost.

BIC and AIC are scikit-learn's, on the training points: the least is the best. The test points say
whether they are right.
"""

import argparse
from typing import Any

from mixtures_parts.setting import DIGITS, Answer, Points, agreement
from tinygen import metrics, to_host
from tinygen.models import GaussianMixture
from tinygen.models.covariances import KINDS
from tinygen.plots.ellipses import draw_ellipses, draw_points
from tinygen.plots.style import LINES, dress, new_figure

STARTS, TOL, MOST = 4, 1e-4, 200
COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24)


def numbers(model: GaussianMixture, p: Any, points: Points) -> dict[str, Any]:
    """One row of a table."""
    return {
        "numbers fitted": model.free(p),
        "log p(x), training": float(model.score_samples(p, points.x).mean()),
        "log p(x), test": metrics.mean_and_error(model.score_samples(p, points.test)),
        "BIC / N": model.bic(p, points.x) / len(points.x),
        "AIC / N": model.aic(p, points.x) / len(points.x),
    }


def kinds(args: argparse.Namespace, points: Points, rng: Any) -> Answer:
    """The four kinds of covariance with a component a digit."""
    rows, figure = {}, new_figure(9.6, 2.9)
    for ax, kind in zip(figure.subplots(1, 4), KINDS, strict=True):
        model = GaussianMixture(len(DIGITS), kind, n_init=STARTS)
        p = model.fit(points.x, rng, tol=TOL, max_iter=MOST).p
        right = agreement(model, p, points)
        rows[kind] = numbers(model, p, points) | {"in the component of their digit": right}
        draw_points(ax, to_host(points.x)[:600])
        host = to_host(p)
        draw_ellipses(ax, model.weights(host), host["mean"], model.matrices(host))
        dress(ax, kind)
        ax.grid(False)
        ax.set(xticks=[], yticks=[])
    return rows, {"kinds": figure}


def how_many(args: argparse.Namespace, points: Points, rng: Any) -> Answer:
    """One to many components, each with a full covariance."""
    rows: dict[str, Any] = {}
    for K in COUNTS[: 4 if args.quick else None]:
        model = GaussianMixture(K, floor=1e-3, n_init=STARTS)
        p = model.fit(points.x, rng, tol=TOL, max_iter=MOST).p
        rows[f"{K} component" + "s" * (K > 1)] = numbers(model, p, points)
    figure = new_figure(4.6, 3.0)
    ax, counts = figure.subplots(), COUNTS[: len(rows)]
    lines = {
        "training": [row["log p(x), training"] for row in rows.values()],
        "test": [row["log p(x), test"][0] for row in rows.values()],
        "-BIC / 2N": [-row["BIC / N"] / 2 for row in rows.values()],
    }
    for (name, values), colour in zip(lines.items(), LINES, strict=False):
        ax.plot(counts, values, "o-", color=colour, label=name, ms=3)
    dress(ax, "log p(x), nats a point", "components")
    ax.legend(frameon=False, fontsize=8)
    return rows, {"how_many": figure}
