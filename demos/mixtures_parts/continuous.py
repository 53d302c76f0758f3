"""6. A VAE is a mixture of Gaussians with a component for each point of its code.

p(x) = int N(z; 0, I) N(x; mean(z), std^2) dz, of points on two moons, with a code of one number:
the components stand on a curve that one net draws. docs/derivations/em.md (24)
"""

import argparse
from typing import Any

import numpy as np

from mixtures_parts.setting import Answer
from tinygen import metrics, to_device, to_host, tree
from tinygen.arrays import device_of
from tinygen.data import load
from tinygen.likelihoods import Gaussian
from tinygen.models import GaussianMixture
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.plots.ellipses import draw_ellipses, draw_points
from tinygen.plots.style import dress, new_figure
from tinygen.training import Turn, train

COUNTS = (2, 6, 20)
DRAWN = 30  # components of the VAE in the picture, of its uncountably many


def answer(args: argparse.Namespace) -> Answer:
    """Mixtures of K, the VAE, and the VAE written out as a mixture of K draws of its prior."""
    data, rng = load("moons"), np.random.default_rng(args.seed)
    most, few = (300, 300) if args.quick else (3000, 1000)
    x, test = (to_device(a, args.device) for a in (data.train.x[:most], data.test.x[:few]))
    rows, panels = {}, {}
    for K in COUNTS:
        model = GaussianMixture(K, floor=1e-4, n_init=1 if args.quick else 3)
        p = model.fit(x, rng).p
        rows[f"mixture of {K} Gaussians"] = {
            "numbers fitted": model.free(p),
            "log p(x), test": metrics.mean_and_error(model.score_samples(p, test)),
        }
        host = to_host(p)
        panels[f"{K} components"] = (model.weights(host), host["mean"], model.matrices(host))
    vae, p, log_p = fitted(x, test, args)
    rows["VAE, code of 1: 1000 importance samples"] = {
        "numbers fitted": tree.count(p),
        "log p(x), test": metrics.mean_and_error(log_p),
    }
    for K in (100, 300 if args.quick else 3000):
        rows[f"  the same as {K} components at draws of p(z)"] = {
            "log p(x), test": metrics.mean_and_error(written_out(vae, p, test, rng, K))
        }
    z = np.sort(np.random.default_rng(0).normal(size=(DRAWN, 1)), axis=0).astype(np.float32)
    params = to_host(vae.decode(p, to_device(z, args.device)))
    var = np.broadcast_to(np.exp(params["log_var"]), params["mean"].shape)
    Sigma = var[:, :, None] * np.eye(2)
    panels[f"a VAE: {DRAWN} of its components"] = (np.zeros(DRAWN), params["mean"], Sigma)
    return rows, {"continuous": picture(to_host(x)[:500], panels)}


def fitted(x: Any, test: Any, args: argparse.Namespace) -> tuple[VAE, Any, Any]:
    """A VAE with a code of one number, and its log p(x) of the test points."""
    rng = np.random.default_rng(args.seed)
    vae = dense_vae(2, (64, 64), 1, Gaussian(), "one")
    turn = Turn("vae", vae.loss, vae.draw_noise, adam(2e-3))
    epochs = 5 if args.quick else 10 * args.epochs
    p = to_device(vae.init(rng), args.device)
    p = train(turn, p, x, rng=rng, epochs=epochs, batch=100).p
    return vae, p, vae.log_prob(p, test, rng, 50 if args.quick else 1000)[0]


def written_out(vae: VAE, p: Any, test: Any, rng: np.random.Generator, K: int) -> np.ndarray:
    """log 1/K sum_k N(x; mean(z_k), std^2) with K draws of the prior (N,)."""
    z = rng.standard_normal((K, 1)).astype(np.float32)
    params = to_host(vae.decode(p, to_device(z, device_of(test))))
    model, var = GaussianMixture(K, "diag", 1e-12), np.exp(params["log_var"])
    S = np.broadcast_to(var, params["mean"].shape)
    mixture = model.given(np.full(K, 1 / K, np.float32), params["mean"], S)
    return model.score_samples(mixture, to_host(test))


def picture(x: np.ndarray, panels: dict[str, Any]) -> Any:
    """Ellipses on the points; the VAE's means are joined, for its code runs along them."""
    figure = new_figure(11.0, 2.1)
    for ax, (title, (weights, mean, Sigma)) in zip(
        figure.subplots(1, len(panels), sharex=True, sharey=True), panels.items(), strict=True
    ):
        draw_points(ax, x)
        if "VAE" in title:
            ax.plot(*mean.T, color="black", lw=1)
        draw_ellipses(ax, weights, mean, Sigma)
        dress(ax, title)
        ax.grid(False)
        ax.set(xticks=[], yticks=[], aspect="equal")
    return figure
