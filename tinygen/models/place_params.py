"""The numbers that a net puts out for each place, as a likelihood takes its parameters.

Bernoulli             l                        one number a place
Gaussian, std given   mean                     one
Gaussian              mean, log_var            two, log_var = c tanh(. / c), |log_var| < c = 10
Categorical(L)        l_1 .. l_L               L
LogisticMixture(L)    logits, mean, log_scale  K each

                                                           docs/derivations/autoregressive.md
"""

from collections.abc import Callable
from typing import Any

from tinygen.arrays import Array, namespace
from tinygen.layers.bounded import Bounded
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood, LogisticMixture

BOUNDED = Bounded()
COMPONENTS = 5  # K, where nothing else is said
MIXTURE = ("logits", "mean", "log_scale")


def outputs(name: str, likelihood: Likelihood, components: int = COMPONENTS) -> int:
    """O, how many numbers a place needs. Raises ValueError for another likelihood."""
    if isinstance(likelihood, Bernoulli):
        return 1
    if isinstance(likelihood, Gaussian):
        return 1 if likelihood.std is not None else 2
    if isinstance(likelihood, Categorical):
        return likelihood.levels
    if isinstance(likelihood, LogisticMixture):
        return len(MIXTURE) * components
    raise ValueError(
        f"{name}: expected places that are Bernoulli, Gaussian, Categorical or LogisticMixture, "
        f"got {likelihood!r}: choose one of these"
    )


def as_params(
    likelihood: Likelihood, y: Array, shape: tuple[int, ...]
) -> tuple[Any, Callable[[Any], Array]]:
    """y (N, D, O) as the likelihood's parameters of places in `shape`; and dparams -> dy."""
    xp, n = namespace(y), len(y)
    if isinstance(likelihood, LogisticMixture):
        thirds = y.reshape(n, *shape, len(MIXTURE), -1)
        mixture = {name: thirds[..., k, :] for k, name in enumerate(MIXTURE)}  # (N, *shape, K)
        return mixture, lambda d: xp.stack([d[k] for k in MIXTURE], axis=-2).reshape(y.shape)
    if isinstance(likelihood, Gaussian) and likelihood.std is None:
        log_var, bounded_backward = BOUNDED.forward({}, y[..., 1].reshape(n, *shape))

        def backward(d: Any) -> Array:
            both = d["mean"], bounded_backward.dx(d["log_var"])
            return xp.stack(both, axis=-1).reshape(y.shape)

        return {"mean": y[..., 0].reshape(n, *shape), "log_var": log_var}, backward
    wanted = (*shape, likelihood.levels) if isinstance(likelihood, Categorical) else shape
    return y.reshape(n, *wanted), lambda dparams: dparams.reshape(y.shape)
