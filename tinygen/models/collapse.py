"""A warning where latent dimensions die: q(z_j|x) = p(z_j) for every x, so that z_j says nothing.

    R_j = (1/N) sum_n KL(q(z_j|x_n) || p(z_j)) < 0.01 nats

The commands print it at the end of a training and with the numbers of a run; in a program of your
own call `warn_of_dead_units`.                             docs/derivations/vae.md
"""

import warnings
from typing import Any

from tinygen.arrays import Array, Params
from tinygen.metrics.rates import DEAD, dead_units
from tinygen.models.priors import StandardNormal

NAMED = 8  # dimensions told by their numbers
REMEDY = (
    "raise the weight of the KL step by step (warm-up), leave some nats uncharged (free bits), or "
    "lower beta"
)


class DeadUnits(UserWarning):
    """Some latent dimensions carry nothing."""


def warn_of_dead_units(model: Any, p: Params, x: Array, nats: float = DEAD) -> list[int]:
    """The dead dimensions of a `LatentModel` on the examples x; warns `DeadUnits` of them.

    x : data that the encoder takes, such as the validation images; a hundred are enough
    """
    dead = found(model, p, x, nats)
    if dead:
        warnings.warn(told(dead, model.n_latent, nats), DeadUnits, stacklevel=2)
    return dead


def remarks(model: Any, p: Params, x: Array, remedy: str = REMEDY) -> list[str]:
    """The same as a line of text, for the commands; no line where all dimensions are in use."""
    dead = found(model, p, x, DEAD)
    return [told(dead, model.n_latent, DEAD, remedy)] if dead else []


def found(model: Any, p: Params, x: Array, nats: float) -> list[int]:
    """The dead dimensions. None under a prior other than N(0, I), which need not have axes."""
    if not isinstance(model.prior, StandardNormal):
        return []
    return dead_units(model.encode(p, x), nats)


def told(dead: list[int], n_latent: int, nats: float, remedy: str = REMEDY) -> str:
    """What is dead, and what can be done: `remedy`, what the model offers."""
    remedy = f"where they should carry more, {remedy}"
    if len(dead) == n_latent:
        return (
            f"posterior collapse: all {n_latent} latent dimensions carry less than {nats:g} nats, "
            f"so the decoder makes do without a code: {remedy}; look whether the KL outweighs the "
            "likelihood, as beside a mean over pixels"
        )
    some = ", ".join(map(str, dead[:NAMED])) + (", ..." if len(dead) > NAMED else "")
    return (
        f"{len(dead)} of {n_latent} latent dimensions carry less than {nats:g} nats (index {some}):"
        f" {remedy}; else n_latent {n_latent - len(dead)} does as well"
    )
