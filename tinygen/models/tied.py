"""The one-layer autoencoder whose decoder reuses the encoder's weights.

    h = sigmoid(x W + b)        r = h W^T + c  or  sigmoid(h W^T + c)

The form in which Vincent et al. 2008 and Rifai et al. 2011 state the denoising and the contractive
autoencoder.                                               docs/derivations/contractive.md

With weights of its own the decoder can undo a smaller W by a larger one: a contraction would then
shrink the code's scale, and nothing else.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.layers.base import check_params
from tinygen.models.autoencoder import Autoencoder


@dataclass(frozen=True)
class TiedAutoencoder(Autoencoder):
    """p = {"W" (I, Z), "b" (Z,), "c" (I,)}; else an Autoencoder, built by tied_autoencoder.

    W serves both nets, so its gradient is the sum of two.
    """

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """W, b and c, drawn from `rng`."""
        p = self.encoder.init(rng, dtype, weights)
        return {**p, "c": np.zeros(len(p["W"]), dtype)}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape."""
        encoder: Any = self.encoder  # a SigmoidEncoder, or a probe around one
        return {"W": (encoder.n_in, self.n_latent), "b": (self.n_latent,), "c": (encoder.n_in,)}

    def nets(self, p: Params) -> Params:
        """The parameters of the two nets, W in one and W^T in the other. Raises ValueError."""
        check_params(self, p, self.shapes)
        paint = {"W": p["W"].T, "b": p["c"]}  #        (Z, I), (I,)
        return {"encoder": {"W": p["W"], "b": p["b"]}, "decoder": {"images": {"0": paint}}}

    def gather(self, dencoder: Params, ddecoder: Params) -> Params:
        """dW is the sum over the two uses of W."""
        dpaint = ddecoder["images"]["0"]
        dW = dencoder["W"] + dpaint["W"].T  #          (I, Z)    (6)
        return {"W": dW, "b": dencoder["b"], "c": dpaint["b"]}
