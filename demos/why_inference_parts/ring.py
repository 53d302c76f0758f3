"""4. Why does a simple prior suffice? A ring, made by a function of a Gaussian.

    g(z) = z / 10 + z / |z|,    z ~ N(0, I) in the plane

C. Doersch, Tutorial on Variational Autoencoders, arXiv 1606.05908, figure 2: any density in d
dimensions is that of a function of d normal numbers, and the decoder is that function, learned.
|z| has the Rayleigh law, so the radius of g(z) has the mean 1 + sqrt(pi / 2) / 10 and the
standard deviation sqrt(2 - pi / 2) / 10.
"""

from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import Setting

from tinygen import to_device, to_host
from tinygen.game import Turn
from tinygen.likelihoods import Gaussian
from tinygen.models.vae import dense_vae
from tinygen.optim import adam
from tinygen.plots.style import FAINT, dress, new_figure
from tinygen.schedules import cosine
from tinygen.training import train

POINTS, BATCH, LR = 5000, 100, 3e-3
STEPS, QUICK_STEPS = 4000, 600
NOISE = 0.1  # of p(x|z)
SHOWN, INSIDE = 800, 0.8  # the ring has no point within this radius
EXACT = (1 + np.sqrt(np.pi / 2) / 10, np.sqrt(2 - np.pi / 2) / 10)


def answer(setting: Setting) -> Answer:
    """The ring by the formula, by a Gaussian, by a trained decoder."""
    rng = np.random.default_rng(setting.args.seed)
    steps = QUICK_STEPS if setting.args.quick else STEPS
    x = ring(rng.normal(size=(POINTS, 2)))
    model = dense_vae(2, (64, 64), 2, Gaussian(std=NOISE))
    turn = Turn("ring", model.loss, model.draw_noise, adam(cosine(LR, steps)))
    start = to_device(model.init(rng), setting.args.device)
    seen = to_device(x.astype(np.float32), setting.args.device)
    p = train(turn, start, seen, rng=rng, steps=steps, batch=BATCH).p
    z = rng.normal(size=(POINTS, 2)).astype(np.float32)
    there = to_device(z, setting.args.device)
    learned = to_host(model.decode(p, there))  # the means of p(x|z)
    gaussian = x.mean(axis=0) + z @ np.linalg.cholesky(np.cov(x.T)).T  # the best linear decoder
    made = {"g(z), the formula": ring(z), "a trained decoder": learned, "a Gaussian": gaussian}
    numbers: Numbers = {
        "the law of g(z)": {"mean radius": float(EXACT[0]), "std of it": float(EXACT[1])}
    }
    for name, points in made.items():
        radius = np.linalg.norm(points, axis=1)
        numbers[name] = {
            "mean radius": float(radius.mean()),
            "std of it": float(radius.std()),
            f"% within {INSIDE:g}": float(100 * (radius < INSIDE).mean()),
        }
    words = (
        f"{POINTS} draws each. The formula carries N(0, I) onto a ring, and so does the decoder of "
        "a VAE that has seen points of the ring alone. A linear decoder, which can only make "
        "Gaussians, fills the middle. The formula tears the plane open at z = 0; a net is "
        "continuous and can only stretch it there, which leaves a few points within the ring."
    )
    return Answer(words, numbers, picture(z, made))


def ring(z: np.ndarray) -> np.ndarray:
    """g(z) = z / 10 + z / |z|        z (N, 2)"""
    return z / 10 + z / np.linalg.norm(z, axis=1, keepdims=True)


def picture(z: np.ndarray, made: dict[str, np.ndarray]) -> Any:
    """The draws of z, coloured by their direction, and where each function puts them."""
    figure = new_figure(11.5, 3.2)
    axes = figure.subplots(1, 1 + len(made))
    colour = np.arctan2(z[:, 1], z[:, 0])[:SHOWN]
    for ax, (name, points) in zip(axes, ({"z ~ N(0, I)": z} | made).items(), strict=True):
        ax.scatter(*points[:SHOWN].T, c=colour, cmap="hsv", s=4, lw=0)
        dress(ax, name)
        half = 3.2 if ax is axes[0] else 2.0
        ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
        ax.axhline(0, color=FAINT, lw=0.5, zorder=0)
        ax.axvline(0, color=FAINT, lw=0.5, zorder=0)
        ax.grid(False)
    return figure
