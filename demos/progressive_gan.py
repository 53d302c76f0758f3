"""A GAN that grows: python demos/progressive_gan.py --out runs/progressive_gan

Digits of 4 x 4 pixels are easily made: blots. Then both nets get a block for 8 x 8, faded in
beside what they have learnt, then for 16 x 16 and for 32 x 32. Shown are fakes of the same noise
at the end of each stage, what a fade looks like from its beginning to its end, on fakes and on
real digits, and how fakes develop. How far patches of fakes are from those of digits is measured,
scale by scale, beside how far other digits are.

T. Karras, T. Aila, S. Laine and J. Lehtinen, arXiv 1710.10196.  docs/derivations/progressive_gan.md
"""

import time
from collections.abc import Iterator
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.progressive_gan_stages import began, growth, padded
from tinygen.optim import ema, renewed
from tinygen.schedules import Schedule
from tinygen.systems.progressive_gan import growing_duel

BATCH, LR, LATENT = 16, 1e-3, 64
EMA = 0.99  # the paper's .999 remembers longer than a stage lasts here
CHANNELS = (32, 32, 16, 8)  # at 4, 8, 16, 32 pixels: small, for a CPU; the last ones for fewer
SHOWN, FRAMES = 16, 36
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
COMPARED, PATCHES, DIRECTIONS = 1024, 32, 64

WORDS = (
    "Each stage begins where the last one ended. At alpha 0 a fake is the old one with its pixels "
    "repeated, and so is a digit; with alpha the new block's details come in, in both. The "
    "numbers are sliced Wasserstein distances times 1000, of 7 x 7 patches of the levels of a "
    "Laplacian pyramid, to training digits; of two heaps of training digits they are what chance "
    "leaves."
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train, draw, measure. Returns the numbers."""
    args = arguments(__doc__, "progressive_gan", argv, epochs=3)
    data = dataset(args)
    if data.kind not in ("grey", "colour"):
        raise SystemExit(f"progressive_gan: {data.name} holds no grey or coloured pixels")
    x = to_device(data.train.x, args.device)
    model = build(data.shape)
    steps = max(args.epochs * len(x) // BATCH, 2 * model.top + 2)
    part = steps // (2 * model.top + 2)
    levels = growth(model.top, part, part)
    ends = {first - 1: s for s, first in enumerate(began(model.top, part, part))}
    ends[steps - 1] = model.top
    middle = began(model.top, part, part)[-1] + part // 2

    rng = np.random.default_rng(args.seed)
    z = to_device(rng.normal(size=(SHOWN, LATENT)).astype(np.float32), args.device)
    rows, sheets, frames = {}, {}, []
    figures: dict[str, Any] = {}
    ink = (lambda images: images) if data.ink else (lambda images: 1 - images)
    start, every = time.process_time(), max(1, -(-steps // FRAMES))
    compared = min(COMPARED, len(data.train.x) // 2)  # as many in every row
    rows["other digits"] = distances(model, data.train.x, data.train.x[compared : 2 * compared])
    for step, p in trained(model, levels, x, steps, rng, args.device):
        level = levels(step)
        if step % every == 0 or step == steps - 1:
            frames.append((level, step, ink(fakes(model, p, z, level))))
        if step == middle:
            figures["fade"] = fade(model, p, z[:6], data.train.x[:6], ink)
        if step in ends:
            size = model.size >> (model.top - ends[step])
            sheets[f"{size} x {size}"] = plots.tiled(ink(fakes(model, p, z, level)), 4)
            name = f"fakes of {size} x {size}"
            some = many(model, p, level, compared)
            rows[name] = distances(model, data.train.x, some)
            rows[name]["CPU seconds"] = round(time.process_time() - start)
            print(table({name: rows[name]}), flush=True)
    print(f"\n{fill(WORDS, 96)}\n\n{table(rows)}")
    figures["stages"] = plots.panels(sheets, "fakes of the same noise at the end of each stage")
    figures["growth"] = plots.moving(pages(frames), milliseconds=200, last=10)
    leave(args, figures, {"distances": rows})
    return {"distances": rows}


def build(shape: tuple[int, ...]) -> ProgressiveGAN:
    """Nets of as many stages as the images need."""
    try:
        model = progressive_gan(shape, None, LATENT, average=True)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    few = (CHANNELS[0],) * max(0, model.top + 1 - len(CHANNELS)) + CHANNELS[-model.top - 1 :]
    return progressive_gan(shape, few, LATENT, average=True)


def trained(
    model: ProgressiveGAN,
    levels: Schedule,
    x: Array,
    steps: int,
    rng: np.random.Generator,
    device: str,
) -> Iterator[tuple[int, Params]]:
    """(step, parameters after it), on batches drawn at random."""
    part = steps // (2 * model.top + 2)
    rule = renewed(LR, began(model.top, part, part), beta1=0.0, beta2=0.99)
    game = growing_duel(model, levels, rule, rule, ema=ema(EMA))
    p = to_device(model.init(rng), device)
    state = game.init(p)
    for step in range(steps):
        game.play(p, state, [x[rng.integers(len(x), size=BATCH)]], rng, step)
        yield step, p


def fakes(model: ProgressiveGAN, p: Params, z: Array, level: float) -> np.ndarray:
    """Those of the noise z, on the host, at the data's size."""
    return to_host(model.sample(p, np.random.default_rng(0), len(z), level, z))


def many(model: ProgressiveGAN, p: Params, level: float, n: int) -> np.ndarray:
    """n fakes, to be measured."""
    rng = np.random.default_rng(1)
    parts = [to_host(model.sample(p, rng, min(128, n - i), level)) for i in range(0, n, 128)]
    return np.concatenate(parts)


def distances(model: ProgressiveGAN, x: np.ndarray, others: np.ndarray) -> dict[str, Any]:
    """1000 SW of the others to as many images x, a level of the pyramid each."""
    a, b = (padded(images, model.size) for images in (x[: len(others)], others))
    found = metrics.pyramid_distance(
        a, b, np.random.default_rng(2), PATCHES, DIRECTIONS, min(8, model.size)
    )
    return {f"{size} x {size}": 1000 * value for size, value in found.items()}


def fade(model: ProgressiveGAN, p: Params, z: Array, x: np.ndarray, ink: Any) -> Any:
    """The last fade: fakes and digits from alpha 0 to 1, of one set of weights."""
    below = model.top - 1
    stages = [below + max(alpha, 1e-6) for alpha in ALPHAS]
    of_fakes = np.stack([fakes(model, p, z, level) for level in stages], axis=1)
    of_digits = np.stack([model.shown(x, level) for level in stages], axis=1)
    sheets = {}
    for name, images in {"fakes": of_fakes, "digits": of_digits}.items():
        flat = images.reshape(-1, *images.shape[2:])
        sheets[f"{name}, alpha {ALPHAS[0]:g} to {ALPHAS[-1]:g}"] = plots.tiled(
            ink(flat), len(ALPHAS)
        )
    small, large = model.size // 2, model.size
    return plots.panels(sheets, f"{large} x {large} pixels fade in beside {small} x {small}")


def pages(frames: list[tuple[float, int, np.ndarray]]) -> Iterator[Any]:
    """A figure a frame."""
    for level, step, images in frames:
        title = f"level {level:.2f}, {(step + 1) * BATCH} images shown"
        yield plots.sample_grid(images, 4, title)


if __name__ == "__main__":
    main()
