"""1. May q be non-diagonal? A linear VAE, where the posterior is known, and is not diagonal.

    log p(x) - ELBO = KL(q(z|x) || p(z|x))
    min over diagonal q = (sum_j log P_jj - log det P) / 2,    P the precision of p(z|x)

With the decoder held a diagonal q has to leave that gap, and a full one does not. With the decoder
trained the gap vanishes for both: p(x) does not change when the axes of z are turned, so the bound
turns them until P is diagonal.                            docs/derivations/vae.md, equation 14
"""

from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from linear_model import (
    STEPS,
    diagonal_gap,
    draw,
    elbo,
    fit,
    gap,
    linear_vae,
    log_p,
    oblique,
    posterior,
    precision,
)

from tinygen.arrays import Params
from tinygen.plots.style import LINES, SMALL, dress, new_figure

EXAMPLES = 200
POSTERIORS = ("diagonal", "full")
HELD = {"held": "encoder", "trained": None}


def answer(setting: Any) -> Answer:
    """Four trainings: either q, the decoder held or trained."""
    rng, steps = np.random.default_rng(setting.args.seed), 300 if setting.args.quick else STEPS
    decoder = oblique(rng)
    x = draw(rng, decoder, EXAMPLES)
    numbers: Numbers = {}
    found: dict[str, tuple[Any, Params]] = {}
    for name, part in HELD.items():
        for kind in POSTERIORS:
            model = linear_vae(kind)
            p = fit(model, decoder, x, part, steps)
            title = f"{kind} q, decoder {name}"
            found[title] = (model, p)
            exact, bound = log_p(p["decoder"], x), elbo(model, p, x)
            numbers[title] = {
                "log p(x)": float(exact.mean()),
                "ELBO": float(bound.mean()),
                "log p - ELBO": float((exact - bound).mean()),
                "KL(q || p(z|x))": float(gap(p, model.encode(p, x), x).mean()),
                "least of diagonal q": diagonal_gap(p["decoder"]),
                "posterior correlation": correlation(p["decoder"]),
            }
    words = (
        f"The decoder's two axes point almost the same way, and {EXAMPLES} examples are drawn from "
        "it; all numbers are exact. With the decoder held, a diagonal q ends at the gap that the "
        "formula gives, and a full one at none. With the decoder trained both end at the same "
        "likelihood without a gap, the diagonal one by turning the axes of its latent space: the "
        "correlation of the two coordinates under the posterior goes to zero."
    )
    return Answer(words, numbers, picture(found, x[:1]))


def correlation(decoder: Params) -> float:
    """Of the two coordinates of z under p(z|x)."""
    cov = np.linalg.inv(precision(decoder))
    return float(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))


def picture(found: dict[str, tuple[Any, Params]], x: np.ndarray) -> Any:
    """Of one example: the ellipses of p(z|x) and of q, of 1 and 2 standard deviations."""
    figure = new_figure(11, 2.3)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    for ax, (title, (model, p)) in zip(axes, found.items(), strict=True):
        dress(ax, title, "$z_1$", "$z_2$" if ax is axes[0] else "")
        true, q = posterior(p["decoder"], x), model.encode(p, x)
        factor = q["L"][0] if "L" in q else np.diag(np.exp(q["log_var"][0] / 2))
        for mean, L, colour, style, name in (
            (true["mean"][0], true["L"][0], LINES[0], "-", "p(z|x)"),
            (q["mean"][0], factor, LINES[1], "--", "q(z|x)"),
        ):
            for i, radius in enumerate((1.0, 2.0)):
                line = ellipse(mean, L, radius)
                ax.plot(*line.T, style, color=colour, lw=1.6, label=None if i else name)
        ax.set_aspect("equal")
    axes[0].legend(frameon=False, fontsize=SMALL)
    return figure


def ellipse(mean: np.ndarray, L: np.ndarray, radius: float) -> np.ndarray:
    """Points (100, 2) at so many standard deviations of N(mean, L L^T)."""
    angle = np.linspace(0, 2 * np.pi, 100)
    return mean + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) @ L.T
