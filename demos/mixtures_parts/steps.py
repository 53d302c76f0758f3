"""1. What a step of EM does: ellipses that begin alike and part, and a likelihood that rises.

The start is poor on purpose: three means close to the middle, each with the covariance of all
points. docs/derivations/em.md
"""

import argparse
from typing import Any

import numpy as np

from mixtures_parts.setting import DIGITS, Answer, Points, agreement, told
from tinygen import plots, to_device, to_host, tree
from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.models import GaussianMixture, em
from tinygen.plots.ellipses import draw_ellipses, draw_points
from tinygen.plots.style import LINES, dress, new_figure

MOST, SHOWN = 60, 400  # steps; points in the pictures
MODEL = GaussianMixture(len(DIGITS))


def answer(args: argparse.Namespace, points: Points) -> Answer:
    """The record of one fit, as a table, a picture and an animation."""
    path, record = watched(points.x, args)
    path = [sorted_by_digit(p, path[-1], points) for p in path]
    shown = [0, 3, 6, 10, 15, len(path) - 1]
    shown = sorted({min(i, len(path) - 1) for i in shown})
    rows: dict[str, Any] = {
        f"step {i}": {
            "log p(x), training": record[i],
            "log p(x), test": float(MODEL.score_samples(path[i], points.test).mean()),
            "points in the component of their digit": agreement(MODEL, path[i], points),
        }
        for i in shown
    }
    rows["greatest fall of a step"] = {"log p(x), training": told(em.falls(record))}
    # each second frame, once the ellipses hardly move
    frames = sorted({*range(min(16, len(path))), *range(16, len(path), 3), len(path) - 1})
    frames = frames[::5] if args.quick else frames
    return rows, {
        "steps": picture(points, path, record, shown),
        "steps_moving": film(points, path, record, frames),
    }


def watched(x: Array, args: argparse.Namespace) -> tuple[list[Params], list[float]]:
    """The parameters after each step, the start first, and the log-likelihood of each."""
    rng = np.random.default_rng(args.seed)
    p, path, record = poor_start(x, rng), [], []
    for _ in range(MOST):
        step = em.em_step(MODEL, p, x, rng)
        path.append(p)
        record.append(step.log_likelihood)
        if len(record) > 1 and record[-1] - record[-2] < 1e-4:
            break
        p = step.p
    return path, record


def poor_start(x: Array, rng: np.random.Generator) -> Params:
    """Means a fifth of a standard deviation from the middle, covariances of all points."""
    xp, K = namespace(x), MODEL.n_components
    one = GaussianMixture(1)
    whole = one.fit(x, rng).p
    S = one.covariances(whole)
    near = to_device(0.2 * rng.normal(size=(K, 2)), device_of(x))
    means = whole["mean"] + near @ whole["L"][0].T
    return MODEL.given(xp.full(K, 1 / K), means, xp.concatenate([S] * K))


def sorted_by_digit(p: Params, end: Params, points: Points) -> Params:
    """The components of p in the order of the digits that they end on, for their colours."""
    r = to_host(MODEL.predict_proba(end, points.x))
    held = np.stack([r[points.y == digit].sum(axis=0) for digit in DIGITS])  # (digits, K)
    order = held.argmax(axis=1)
    if len(set(order)) < len(DIGITS):  # two of them ended on one digit
        return p
    return tree.map(lambda a: a[namespace(a).asarray(order)], p)


def draw(ax: Any, points: Points, p: Params) -> None:
    """Points by their digits, which EM does not know, under the ellipses."""
    draw_points(ax, to_host(points.x)[:SHOWN], np.searchsorted(DIGITS, points.y[:SHOWN]))
    p = to_host(p)
    draw_ellipses(ax, MODEL.weights(p), p["mean"], MODEL.matrices(p))
    low, high = np.quantile(to_host(points.x), [0.002, 0.998], axis=0)
    room = 0.15 * (high - low)
    ax.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
    ax.set(xticks=[], yticks=[])


def picture(points: Points, path: list[Params], record: list[float], shown: list[int]) -> Any:
    """Six moments of the fit."""
    figure = new_figure(9.0, 6.0)
    for ax, i in zip(figure.subplots(2, 3).ravel(), shown, strict=False):
        draw(ax, points, path[i])
        dress(ax, f"after {i} steps: {record[i]:.3f} nats" if i else f"start: {record[0]:.3f} nats")
        ax.grid(False)
    return figure


def film(points: Points, path: list[Params], record: list[float], frames: list[int]) -> bytes:
    """The ellipses, and the likelihood beside them, step by step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = new_figure(6.4, 3.1)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))

    def drawn() -> Any:
        for i in frames:
            left.clear()
            right.clear()
            draw(left, points, path[i])
            dress(left, f"{i} steps of EM")
            left.grid(False)
            right.plot(record[: i + 1], color=LINES[0])
            right.plot(i, record[i], "o", color=LINES[1], ms=5)
            dress(right, "log p(x), nats a point", "step")
            room = 0.05 * (record[-1] - record[0])
            right.set(xlim=(-1, len(record)), ylim=(record[0] - room, record[-1] + room))
            if i == frames[0]:
                FigureCanvasAgg(figure).draw()
            figure.set_layout_engine("none")  # all frames stand where the first one does
            yield figure

    return plots.moving(drawn(), 130, last=20)
