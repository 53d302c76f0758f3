"""Outlier exposure: a VAE that is shown known outliers too, and learns to find them unlikely.

    L = (1/N) sum_n b(x_n) + weight (1/N) sum_n max(0, margin + b(x_n) - b(x'_n)),    b = -ELBO

over pairs of an inlier x_n and an outlier x'_n: the margin ranking loss beside the bound. It is
zero for a pair whose outlier costs `margin` nats more, so that outliers are not pushed off forever.
D. Hendrycks, M. Mazeika and T. Dietterich, Deep Anomaly Detection with Outlier Exposure, ICLR
2019, arXiv 1812.04606, section 4.4.                       docs/derivations/outliers.md

The outliers of training need not be those that are to be found; whether they help against others
is to be measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_array
from tinygen.models.latent import check_images
from tinygen.models.vae import VAE
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise

Pairs = tuple[Array, Array]


@dataclass(frozen=True)
class OutlierExposure:
    """The loss above for pairs (x, outliers), both (N, ...).

    model  : a VAE of one draw, at beta 1 and without free bits; its parameters are all there are,
             so that it scores, samples and is saved as if it had been trained alone
    margin : nats, >= 0
    weight : of the ranking beside the bound, >= 0

    `beside(outliers)` makes pairs for `train(transform=...)`. Raises ValueError for other models,
    for another number of outliers than of inliers, and what the VAE refuses.

    NOTE: Hendrycks et al. fine-tune a trained PixelCNN++ by a margin of one unit a pixel; here
    the bound -ELBO stands for -log p, which a VAE does not have.
    """

    model: VAE
    margin: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_number("OutlierExposure", "margin", self.margin, least=0)
        check_number("OutlierExposure", "weight", self.weight, least=0)
        vae = self.model
        if not isinstance(vae, VAE) or (vae.samples, vae.beta, vae.free_bits) != (1, 1, 0):
            raise ValueError(
                "OutlierExposure: expected a VAE of one draw, beta 1 and no free bits, whose loss "
                f"is -ELBO, got {vae!r}"
            )

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of the VAE; or begin with those of a trained one."""
        return self.model.init(rng, dtype, weights)

    def draw_noise(self, rng: np.random.Generator, x: Pairs) -> Pairs:
        """(eps, eps') (N, Z) each: of the inliers and of the outliers."""
        inliers, outliers = checked(x)
        return self.model.draw_noise(rng, inliers), self.model.draw_noise(rng, outliers)

    def loss(self, p: Params, x: Pairs, noise: Pairs) -> tuple[Array, Pullback]:
        """L, a mean over the pairs, in nats; its pullback d -> (dp, (dx, doutliers)).

        `backward.terms` holds "inliers" and "outliers", their mean -ELBO, and "ranking".
        """
        inliers, outliers = checked(x)
        if not isinstance(noise, tuple) or len(noise) != 2:
            raise ValueError(
                "OutlierExposure: expected noise (eps, eps'), got a "
                f"{type(noise).__name__}: use draw_noise"
            )
        b_in, in_backward = bound(self.model, p, inliers, noise[0])  #     (N,)
        b_out, out_backward = bound(self.model, p, outliers, noise[1])  #  (N,)
        xp, n, weight = namespace(b_in), len(b_in), float(self.weight)
        gap = float(self.margin) + b_in - b_out  #                         (N,)
        ranking = xp.maximum(gap, 0).mean()  #                             ()       (13)
        value = b_in.mean() + weight * ranking  #                          ()       (14)
        terms = {"inliers": b_in.mean(), "outliers": b_out.mean(), "ranking": ranking}

        def each(d: Array) -> tuple[Array, Array]:
            pushed = weight * (gap > 0).astype(b_in.dtype)  # which pairs count     (N,)
            return d / n * (1 + pushed), -d / n * pushed  #                (N,) (N,) (15)

        def dp(d: Array) -> Params:  # the VAE was used twice: the sum of its two pullbacks
            d_in, d_out = each(d)
            return tree.add(in_backward.dp(d_in), out_backward.dp(d_out))  #        (16)

        def both(d: Array) -> tuple[Params, Pairs]:
            d_in, d_out = each(d)
            dp_in, dx_in = in_backward(d_in)
            dp_out, dx_out = out_backward(d_out)
            return tree.add(dp_in, dp_out), (dx_in, dx_out)

        return value, Pullback(dp, lambda d: both(d)[1], value, both, terms=terms)


def bound(model: VAE, p: Params, x: Array, noise: Array) -> tuple[Array, Pullback]:
    """-ELBO of each example (N,), and its pullback d (N,) -> (dp, dx).

    The VAE's loss is its mean; here each example has a cotangent of its own.
    """
    q, encoder_backward = model.encode_with_pullback(p, x)  #              (N, Z) each
    z, sample_backward = reparameterise(q, noise)  #                       (N, Z)
    params, decoder_backward = model.decoder.forward(p["decoder"], z)
    nll, nll_backward = model.likelihood.nll(params, x)  #                 (N,)
    kl, kl_backward = model.prior.kl(p.get("prior", {}), q, noise)  #      (N,)
    b = nll + kl  #                                                        (N,)     (12)

    def down_to_q(d: Array) -> tuple[Params, Params]:
        ddecoder, dz = decoder_backward(nll_backward.dp(d))
        dprior, dq = kl_backward(d)
        rest = {"decoder": ddecoder} | ({"prior": dprior} if dprior else {})
        return rest, tree.add(sample_backward.dp(dz), dq)

    def dp(d: Array) -> Params:
        rest, dq = down_to_q(d)
        return {"encoder": encoder_backward.dp(dq)} | rest

    def both(d: Array) -> tuple[Params, Array]:
        rest, dq = down_to_q(d)
        dencoder, dx = encoder_backward(dq)
        return {"encoder": dencoder} | rest, dx + nll_backward.dx(d)

    return b, Pullback(dp, lambda d: both(d)[1], b, both)


def beside(outliers: Array) -> Callable[[np.random.Generator, Array], Pairs]:
    """(rng, x) -> (x, x'), with as many of the outliers (M, ...), drawn anew: a `transform`."""
    check_array("beside: outliers", outliers, "...")

    def pairs(rng: np.random.Generator, x: Array) -> Pairs:
        index = namespace(outliers).asarray(rng.integers(len(outliers), size=len(x)))
        return x, outliers[index]

    return pairs


def checked(x: Any) -> Pairs:
    """The pair (x, outliers), after refusing anything else. Raises ValueError."""
    if not isinstance(x, tuple) or len(x) != 2:
        raise ValueError(
            f"OutlierExposure: expected a pair (x, outliers), got a {type(x).__name__}: "
            "use train(..., transform=beside(outliers))"
        )
    inliers, outliers = x
    check_images(inliers)
    check_images(outliers)
    if inliers.shape != outliers.shape:
        raise ValueError(
            f"OutlierExposure: x has shape {inliers.shape}, the outliers {outliers.shape}: give "
            "one outlier for each inlier, of its shape"
        )
    return inliers, outliers
