"""The game of CycleGAN: both generators move, then each discriminator, on one batch (a, b).

J.-Y. Zhu et al., arXiv 1703.10593, section 4; the order of the authors' code.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from tinygen.arrays import Params
from tinygen.game import Game, Turn
from tinygen.models.cycle_gan import OTHER, CycleGAN
from tinygen.models.gan_diagnosis import LEAST, compared, in_words
from tinygen.optim import Optimiser

PLAYERS = ("generators", "discriminator_a", "discriminator_b")
LOOKED_AT = 50  # examples of each set
CALM = "give it fewer channels (--patch), or a way back of more weight (--cycle)"
VARY = "train on, or give the way back more weight (--cycle)"


def three_turns(model: CycleGAN, generators: Optimiser, discriminators: Optimiser) -> Game:
    """A round: the player "generators", then "discriminator_a", then "discriminator_b"."""

    def turn(player: str, loss: object, rule: Optimiser) -> Turn:
        return Turn(player, loss, model.draw_noise, rule, player, watch=True)  # type: ignore

    losses = model.generators_loss, model.discriminator_a_loss, model.discriminator_b_loss
    rules = generators, discriminators, discriminators
    return Game(*map(turn, PLAYERS, losses, rules))


def remarks(model: CycleGAN, p: Params, x: Any) -> list[str]:
    """Of either set, where its discriminator has won or translations into it are all alike."""
    n, lines = min(len(x[0]), len(x[1]), LOOKED_AT), list[str]()
    if n < LEAST:
        return []
    sets = {"a": x[0][:n], "b": x[1][:n]}
    pair = sets["a"], sets["b"]
    model = replace(model, history=0)  # fakes of today alone
    p = {player: p[player] for player in PLAYERS}
    noise = model.draw_noise(np.random.default_rng(0), pair)
    for to, images in sets.items():
        _, backward = getattr(model, f"discriminator_{to}_loss")(p, pair, noise)
        accuracy = float(backward.terms["real"] + backward.terms["fake"]) / 2
        critic = model.objective.threshold is None  # whose scores are no verdicts
        fakes = model.translate(p, sets[OTHER[to]], to)
        found = compared(images, fakes, None if critic else accuracy)
        lines += in_words(found, CALM, VARY, of=f" of {to}")
    return lines
