"""2. Can codes be drawn from N(0, I)? Decodings of such codes, by an autoencoder and by a VAE.

The VAE has the same encoder and decoder and sees the same grey pixels. Its p(x|z) is a Gaussian of
fixed variance v, so that its loss is the autoencoder's, with noise on the code and a KL on top:

    |r - x|^2 / (2 v) + KL(q(z|x) || N(0, I)) + constant

v is a hundredth of the variance of an image. On MNIST that is 0.53, where the weight of the squared
error is nearly 1; other data have other units.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from autoencoder_parts.drawing import COLUMNS, draw_rows
from autoencoder_parts.judge import BELIEVED, Judge
from autoencoder_parts.setting import HIDDEN, Answer, Numbers, Setting, Trained, normal_codes
from tinygen import to_host
from tinygen.arrays import Array, namespace
from tinygen.likelihoods import Gaussian
from tinygen.models import dense_vae, gaussian_of_codes, sample_codes
from tinygen.plots.scatter import draw_prior
from tinygen.plots.style import CLASSES, dress, halo, new_figure

SIZES = (2, 20)
DRAWN = 2000  # codes a row of the table
DOTS = 1000  # codes in the picture
NOISE = "noise, uniform"  # pixels of U(0, 1)
SHARE = 0.01  # v, of an image's variance, the sum over its pixels


def answer(setting: Setting) -> Answer:
    """What a classifier makes of the decodings, and how far their features are from real ones."""
    judge = Judge.of(setting)
    rng, n = setting.rng, min(DRAWN, len(setting.x))
    real, labels = setting.x[:n], setting.data.test.labels
    assert labels is not None
    xp = namespace(real)
    noise = xp.asarray(rng.random(real.shape, np.float32))
    made: dict[str, Array] = {"test images": real, NOISE: noise}
    codes = {}
    for z in SIZES:
        plain, vae = setting.dense(z), fit_vae(setting, z)
        own = plain.codes(setting.train)
        made[f"AE {z}, N(0, I)"] = plain.decode(normal_codes(rng, n, z, real))
        fitted = sample_codes(gaussian_of_codes(own), rng, n)
        made[f"AE {z}, fitted Gaussian"] = plain.decode(fitted)
        made[f"VAE {z}, N(0, I)"] = vae.decode(normal_codes(rng, n, z, real))
        codes[z] = {"AE": plain.codes(real), "VAE": vae.codes(real)}
    numbers: Numbers = {name: judge.verdict(images) for name, images in made.items()}
    accuracy, error = judge.accuracy(setting.x, labels)
    words = (
        f"Codes z are drawn and decoded, {n} a row. `believed` is the share that a classifier "
        f"gives to one class with a probability of {BELIEVED:g} or more; it is right on "
        f"{accuracy:.1f} +- {error:.1f} % of the test images. It knows these classes alone, and "
        "can be sure of noise: hence the number of classes that it finds, and the Frechet "
        "distance of its features to those of real images, of which the test images' is the "
        "least that can be had. The VAE has the same nets and a squared error, too; what "
        "differs is the noise on its code and the KL to N(0, I), which the autoencoder's codes "
        "have no reason to follow. A Gaussian fitted to them repairs a part."
    )
    return Answer(words, numbers, picture(setting, made, codes[SIZES[0]], labels[:n]))


def fit_vae(setting: Setting, n_latent: int) -> "AsAutoencoder":
    """The VAE of the same nets."""
    variance = SHARE * float(setting.train.var(axis=0).sum())
    vae = dense_vae(setting.data.shape, HIDDEN, n_latent, Gaussian(std=sqrt(variance)))
    return AsAutoencoder(vae, setting.fit(f"VAE, code of {n_latent}", vae))


@dataclass
class AsAutoencoder(Trained):
    """A VAE whose codes are the means of q(z|x), and its decodings those of p(x|z)."""

    model: Any

    def codes(self, x: Array) -> Array:
        """(N, Z)."""
        return self.model.encode(self.p, x)["mean"]


def picture(
    setting: Setting, made: dict[str, Array], codes: dict[str, Array], labels: np.ndarray
) -> Any:
    """Decodings in rows; beside them where 2-D codes of test images lie."""
    figure = new_figure(12, 3.7)
    left, *maps = figure.subplots(1, 3, width_ratios=(2.2, 1, 1))
    made = {name: images for name, images in made.items() if name != NOISE}
    draw_rows(left, {name: setting.ink(images[:COLUMNS]) for name, images in made.items()})
    for ax, (name, z) in zip(maps, codes.items(), strict=True):
        dress(ax, f"{name}: codes of test images\ncircles: 50 and 95 % of N(0, I)")
        points = to_host(z)[:DOTS]
        for k in np.unique(labels[:DOTS]):
            own = points[labels[:DOTS] == k]
            ax.scatter(*own.T, s=4, lw=0, color=CLASSES[k % len(CLASSES)])
            ax.text(*np.median(own, axis=0), k, weight="bold", path_effects=halo(), zorder=5)
        draw_prior(ax, np.zeros(2))
        ax.set_box_aspect(1)
        ax.set_aspect("equal", adjustable="datalim")
    return figure
