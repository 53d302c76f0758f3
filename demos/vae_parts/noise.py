"""3. What is the ELBO at eps = 0, beside sampled eps?

At z = mean + t sigma eps, t = 1, the expected NLL plus KL is -ELBO, an upper bound of -log p(x).
At t = 0 each picture is decoded from the middle of its code. The NLL is mostly lower there and the
KL the same; but the sum bounds nothing, for the KL is the price of noise that was not added.
"""

from typing import Any

import numpy as np

from tinygen import metrics, to_host
from tinygen.likelihoods.base import normal
from tinygen.plots.images import draw, interleaved
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure
from tinygen.reparameterise import reparameterise
from vae_parts.setting import Numbers, Setting, codes, distortion_and_rate

SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
DRAWS, SHOWN = 10, 12


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """NLL + KL at several amounts of noise, beside -log p(x), on the same test images."""
    model, p = setting.plain
    x = setting.x[: setting.scored]
    rng, sums = setting.rng, {}
    for t in SCALES:  # at 0 every draw is alike
        draws = [distortion_and_rate(model, p, x, rng, t) for _ in range(DRAWS if t else 1)]
        sums[t] = np.mean([nll + kl for nll, kl in draws], axis=0)
    exact = setting.nll(model, p)
    found = {
        "-ELBO: NLL + KL, eps ~ N(0, I)": metrics.mean_and_error(sums[1.0]),
        "NLL + KL at eps = 0": metrics.mean_and_error(sums[0.0]),
        "-log p(x)": metrics.mean_and_error(exact),
        "at eps = 0 - sampled": metrics.mean_and_error(sums[0.0] - sums[1.0]),
        "-ELBO - (-log p(x))": metrics.mean_and_error(sums[1.0] - exact),
        "at eps = 0 - (-log p(x))": metrics.mean_and_error(sums[0.0] - exact),
    }
    curve = {f"{t:g}": metrics.mean_and_error(values) for t, values in sums.items()}
    return found | {"NLL + KL at noise t": curve}, picture(setting, curve, found["-log p(x)"])


def picture(setting: Setting, curve: Numbers, exact: tuple[float, float]) -> Any:
    """Pictures decoded at no noise, at three draws, and the mean of a hundred."""
    model, p = setting.plain
    x = setting.x[:SHOWN]
    q, rng = codes(model, p, x), setting.rng

    def decoded(t: float) -> np.ndarray:
        z, _ = reparameterise(q, t * normal(rng, q["mean"].shape, x))
        return to_host(model.likelihood.mean(model.decode(p, z)))

    draws = [decoded(1.0) for _ in range(100)]
    rows = [to_host(x), decoded(0.0), *draws[:3], np.mean(draws, axis=0)]
    figure = new_figure(11.5, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=(2, 1.25))
    sheet = interleaved(*rows, columns=SHOWN)
    draw(left, sheet, "test digits and their reconstructions")
    names = ("pixels", "eps = 0", "a draw", "a draw", "a draw", "mean of 100")
    height = (sheet.shape[0] + 1) / len(rows)
    for i, name in enumerate(names):
        left.text(-2, (i + 0.5) * height, name, ha="right", va="center", fontsize=SMALL)
    dress(right, "NLL + KL", "noise t,  z = mean + t std eps", "nats an image")
    t, y = [float(k) for k in curve], [v[0] for v in curve.values()]
    right.plot(t, y, "o-", color=LINES[0], ms=4)
    right.axhline(exact[0], color=LINES[1], lw=1, label="-log p(x): no bound lies below")
    right.plot(1, curve["1"][0], "o", color=LINES[2], ms=8, label="-ELBO, at t = 1")
    right.axvline(1, color=FAINT, lw=0.8, zorder=0)
    right.legend(frameon=False, fontsize=SMALL)
    return figure
