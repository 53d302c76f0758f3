"""A linear VAE is probabilistic PCA (Tipping and Bishop 1999): everything about it is known.

p(x|z) = N(x; z W + b, STD^2 I), p(z) = N(0, I): p(x) and the posterior are Gaussian too.
"""

import math

import numpy as np

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.likelihoods import Gaussian
from tinygen.models.vae import VAE

D, Z, STD = 5, 2, 0.6
HEADS = {
    "diagonal": L.Fork(mean=L.Dense(D, Z), log_var=L.Dense(D, Z)),
    "full": L.Fork(mean=L.Dense(D, Z), L=L.Sequential(L.Dense(D, 3), L.Cholesky(Z))),
}


def linear_vae(posterior="diagonal", **objective):
    return VAE(HEADS[posterior], L.Dense(Z, D), Z, Gaussian(std=STD), **objective)


LINEAR = linear_vae()


def near_prior(p):
    """p with q(z|x) wide, near the prior, so that the importance weights have light tails."""
    return {"encoder": tree.scale(p["encoder"], 0.3), "decoder": tree.scale(p["decoder"], 1.5)}


def linear_point(rng, posterior="diagonal", n=4):
    """Parameters, and data (n, D)."""
    p = near_prior(jittered(rng, linear_vae(posterior).init(rng, np.float64)))
    return p, rng.normal(size=(n, D))


def exact_log_p(p, x):
    """log p(x) (n,): x = z W + b + noise is Gaussian."""
    W, b = p["decoder"]["W"], p["decoder"]["b"]
    cov, error = W.T @ W + STD**2 * np.eye(D), x - b
    mahalanobis = (error @ np.linalg.inv(cov) * error).sum(axis=1)
    return -0.5 * (mahalanobis + np.linalg.slogdet(2 * np.pi * cov)[1])


def exact_posterior(p, x):
    """Mean (n, Z) and precision (Z, Z) of p(z|x)."""
    W, b = p["decoder"]["W"], p["decoder"]["b"]
    precision = np.eye(Z) + W @ W.T / STD**2
    return (x - b) @ W.T / STD**2 @ np.linalg.inv(precision), precision


def kl_from_posterior(p, x, mean, cov):
    """KL(N(mean, cov) || p(z|x)) (n,), with mean (n, Z) and cov (n, Z, Z)."""
    posterior_mean, precision = exact_posterior(p, x)
    d = mean - posterior_mean
    return 0.5 * (
        np.trace(precision @ cov, axis1=1, axis2=2)
        + (d @ precision * d).sum(axis=1)
        - Z
        - np.linalg.slogdet(precision)[1]
        - np.linalg.slogdet(cov)[1]
    )


def covariance(q):
    """The covariance (n, Z, Z) of q(z|x)."""
    if "L" in q:
        return q["L"] @ q["L"].swapaxes(1, 2)
    return np.exp(q["log_var"])[:, :, None] * np.eye(Z)


def sigma_points(z=Z):
    """Points (2Z, Z) with the mean and covariance of N(0, I), as equally likely draws of eps.

    The mean of a quadratic function of eps over them is its expectation, without error.
    """
    return math.sqrt(z) * np.concatenate([np.eye(z), -np.eye(z)])


def expected_elbo(model, p, x):
    """E_eps[ELBO] (n,), exact: of a linear decoder the ELBO is quadratic in eps."""
    return np.mean([model.elbo(p, x, np.tile(e, (len(x), 1))) for e in sigma_points()], axis=0)
