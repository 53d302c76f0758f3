"""Generative adversarial net: I. Goodfellow et al., NIPS 2014, arXiv 1406.2661.

A generator G maps noise z ~ p(z) to fakes; a discriminator D scores what it is shown. D moves so
that it tells data from fakes, G so that D does not:

    discriminator : L_D(D(x), D(G(z)))    G's parameters are constants, its fakes are data
    generator     : L_G(D(G(z')))         D's parameters are constants; the gradient passes
                                          through D into the fake, and through G into theta_G

The objectives L are those of tinygen/adversarial.py.      docs/derivations/gan.md
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import NonSaturating, Objective
from tinygen.arrays import Array, Params, device_of, to_device
from tinygen.layers import BatchNorm, Layer, Pack, calibrate
from tinygen.layers.base import check_array, check_sizes
from tinygen.layers.compose import holds
from tinygen.likelihoods.base import normal, uniform
from tinygen.models.adversary_input import check_paid, check_size, part, shown
from tinygen.models.gan_nets import check_undropped, draw_masks, found
from tinygen.models.labels import check_examples, check_labels, check_noise, told
from tinygen.pullback import Pullback

PRIORS = ("normal", "uniform")
CALIBRATION = (8, 128)  # batches, examples in each, that a batch norm's statistics are taken from


@dataclass(frozen=True)
class GAN:
    """A generator against a discriminator.

    generator     : z (N, Z) -> (N, ...), fakes of the shape of the data
    discriminator : (N, ...) -> scores (N, 1), or (N / m, 1) of packs of m
    n_latent      : Z
    objective     : what the two are paid
    penalty       : added to the discriminator's loss, such as GradientPenalty(10); see
                    models/penalties.py
    prior         : "normal", z ~ N(0, I), or "uniform" in (-1, 1)
    signed        : the nets' images lie in -1..1 (a tanh ends G), those of the caller in 0..1
    classes       : K; then examples are (x, y) with labels y (N,) 0 .. K-1, and in both nets,
                    Sequentials, their own layers whose names begin with "label" take them (not
                    those of chains within; M. Mirza and S. Osindero, arXiv 1411.1784)
    average       : whether p has from the start a place for a running mean of the generator, which
                    the game keeps (`duel(ema=...)`)

    p = {"generator": ..., "discriminator": ...}, and where a running mean of the generator is kept
    also "average", which `sample` then draws from.
    """

    generator: Layer
    discriminator: Layer
    n_latent: int
    objective: Objective = field(default_factory=NonSaturating)
    penalty: Any = None
    prior: str = "normal"
    signed: bool = False
    classes: int = 0
    average: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, n_latent=self.n_latent)
        check_sizes(self, minimum=0, classes=self.classes)
        check_paid(type(self).__name__, self.objective, self.penalty)
        if self.prior not in PRIORS:
            raise ValueError(f"GAN: unknown prior {self.prior!r}: choose one of {PRIORS}")
        more = "; masks are drawn for the discriminator"
        check_undropped("GAN", {"generator": self.generator}, more)
        if self.classes and holds(self.discriminator, Pack):
            raise ValueError(
                "GAN: the discriminator holds a Pack, and a pack has no label, but one an example: "
                "leave out the Pack, or the classes"
            )

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """Parameters of both players, drawn from `rng`."""
        p = {
            "generator": self.generator.init(rng, dtype, weights),
            "discriminator": self.discriminator.init(rng, dtype, weights),
        }
        if self.average:
            p["average"] = tree.map(lambda w: w.copy(), p["generator"])
        return p

    def draw_noise(self, rng: np.random.Generator, x: Any) -> Params:
        """{"z": (N, Z)}, and what the penalty draws; either player's turn takes such noise.

        Where D has dropouts, "real" and "fake" hold their masks for the pass over each batch.
        """
        data = x[0] if isinstance(x, tuple) else x
        noise: Params = {"z": self.draw_z(rng, len(data), data)}
        if self.penalty is not None:
            noise["penalty"] = self.penalty.draw_noise(rng, data)
        if found(self.discriminator):
            for batch in ("real", "fake"):
                noise[batch] = draw_masks(self.discriminator, rng, data, self.classes)
        return noise

    def draw_z(self, rng: np.random.Generator, n: int, like: Array) -> Array:
        """z ~ p(z) (n, Z), on the device and of the dtype of `like`."""
        if self.prior == "uniform":
            return 2 * uniform(rng, (n, self.n_latent), like) - 1
        return normal(rng, (n, self.n_latent), like)

    def discriminator_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """L_D in nats (or the objective's units), a mean over the batch; pullback d -> (dp, ()).

        x : data (N, ...), or (data, labels);  noise : from `draw_noise`

        dp holds the key "discriminator" alone. `backward.terms`: "real" and "fake", the shares of
        data and of fakes that were told rightly (of a critic, whose scores are no verdict: the
        mean scores), and "penalty".
        """
        x, labels = self.parts(x)
        made = run(self.generator, p["generator"], self.z_of(noise, x), labels)
        fake = made[0]  # data to this player
        check_size(type(self).__name__, fake, x)
        D, p_D = self.discriminator, p["discriminator"]
        real_scores, real_backward = run(D, p_D, x, labels, noise.get("real"))  # (N, 1)
        fake_scores, fake_backward = run(D, p_D, fake, labels, noise.get("fake"))
        value, backward = self.objective.discriminator(real_scores, fake_scores)  #  (10)
        terms = self.objective.verdicts(real_scores, fake_scores)
        penalty_backward = None
        if self.penalty is not None:
            drawn = part(type(self).__name__, noise, "penalty")
            penalty, penalty_backward = self.penalty.value(D, p_D, x, fake, drawn, labels)
            terms["penalty"] = penalty
            value = value + penalty

        def dp(d: Array) -> Params:
            # the same D saw both batches: its gradient is the sum of two             (11)
            dreal, dfake = backward.dx(d)
            dD = tree.add(real_backward.dp(dreal), fake_backward.dp(dfake))
            if penalty_backward is not None:
                dD = tree.add(dD, penalty_backward.dp(d))
            return {"discriminator": dD}

        return value, Pullback(dp, lambda d: (), value, terms=terms, made=noise | {"made": made})

    def generator_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """L_G, a mean over the batch; pullback d -> (dp, ()). Of x only labels and size matter.

        dp holds the key "generator" alone: D's pullback is asked for dx, never for dp.
        """
        x, labels = self.parts(x)
        fake, g_backward = self.painted(p, noise, x, labels)  #          (N, ...)
        D, p_D = self.discriminator, p["discriminator"]
        scores, d_backward = run(D, p_D, fake, labels, noise.get("fake"))
        value, backward = self.objective.generator(scores)  #             ()         (12)

        def dp(d: Array) -> Params:
            dfake = d_backward.dx(backward.dx(d))  # through D, into the fake          (13)
            return {"generator": g_backward.dp(dfake)}  # through G, into theta_G      (14)

        return value, Pullback(dp, lambda d: (), value)

    def sample(
        self,
        p: Params,
        rng: np.random.Generator,
        n: int,
        labels: Array | None = None,
        z: Array | None = None,
    ) -> Array:
        """n fakes (n, ...) of z ~ p(z), or of the z (n, Z) given; in 0..1 where `signed`.

        Batch norms take their statistics from other draws (`statistics`), so that one fake does
        not hang on the others. Raises ValueError where labels are missing, or not wanted, for an
        n that is no whole number >= 1, and for a z of another shape.
        """
        check_sizes(self, n=n)
        weights = p.get("average", p["generator"])
        like = next(leaf for _, leaf in tree.leaves(weights))
        z = self.draw_z(rng, n, like) if z is None else z
        check_noise(f"{type(self).__name__}: z", z, (n, self.n_latent))
        labels = self.check_wanted(labels, n)
        fake, _ = run(self.generator, weights, z, labels, self.statistics(weights, rng))
        return (fake + 1) / 2 if self.signed else fake

    def statistics(self, weights: Params, rng: np.random.Generator) -> Any:
        """The extras of the generator's batch norms, from fresh draws; {} where it has none."""
        if not holds(self.generator, BatchNorm):
            return {}
        like = next(leaf for _, leaf in tree.leaves(weights))
        batches, n = CALIBRATION
        z = [self.draw_z(rng, n, like) for _ in range(batches)]
        if not self.classes:
            return calibrate(self.generator, weights, z)
        # NOTE: classes come evenly here; where those of the data do not, norms were trained on
        # other shares of them
        labels = [to_device(rng.integers(self.classes, size=n), device_of(like)) for _ in z]
        return calibrate(self.generator, weights, z, [told(self.generator, y) for y in labels])

    def parts(self, x: Any) -> tuple[Array, Array | None]:
        """Data as the nets see them, and labels or None. Raises ValueError or TypeError.

        Pixels must lie in 0..1 where the nets' images are `signed`; else, where G ends in a Sigmoid
        or a Tanh, in its range. On a GPU others become NaN, and so does the loss.
        """
        labels = None
        if self.classes:
            x, labels = check_examples("GAN", x, self.classes)
        check_array("GAN", x, "...")
        return shown(type(self).__name__, x, self.generator, self.signed), labels

    def painted(
        self, p: Params, noise: Any, x: Array, labels: Array | None
    ) -> tuple[Array, Pullback]:
        """The fakes of G's turn, and their pullback: D's, where turns share them; G stood still."""
        z = self.z_of(noise, x)
        return noise.get("made") or run(self.generator, p["generator"], z, labels)

    def z_of(self, noise: Any, x: Array) -> Array:
        """The noise's z, (N, Z). Raises ValueError for noise of another model or batch."""
        return part(type(self).__name__, noise, "z", (len(x), self.n_latent))

    def check_wanted(self, labels: Any, n: int) -> Array | None:
        """The labels to draw for. Raises ValueError where they are missing, or not wanted."""
        if (labels is None) == bool(self.classes):
            raise ValueError(
                f"GAN: the model has {self.classes} classes, and labels were "
                f"{'not ' if labels is None else ''}given: "
                + ("give labels=, one an image" if self.classes else "leave them out")
            )
        if labels is not None:
            check_labels("GAN", labels, n, self.classes)
        return labels


def run(
    net: Layer, p: Params, x: Array, labels: Array | None, extras: Params | None = None
) -> tuple[Array, Pullback]:
    """A net's forward pass, with the labels for its layers "label..." and other layers' extras."""
    extras = dict(extras or {})
    if labels is not None:
        extras |= told(net, labels)
    return net.forward(p, x, extras) if extras else net.forward(p, x)  # type: ignore
