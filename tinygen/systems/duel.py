"""The game of a generator and a discriminator, as every adversarial system plays it.

for each round:   k moves of D, each on a batch of its own;   then one move of G

I. Goodfellow et al. 2014, arXiv 1406.2661, algorithm 1
"""

from collections.abc import Callable
from typing import Any

from tinygen import tree
from tinygen.arrays import Params
from tinygen.game import Game, Turn
from tinygen.optim import Ema, Optimiser

AVERAGE = "average"  # the key of p under which the running mean of the generator stands

CURVES = (
    "Training",
    "The players' losses and the norms of their gradients, and what a discriminator says of data "
    "and of fakes: the shares that it tells rightly, or a critic's mean scores. The losses do not "
    "say how good the fakes are: each is measured against an opponent that moves. A discriminator "
    "that is right about all is too strong, and one that is right about half has nothing left to "
    "say.",
)
CAPTIONS = {
    "curves.png": CURVES,
    "samples.png": ("Samples", "Fakes of fresh noise, made without a look at the data."),
}


def duel(
    model: Any,
    discriminator: Optimiser,
    generator: Optimiser,
    k: int = 1,
    *,
    project: Callable[[Params], None] | None = None,
    ema: Ema | None = None,
    shares: bool = False,
) -> Game:
    """D moves k times, then G once; the log tells both losses and both gradients' norms.

    model   : with discriminator_loss, generator_loss and draw_noise, such as a GAN
    project : after each of D's steps, such as ClipWeights(0.01)
    shares  : G is judged by the fakes that D has just seen, which saves painting others.
              NOTE: algorithm 1 draws fresh noise for G
    ema     : of the generator, kept in p["average"]: begin with `averaged(p)`

    Raises ValueError for a model with a place for a running mean that nobody would keep.
    """
    if getattr(model, "average", False) and ema is None:
        raise ValueError(
            f"duel: the {type(model).__name__} samples from a running mean of its generator, which "
            "stays as it was drawn: give ema=Ema(0.999), or build the model with average=False"
        )
    return Game(
        Turn(
            "discriminator",
            model.discriminator_loss,
            model.draw_noise,
            discriminator,
            "discriminator",
            times=k,
            project=project,
            watch=True,
        ),
        Turn(
            "generator",
            model.generator_loss,
            model.draw_noise,
            generator,
            "generator",
            average=None if ema is None else (AVERAGE, ema),
            watch=True,
            shares=shares,
        ),
    )


def verdicts(model: Any, p: Params, x: Any, noise: Params) -> dict[str, tuple[float, float | None]]:
    """How well the discriminator tells examples x from fakes, as `System.measure` names numbers.

    Fakes are those of the running mean, where there is one: as samples are.
    """
    p = p | {"generator": p[AVERAGE]} if AVERAGE in p else p
    loss, backward = model.discriminator_loss(p, x, noise)
    scores = model.objective.threshold is None  # of a critic, no verdicts
    told = "mean score of {}" if scores else "share of {} that D tells rightly"
    return {
        "D's loss": (float(loss), None),
        told.format("data"): (float(backward.terms["real"]), None),
        told.format("fakes"): (float(backward.terms["fake"]), None),
    }


def averaged(p: Params) -> Params:
    """p with a copy of the generator as the first value of its running mean."""
    return p | {AVERAGE: tree.map(lambda w: w.copy(), p["generator"])}
