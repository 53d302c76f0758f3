"""ProgressiveGAN as the commands know it; the model is models/progressive_gan.py."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params
from tinygen.game import Game
from tinygen.metrics import pyramid_distance
from tinygen.models.gan_diagnosis import LEAST, compared, in_words
from tinygen.models.penalties import GradientPenalty
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.progressive_gan_stages import began, growth, padded
from tinygen.optim import Ema, renewed
from tinygen.schedules import Schedule
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.duel import CAPTIONS, duel, verdicts
from tinygen.systems.options import Options, option

LOWEST = 8  # pixels a side of the last level of the distance
SCORED = 1000  # examples whose scores are taken: the slopes of more are long in coming
AT_ONCE = 120  # of them, in whole groups, and fakes that are drawn; of full size a gigabyte


@dataclass(frozen=True)
class ProgressiveOptions(Options):
    """What `train progressive-gan` can be told."""

    channels: tuple[int, ...] = option(
        (),
        "features at 4, 8, ... pixels, one number a stage, as in 64,64,32,16; not given: 16 at the "
        "last stage, twice as many at each before, at most 64",
        least=1,
    )
    latent: int = option(64, "numbers of noise Z that a fake is made from", least=1)
    grow: str = option("on", "off: both nets have their full size from the start", ("on", "off"))
    stable: int = option(1, "epochs of each stage alone", least=1, where=("grow", "on"))
    fade: int = option(
        1, "epochs in which each stage after the first fades in", least=1, where=("grow", "on")
    )
    group: int = option(4, "examples whose spread the discriminator sees", least=2)
    lr: float = option(
        1e-3, "both players' step size; the rule is Adam's, beta1 0, beta2 0.99", above=0
    )
    k: int = option(1, "moves of the discriminator before each one of the generator", least=1)
    penalty_weight: float = option(10.0, "of the gradient penalty", least=0)
    ema: float = option(
        0.99,
        "decay of a running mean of the generator's weights, which samples are drawn from; it must "
        "forget within a stage: .999 in the paper, whose stages are longer; 0: the weights "
        "themselves",
        least=0,
        below=1,
    )


def build(o: ProgressiveOptions, task: Task) -> ProgressiveGAN:
    """The model of these options; the data's size says how many stages there are."""
    shape: Any = task.shape
    penalty = GradientPenalty(o.penalty_weight)
    return progressive_gan(
        shape, o.channels or None, o.latent, o.group, penalty=penalty, average=o.ema > 0
    )


def game(model: ProgressiveGAN, o: ProgressiveOptions, epoch_steps: int) -> Game:
    """k moves of D, one of G; the stages are epochs."""
    fade, stable = lengths(o, epoch_steps)
    at = began(model.top, fade, stable) if o.grow == "on" else ()
    return growing_duel(
        model,
        growth(model.top, fade, stable) if o.grow == "on" else None,
        renewed(o.lr, tuple(o.k * step for step in at), beta1=0.0, beta2=0.99),
        renewed(o.lr, at, beta1=0.0, beta2=0.99),
        o.k,
        Ema(o.ema) if o.ema else None,
    )


def lengths(o: ProgressiveOptions, epoch_steps: int) -> tuple[int, int]:
    """The rounds of a fade, and of a stage alone."""
    rounds = ceil(epoch_steps / o.k)  # of an epoch: D's further moves take batches of it too
    return o.fade * rounds, o.stable * rounds


def after(
    model: ProgressiveGAN, o: ProgressiveOptions, step: int, epoch_steps: int
) -> ProgressiveGAN:
    """The model at the level of its last step: what lies above was never trained."""
    if o.grow == "off":
        return model
    return replace(model, level=growth(model.top, *lengths(o, epoch_steps))(max(step - 1, 0)))


def alike(model: ProgressiveGAN, p: Params, x: Array) -> list[str]:
    """Where all fakes of the last stage are alike; of a critic nothing says that it has won."""
    x = x[:AT_ONCE]
    if len(x) < LEAST or (model.level is not None and model.level < model.top):
        return []
    fakes = model.sample(p, np.random.default_rng(0), len(x))
    return in_words(compared(x, fakes, None), vary="train on, or raise --group")


def remarks(model: ProgressiveGAN, p: Params, x: Array) -> list[str]:
    """Where the training ended before the last stage; else where all fakes are alike."""
    if model.level is None or model.level == model.top:
        return alike(model, p, x)
    stage, _ = model.split(model.level)
    size = model.size >> (model.top - stage)
    return [
        f"stage {stage + 1} of {model.top + 1} was reached, of {size} pixels a side: samples "
        "and numbers are of that stage. More --epochs reach the last one, or "
        "shorter stages (--stable, --fade)"
    ]


def growing_duel(
    model: ProgressiveGAN,
    levels: Schedule | None,
    discriminator: Any,
    generator: Any,
    k: int = 1,
    ema: Ema | None = None,
) -> Game:
    """`duel`, both losses at the level of the step; None: at the last level throughout."""
    plain = duel(model, discriminator, generator, k, ema=ema)
    if levels is None:
        return plain
    return Game(*(replace(turn, schedules={"level": levels}) for turn in plain.turns))


def whole_groups(model: ProgressiveGAN, o: ProgressiveOptions, x: Array) -> Any:
    """Each epoch in a random order, without the few that make no whole group at its end."""
    n = len(x) - len(x) % o.group
    return lambda rng, p: rng.permutation(len(x))[:n]


def measure(
    model: ProgressiveGAN, p: Params, x: Array, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """Mean scores, and how far patches of fakes are from those of data, a level each.

    As many fakes as half the examples are compared with one half; the row "two halves" is what
    so many other examples would get. Raises ValueError for fewer examples than a group holds.
    """
    group = model.discriminator.group or 2
    if len(x) < group:
        raise ValueError(
            f"progressive-gan: the discriminator compares examples in groups of {group}, and there "
            f"are {len(x)}: measure {group} or more"
        )
    numbers = scores(model, p, x[:SCORED], rng, group)
    n = len(x) // 2
    if model.size >= LOWEST:
        real, other = (padded(a, model.size) for a in (x[:n], x[n : 2 * n]))
        fake = in_batches(lambda rows: model.sample(p, rng, len(rows)), real, AT_ONCE)
        fake = padded(fake, model.size)
        for what, a in {"fakes": fake, "two halves of the data": other}.items():
            for size, value in pyramid_distance(real, a, rng, lowest=LOWEST).items():
                name = f"sliced Wasserstein x 1000, {size} x {size}, {what}"
                numbers[name] = (1000 * value, None)
    return numbers


def scores(
    model: ProgressiveGAN, p: Params, x: Array, rng: np.random.Generator, group: int
) -> dict[str, tuple[float, float | None]]:
    """The `verdicts` of whole groups of the examples, some at a time: their means."""
    at_once = max(AT_ONCE - AT_ONCE % group, group)
    whole, found = len(x) - len(x) % group, []
    for i in range(0, whole, at_once):
        rows = x[i : min(i + at_once, whole)]
        each = verdicts(model, p, rows, model.draw_noise(rng, rows))
        found.append({name: value * len(rows) / whole for name, (value, _) in each.items()})
    return {name: (sum(part[name] for part in found), None) for name in found[0]}


def figures(gallery: Any) -> dict[str, Any]:
    """Samples of one noise, as each stage makes them."""
    from tinygen import plots

    t = gallery.trained
    z = t.model.draw_z(gallery.rng, 8, t.p)
    rows = {}
    for stage in range(t.model.split(None)[0] + 1):
        size = t.model.size >> (t.model.top - stage)
        fakes = gallery.ink(t.model.sample(t.p, gallery.rng, 8, stage, z))
        rows[f"{size} x {size}"] = plots.tiled(fakes, 4)
    return {"stages": plots.panels(rows)}


SYSTEM = System(
    name="progressive-gan",
    title="GAN that grows: 4 x 4 pixels first, then twice as many, and again",
    group="implicit",
    idea="Both nets begin with tiny images; each further stage fades in beside what is learnt.",
    paper="Karras et al. 2018, arXiv 1710.10196",
    demo="demos/progressive_gan.py",
    options=ProgressiveOptions,
    data="mnist",
    epochs=10,
    uses={"--grow off": "the last net from the start, to compare"},
    build=build,
    game=game,
    sample=lambda model, p, rng, n, mean: model.sample(p, rng, n),
    measure=measure,
    drawn="z ~ N(0, I), through the generator",
    density="p(x)",
    has_means=False,
    order=whole_groups,
    after=after,
    remarks=remarks,
    look=alike,
    batch=16,
    rehearsal=None,  # a whole batch, of which groups must be whole
    figures=figures,
    captions=CAPTIONS
    | {
        "stages.png": (
            "The stages",
            "Eight draws of noise, as each stage's own 1 x 1 convolution colours them. After the "
            "training only the last one is trained on: those before show what its features still "
            "hold of smaller images.",
        ),
    },
)
