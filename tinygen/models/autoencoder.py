"""The autoencoder: images through a narrow code, and back.

    z = f(x)    r = g(z)        L = (1/N) sum_n |r_n - x_n|^2

G. E. Hinton and R. R. Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks,
Science 313, 2006; denoising: P. Vincent et al., ICML 2008; contractive: S. Rifai et al., ICML 2011.
                                                           docs/derivations/autoencoder.md

The squared error is a sum over the pixels of an image and a mean over the images: a Gaussian
-log p(x|z) of variance 1/2 up to a constant, which a mean over pixels would change.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.layers import Layer
from tinygen.layers.base import check_array, check_names, check_sizes
from tinygen.likelihoods.base import per_example, row_blocks, sum_examples
from tinygen.models.corruption import Corruption
from tinygen.models.deep_contractive import code_and_norm
from tinygen.pullback import Pullback, no_params


@dataclass(frozen=True)
class Autoencoder:
    """r = g(f(x))        x, r (N, ...)   z (N, Z)

    encoder     : f, x -> z
    decoder     : g, z -> r of the shape of x
    n_latent    : Z
    corruption  : c, such as Masking(0.3): the encoder sees c(x), and x is to be recovered
    contraction : the weight >= 0 of |df/dx|^2: in closed form for a SigmoidEncoder, else by one
                  backward pass and one tangent for each number of the code (deep_contractive.py)
    bounds      : (low, high) where the decoder's output cannot leave them; x may not either

    p = {"encoder": ..., "decoder": ...}. Raises ValueError for pixels outside the bounds (on a GPU
    the value is NaN), NaN, other shapes and an empty batch, TypeError for another dtype or device.
    """

    encoder: Layer
    decoder: Layer
    n_latent: int
    corruption: Corruption | None = None
    contraction: float = 0.0
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        check_number("Autoencoder", "contraction", self.contraction, least=0)
        if self.corruption is not None and not hasattr(self.corruption, "draw"):
            raise TypeError(
                f"Autoencoder: expected a corruption such as Masking(0.3), got {self.corruption!r}"
            )

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both nets, drawn from `rng`; `weights` names the rule (`initialisers`)."""
        return {
            "encoder": self.encoder.init(rng, dtype, weights),
            "decoder": self.decoder.init(rng, dtype, weights),
        }

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Any:
        """The noise of the corruption; None without one."""
        return None if self.corruption is None else self.corruption.draw(rng, x)

    def loss(self, p: Params, x: Array, noise: Any = None) -> tuple[Array, Pullback]:
        """The squared error, a sum over pixels and a mean over the batch, plus the contraction.

        noise : from `draw_noise`; None without a corruption

        `backward.terms` holds "squared_error" and, where it has a weight, "contraction";
        `backward.dp()` leaves the gradient of the data out.
        """
        nets = self.nets(p)
        corrupted, corrupted_backward = self.corrupt(x, noise)  # x~ = c(x)      (N, ...)
        z, norm, encoder_backward = self.encode_with_norm(nets, corrupted)  # f(x~)  (N, Z), (N,)
        recovered, decoder_backward = self.decoder.forward(nets["decoder"], z)  # (N, ...)
        error = self.compare(recovered, x)  # g(z) - x: the clean x              (N, ...)
        squared = sum_examples(error * error)  #                                 (N,)
        if self.bounds is not None and device_of(x) == "cuda":
            squared[~self.allowed(x).reshape(len(x), -1).all(axis=1)] = np.nan
        terms = {"squared_error": squared.mean()}
        value = terms["squared_error"]  #                                        ()        (1)
        if norm is not None:
            terms["contraction"] = float(self.contraction) * norm.mean()
            value = value + terms["contraction"]  #                              ()        (9)

        def down_to_code(d: Array) -> tuple[Array, Params, Any]:
            dn = namespace(x).full_like(squared, d / len(x))  # of each example  (N,)
            drecovered = 2 * error * per_example(dn, error)  #                   (N, ...)  (7)
            ddecoder, dz = decoder_backward(drecovered)
            if norm is None:
                return drecovered, ddecoder, dz
            return drecovered, ddecoder, (dz, float(self.contraction) * dn)  #             (10)

        def dp(d: Array) -> Params:
            _, ddecoder, dcode = down_to_code(d)
            return self.gather(encoder_backward.dp(dcode), ddecoder)

        def both(d: Array) -> tuple[Params, Array]:
            drecovered, ddecoder, dcode = down_to_code(d)
            dencoder, dcorrupted = encoder_backward(dcode)
            dx = corrupted_backward.dx(dcorrupted) - drecovered  # x is the target, too   (8)
            return self.gather(dencoder, ddecoder), dx

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)

    def encode(self, p: Params, x: Array) -> Array:
        """The codes z (N, Z) of x as it is, not corrupted."""
        return self.encode_with_pullback(self.nets(p), x)[0]

    def decode(self, p: Params, z: Array) -> Array:
        """The images (N, ...) of codes z (N, Z)."""
        return self.decoder.forward(self.nets(p)["decoder"], z)[0]

    def reconstruct(self, p: Params, x: Array) -> Array:
        """x through its code: g(f(x))."""
        recovered = self.decode(p, self.encode(p, x))
        self.compare(recovered, x)
        return recovered

    def errors(self, p: Params, x: Array) -> Array:
        """The squared error of each example (N,), of x as it is: a sum over its pixels."""
        error = self.compare(self.decode(p, self.encode(p, x)), x)
        return sum_examples(error * error)

    def corrupt(self, x: Array, noise: Any) -> tuple[Array, Pullback]:
        """c(x) and the corruption's pullback; x itself without a corruption."""
        check_array("Autoencoder", x, "...")
        self.check_pixels(x)
        if (self.corruption is None) != (noise is None):
            raise ValueError(
                f"Autoencoder: the corruption is {self.corruption}, the noise of type "
                f"{type(noise).__name__}: draw it with this model's draw_noise(rng, x)"
            )
        if self.corruption is None:
            return x, Pullback(no_params, lambda dy: dy, x)
        return self.corruption.forward({}, x, noise)

    def encode_with_pullback(self, nets: Params, x: Array) -> tuple[Array, Pullback]:
        """z and the encoder's pullback. Raises ValueError where z is not (N, Z)."""
        check_array("Autoencoder", x, "...")
        z, backward = self.encoder.forward(nets["encoder"], x)
        self.check_codes(z, x)
        return z, backward

    def encode_with_norm(self, nets: Params, x: Array) -> tuple[Array, Array | None, Pullback]:
        """z, |dz/dx|^2 (N,), and the pullback of both; without a contraction None, and z's own."""
        if not self.contraction:
            z, backward = self.encode_with_pullback(nets, x)
            return z, None, backward
        check_array("Autoencoder", x, "...")
        (z, norm), backward = code_and_norm(self.encoder, nets["encoder"], x)
        self.check_codes(z, x)
        return z, norm, backward

    def check_codes(self, z: Any, x: Array) -> None:
        """Refuse codes that are not (N, Z). Raises ValueError."""
        if getattr(z, "shape", None) != (len(x), self.n_latent):
            raise ValueError(
                f"Autoencoder: the encoder's codes have shape "
                f"{getattr(z, 'shape', type(z).__name__)}, expected {(len(x), self.n_latent)}: "
                "give encoder and Autoencoder the same n_latent"
            )

    def compare(self, recovered: Array, x: Array) -> Array:
        """r - x, after refusing shapes that differ, which NumPy may broadcast. ValueError."""
        if recovered.shape != x.shape:
            raise ValueError(
                f"Autoencoder: the decoder gives {recovered.shape} for x of {x.shape}: "
                "build it for the shape of x, or reshape x"
            )
        return recovered - x

    def allowed(self, x: Array) -> Array:
        """Which pixels lie within the bounds: bool, of the shape of x."""
        low, high = self.bounds or (-np.inf, np.inf)
        return (x >= low) & (x <= high)

    def check_pixels(self, x: Array) -> None:
        """Refuse pixels that the decoder cannot reach; a GPU is not made to wait. ValueError."""
        if self.bounds is None or device_of(x) == "cuda":
            return
        if not all(self.allowed(x[rows]).all() for rows in row_blocks(x)):
            raise ValueError(
                f"Autoencoder: expected x within {self.bounds[0]:g}..{self.bounds[1]:g}, which the "
                f"decoder's head cannot leave, got {float(x.min()):g}..{float(x.max()):g}: rescale "
                "x (0..255 by x / 255), or build the model with a linear head"
            )

    def nets(self, p: Params) -> Params:
        """{"encoder", "decoder"} of p, after refusing what `init` did not return. ValueError."""
        check_names("Autoencoder", p, {"encoder", "decoder"})
        return p

    def gather(self, dencoder: Params, ddecoder: Params) -> Params:
        """dp from the gradients of the two nets."""
        return {"encoder": dencoder, "decoder": ddecoder}
