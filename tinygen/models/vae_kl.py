"""What a VAE pays for its codes: the mean KL of a batch, or with free bits a part of it.

    mean_kl    = (1/N) sum_n KL(q(z|x_n) || p(z))
    free_bits  = sum_j max(lambda, (1/N) sum_n KL(q(z_j|x_n) || p(z_j)))

Free bits: D. P. Kingma et al., Improving Variational Inference with Inverse Autoregressive Flow,
NeurIPS 2016, arXiv 1606.04934, equation 15.               docs/derivations/vae.md
"""

from tinygen.arrays import Array, Params, namespace
from tinygen.divergences import kl_diagonal_standard
from tinygen.models.priors import Prior
from tinygen.pullback import Pullback, no_params


def mean_kl(prior: Prior, p: Params, q: Params, eps: Array) -> tuple[Array, Pullback]:
    """The mean of KL(q(z|x) || p(z)) over the batch, (), in nats; its pullback to (dp, dq).

    `backward.terms` holds it as "kl".
    """
    kl, backward = prior.kl(p, q, eps)  #                                 (N,)
    value = kl.mean()

    def per_example(d: Array) -> Array:
        return namespace(kl).full_like(kl, d / len(kl))

    return value, Pullback(
        lambda d: backward.dp(per_example(d)),
        lambda d: backward.dx(per_example(d)),
        value,
        terms={"kl": value},
    )


def free_bits(q: Params, nats: float) -> tuple[Array, Pullback]:
    """sum_j max(nats, mean_n KL_nj) over the Z dimensions, (), and its pullback to ({}, dq).

    q    : a diagonal Gaussian {"mean", "log_var"} (N, Z); the prior is N(0, I)
    nats : lambda, of each dimension. The mean over the batch is clamped, not each example's KL.

    A dimension whose mean is at or below lambda has the gradient zero: it is free.
    `backward.terms` holds "kl", the mean KL itself, and "kl_charged", the value.
    Raises ValueError for a full covariance, whose KL is no sum over dimensions.
    """
    if "L" in q:
        raise ValueError(
            "free_bits: expected a diagonal posterior, got one of full covariance, whose KL is no "
            "sum over dimensions: build the model with posterior='diagonal' or free_bits=0"
        )
    shape = n, _ = q["mean"].shape
    columns = {key: a.reshape(-1, 1) for key, a in q.items()}  # each number as an example
    kl, backward = kl_diagonal_standard(columns)  # KL_nj                 (N Z,)
    xp = namespace(kl)
    rate = kl.reshape(shape).mean(axis=0)  #                              (Z,)
    value = xp.maximum(rate, nats).sum()  #                               ()       (12)

    def dq(d: Array) -> Params:
        dkl = xp.where(rate > nats, d / n, 0).astype(kl.dtype)  #         (Z,)     (13)
        dcolumns = backward.dp(xp.broadcast_to(dkl, shape).reshape(-1))
        return {key: a.reshape(shape) for key, a in dcolumns.items()}

    return value, Pullback(no_params, dq, value, terms={"kl": rate.sum(), "kl_charged": value})
