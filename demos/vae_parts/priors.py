"""7. What does another prior change? N(0, I) beside a learned mixture of Gaussians.

Over the data the codes add up to q(z) = (1/N) sum_n q(z|x_n), and the mean KL is

    what a code tells of its image  +  KL(q(z) || p(z)):

the second part buys nothing. A prior that learns can follow q(z).   docs/derivations/priors.md
"""

from typing import Any

import numpy as np

from tinygen import metrics, to_device, to_host
from tinygen.arrays import Params, device_of
from tinygen.likelihoods.base import normal
from tinygen.models import MixturePrior
from tinygen.models.vae import VAE
from tinygen.plots.images import draw, tiled
from tinygen.plots.style import dress, new_figure
from tinygen.reparameterise import reparameterise
from vae_parts.setting import Numbers, Setting, codes, distortion_and_rate, log_aggregate
from vae_parts.sketch import dots

COMPONENTS = 20
PLACES, SHOWN, SIDE = 2000, 64, 100


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """The same nets of 2-D codes under both priors; differences are paired by image."""
    models = {"N(0, I)": setting.model(2)}
    models["mixture"] = setting.model(2, prior=MixturePrior(COMPONENTS))
    weights = {name: setting.fit(f"prior {name}", m).p for name, m in models.items()}
    rows, sums, exact = {}, {}, {}
    for name, model in models.items():
        p = weights[name]
        found = setting.measure(model, p)
        nll, kl = distortion_and_rate(model, p, setting.x, setting.rng)
        sums[name], exact[name] = nll + kl, setting.nll(model, p)
        gap = gap_to_prior(model, p, setting)
        rows[name] = found | {
            "-log p(x)": metrics.mean_and_error(exact[name]),
            "KL(q(z) || p(z))": gap,
            "rate less that": found["rate"][0] - gap[0],
        }
    rows["mixture - N(0, I)"] = {
        "minus ELBO": metrics.mean_and_error(sums["mixture"] - sums["N(0, I)"]),
        "-log p(x)": metrics.mean_and_error(exact["mixture"] - exact["N(0, I)"]),
    }
    return rows, picture(setting, models, weights)


def gap_to_prior(model: VAE, p: Params, setting: Setting) -> tuple[float, float]:
    """KL(q(z) || p(z)) over draws z ~ q(z), and its standard error over them.

    q(z) is the mixture of all test codes. The draws come from some of its own components, which
    makes it too large where codes lie far apart; here each has many neighbours.
    """
    q = codes(model, p, setting.x)
    some = {name: a[:PLACES] for name, a in q.items()}
    z, _ = reparameterise(some, normal(setting.rng, some["mean"].shape, some["mean"]))
    log_p, _ = model.prior.log_prob(p.get("prior", {}), z)
    return metrics.mean_and_error(log_aggregate(q, z) - to_host(log_p))


def picture(setting: Setting, models: dict[str, VAE], weights: dict[str, Params]) -> Any:
    """Draws from q(z), the density of p(z), and decoded draws from it."""
    figure = new_figure(10.5, 7.0)
    axes = figure.subplots(2, 3)
    for row, (name, model) in zip(axes, models.items(), strict=True):
        p = weights[name]
        q = codes(model, p, setting.x[:PLACES])
        z, _ = reparameterise(q, normal(setting.rng, q["mean"].shape, q["mean"]))
        box = limits(to_host(z))
        dress(row[0], f"{name}: codes z ~ q(z|x), test images", "$z_1$", "$z_2$")
        dots(row[0], z, setting.labels)
        side = [np.linspace(*b, SIDE, dtype=np.float32) for b in box]
        grid = np.stack(np.meshgrid(*side), axis=-1).reshape(-1, 2)
        log_p, _ = model.prior.log_prob(p.get("prior", {}), to_device(grid, device_of(setting.x)))
        log_p = to_host(log_p).reshape(SIDE, SIDE)
        dress(row[1], f"{name}: log p(z), a line a nat", "$z_1$", "$z_2$")
        levels = float(log_p.max()) - np.arange(10.0, -1.0, -1.0)
        row[1].contourf(*side, log_p, levels=levels, cmap="Blues", extend="min")
        row[1].contour(*side, log_p, levels=levels, colors="white", linewidths=0.4, linestyles="-")
        for ax in row[:2]:
            ax.set(xlim=box[0], ylim=box[1], aspect="equal", adjustable="box")
            ax.grid(False)
        made = model.sample(p, setting.rng, SHOWN, mean=True)
        draw(row[2], tiled(made, 8), f"{name}: means of p(x|z), z ~ p(z)")
    return figure


def limits(z: np.ndarray) -> list[tuple[float, float]]:
    """A square box around nearly all points."""
    low, high = np.quantile(z, 0.005, axis=0), np.quantile(z, 0.995, axis=0)
    middle, half = (low + high) / 2, 0.6 * float((high - low).max())
    return [(float(m - half), float(m + half)) for m in middle]
