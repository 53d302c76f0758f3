"""4. Which dimensions carry what? Rates by dimension; warm-up, free bits, and fewer dimensions.

R_j = (1/N) sum_n KL(q(z_j|x_n) || p(z_j)),  dead: below 0.01 nats
                                                       docs/derivations/vae.md, equation 18
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import Setting, codes, distortion_and_rate

from tinygen import metrics, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer
from tinygen.metrics.rates import DEAD
from tinygen.models.vae import VAE, dense_vae
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.pullback import Pullback
from tinygen.schedules import warm_up

WIDE, HIDDEN = 50, (200, 200)
FREE = (0.1, 0.5)  # nats a dimension
LOWEST = 5e-4  # drawn
PLAIN, WARM = "plain", "warm-up, half the steps"


def answer(setting: Setting) -> Answer:
    """The same nets, as many steps each; then the dead dimensions are silenced."""
    trained = {PLAIN: fitted(setting, PLAIN, WIDE)}
    used = WIDE - len(metrics.dead_units(codes(*trained[PLAIN], setting.x)))
    few = f"plain, Z = {max(used, 1)}"
    trained[few] = fitted(setting, few, max(used, 1))
    rise = {"beta": warm_up(1.0, max(1, setting.steps // 2), start=0.0)}
    trained[WARM] = fitted(setting, WARM, WIDE, schedules=rise)
    for nats in FREE:
        name = f"free bits {nats}"
        trained[name] = fitted(setting, name, WIDE, free_bits=nats)
    numbers: Numbers = {}
    rates: dict[str, np.ndarray] = {}
    first = setting.nll(*trained[PLAIN])
    for name, (model, p) in trained.items():
        q = codes(model, p, setting.x)
        rates[name] = to_host(metrics.kl_per_dimension(q))
        nll, dead = setting.nll(model, p), metrics.dead_units(q)
        silenced = replace(model, encoder=Silenced(model.encoder, tuple(dead)))
        bound, without = (
            np.sum(distortion_and_rate(m, p, setting.x, setting.rng), axis=0)
            for m in (model, silenced)
        )
        numbers[name] = {
            "minus ELBO": metrics.mean_and_error(bound),
            "-log p(x)": metrics.mean_and_error(nll),
            "less the plain": metrics.mean_and_error(nll - first),
            "rate": float(rates[name].sum()),
            "active units": metrics.active_units(q["mean"]),
            "above 0.1 nats": int((rates[name] > 0.1).sum()),
            "dead units": len(dead),
            "the dead silenced": metrics.mean_and_error(without - bound),
        }
    words = (
        f"Two hidden layers of {HIDDEN[0]}, Z = {WIDE}. A dimension is dead below {DEAD:g} nats, "
        "and active where the variance of its mean is above 0.01. `the dead silenced` is by how "
        "much minus ELBO rises when the dead ones are set to the prior: what they carried. The "
        "second row is trained with as many dimensions as the first one used."
    )
    return Answer(words, numbers, picture(rates))


def fitted(
    setting: Setting, name: str, n_latent: int, schedules: Any = None, **objective: Any
) -> tuple[VAE, Params]:
    """The deeper nets."""
    model = dense_vae(setting.train.shape[1:], HIDDEN, n_latent, **objective)
    return model, setting.fit(name, model, schedules=schedules).p


@dataclass(frozen=True)
class Silenced(Layer):
    """An encoder some of whose dimensions are the prior for every example. For measuring only."""

    encoder: Layer
    dead: tuple[int, ...]

    def forward(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """q with mean 0 and log-variance 0 in the dimensions `dead`."""
        q, backward = self.encoder.forward(p, x)
        kept = np.ones(q["mean"].shape[1], np.float32)
        kept[list(self.dead)] = 0
        kept = namespace(x).asarray(kept)
        return {key: a * kept for key, a in q.items()}, backward


def picture(rates: dict[str, np.ndarray]) -> Any:
    """R_j of each model, the largest first."""
    figure = new_figure(11, 2.9)
    axes = figure.subplots(1, len(rates), sharey=True)
    for ax, (name, rate) in zip(axes, rates.items(), strict=True):
        sorted_rate = np.sort(rate)[::-1]
        colours = [LINES[0] if r >= DEAD else LINES[1] for r in sorted_rate]
        ax.bar(np.arange(1, len(rate) + 1), sorted_rate, color=colours, width=0.8)
        ax.axhline(DEAD, color=FAINT, ls="--", lw=1)
        ax.set_yscale("log")
        ax.set_xlim(0, WIDE + 1)
        ax.set_ylim(LOWEST, 2 * max(map(np.max, rates.values())))
        words = "KL of the dimension, nats" if ax is axes[0] else ""
        dress(ax, f"{name}\n{(rate < DEAD).sum()} of {len(rate)} dead", "dimension, sorted", words)
    return figure
