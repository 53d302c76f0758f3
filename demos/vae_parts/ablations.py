"""2. What if a term of the KL is left out?

full          (e^s - (1 + s) + m^2) / 2
without s     (e^s - 1 + m^2) / 2       falls as s -> -infinity: the noise dies
without m^2   (e^s - (1 + s)) / 2       nothing holds the codes together: they drift apart

                                       docs/derivations/vae.md, "What each term does"
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.likelihoods.base import normal
from tinygen.models.vae import VAE
from tinygen.plots.images import draw, tiled
from tinygen.plots.style import LINES, SMALL, dress, new_figure
from tinygen.pullback import Pullback, no_params
from tinygen.reparameterise import reparameterise
from tinygen.training import Trained
from vae_parts.setting import Numbers, Setting, codes
from vae_parts.sketch import dots, radius, round_prior

SHOWN = 49


@dataclass(frozen=True)
class Ablated(VAE):
    """A VAE of diagonal q and prior N(0, I) whose loss leaves terms of the KL out.

    with_s, with_m : whether -s, and whether m^2 is charged
    """

    with_s: bool = True
    with_m: bool = True

    def charge(self, p: Params, q: Params, noise: Array) -> tuple[Array, Pullback]:
        """The mean over the batch of sum_j (e^s - 1 - [with_s] s + [with_m] m^2) / 2, ().

        `backward.terms`: "kl", the charge, and of q the mean "std" and the "spread" of the means.
        """
        m, s, n = q["mean"], q["log_var"], len(noise)
        xp = namespace(m)
        variance = xp.exp(s)  #                                               (N, Z)
        charged = 0.5 * (variance - 1 - self.with_s * s + self.with_m * m * m)
        value = charged.sum(axis=1).mean()  #                                 ()

        def dq(d: Array) -> Params:
            dk = d / n  # of each example                                   ()
            return {"mean": self.with_m * m * dk, "log_var": 0.5 * (variance - self.with_s) * dk}

        terms = {"kl": value, "std": xp.exp(0.5 * s).mean(), "spread": m.std(axis=0).mean()}
        return value, Pullback(no_params, dq, value, terms=terms)


def ablated(model: VAE, with_s: bool = True, with_m: bool = True) -> Ablated:
    """The same nets with another charge."""
    nets = model.encoder, model.decoder, model.n_latent, model.likelihood
    return Ablated(*nets, with_s=with_s, with_m=with_m)


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """Three models of 2-D codes, trained alike but for the charge."""
    plane = setting.model(2)
    models = {
        "full": ablated(plane),
        "without s": ablated(plane, with_s=False),
        "without m^2": ablated(plane, with_m=False),
    }
    runs = {name: setting.fit(f"KL {name}", model) for name, model in models.items()}
    rows = {name: numbers(setting, models[name], run.p) for name, run in runs.items()}
    return rows, picture(setting, models, runs)


def numbers(setting: Setting, model: VAE, p: Params) -> Numbers:
    """Noise, spread, and where the codes fall, on the test images; -ELBO by the whole KL."""
    q = codes(model, p, setting.x)
    z, _ = reparameterise(q, normal(setting.rng, q["mean"].shape, setting.x))
    std, spread = np.exp(to_host(q["log_var"]) / 2).mean(), to_host(q["mean"]).std(axis=0).mean()
    found = setting.measure(model, p)
    return {
        "mean std": float(std),
        "spread of means": float(spread),
        "codes where p(z) is": inside(z),
        "distortion": found["distortion"],
        "rate": found["rate"],
        "minus ELBO": found["minus ELBO"],
    }


def inside(z: Array) -> float:
    """The share of codes z (N, 2) in the circle that holds 95 % of N(0, I)."""
    return float(((to_host(z) ** 2).sum(axis=1) <= radius(0.95) ** 2).mean())


def picture(setting: Setting, models: dict[str, Ablated], runs: dict[str, Trained]) -> Any:
    """Noise and spread over the training; codes and samples at its end."""
    figure = new_figure(11.5, 6.4)
    grid = figure.add_gridspec(2, 4, width_ratios=(1.15, 1, 1, 1))
    curves = [figure.add_subplot(grid[i, 0]) for i in range(2)]
    for ax, term, title in zip(
        curves, ("std", "spread"),
        ("mean std of q(z|x)", "spread of the means over images"), strict=True,
    ):  # fmt: skip
        dress(ax, title, "epoch")
        ax.set_yscale("log")
        ax.tick_params(which="both", labelsize=SMALL)
        for (name, run), colour in zip(runs.items(), LINES, strict=False):
            epochs = [line["epoch"] for line in run.log]
            ax.plot(epochs, [line["train"][term] for line in run.log], color=colour, label=name)
    curves[1].legend(frameon=False, fontsize=SMALL)
    for column, (name, model) in enumerate(models.items(), start=1):
        p = runs[name].p
        place, made = (figure.add_subplot(grid[i, column]) for i in range(2))
        dress(place, f"{name}: means of q(z|x)")
        dots(place, codes(model, p, setting.x)["mean"], setting.labels)
        round_prior(place)
        samples = model.sample(p, setting.rng, SHOWN, mean=True)
        draw(made, tiled(samples, 7), "decoded from N(0, I)")
    return figure
