"""VAE-GAN: A. B. L. Larsen, S. K. Sonderby, H. Larochelle and O. Winther, Autoencoding beyond
pixels using a learned similarity metric, ICML 2016, arXiv 1512.09300.

A VAE whose decoder is also the generator of a GAN, and whose reconstructions are measured not pixel
by pixel but in the features f of the discriminator, D(x) = score(f(x)):

    L_rec = E |f(x) - f(x~)|^2 / 2        x~ = Dec(z),  z ~ q(z|x);   x_p = Dec(z_p),  z_p ~ N(0, I)

    encoder       : KL(q(z|x) || N(0, I)) + L_rec
    decoder       : gamma L_rec + L_G(D(x~), D(x_p))
    discriminator : L_D(D(x), D(x~), D(x_p))       and nothing of L_rec: features that are all
                                                   zero would be its best answer to that

Three players, each of whom moves its own parameters.      docs/derivations/vae_gan.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import NonSaturating, Objective
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer, Sequential
from tinygen.layers.base import check_array, check_names, check_sizes
from tinygen.layers.compose import check_uncoupled
from tinygen.likelihoods.base import normal, sum_examples
from tinygen.models.adversary_input import check_paid, check_size, part, shown
from tinygen.models.gan_nets import check_undropped
from tinygen.models.latent import check_images
from tinygen.models.priors import STANDARD_NORMAL
from tinygen.models.vae_kl import mean_kl
from tinygen.pullback import Pullback
from tinygen.reparameterise import reparameterise

PLAYERS = ("encoder", "decoder", "discriminator")


@dataclass(frozen=True)
class VAEGAN:
    """An encoder, a decoder and a discriminator.

    encoder   : x (N, ...) -> q(z|x), {"mean", "log_var"} (N, Z)
    decoder   : z (N, Z) -> images (N, ...) in the range of the data
    features  : (N, ...) -> f (N, ...), the discriminator's layers in which images are compared
    score     : f -> scores (N, 1), its other layers
    n_latent  : Z
    gamma     : weight of L_rec, against L_G, in the decoder's loss
    precision : 1 / sigma^2 of the features' Gaussian N(f(x); f(x~), sigma^2 I); 1 in the paper
    objective : what decoder and discriminator are paid; fakes are x~ and x_p, half of each

    p = {"encoder", "decoder", "discriminator": {"features", "score"}}.

    Raises ValueError for a dropout, whose mask nobody draws, and for layers by which the examples
    of a batch see one another, as a batch norm: x~ goes through D alone in one turn, beside x_p in
    another, and would not have the same features.

    NOTE: the paper writes the minimax objective, and adds the terms of the two kinds of fakes
    where here their mean is taken: D = 1/2 is then where fakes are like data. Its nets have batch
    norms.
    """

    encoder: Layer
    decoder: Layer
    features: Layer
    score: Layer
    n_latent: int
    gamma: float = 1.0
    precision: float = 1.0
    objective: Objective = field(default_factory=NonSaturating)

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        for name in ("gamma", "precision"):
            check_number("VAEGAN", name, getattr(self, name), least=0)
        check_paid("VAEGAN", self.objective)
        nets = {key: getattr(self, key) for key in ("encoder", "decoder", "features", "score")}
        check_undropped("VAEGAN", nets)
        check_uncoupled("VAEGAN", nets, "take a LayerNorm or an InstanceNorm")

    @property
    def prior(self) -> Any:
        """p(z) = N(0, I)."""
        return STANDARD_NORMAL

    @property
    def discriminator(self) -> Sequential:
        """Images -> scores (N, 1)."""
        return Sequential(features=self.features, score=self.score)

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of the three players, drawn from `rng`."""
        nets = (self.encoder, self.decoder, self.discriminator)
        return {
            name: net.init(rng, dtype, weights) for name, net in zip(PLAYERS, nets, strict=True)
        }

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Params:
        """{"eps", "z"} ~ N(0, I), (N, Z) each: of z ~ q(z|x), and z_p itself. For any turn."""
        check_images(x)
        shape = (len(x), self.n_latent)
        return {"eps": normal(rng, shape, x), "z": normal(rng, shape, x)}

    def encoder_loss(self, p: Params, x: Array, noise: Params) -> tuple[Array, Pullback]:
        """KL + L_rec, nats an example, a mean over the batch; dp holds "encoder" alone.

        `backward.terms`: "kl", "features" (L_rec), and "pixels", the squared error of an image.
        """
        q, encoder_backward = self.encode_with_pullback(p, x)
        eps = part("VAEGAN", noise, "eps", (len(x), self.n_latent))
        kl, kl_backward = mean_kl(self.prior, {}, q, eps)  #               ()         (1)
        z, z_backward = reparameterise(q, eps)  #                          (N, Z)
        recovered, decoder_backward = self.decoder.forward(p["decoder"], z)  # x~     (2)
        check_size("VAEGAN", recovered, x)
        f, f_backward = self.features.forward(self.weights(p)["features"], recovered)
        rec, df = self.distance(f, self.see(p, x))  #                      ()         (3)
        value = kl + rec  #                                                ()         (6)
        pixels = sum_examples((recovered - x) ** 2).mean()
        terms = {"kl": kl, "features": rec, "pixels": pixels}

        def dp(d: Array) -> Params:
            drecovered = f_backward.dx(d * df)  # through D, whose dp is not asked for (9)
            dz = decoder_backward.dx(drecovered)  # through Dec, likewise              (10)
            dq = tree.add(z_backward.dp(dz), kl_backward.dx(d))
            return {"encoder": encoder_backward.dp(dq)}  #                             (11)

        return value, Pullback(dp, lambda d: (), value, terms=terms)

    def decoder_loss(self, p: Params, x: Array, noise: Params) -> tuple[Array, Pullback]:
        """gamma L_rec + L_G, a mean over the batch; dp holds "decoder" alone.

        To this player codes are data. `backward.terms`: "features" (L_rec), "fooling" (L_G).
        """
        fakes, decoder_backward = self.fakes(p, x, noise)  # x~, then x_p  (2N, ...)
        D = self.weights(p)
        f, f_backward = self.features.forward(D["features"], fakes)  #     (2N, ...)
        scores, score_backward = self.score.forward(D["score"], f)  #      (2N, 1)
        fooling, paid = self.objective.generator(scores)  # L_G            ()
        rec, df = self.distance(f[: len(x)], self.see(p, x))  # of x~ alone ()
        gamma = float(self.gamma)
        value = gamma * rec + fooling  #                                   ()         (7)

        def dp(d: Array) -> Params:
            # both losses meet in the features: x~ has a share in both, x_p in L_G alone (12)
            df_rec = namespace(f).concatenate([gamma * d * df, 0 * df])
            df_all = score_backward.dx(paid.dx(d)) + df_rec  #             (2N, ...)
            return {"decoder": decoder_backward.dp(f_backward.dx(df_all))}  #          (13)

        terms = {"features": rec, "fooling": fooling}
        return value, Pullback(dp, lambda d: (), value, terms=terms)

    def discriminator_loss(self, p: Params, x: Array, noise: Params) -> tuple[Array, Pullback]:
        """L_D of data against x~ and x_p; dp holds "discriminator" alone: fakes are data.

        `backward.terms`: "real", "recovered" and "fake", the shares of data, of x~ and of x_p
        that are told rightly; of a critic, whose scores are no verdict, the mean scores.
        """
        fakes, _ = self.fakes(p, x, noise)  # x~, then x_p                 (2N, ...)
        D, p_D = self.discriminator, self.weights(p)
        real_scores, real_backward = D.forward(p_D, x)  #                  (N, 1)
        fake_scores, fake_backward = D.forward(p_D, fakes)  #              (2N, 1)
        value, paid = self.objective.discriminator(real_scores, fake_scores)  # ()    (8)
        line, n = self.objective.threshold, len(x)
        told = {"real": real_scores, "recovered": fake_scores[:n], "fake": fake_scores[n:]}
        if line is not None:
            told = {k: (s > line if k == "real" else s <= line) for k, s in told.items()}
        terms = {name: verdicts.mean() for name, verdicts in told.items()}

        def dp(d: Array) -> Params:
            dreal, dfake = paid.dx(d)
            both = tree.add(real_backward.dp(dreal), fake_backward.dp(dfake))  #       (14)
            return {"discriminator": both}

        return value, Pullback(dp, lambda d: (), value, terms=terms)

    def fakes(self, p: Params, x: Array, noise: Params) -> tuple[Array, Pullback]:
        """x~ of codes z ~ q(z|x), then x_p of z_p ~ N(0, I), (2N, ...), and Dec's pullback."""
        q, shape = self.encode(p, x), (len(x), self.n_latent)
        eps, z_p = (part("VAEGAN", noise, key, shape) for key in ("eps", "z"))
        z, _ = reparameterise(q, eps)
        both, backward = self.decoder.forward(p["decoder"], namespace(z).concatenate([z, z_p]))
        check_size("VAEGAN", both, x)
        return both, backward

    def distance(self, f: Array, of_data: Array) -> tuple[Array, Array]:
        """precision |f(x) - f(x~)|^2 / 2, the mean (), and its slope in f(x~) (N, ...)."""
        gap, weight = f - of_data, float(self.precision)
        return 0.5 * weight * sum_examples(gap * gap).mean(), gap * (weight / len(f))

    def see(self, p: Params, x: Array) -> Array:
        """f(x) (N, ...): images as the discriminator compares them."""
        return self.features.forward(self.weights(p)["features"], x)[0]

    def scores(self, p: Params, x: Array) -> Array:
        """D's scores of images, (N,): the higher, the more like data."""
        x = shown("VAEGAN", x, self.decoder)
        return self.discriminator.forward(self.weights(p), x)[0][:, 0]

    def encode(self, p: Params, x: Array) -> Params:
        """q(z|x): {"mean", "log_var"} (N, Z)."""
        return self.encode_with_pullback(p, x)[0]

    def encode_with_pullback(self, p: Params, x: Array) -> tuple[Params, Pullback]:
        """q(z|x), and the encoder's pullback.

        Raises ValueError for other parameters, and pixels out of range; on a GPU those give NaN.
        """
        check_names("VAEGAN", p, set(PLAYERS))
        check_array("VAEGAN", x, "...")
        return self.encoder.forward(p["encoder"], shown("VAEGAN", x, self.decoder))

    def weights(self, p: Params) -> Params:
        """D's parameters, with an entry for the part that has none."""
        return {"features": {}, "score": {}} | p["discriminator"]

    def decode(self, p: Params, z: Array) -> Array:
        """Images (N, ...) of codes (N, Z)."""
        check_names("VAEGAN", p, set(PLAYERS))
        return self.decoder.forward(p["decoder"], z)[0]

    def sample(self, p: Params, rng: np.random.Generator, n: int) -> Array:
        """n new images: z ~ N(0, I), decoded."""
        check_sizes(self, n=n)
        like = next(leaf for _, leaf in tree.leaves(p))
        return self.decode(p, normal(rng, (n, self.n_latent), like))

    def reconstruct(self, p: Params, x: Array) -> Array:
        """Images through the means of their codes."""
        return self.decode(p, self.encode(p, x)["mean"])
