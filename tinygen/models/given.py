"""A conditional model at fixed labels: what is left is a VAE, whose likelihood is sampled alike.

    log p(x|y) ~ log (1/K) sum_k w_k,   w_k = p(x|y,z_k) p(z_k) / q(z_k|x,y)

docs/derivations/conditional_vae.md, docs/derivations/vae.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.likelihoods import Likelihood
from tinygen.models.labels import LABEL
from tinygen.models.priors import STANDARD_NORMAL, Prior
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Given:
    """A `ConditionalVAE` at the labels of N examples, as `vae_likelihood` wants a VAE.

    labels : (N,) on the host
    """

    model: Any
    labels: np.ndarray
    prior: Prior = STANDARD_NORMAL

    @property
    def likelihood(self) -> Likelihood:
        """p(x|y,z)."""
        return self.model.likelihood

    @property
    def n_latent(self) -> int:
        """Z."""
        return self.model.n_latent

    @property
    def decoder(self) -> "Given":
        """This, for its `forward` knows the labels."""
        return self

    def encode(self, p: Params, x: Array) -> Params:
        """q(z|x,y)."""
        return self.model.encode(p, x, self.labels)

    def forward(self, p: Params, z: Array) -> tuple[Params, Pullback]:
        """The parameters of p(x|y,z) for codes (N K, Z), K of each example in a row."""
        labels = np.repeat(self.labels, len(z) // len(self.labels))
        return self.model.decoder.forward(p, z, {LABEL: labels})
