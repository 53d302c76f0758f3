"""1. Why an encoder? log p(x) from N draws of the prior, and from N draws of the encoder.

    p(x) = E_{p(z)}[p(x|z)]               ~ (1/N) sum_n p(x|z_n),                  z_n ~ p(z)
         = E_{q(z|x)}[p(x|z) p(z) / q(z|x)] ~ (1/N) sum_n p(x|z_n) p(z_n) / q(z_n|x), z_n ~ q(z|x)

Both are right on average. But of the prior's draws next to none explains x: the effective number
is (sum w)^2 / sum w^2 of the weights w. About exp KL(p(z|x) || p(z)) draws are needed:
S. Chatterjee and P. Diaconis, The sample size required in importance sampling, arXiv 1511.01437.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from autoencoder_parts.setting import Answer, Numbers
from vae_parts.setting import LATENT, Setting

from tinygen import to_host
from tinygen.arrays import Array, Params
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.layers import Tanh
from tinygen.likelihoods.base import normal
from tinygen.metrics import importance_estimate
from tinygen.models.vae import VAE
from tinygen.models.vae_likelihood import DECODER_ROWS, log_weights
from tinygen.plots.style import FAINT, LINES, SMALL, dress, new_figure
from why_inference_parts.joint import grid, log_likelihoods, on_grid

IMAGES, SIZES = 50, (2, LATENT)
PRIOR, ENCODER = "prior", "encoder"


def answer(setting: Setting) -> Answer:
    """The error in nats and the effective number of draws over N, for a small and a large code."""
    most = {PRIOR: 2000, ENCODER: 1000} if setting.args.quick else {PRIOR: 100_000, ENCODER: 10_000}
    found: dict[str, dict[str, Curve]] = {}
    needed = {}
    for z in SIZES:
        model, p = trained(setting, z)
        x, rng = setting.x[:IMAGES], setting.rng
        if z == 2:
            log_p = on_grid(model, p, x, *grid(setting.args.quick))[1]
        else:
            log_p = log_mean(encoder_weights(model, p, x, rng, 2 * most[ENCODER]))
        needed[z] = float(np.median(np.exp(kl_to_prior(model, p, x, rng, log_p))))
        found[f"Z = {z}"] = {
            PRIOR: Curve.of(prior_weights(model, p, x, rng, most[PRIOR]), log_p),
            ENCODER: Curve.of(encoder_weights(model, p, x, rng, most[ENCODER]), log_p),
        }
    numbers: Numbers = {}
    for size, curves in found.items():
        for name, curve in curves.items():
            for n, error, effective in zip(curve.n, curve.error, curve.effective, strict=True):
                row = numbers.setdefault(f"{size}, N = {n}", {})
                row |= {f"{name}: error": error, f"{name}: effective": effective}
    words = (
        f"{IMAGES} test images. `error` is the median, over images and repetitions, of what log "
        "p(x) estimated from N draws is off by, in nats: beside a sum over a grid at Z = 2, beside "
        "twice the most draws of the encoder else. `effective` is the mean number of the N draws "
        "that carry the estimate. By "
        "exp KL(p(z|x) || p(z)) an image needs, in the median, "
        + " and ".join(f"{needed[z]:.2g} draws of the prior at Z = {z}" for z in SIZES)
        + "."
    )
    return Answer(words, numbers, picture(found))


def trained(setting: Setting, z: int) -> tuple[VAE, Params]:
    """The VAE of so many latent dimensions, trained once for all questions.

    That of 2 has tanh for ReLU: p(x|z) is then smooth in z, and sums over a grid are accurate.
    """
    if z == LATENT:
        return setting.plain
    if z not in setting.kept:
        model = setting.model(z, activation=Tanh())
        setting.kept[z] = (model, setting.fit(f"Z = {z}", model).p)
    return setting.kept[z]


def prior_weights(model: VAE, p: Params, x: Array, rng: np.random.Generator, n: int) -> np.ndarray:
    """log p(x|z) (images, n), all images at the same draws z ~ p(z)."""
    z = model.prior.sample({}, rng, (n, model.n_latent), x)
    return log_likelihoods(model, p, x, z)


def encoder_weights(
    model: VAE, p: Params, x: Array, rng: np.random.Generator, n: int
) -> np.ndarray:
    """log w (images, n) at draws z ~ q(z|x)."""
    rows = []
    for image in x:
        q = model.encode(p, image[None])
        parts = [
            log_weights(model, p, image[None], q, normal(rng, (1, k, model.n_latent), x))[0]
            for k in [DECODER_ROWS] * (n // DECODER_ROWS) + [n % DECODER_ROWS]
            if k
        ]
        rows.append(np.concatenate([to_host(part)[0] for part in parts]))
    return np.stack(rows).astype(np.float64)


def kl_to_prior(
    model: VAE, p: Params, x: Array, rng: np.random.Generator, log_p: np.ndarray
) -> np.ndarray:
    """KL(p(z|x) || p(z)) (images,) = E_{p(z|x)}[log p(x|z)] - log p(x), by weighted draws of q."""
    found = []
    for i, image in enumerate(x):
        q, shape = model.encode(p, image[None]), (1, 2000, model.n_latent)
        eps = normal(rng, shape, x)
        log_w = to_host(log_weights(model, p, image[None], q, eps)[0])[0].astype(np.float64)
        likelihood = to_host(log_weights(model, p, image[None], q, eps, beta=0.0)[0])[0]
        share = np.exp(log_w - log_sum_exp(log_w))
        found.append((share * likelihood).sum() - log_p[i])
    return np.array(found)


def log_mean(log_w: np.ndarray) -> np.ndarray:
    """log (1/N) sum_n w_n along the last axis."""
    return importance_estimate(log_w.astype(np.float64))[0]


@dataclass
class Curve:
    """Over N: the error of the estimate, and the effective number of draws."""

    n: list[int]
    error: list[float]
    effective: list[float]

    @classmethod
    def of(cls, log_w: np.ndarray, log_p: np.ndarray) -> "Curve":
        """From log w (images, M), cut into groups of N = 1, 10, ... draws."""
        images, most = log_w.shape
        self = cls([], [], [])
        n = 1
        while n <= most:
            groups = log_w[:, : most // n * n].reshape(images, -1, n).astype(np.float64)
            estimate = log_mean(groups.reshape(-1, n)).reshape(images, -1)
            self.n.append(n)
            self.error.append(float(np.median(abs(estimate - log_p[:, None]))))
            w = np.exp(groups - groups.max(axis=2, keepdims=True))
            self.effective.append(float((w.sum(axis=2) ** 2 / (w * w).sum(axis=2)).mean()))
            n *= 10
        return self


def picture(found: dict[str, dict[str, Curve]]) -> Any:
    """Error and effective number over N."""
    figure = new_figure(9.5, 3.4)
    left, right = figure.subplots(1, 2)
    for (size, curves), colour in zip(found.items(), LINES, strict=False):
        for name, curve in curves.items():
            look = {"color": colour, "label": f"{size}, {name}", "ms": 4}
            style = "o--" if name == PRIOR else "o-"
            left.plot(curve.n, curve.error, style, **look)
            right.plot(curve.n, curve.effective, style, **look)
        right.plot(curves[PRIOR].n, curves[PRIOR].n, color=FAINT, lw=1, zorder=0)
    dress(left, "error of log p(x)", "draws N", "median over images, nats")
    dress(right, "effective number of draws (grey: all)", "draws N")
    for ax in (left, right):
        ax.set_xscale("log")
        ax.set_yscale("log")
    left.legend(frameon=False, fontsize=SMALL)
    return figure
