"""Unrolled GAN: a generator that looks ahead at how the discriminator will answer.

    theta^0 = theta_D,   theta^{k+1} = theta^k - lr dL_D/dtheta (theta^k, G(z)),   k < K
    L_G = -L_D(theta^K, G(z))

A generator that pulls all fakes to one mode wins against the discriminator of this moment, and
loses against the one of a few steps later. L. Metz, B. Poole, D. Pfau and J. Sohl-Dickstein, arXiv
1611.02163, equations 7-11.                                docs/derivations/unrolled_gan.md
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.adversarial import Hinge, LeastSquares, Minimax, Wasserstein
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, device_of, namespace
from tinygen.kernels.elementwise import logistic
from tinygen.layers import BatchNorm, Dropout, MinibatchDiscrimination, MinibatchStd
from tinygen.layers.base import NonFinite, check_finite, check_sizes
from tinygen.layers.compose import holds
from tinygen.models.gan import GAN
from tinygen.pullback import Pullback
from tinygen.tangent.second import Trace, trace


@dataclass(frozen=True)
class UnrolledGAN(GAN):
    """A GAN whose generator is paid for what the discriminator scores after K steps of its own.

    steps       : K; 0 is the minimax game
    lr          : of the inner steps, which are plain gradient descent, as the paper's equation 7.
                  NOTE: the authors' own 2-D example unrolls Adam.
    first_order : leave out how the inner steps depend on the fakes (the second term of the
                  paper's equation 12): cheaper, and not the gradient of L_G

    The discriminator is a chain of dense layers and of layers without parameters. Its own turn is
    that of a GAN: no inner step is kept. Both players see one batch for all K steps.

    Raises ValueError for a penalty or classes, which the inner steps do not know, and for a
    discriminator with a dropout, or with a layer that compares the examples of a batch; a loss
    raises NonFinite where steps of this lr overflow.
    """

    steps: int = 5
    lr: float = 0.1
    first_order: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, minimum=0, steps=self.steps)
        check_number("UnrolledGAN", "lr", self.lr, above=0)
        if self.penalty is not None or self.classes:
            raise ValueError(
                "UnrolledGAN: the inner steps know no penalty and no classes: leave both out, or "
                "take a GAN"
            )
        # both kinds go through D in one pass, without masks: its own turn would see other scores
        compares = "would compare data with fakes: the inner steps score both in one pass"
        why = {
            **dict.fromkeys((BatchNorm, MinibatchStd, MinibatchDiscrimination), compares),
            Dropout: "drops other units in each of D's passes: the inner steps know no masks of "
            "their own",
        }
        for kind, reason in why.items():
            if holds(self.discriminator, kind):
                raise ValueError(
                    f"UnrolledGAN: the discriminator holds a {kind.__name__}, which {reason}: "
                    "leave it out, or take a GAN"
                )

    def generator_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """-L_D after K inner steps, on data x and fakes; pullback d -> (dp, ()).

        dp holds the key "generator" alone. `backward.terms`: "now", -L_D before the inner steps.
        """
        x, _ = self.parts(x)
        fake, g_backward = self.painted(p, noise, x, None)  #               (N, ...)
        lr, theta, path = float(self.lr), p["discriminator"], []
        last = Moment.at(self, theta, x, fake)
        with steps_of(lr):
            for _ in range(self.steps):
                path.append(last)
                theta = tree.map(lambda w, g: w - lr * g, theta, last.dtheta)  # theta^{k+1} (1)
                last = Moment.at(self, theta, x, fake)
                check_finite("L_D", last.value)
        value = -last.value  # L_G                                            ()      (2)

        def dp(d: Array) -> Params:
            dfake = -last.dfake  # dL_G/dG, theta^K held                               (3)
            bar = tree.scale(last.dtheta, -1)  # dL_G/dtheta^K                         (4)
            with steps_of(lr):
                for here in reversed([] if self.first_order else path):
                    H_bar, mixed = here.second(bar)
                    dfake = dfake - lr * mixed  # through the step, into the fakes     (5)
                    bar = tree.map(lambda b, h: b - lr * h, bar, H_bar)  # (1 - lr H) bar  (6)
                dG: Params = g_backward.dp(d * dfake)
                check_squares(dG)
            return {"generator": dG}

        terms = {"now": -(path[0] if path else last).value}
        return value, Pullback(dp, lambda d: (), value, terms=terms)


@dataclass(frozen=True)
class Moment:
    """L_D at one theta, with its gradients and its second derivatives along a direction.

    value         : L_D
    dtheta, dfake : its gradients
    """

    value: Array
    dtheta: Params
    dfake: Array
    trace: Trace
    dys: list[Array]
    bend: Array

    @classmethod
    def at(cls, model: UnrolledGAN, theta: Params, x: Array, fake: Array) -> "Moment":
        """One pass of the discriminator over data and fakes, forward and backward."""
        xp, N = namespace(x), len(x)
        both = trace(model.discriminator, theta, xp.concatenate([x, fake]))
        if len(both.y) % 2:  # a pack of both kinds: D's own turn would refuse such a batch
            raise ValueError(
                f"UnrolledGAN: a batch of {N} examples does not make whole packs, "
                f"{len(both.y)} of data and fakes: give a batch that the pack's m divides"
            )
        M = len(both.y) // 2  # scores of data; fewer than N where the discriminator packs
        real, f = both.y[:M], both.y[M:]  #                                 (M, 1)
        value, backward = model.objective.discriminator(real, f)
        dtheta, dx, dys = both.pull(xp.concatenate(backward.dx()))
        bend = xp.concatenate(curvature(model.objective, real, f))
        return cls(value, dtheta, dx[N:], both, dys, bend)

    def second(self, theta_dot: Params) -> tuple[Params, Array]:
        """H theta_dot, and d/dfake (theta_dot . dL_D/dtheta): R{dtheta} and R{dfake}."""
        v, second = self.trace.along(theta_dot)
        rdtheta, rdx = second(self.dys, self.bend * v)  # R{dl} = L'' R{l}            (13)
        return rdtheta, rdx[len(rdx) - len(self.dfake) :]


@contextmanager
def steps_of(lr: float) -> Iterator[None]:
    """Where inner steps overflow: NonFinite that names lr, in the place of NumPy's warnings."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except NonFinite as error:
        raise NonFinite(
            f"UnrolledGAN: inner steps of lr={lr:g} lead to numbers that are not finite ({error}): "
            "lower lr"
        ) from error


def check_squares(dp: Params) -> None:
    """Refuse a gradient whose square, as an optimiser takes it, overflows. Raises NonFinite.

    A GPU is not made to wait for the answer.
    """
    for name, g in tree.leaves(dp):
        if device_of(g) != "cuda" and not np.isfinite(float(namespace(g).vdot(g, g))):
            raise NonFinite(f"the square of the generator's gradient {name}")


def curvature(objective: Any, real: Array, fake: Array) -> tuple[Array, Array]:
    """The second derivatives of L_D with respect to each score (M, 1): the only ones there are.

    Raises NotImplementedError for an objective that is not one of this package's.
    """
    xp, M = namespace(real), len(real)
    if isinstance(objective, Minimax):  # softplus'' = sigmoid(l) sigmoid(-l)          (14)
        return logistic(real) * logistic(-real) / M, logistic(fake) * logistic(-fake) / M
    if isinstance(objective, LeastSquares):
        return xp.full_like(real, 1 / M), xp.full_like(fake, 1 / M)
    if isinstance(objective, Wasserstein):
        return xp.full_like(real, 2 * float(objective.drift) / M), xp.zeros_like(fake)
    if isinstance(objective, Hinge):  # piecewise linear
        return xp.zeros_like(real), xp.zeros_like(fake)
    raise NotImplementedError(
        f"UnrolledGAN: the second derivative of {type(objective).__name__} is not known: take "
        "Minimax, NonSaturating, LeastSquares, Hinge or Wasserstein"
    )
