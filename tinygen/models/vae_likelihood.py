"""The likelihood of a VAE by importance sampling, and the weights behind it.

    w_k = p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)
    log p(x) ~ log (1/K) sum_k w_k

Y. Burda, R. Grosse and R. Salakhutdinov, Importance Weighted Autoencoders, ICLR 2016,
arXiv 1509.00519.                      docs/derivations/vae.md, docs/derivations/iwae.md
"""

from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_nonempty
from tinygen.likelihoods.base import normal
from tinygen.metrics.importance import importance_estimate
from tinygen.pullback import Pullback
from tinygen.reparameterise import log_density, reparameterise

DECODER_ROWS = 4096  # codes decoded at once: bounds the memory, not the answer


def log_prob(
    model: Any, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> tuple[Array, Array]:
    """log p(x) (N,) and its standard error (N,): see `VAE.log_prob`."""
    xp = namespace(x)
    at_once = max(1, DECODER_ROWS // samples)
    estimates = []
    for i in range(0, len(x), at_once):
        rows = x[i : i + at_once]
        q = model.encode(p, rows)
        parts = []
        for k in range(0, samples, DECODER_ROWS):
            shape = (len(rows), min(DECODER_ROWS, samples - k), model.n_latent)
            parts.append(log_weights(model, p, rows, q, normal(rng, shape, x))[0])
        estimates.append(importance_estimate(xp.concatenate(parts, axis=1)))  #       (8) (9)
    log_p, error = zip(*estimates, strict=True)
    return xp.concatenate(log_p), xp.concatenate(error)


def mean_log_weight(model: Any, p: Params, x: Array, noise: Array) -> Array:
    """The ELBO (N,) as the mean of log w over the draws that noise (N, K, Z) holds."""
    check_draws(noise, len(x), model.n_latent)
    check_nonempty("VAE.elbo", x)
    at_once = max(1, DECODER_ROWS // noise.shape[1])
    bounds = []
    for i in range(0, len(x), at_once):
        rows = x[i : i + at_once]
        log_w, _ = log_weights(model, p, rows, model.encode(p, rows), noise[i : i + at_once])
        bounds.append(log_w.mean(axis=1))
    return namespace(x).concatenate(bounds)


def log_weights(
    model: Any, p: Params, x: Array, q: Params, eps: Array, beta: float = 1.0
) -> tuple[Array, Pullback]:
    """log w = log p(x|z) + beta (log p(z) - log q(z|x)) at K draws of z from q: (N, K).

    q    : the encoder's output for x (N, ...)
    eps  : (N, K, Z), standard normal; z_nk = mean_n + sigma_n eps_nk, or L_n for sigma_n
    beta : 1 for weights whose mean is p(x)

    Of its pullback dp is {"q", "decoder"} and, where the prior has parameters, "prior"; dx is the
    gradient of x as the data to explain, for q holds what x does through the encoder.
    Raises ValueError for eps of another shape.
    """
    n, k, _ = check_draws(eps, *q["mean"].shape)
    xp = namespace(x)
    q_rows = tree.map(lambda a: xp.repeat(a, k, axis=0), q)  #            (N K, ...)
    eps_rows = eps.reshape(n * k, -1)  #                                  (N K, Z)
    z, z_backward = reparameterise(q_rows, eps_rows)
    log_q, q_backward = log_density(q_rows, eps_rows)  #                  (N K,)
    log_p, p_backward = model.prior.log_prob(p.get("prior", {}), z)  #    (N K,)
    params, decoder_backward = model.decoder.forward(p["decoder"], z)
    nll, nll_backward = model.likelihood.nll(params, xp.repeat(x, k, axis=0))
    log_w = (beta * (log_p - log_q) - nll).reshape(n, k)  #               (N, K)    (7)

    def fold(a: Array) -> Array:  # the adjoint of repeat: a sum over the K copies
        return a.reshape(n, k, *a.shape[1:]).sum(axis=1)

    def dp(d: Array) -> Params:
        d = d.reshape(-1)  #                                              (N K,)
        ddecoder, dz = decoder_backward(nll_backward.dp(-d))
        dprior, dz_prior = p_backward(beta * d)
        dq = tree.add(z_backward.dp(dz + dz_prior), q_backward.dp(-beta * d))
        grads = {"q": tree.map(fold, dq), "decoder": ddecoder}
        return grads | ({"prior": dprior} if dprior else {})

    def dx(d: Array) -> Array:
        return fold(nll_backward.dx(-d.reshape(-1)))

    terms = {"nll": nll.mean(), "kl": (log_q - log_p).mean()}  # of the mean over the draws
    return log_w, Pullback(dp, dx, log_w, terms=terms)


def check_draws(noise: Array, n: int, n_latent: int) -> tuple[int, int, int]:
    """The shape (N, K, Z) of the noise, after refusing another. Raises ValueError."""
    shape: Any = getattr(noise, "shape", ())
    if len(shape) != 3 or shape[0] != n or shape[2] != n_latent or shape[1] < 1:
        raise ValueError(
            f"VAE: expected noise of shape ({n}, K, {n_latent}), got {shape}: "
            "use draw_noise of a model with samples=K"
        )
    return shape
