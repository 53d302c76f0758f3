"""What two players are paid: losses of the scores that a discriminator gives, real and fake.

D wants high scores r = D(x) on data and low ones f = D(G(z)) on fakes; G wants f high. Where the
score is a logit, D(x) of the papers is sigmoid(r): the log of a sigmoid is never formed,

    -log D = softplus(-l),    -log(1 - D) = softplus(l)         docs/derivations/gan.md

An objective holds both players' losses, each a mean over the batch, with its pullback:

    value, backward = objective.discriminator(real, fake)       dreal, dfake = backward.dx(1.0)
    value, backward = objective.generator(fake)                 dfake = backward.dx(1.0)
"""

from dataclasses import dataclass
from typing import ClassVar

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.kernels.elementwise import logistic, softplus
from tinygen.layers.base import check_array, check_device
from tinygen.pullback import Pullback, no_params


class Objective:
    """The losses of both players; scores are (N, 1), as many real as fake or not.

    threshold : a score above it is taken for real; None where scores are no verdict

    Raises ValueError for an empty batch or scores that are not (N, 1), TypeError for what are no
    floats.
    """

    threshold: ClassVar[float | None] = 0.0

    def discriminator(self, real: Array, fake: Array) -> tuple[Array, Pullback]:
        """What D minimises, of its scores; pullback d -> (dreal, dfake)."""
        raise NotImplementedError(f"{type(self).__name__} defines no discriminator")

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """What G minimises, of D's scores of its fakes; pullback d -> dfake."""
        raise NotImplementedError(f"{type(self).__name__} defines no generator")

    def verdicts(self, real: Array, fake: Array) -> Params:
        """ "real" and "fake": the shares told rightly, or the mean scores of a critic."""
        if self.threshold is None:
            return {"real": real.mean(), "fake": fake.mean()}
        return {"real": (real > self.threshold).mean(), "fake": (fake <= self.threshold).mean()}


@dataclass(frozen=True)
class Minimax(Objective):
    """min_G max_D V,  V = E log D(x) + E log(1 - D(G(z)));  I. Goodfellow et al., arXiv 1406.2661.

    D minimises -V. G minimises E log(1 - D), whose slope -sigmoid(f) vanishes where D is sure that
    fakes are fakes: it saturates just when G is at its worst.
    """

    def discriminator(self, real: Array, fake: Array) -> tuple[Array, Pullback]:
        """D\'s loss; d -> (dreal, dfake)."""
        check_scores(real, fake)
        value = softplus(-real).mean() + softplus(fake).mean()  # -V            ()      (1)

        def dx(d: Array) -> tuple[Array, Array]:
            # -sigmoid(-r) / N,  sigmoid(f) / N                                 (N, 1)  (2)
            return -logistic(-real) * (d / len(real)), logistic(fake) * (d / len(fake))

        return value, Pullback(no_params, dx, value)

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """G\'s loss; d -> dfake."""
        check_scores(fake)
        value = -softplus(fake).mean()  # E log(1 - D)                          ()      (3)
        return value, Pullback(no_params, lambda d: -logistic(fake) * (d / len(fake)), value)


@dataclass(frozen=True)
class NonSaturating(Minimax):
    """D as in minimax; G minimises -E log D(G(z)): the same fixed point, a slope that stays.

    The slope -sigmoid(-f) is largest where D is sure that fakes are fakes (section 3 of the paper).
    """

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """G\'s loss; d -> dfake."""
        check_scores(fake)
        value = softplus(-fake).mean()  # -E log D                              ()      (4)
        return value, Pullback(no_params, lambda d: -logistic(-fake) * (d / len(fake)), value)


@dataclass(frozen=True)
class LeastSquares(Objective):
    """D: E (r - 1)^2 / 2 + E f^2 / 2;  G: E (f - 1)^2 / 2.   X. Mao et al., arXiv 1611.04076, (9).

    Scores, not logits: a fake far on the right side of the boundary still has a slope.
    """

    threshold: ClassVar[float | None] = 0.5

    def discriminator(self, real: Array, fake: Array) -> tuple[Array, Pullback]:
        """D\'s loss; d -> (dreal, dfake)."""
        check_scores(real, fake)
        value = 0.5 * (((real - 1) ** 2).mean() + (fake * fake).mean())  #      ()      (5)

        def dx(d: Array) -> tuple[Array, Array]:
            return (real - 1) * (d / len(real)), fake * (d / len(fake))  #      (N, 1)

        return value, Pullback(no_params, dx, value)

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """G\'s loss; d -> dfake."""
        check_scores(fake)
        value = 0.5 * ((fake - 1) ** 2).mean()  #                               ()      (6)
        return value, Pullback(no_params, lambda d: (fake - 1) * (d / len(fake)), value)


@dataclass(frozen=True)
class Hinge(Objective):
    """D: E max(0, 1 - r) + E max(0, 1 + f);  G: -E f.      J. Lim and J. Ye, arXiv 1705.02894."""

    def discriminator(self, real: Array, fake: Array) -> tuple[Array, Pullback]:
        """D\'s loss; d -> (dreal, dfake)."""
        check_scores(real, fake)
        xp = namespace(real)
        value = xp.maximum(1 - real, 0).mean() + xp.maximum(1 + fake, 0).mean()  # ()   (7)

        def dx(d: Array) -> tuple[Array, Array]:
            return (real < 1) * (-d / len(real)), (fake > -1) * (d / len(fake))  # (N, 1)

        return value, Pullback(no_params, dx, value)

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """G\'s loss; d -> dfake."""
        return fall(fake)


@dataclass(frozen=True)
class Wasserstein(Objective):
    """D: E f - E r, a critic of slope <= 1;  G: -E f.   M. Arjovsky et al., arXiv 1701.07875.

    drift : weight of E r^2, which keeps scores from drifting off (0.001 in arXiv 1710.10196, A.1)

    The slope is bounded from outside: by a gradient penalty, or by clipped weights. Without drift
    -value is then an estimate of the distance of the two distributions (times the slope).
    """

    drift: float = 0.0
    threshold: ClassVar[float | None] = None

    def __post_init__(self) -> None:
        check_number("Wasserstein", "drift", self.drift, least=0)

    def discriminator(self, real: Array, fake: Array) -> tuple[Array, Pullback]:
        """D\'s loss; d -> (dreal, dfake)."""
        check_scores(real, fake)
        drift = float(self.drift)
        value = fake.mean() - real.mean() + drift * (real * real).mean()  #     ()      (8)

        def dx(d: Array) -> tuple[Array, Array]:
            dreal = (2 * drift * real - 1) * (d / len(real))  #                 (N, 1)
            return dreal, namespace(fake).full_like(fake, d / len(fake))

        return value, Pullback(no_params, dx, value)

    def generator(self, fake: Array) -> tuple[Array, Pullback]:
        """G\'s loss; d -> dfake."""
        return fall(fake)


def fall(fake: Array) -> tuple[Array, Pullback]:
    """-E f, the generator's loss of hinge and Wasserstein."""
    check_scores(fake)
    value = -fake.mean()  #                                                     ()      (9)
    slope = namespace(fake).full_like
    return value, Pullback(no_params, lambda d: slope(fake, -d / len(fake)), value)


def check_scores(*scores: Array) -> None:
    """Refuse what are not scores (N, 1) of one dtype and device. Raises ValueError, TypeError."""
    for s in scores:
        check_array("adversarial loss: scores", s, "N", 1)
        check_device("adversarial loss: scores", s, scores[0])
        if s.dtype != scores[0].dtype:
            raise TypeError(
                f"adversarial loss: real scores are {scores[0].dtype}, fake ones {s.dtype}: use "
                f".astype({str(s.dtype)!r})"
            )
