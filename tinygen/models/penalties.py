"""Penalties on the gradient of a critic, and their exact gradients without autodiff.

    g = d/dx sum_n D(x_n),   |g| = sqrt(sum g^2 + tiny)

    WGAN-GP   weight E (|g| - target)^2  between data and fakes
              I. Gulrajani et al., arXiv 1704.00028, eq. 3
    R1        weight / 2 E |g|^2         on data
              L. Mescheder, A. Geiger and S. Nowozin, arXiv 1801.04406, eq. 9

With u = dpenalty/dg held constant, dpenalty/dtheta = d/dtheta (u . g) = d/dtheta sum_n v_n, where
v = J_x u is the tangent of the critic along u.            docs/derivations/tangent.md
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Fork, Layer, Pack
from tinygen.layers.compose import Composite
from tinygen.likelihoods.base import per_example, sum_examples, uniform
from tinygen.models.labels import check_noise, told
from tinygen.pullback import Pullback
from tinygen.tangent import Linearised, linearise

TINY = 1e-12  # below the square of a norm, so that |g| has a derivative at g = 0


@dataclass(frozen=True)
class GradientPenalty:
    """weight E (|g(x_hat)| - target)^2,  x_hat = t x + (1 - t) fake,  t ~ U(0, 1) an example.

    weight : lambda >= 0, 10 in the paper
    target : the norm that is asked for, from both sides (two-sided)

    Raises ValueError for a negative weight or target.
    """

    weight: float = 10.0
    target: float = 1.0

    def __post_init__(self) -> None:
        check_number("GradientPenalty", "weight", self.weight, least=0)
        check_number("GradientPenalty", "target", self.target, least=0)

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Array:
        """t (N,)"""
        return uniform(rng, (len(x),), x)

    def value(
        self,
        critic: Layer,
        p: Params,
        real: Array,
        fake: Array,
        noise: Array,
        labels: Array | None = None,
    ) -> tuple[Array, Pullback]:
        """The penalty, and its pullback d -> (dp, ()), dp of the critic's parameters.

        noise  : t, from `draw_noise`; a critic of packs takes one number a pack
        labels : those that data and fakes share

        A dropout layer of the critic gets no mask. Raises ValueError for fakes of another shape,
        NotImplementedError for a critic with a layer that tinygen.tangent has no rule for.
        `backward.terms`: "norm", the mean of |g|.
        """
        check_noise("GradientPenalty", noise, real.shape[:1])
        if real.shape != fake.shape:
            raise ValueError(
                f"GradientPenalty: data of shape {real.shape} and fakes of shape {fake.shape} have "
                "no points between them: draw as many fakes as there are data"
            )
        t = per_example(of_first(noise, pack_size(critic)), real)
        mixed = t * real + (1 - t) * fake  # x_hat                          (N, ...)  (20)
        at, ones, g = slope(critic, p, mixed, labels)
        norm = namespace(g).sqrt(squares(g, at.y) + TINY)  # |g|             (M,)     (21)
        gap, weight = norm - float(self.target), float(self.weight)
        value = weight * (gap * gap).mean()  # weight E (|g| - target)^2     ()       (22)

        def dp(d: Array) -> Params:
            # u = dpenalty / dg = 2 weight / M (|g| - target) g / |g|        (N, ...) (23)
            u = g * spread(d * (2 * weight / len(norm)) * gap / norm, g)
            return along(at, u, ones)

        return value, Pullback(dp, lambda d: (), value, terms={"norm": norm.mean()})


@dataclass(frozen=True)
class R1:
    """weight / 2 E |g(x)|^2 on data x: the critic is flat where the data are.

    weight : gamma >= 0, 10 in the paper

    Raises ValueError for a negative weight.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        check_number("R1", "weight", self.weight, least=0)

    def draw_noise(self, rng: np.random.Generator, x: Array) -> Params:
        """{}: nothing is drawn."""
        return {}

    def value(
        self,
        critic: Layer,
        p: Params,
        real: Array,
        fake: Array,
        noise: Params,
        labels: Array | None = None,
    ) -> tuple[Array, Pullback]:
        """The penalty, and its pullback d -> (dp, ()); fakes and noise are not looked at."""
        at, ones, g = slope(critic, p, real, labels)
        square, weight = squares(g, at.y), float(self.weight)  # |g|^2       (M,)
        value = 0.5 * weight * square.mean()  # weight / 2 E |g|^2           ()       (24)

        def dp(d: Array) -> Params:
            u = g * (d * (weight / len(square)))  # weight / M g             (N, ...) (25)
            return along(at, u, ones)

        return value, Pullback(
            dp, lambda d: (), value, terms={"norm": namespace(g).sqrt(square).mean()}
        )


def slope(
    critic: Layer, p: Params, x: Array, labels: Array | None
) -> tuple[Linearised, Array, Array]:
    """The critic at x, ones (M, 1), and g = d/dx sum_n D(x_n), of the shape of x. ValueError.

    A critic that takes m examples at once, and gives M = N / m scores, sees one point in m
    examples' space: its gradient is that of all m, and its norm is one number a score.
    """
    extras = () if labels is None else (told(critic, labels),)
    at = linearise(critic, p, x, *extras)
    scores = at.y
    if scores.ndim != 2 or scores.shape[1] != 1 or len(x) % len(scores):
        raise ValueError(
            f"penalty: expected a critic's scores (M, 1), M a divisor of N, got {scores.shape} for "
            f"x of shape {x.shape}: end the critic with one number an example"
        )
    ones = namespace(scores).ones_like(scores)
    return at, ones, at.backward.dx(ones)  # g = J^T 1


def of_first(t: Array, m: int) -> Array:
    """t, each pack of m examples with the number of its first one."""
    return namespace(t).repeat(t[::m], m)[: len(t)]


def pack_size(critic: Layer) -> int:
    """How many examples the critic takes as one point."""
    if isinstance(critic, Composite):
        sizes = [pack_size(layer) for layer in critic.layers.values()]
        return max(sizes) if isinstance(critic, Fork) else prod(sizes)  # beside, or in a row
    return critic.m if isinstance(critic, Pack) else 1


def squares(g: Array, scores: Array) -> Array:
    """|g|^2 of each score (M,): a sum over all that its point is made of."""
    return sum_examples((g * g).reshape(len(scores), -1))


def spread(weights: Array, g: Array) -> Array:
    """One number a score (M,) beside each example of it (N, 1, ...)."""
    return per_example(namespace(g).repeat(weights, len(g) // len(weights)), g)


def along(at: Linearised, u: Array, ones: Array) -> Params:
    """d/dtheta sum_n v_n,  v = J_x u; ones: those of `slope`, whose way back is remembered."""
    _, backward = at.push(u)
    return backward.dp((None, ones))  # (4)
