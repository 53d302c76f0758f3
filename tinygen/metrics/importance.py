"""log p(x) from importance weights, and how far to trust it.

log p(x) = log E_q[w],  w = p(x, z) / q(z|x)               docs/derivations/vae.md
"""

import math

from tinygen.arrays import Array, namespace


def importance_estimate(log_w: Array) -> tuple[Array, Array]:
    """log (1/K) sum_k w_k (N,) from log w (N, K), and its standard error (N,), in nats.

    The largest weight is taken out first, so that none overflows. The error is by the delta
    method, se(log m) = se(m) / m; infinite for K = 1, where nothing is known of it.
    Y. Burda, R. Grosse and R. Salakhutdinov, ICLR 2016, arXiv 1509.00519, equation 8.
    """
    xp = namespace(log_w)
    samples = log_w.shape[1]
    top = log_w.max(axis=1, keepdims=True)
    w = xp.exp(log_w - top)  #                                             (N, K)
    m = w.mean(axis=1)  # >= 1/K                                           (N,)
    log_p = top[:, 0] + xp.log(m)  #                                       (N,)    (8)
    if samples == 1:
        return log_p, xp.full_like(log_p, math.inf)
    return log_p, w.std(axis=1, ddof=1) / (m * math.sqrt(samples))  #      (N,)    (9)
