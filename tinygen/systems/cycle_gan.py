"""CycleGAN as the commands know it; the model is models/cycle_gan.py.

The data set is the one set, --to names the other: a data set, or a known map of the first one, of
which one half is then mapped and the other is not, so that no true pair is in the training and
the error to the true map can be measured.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygen import examples, metrics
from tinygen.arrays import Array, Params, to_host
from tinygen.data import entry, load, names, unpaired
from tinygen.data.dataset import Dataset, Part
from tinygen.data.translation import PAIRS
from tinygen.game import Game
from tinygen.models.cycle_gan import OTHER, CycleGAN
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.names import nearest
from tinygen.optim import adam
from tinygen.schedules import Schedule
from tinygen.systems.base import System, Task, in_batches
from tinygen.systems.duel import CURVES
from tinygen.systems.options import Options, option
from tinygen.systems.three_turns import remarks, three_turns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAPS = {
    "inverted": lambda x: 1 - x,
    "rotated": lambda x: np.ascontiguousarray(np.rot90(x, axes=(1, 2))),  # a quarter turn
}
ROWS = 50  # translated at once
SHOWN = 8  # of each set in the picture


@dataclass(frozen=True)
class CycleGANOptions(Options):
    """What `train cycle-gan` can be told."""

    to: str = option(
        "",
        "the other set: a data set by name, or a known map of this one: inverted, rotated "
        "(default: NAME-b of NAME-a, else inverted)",
    )
    cycle: float = option(10.0, "lambda, weight of what must come back", least=0)
    identity: float = option(
        0.0, "of what must stay, as a share of cycle; 0.5 in the paper, from paintings", least=0
    )
    history: int = option(50, "fakes of old that each discriminator is shown", least=1)
    width: int = option(24, "channels at full size; 64 in the paper", least=1)
    blocks: int = option(4, "residual blocks; 9 in the paper, 6 below 256 pixels", least=1)
    downs: int = option(2, "halvings before them", least=0)
    kernel: int = option(7, "of the first and last convolution, odd", least=3)
    patch: tuple[int, ...] = option(
        (32, 64, 128), "channels of the discriminators; 64,128,256,512: paper", least=1, fewest=1
    )
    norm: str = option(
        "instance", "of all nets; none: for small pictures, such as digits", ("instance", "none")
    )
    lr: float = option(2e-4, "the step size of all players; the rule is Adam's", above=0)
    constant: int = option(
        0, "steps before it falls, over as many more, to zero; 0: it never does", least=0
    )

    def step_size(self) -> Any:
        """The step size, or its schedule."""
        flat = self.constant
        if not flat:
            return self.lr
        text = f"{self.lr} for {flat} steps, then linearly to 0 at {2 * flat}"
        return Schedule(text, lambda step: self.lr * min(1.0, max(0.0, 2 - step / flat)))


def choose_data(name: str, o: CycleGANOptions) -> str:
    """The first of two sets that belong together, where their common name is given."""
    return f"{name}-a" if name in PAIRS else name


def settle(o: CycleGANOptions, dataset: Dataset) -> CycleGANOptions:
    """The options with the other set filled in. Raises ValueError for one that is none."""
    stem = dataset.name.removesuffix("-a")
    to = o.to or (f"{stem}-b" if stem in PAIRS else "inverted")
    if to not in MAPS and to not in names():
        known = (*MAPS, *names())
        raise ValueError(
            f"option to: {to!r} is neither a known map ({', '.join(MAPS)}) nor a data set"
            f"{nearest(to, known)}: `tinygen data` lists the sets"
        )
    return replace(o, to=to)


def build(o: CycleGANOptions, task: Task) -> CycleGAN:
    """The model of these options. Raises ValueError for sets that do not go together."""
    other = task.shape if o.to in MAPS else entry(o.to).shape
    if len(other) != 3:
        raise ValueError(f"option to: {o.to} holds no images: choose a set of images, or a map")
    if o.to == "rotated" and task.shape[0] != task.shape[1]:
        raise ValueError(f"option to: rotated needs square images, got {task.shape}")
    return conv_cycle_gan(
        *(task.shape, other, o.width, o.blocks, o.downs, o.patch, o.kernel),
        norm=o.norm == "instance", cycle=o.cycle, identity=o.identity, history=o.history,
    )  # fmt: skip


def game(model: CycleGAN, o: CycleGANOptions, epoch_steps: int) -> Game:
    """Three turns, each with its own Adam, beta_1 = 0.5 as in the paper."""
    return three_turns(model, *(adam(o.step_size(), beta1=0.5) for _ in range(2)))


def both_sets(part: Part, o: CycleGANOptions) -> tuple[Array, ...]:
    """(a, b), or (a, b, what each a truly becomes) where the map is known.

    b of a set without a known map is of the same part, at most as many.
    """
    if o.to in MAPS:
        truth = MAPS[o.to](part.x).astype(np.float32)
        return part.x, np.roll(truth, len(truth) // 2, axis=0), truth
    return part.x, load(o.to).parts[part.name].x[: len(part)]


def training_set(x: Any, o: CycleGANOptions, rng: np.random.Generator) -> Any:
    """(a, b) without pairs: of a known map, one half of the examples and the other half, mapped."""
    if o.to not in MAPS:
        return unpaired(rng, x[0], load(o.to).train.x)
    order = rng.permutation(len(x[0]))
    half = len(order) // 2
    return unpaired(rng, x[0][order[:half]], x[2][order[half:]])


def start(model: CycleGAN, rng: np.random.Generator, x: Any) -> Params:
    """Weights as in the paper, N(0, 0.02^2)."""
    return model.init(rng, weights="dcgan")


def sample(model: CycleGAN, p: Params, rng: np.random.Generator, n: int, mean: bool) -> Array:
    """n of the fakes of b that the history holds, or all. Raises ValueError where it has none."""
    held = np.flatnonzero(to_host(p["history_b"]["held"]))
    if not len(held):
        raise ValueError("cycle-gan: the history holds no fake yet: train for a step or more")
    rows = rng.permutation(held)[:n]
    return (p["history_b"]["fakes"][rows] + 1) / 2


def there_and_back(model: CycleGAN, p: Params, x: Array, to: str = "b") -> Array:
    """F(G(a)), or with to="a" G(F(b))."""
    return in_batches(lambda x: model.translate(p, model.translate(p, x, to), OTHER[to]), x, ROWS)


def reconstruct(model: CycleGAN, p: Params, x: Any, rng: np.random.Generator, mean: bool) -> Array:
    """F(G(a))."""
    return there_and_back(model, p, x[0])


def measure(
    model: CycleGAN, p: Params, x: Any, rng: np.random.Generator, samples: int
) -> dict[str, tuple[float, float | None]]:
    """What comes back, and where the map is known how far translations are from the truth."""

    def error(y: Array, x: Array) -> tuple[float, float | None]:
        each = to_host(abs(y - x)).reshape(len(x), -1).mean(axis=1, dtype=np.float64)
        return metrics.mean_and_error(each)

    a, b = x[:2]
    to_b = in_batches(lambda x: model.translate(p, x), a, ROWS)
    found = {
        "mean |F(G(a)) - a|": error(there_and_back(model, p, a), a),
        "mean |G(F(b)) - b|": error(there_and_back(model, p, b, "a"), b),
    }
    if len(x) == 3:
        truth = x[2]
        to_a = in_batches(lambda x: model.translate(p, x, "a"), truth, ROWS)
        found |= {
            "mean |G(a) - true b|": error(to_b, truth),
            "mean |F(true b) - a|": error(to_a, a),
            "mean |a - true b|, for comparison": error(a, truth),
        }
    return found


def figures(gallery: Any) -> dict[str, "Figure"]:
    """Test examples of both sets, translated, and back."""
    from tinygen import plots

    if gallery.seen is None:
        return {}
    model, p = gallery.trained.model, gallery.trained.p
    found = {}
    for to, x in zip("ba", examples.rows(gallery.seen, slice(SHOWN))[:2], strict=True):
        y = model.translate(p, x, to)
        rows = [coloured(gallery.ink(part)) for part in (x, y, there_and_back(model, p, x, to))]
        title = f"rows, from above: {OTHER[to]} of the test part; as {to}; and back"
        found[f"to_{to}"] = plots.reconstructions(*rows, columns=SHOWN, title=title)
    return found


def coloured(images: np.ndarray) -> np.ndarray:
    """Grey images, 1 being ink, with three channels in which 1 is light; others as they are."""
    return np.repeat(1 - images, 3, axis=-1) if images.shape[-1] == 1 else images


SYSTEM = System(
    name="cycle-gan",
    title="CycleGAN: pictures of one set as pictures of another, without pairs",
    group="implicit",
    idea="Two generators, there and back; what went there must come back.",
    paper="Zhu et al. 2017, arXiv 1703.10593",
    demo="demos/cycle_gan.py",
    options=CycleGANOptions,
    data="mnist",
    epochs=1,
    uses={"--data monet2photo --epochs 8": "paintings and photographs"},
    choose_data=choose_data,
    settle=settle,
    build=build,
    game=game,
    sample=sample,
    reconstruct=reconstruct,
    measure=measure,
    remarks=remarks,
    look=remarks,
    drawn="translations of training examples, as the history of fakes holds them",
    has_means=False,
    density="F(G(a))",
    decoded="of G(a)",
    examples=both_sets,
    training_set=training_set,
    start=start,
    batch=1,
    rehearsal=None,  # a whole batch, which the history must hold
    figures=figures,
    captions={
        "curves.png": CURVES,
        "samples.png": (
            "Translations",
            "Training examples as the other set: the fakes that the history holds. There is no "
            "noise to draw from.",
        ),
        "reconstructions.png": (
            "There and back",
            "Test examples, and below each what came back from the other set.",
        ),
        "to_b.png": ("a as b", "Test examples, their translations, and what comes back."),
        "to_a.png": ("b as a", "The other way round."),
    },
)
