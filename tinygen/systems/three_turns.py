"""The game of CycleGAN: both generators move, then each discriminator, on one batch (a, b).

J.-Y. Zhu et al., arXiv 1703.10593, section 4; the order of the authors' code.
"""

from tinygen.game import Game, Turn
from tinygen.models.cycle_gan import CycleGAN
from tinygen.optim import Optimiser


def three_turns(model: CycleGAN, generators: Optimiser, discriminators: Optimiser) -> Game:
    """A round: the player "generators", then "discriminator_a", then "discriminator_b"."""

    def turn(player: str, loss: object, rule: Optimiser) -> Turn:
        return Turn(player, loss, model.draw_noise, rule, player, watch=True)  # type: ignore

    return Game(
        turn("generators", model.generators_loss, generators),
        turn("discriminator_a", model.discriminator_a_loss, discriminators),
        turn("discriminator_b", model.discriminator_b_loss, discriminators),
    )
