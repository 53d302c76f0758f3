"""FactorVAE as the commands know it; the model is models/factor_vae.py."""

from dataclasses import dataclass

from tinygen.game import Game, Turn
from tinygen.models.collapse import remarks
from tinygen.models.factor_vae import FactorVAE, factor_vae
from tinygen.optim import adam
from tinygen.systems import tc_vae, vae
from tinygen.systems.base import System, Task
from tinygen.systems.options import option
from tinygen.systems.tc_vae import CodedOptions


@dataclass(frozen=True)
class FactorVAEOptions(CodedOptions):
    """What `train factor-vae` can be told."""

    gamma: float = option(10.0, "weight of the total correlation of the codes", least=0)
    discriminator: tuple[int, ...] = option(
        (256, 256, 256), "widths of the discriminator's hidden layers", least=1
    )
    discriminator_lr: float = option(
        1e-3, "the discriminator's step size; its rule is Adam's", above=0
    )


def build(o: FactorVAEOptions, task: Task) -> FactorVAE:
    """The model of these options."""
    return factor_vae(tc_vae.plain_vae(o, task), o.discriminator, o.gamma)


def game(model: FactorVAE, o: FactorVAEOptions, epoch_steps: int) -> Game:
    """Two players: the VAE, then the discriminator of its codes."""
    return Game(
        Turn("vae", model.vae_loss, model.draw_noise, o.step_rule(), "vae"),
        Turn(
            "discriminator",
            model.discriminator_loss,
            model.draw_shuffle,
            adam(o.discriminator_lr, beta1=0.5),
            "discriminator",
        ),
    )


SYSTEM = System(
    name="factor-vae",
    title="FactorVAE: a VAE against a discriminator that finds dependent dimensions",
    group="approximate",
    idea="A second player tells codes from shuffled ones; the VAE pays for what it finds.",
    paper="Kim and Mnih 2018, arXiv 1802.05983",
    demo="demos/disentangling.py",
    options=FactorVAEOptions,
    data="sprites",
    epochs=50,
    uses={"--gamma 0": "a plain VAE, to compare"},
    choose_data=vae.choose_data,
    build=build,
    game=game,
    codes=lambda model, p, x: vae.codes(model.vae, p["vae"], x),
    decode=lambda model, p, z: vae.decode(model.vae, p["vae"], z),
    sample=lambda model, p, rng, n, mean: model.vae.sample(p["vae"], rng, n, mean=mean),
    reconstruct=lambda model, p, x, rng, mean: model.vae.reconstruct(p["vae"], x, rng, mean=mean),
    measure=lambda model, p, x, rng, k: tc_vae.measure(model.vae, p["vae"], x, rng, k),
    drawn="z ~ p(z), decoded",
    remarks=lambda model, p, x: remarks(model.vae, p["vae"], x, "lower gamma"),
    figures=tc_vae.figures,
    captions=tc_vae.CAPTIONS,
)
