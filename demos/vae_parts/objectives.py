"""8. What do the other objectives buy? At equal epochs, in one small net.

    full covariance   q = N(mean, L L^T) in place of diagonal variances
    IWAE              log (1/K) sum_k w_k over K = 5 draws in place of the ELBO
    free bits         each dimension may carry so many nats for nothing
    warm-up           beta rises from 0 to 1 over the first half of the steps

Other seeds of the first model say what a difference has to exceed to mean anything.

                                   docs/derivations/vae.md, docs/derivations/iwae.md
"""

from argparse import Namespace
from dataclasses import replace
from typing import Any

import numpy as np

from tinygen import metrics, to_host
from tinygen.metrics.active_units import THRESHOLD
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure
from tinygen.schedules import warm_up
from vae_parts.setting import USED, Numbers, Setting, codes, distortion_and_rate

FREE_BITS, DRAWS = 0.25, 5
FIRST = "diagonal, ELBO"


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """A table of -ELBO, -log p, rate and active units; differences to the first are paired."""
    trained = dict(objectives(setting))
    rows, bound, exact, activity = {}, {}, {}, {}
    for name, (model, p) in trained.items():
        nll, kl = distortion_and_rate(model, p, setting.x, setting.rng)
        bound[name], exact[name] = nll + kl, setting.nll(model, p)
        activity[name] = to_host(metrics.activity(codes(model, p, setting.x)["mean"]))
        rows[name] = setting.measure(model, p) | {
            "-log p(x)": metrics.mean_and_error(exact[name]),
            "-ELBO less the first's": metrics.mean_and_error(bound[name] - bound[FIRST]),
            "-log p less the first's": metrics.mean_and_error(exact[name] - exact[FIRST]),
        }
    return rows, picture(rows, activity)


def objectives(setting: Setting) -> Any:
    """The name of each, its model, its trained weights."""
    yield FIRST, setting.plain
    for i in (1, 2):
        args = Namespace(**vars(setting.args) | {"seed": setting.args.seed + i})
        name, model = f"the same, seed {args.seed}", setting.plain[0]
        yield name, (model, replace(setting, args=args).fit(name, model).p)
    model = setting.model(posterior="full")
    yield "full covariance", (model, setting.fit("full covariance", model).p)
    for name, objective in (
        (f"IWAE, k = {DRAWS}", {"samples": DRAWS}),
        (f"free bits {FREE_BITS}", {"free_bits": FREE_BITS}),
    ):
        model = setting.model(**objective)
        yield name, (model, setting.fit(name, model).p)
    rising = {"beta": warm_up(1.0, max(1, setting.steps // 2), start=0.0)}
    model = setting.model()
    yield "KL warm-up", (model, setting.fit("KL warm-up", model, schedules=rising).p)


def picture(rows: dict[str, Numbers], activity: dict[str, np.ndarray]) -> Any:
    """What each has gained over the first, and how active each latent dimension is."""
    figure = new_figure(10.5, 3.9)
    left, right = figure.subplots(1, 2)
    dress(left, "less than the first: better", "nats an image, paired by test image")
    y = np.arange(len(rows))[::-1]
    for name, colour, lift in (("-ELBO", LINES[0], 0.1), ("-log p", LINES[1], -0.1)):
        value, error = np.array([row[f"{name} less the first's"] for row in rows.values()]).T
        look = {"fmt": "o", "ms": 4, "capsize": 3, "color": colour, "label": name}
        left.errorbar(value, y + lift, xerr=error, **look)
    left.axvline(0, color=FAINT, lw=1, zorder=0)
    left.set_yticks(y, list(rows))
    left.margins(y=0.1)
    left.legend(frameon=False, fontsize=SMALL)
    words = "dimension, the most used first", "variance of its mean over images"
    dress(right, "how much each dimension is used", *words)
    shown = {name: a for name, a in activity.items() if not name.startswith("the same")}
    for (name, a), colour in zip(shown.items(), LINES, strict=False):
        j = np.arange(1, len(a) + 1)
        right.plot(j, np.sort(a)[::-1], ".-", color=colour, lw=1, label=name)
    for level in (USED, THRESHOLD):
        right.axhline(level, color=FAINT, ls="--", lw=1)
    right.set_yscale("log")
    right.locator_params(axis="x", integer=True)
    right.legend(frameon=False, fontsize=SMALL)
    return figure
