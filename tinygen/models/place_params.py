"""The numbers that a net puts out for each place, as a likelihood takes its parameters.

Bernoulli             l                 one number a place
Gaussian, std given   mean              one
Gaussian              mean, log_var     two, log_var = c tanh(. / c), |log_var| < c = 10
Categorical(K)        l_1 .. l_K        K

docs/derivations/autoregressive.md, bounded.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, namespace
from tinygen.layers.bounded import Bounded
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood

BOUNDED = Bounded()


def outputs(name: str, likelihood: Likelihood) -> int:
    """O, how many numbers a place needs. Raises ValueError for another likelihood."""
    if isinstance(likelihood, Categorical):
        return likelihood.levels
    if isinstance(likelihood, Gaussian):
        return 1 if likelihood.std is not None else 2
    if isinstance(likelihood, Bernoulli):
        return 1
    raise ValueError(
        f"{name}: expected Bernoulli, Gaussian or Categorical places, got {likelihood!r}: choose "
        "one of these"
    )


def as_params(
    likelihood: Likelihood, y: Array, shape: tuple[int, ...]
) -> tuple[Any, Callable[[Any], Array]]:
    """y (N, D, O) as the likelihood's parameters of places in `shape`; and dparams -> dy."""
    n, O = len(y), y.shape[-1]
    if isinstance(likelihood, Categorical):
        return y.reshape(n, *shape, O), lambda dparams: dparams.reshape(y.shape)
    if O == 1:
        return y.reshape(n, *shape), lambda dparams: dparams.reshape(y.shape)
    log_var, bounded_backward = BOUNDED.forward({}, y[..., 1].reshape(n, *shape))

    def backward(d: Any) -> Array:
        dlog_var = bounded_backward.dx(d["log_var"])
        return namespace(y).stack((d["mean"].reshape(n, -1), dlog_var.reshape(n, -1)), axis=-1)

    return {"mean": y[..., 0].reshape(n, *shape), "log_var": log_var}, backward
