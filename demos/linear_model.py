"""A linear VAE, of which all is known: it is probabilistic PCA (Tipping and Bishop 1999).

    p(z) = N(0, I),   p(x|z) = N(x; z W + b, s^2 I)
    p(x) = N(x; b, W^T W + s^2 I)
    p(z|x) = N(z; (x - b) W^T P^-1 / s^2, P^-1),   P = I + W W^T / s^2

P does not depend on x. It is diagonal where the rows of W, one a latent axis, are orthogonal.
"""

import math
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Params
from tinygen.divergences import kl_full
from tinygen.layers import Cholesky, Dense, Fork, Sequential
from tinygen.likelihoods import Gaussian
from tinygen.models.vae import VAE
from tinygen.optim import adam
from tinygen.schedules import cosine

D, Z, STD = 5, 2, 0.6
STEPS, LR = 1500, 0.1


def linear_vae(posterior: str) -> VAE:
    """x (N, D) -> q(z|x) with a linear mean, and linear log-variances or Cholesky factor."""
    heads: dict[str, Any] = {"log_var": Dense(D, Z)}
    if posterior == "full":
        factor = Cholesky(Z)
        heads = {"L": Sequential(Dense(D, factor.n_in), factor)}
    return VAE(Fork(mean=Dense(D, Z), **heads), Dense(Z, D), Z, Gaussian(std=STD))


def oblique(rng: np.random.Generator) -> Params:
    """A decoder whose two axes point almost the same way, so that the posterior is oblique."""
    first, second = rng.normal(size=(2, D))
    return {"W": np.stack([first, first + 0.5 * second]), "b": rng.normal(size=D)}


def draw(rng: np.random.Generator, decoder: Params, n: int) -> np.ndarray:
    """x of the model (n, D)."""
    z, noise = rng.normal(size=(n, Z)), rng.normal(size=(n, D))
    return z @ decoder["W"] + decoder["b"] + STD * noise


def log_p(decoder: Params, x: np.ndarray) -> np.ndarray:
    """log p(x) (N,), exact."""
    W, error = decoder["W"], x - decoder["b"]
    cov = W.T @ W + STD**2 * np.eye(D)
    distance = (error @ np.linalg.inv(cov) * error).sum(axis=1)
    return -0.5 * (distance + np.linalg.slogdet(2 * np.pi * cov)[1])


def posterior(decoder: Params, x: np.ndarray) -> Params:
    """p(z|x), exact: {"mean" (N, Z), "L" (N, Z, Z)} of the covariance L L^T = P^-1."""
    cov = np.linalg.inv(precision(decoder))
    mean = (x - decoder["b"]) @ decoder["W"].T @ cov / STD**2
    return {"mean": mean, "L": np.tile(np.linalg.cholesky(cov), (len(x), 1, 1))}


def precision(decoder: Params) -> np.ndarray:
    """P (Z, Z)."""
    return np.eye(Z) + decoder["W"] @ decoder["W"].T / STD**2


def diagonal_gap(decoder: Params) -> float:
    """What the best diagonal q leaves: (sum_j log P_jj - log det P) / 2, vae.md, equation 14."""
    P = precision(decoder)
    return float(0.5 * (np.log(np.diag(P)).sum() - np.linalg.slogdet(P)[1]))


def gap(p: Params, q: Params, x: np.ndarray) -> np.ndarray:
    """KL(q(z|x) || p(z|x)) (N,), exact."""
    return kl_full(as_full(q), posterior(p["decoder"], x))[0]


def as_full(q: Params) -> Params:
    """A diagonal q as one with a factor L."""
    if "L" in q:
        return q
    return {"mean": q["mean"], "L": np.exp(q["log_var"] / 2)[:, :, None] * np.eye(Z)}


def elbo(model: VAE, p: Params, x: np.ndarray) -> np.ndarray:
    """E_eps[ELBO] (N,), exact: it is quadratic in eps, and these points have eps's moments."""
    return np.mean([model.elbo(p, x, eps) for eps in sigma_points(len(x))], axis=0)


def sigma_points(n: int) -> list[np.ndarray]:
    """2 Z draws (n, Z), alike for all examples, with the mean 0 and covariance I of N(0, I)."""
    points = math.sqrt(Z) * np.concatenate([np.eye(Z), -np.eye(Z)])
    return [np.tile(point, (n, 1)) for point in points]


def fit(
    model: VAE, decoder: Params, x: np.ndarray, part: str | None = None, steps: int = STEPS
) -> Params:
    """Raise the exact ELBO on x from this decoder; part = "encoder" holds the decoder."""
    zeros = tree.map(np.zeros_like, model.init(np.random.default_rng(0), np.float64)["encoder"])
    p = {"encoder": zeros, "decoder": {k: v.copy() for k, v in decoder.items()}}
    own = p if part is None else p[part]
    optimiser = adam(cosine(LR, steps))
    state = optimiser.init(own)
    eps = np.concatenate(sigma_points(len(x)))  # the mean of a batch is over them, too
    many = np.tile(x, (2 * Z, 1))
    for _ in range(steps):
        dp = model.loss(p, many, eps)[1].dp()
        optimiser.update(own, dp if part is None else dp[part], state)
    return p
