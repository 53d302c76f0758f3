"""The autoencoder of several dense layers whose decoder reuses the encoder's weights, in reverse.

    h_l = s(h_{l-1} W_l + b_l), l = 1 .. L, z = h_L        r_{l-1} = s(r_l W_l^T + c_l), r_L = z

with no s on the images r_0, but for a head. It is the stack of P. Vincent et al., JMLR 11, 2010
(models/tied.py is L = 1), all layers trained at once.     docs/derivations/contractive.md
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.layers import Dense, Sequential
from tinygen.layers.base import check_names
from tinygen.models.autoencoder import Autoencoder


@dataclass(frozen=True)
class DeepTiedAutoencoder(Autoencoder):
    """p = {"encoder": {name: {"W", "b"}}, "decoder": {name: {"b"}}}, built by deep_contractive...

    encoder : a Sequential with dense layers at its top level
    decoder : Sequential(images=Sequential(...), ...) with as many, of mirrored sizes

    Each W serves both nets, so its gradient is the sum of two.
    """

    @property
    def ties(self) -> dict[str, tuple[str, Dense]]:
        """Decoder's layer -> the encoder's layer with its weights: the last one first."""
        encoder: Any = self.encoder  # Sequential, or a probe around one
        images: Any = self.decoder
        mirrored = [(name, layer) for name, layer in reversed(dense_layers(encoder))]
        paints = [name for name, _ in dense_layers(images.layers["images"])]
        return dict(zip(paints, mirrored, strict=True))

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """The encoder's parameters, drawn from `rng`, and the decoder's biases, zero."""
        c = {paint: {"b": np.zeros(layer.n_in, dtype)} for paint, (_, layer) in self.ties.items()}
        return {"encoder": self.encoder.init(rng, dtype, weights), "decoder": c}

    def nets(self, p: Params) -> Params:
        """The parameters of the two nets, W in one and W^T in the other. Raises ValueError."""
        check_names("DeepTiedAutoencoder", p, {"encoder", "decoder"})
        names = {name for name, _ in self.ties.values()}
        check_names("DeepTiedAutoencoder's encoder", p["encoder"], names)
        check_names("DeepTiedAutoencoder's decoder", p["decoder"], set(self.ties))
        paint = {
            name: {"W": p["encoder"][code]["W"].T, "b": p["decoder"][name]["b"]}
            for name, (code, _) in self.ties.items()
        }
        return {"encoder": p["encoder"], "decoder": {"images": paint}}

    def gather(self, dencoder: Params, ddecoder: Params) -> Params:
        """dW_l is the sum over the two uses of W_l."""
        dpaint, d = ddecoder["images"], dict(dencoder)
        for name, (code, _) in self.ties.items():
            d[code] = d[code] | {"W": d[code]["W"] + dpaint[name]["W"].T}  #     (11)
        return {"encoder": d, "decoder": {name: {"b": dpaint[name]["b"]} for name in self.ties}}


def dense_layers(net: Sequential) -> list[tuple[str, Any]]:
    """The dense layers of a chain, also behind probes (diagnosis.py), by name."""
    return [(name, layer) for name, layer in net.layers.items() if hasattr(layer, "n_out")]
