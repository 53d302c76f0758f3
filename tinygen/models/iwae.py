"""The importance-weighted bound: Y. Burda, R. Grosse and R. Salakhutdinov, Importance Weighted
Autoencoders, ICLR 2016, arXiv 1509.00519.

    log p(x) >= E[log (1/K) sum_k w_k] = L_K >= ELBO,    w_k = p(x|z_k) p(z_k) / q(z_k|x)

over K independent draws z_k ~ q(z|x). L_1 is the ELBO, and L_K rises to log p(x) with K. Its
gradient is the average of the draws' own, each with its share of the weights.

                                                           docs/derivations/iwae.md
"""

from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.models.vae_likelihood import log_weights
from tinygen.pullback import Pullback


def importance_weighted_loss(
    model: Any, p: Params, x: Array, noise: Array, beta: float = 1.0
) -> tuple[Array, Pullback]:
    """-L_K in nats per example, a mean over the batch, and its pullback d -> (dp, dx).

    model : a `LatentModel`
    noise : eps (N, K, Z)
    beta  : the weight of log p(z) - log q(z|x) in each log w_k, for a warm-up; a bound at 1 alone

    `backward.terms` holds "nll" and "kl", means over the draws, whose sum is -ELBO, and "ess",
    the effective number of draws 1 / sum_k w~_k^2, from 1 to K.

    NOTE: all three logarithms of w are taken at the draws. At K = 1 this has the value of -ELBO
    on average, but not at each draw: the loss of one draw in vae.py has the KL in closed form.
    """
    q, encoder_backward = model.encode_with_pullback(p, x)
    log_w, weights_backward = log_weights(model, p, x, q, noise, beta)  # (N, K)
    (n, _), xp = log_w.shape, namespace(log_w)
    top = log_w.max(axis=1)  # taken out, so that no weight overflows     (N,)
    w = xp.exp(log_w - top[:, None])  #                                   (N, K)
    value = -(top + xp.log(w.mean(axis=1))).mean()  # -L_K                ()       (2)
    share = w / w.sum(axis=1, keepdims=True)  # w~_k, of sum 1            (N, K)   (3)
    terms = weights_backward.terms | {"ess": (1 / (share * share).sum(axis=1)).mean()}

    def down_to_q(d: Array) -> tuple[Array, Params, Params]:
        dlog_w = -d / n * share  # each draw by its share                 (N, K)   (4)
        rest = weights_backward.dp(dlog_w)
        return dlog_w, rest, rest.pop("q")

    def dp(d: Array) -> Params:
        _, rest, dq = down_to_q(d)
        return {"encoder": encoder_backward.dp(dq)} | rest

    def both(d: Array) -> tuple[Params, Array]:
        dlog_w, rest, dq = down_to_q(d)
        dencoder, dx = encoder_backward(dq)
        return {"encoder": dencoder} | rest, dx + weights_backward.dx(dlog_w)

    return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)
