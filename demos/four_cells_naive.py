"""Two formulas as they are often written, to see them fail. The library has neither."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, namespace
from tinygen.layers import Fork, Sequential
from tinygen.likelihoods import Likelihood
from tinygen.likelihoods.base import per_example, sum_examples
from tinygen.models.vae import VAE
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class NaiveBernoulli(Likelihood):
    """-x log pi - (1 - x) log(1 - pi), pi = sigmoid(logits): infinite where pi rounds to 0 or 1."""

    def nll(self, params: Array, x: Array) -> tuple[Array, Pullback]:
        """Right on paper; in float32, 1 - pi is 0 from a logit of 17 on."""
        xp = namespace(x)
        pi = 1 / (1 + xp.exp(-params))
        nll = sum_examples(-x * xp.log(pi) - (1 - x) * xp.log(1 - pi))  # 0 log 0 is NaN

        def dlogits(dnll: Array) -> Array:
            dpi = (1 - x) / (1 - pi) - x / pi
            return dpi * pi * (1 - pi) * per_example(dnll, x)

        return nll, Pullback(dlogits, lambda dnll: (), nll)


def unbounded(model: VAE) -> VAE:
    """The same model, and the same parameters, without the bound on log_var."""
    encoder: Any = model.encoder
    fork = encoder.layers["q"]
    log_var = fork.layers["log_var"]
    free = Sequential(**{k: v for k, v in log_var.layers.items() if k == "0"})
    q = Fork(mean=fork.layers["mean"], log_var=free)
    layers = {k: q if k == "q" else layer for k, layer in encoder.layers.items()}
    return dataclasses.replace(model, encoder=encoder.with_layers(layers))
