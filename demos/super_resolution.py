"""Four times as large: python demos/super_resolution.py --out runs/super_resolution

Digits of 28x28 pixels are shrunk to 7x7 by means over 4x4 pixels. What stood there? Asked are

    the nearest pixel, repeated;  a bicubic surface;  SRCNN 9-1-5, a net that learnt E[x|small];
    a PixelCNN of p(x|small), from which pictures are drawn pixel by pixel

The least squared error is that of E[x|small], the mean of all pictures that may lie behind the
small one: no picture itself, but blurred where they differ. A draw from p(x|small) is a sharp one
of them, and farther from the true one; the mean of many draws is E[x|small] again. And p(x|small)
alone says how much the small picture leaves open: in nats, beside those of p(x).

C. Dong et al. 2014, arXiv 1501.00092; A. van den Oord et al. 2016, arXiv 1601.06759.
docs/questions/conditional_images.md
"""

import argparse
import time
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from matplotlib.figure import Figure

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset
from tinygen.layers import AvgPool2d, Bicubic2d, Upsample2d
from tinygen.likelihoods import Categorical
from tinygen.models import SRCNN, PixelCNN, picture_prompt
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.schedules import exponential
from tinygen.systems.base import in_batches
from tinygen.training import Turn, train

SCALE = 4
LEVELS = 16  # of a pixel: of the softmax, and of the true pictures
FEATURES, BLOCKS, HEAD = 16, 5, 32
BATCH, LR, LAST = 16, 2e-3, 0.05  # the step size falls to 5 % of LR
ASKED, DRAWS, SHOWN = 100, 10, 10  # test pictures that are drawn, how often; in the picture

WORDS = (
    "What comes near in decibels is E[x|small]. A single draw is farther off, for it decides where "
    "the mean hedges; but it is as sharp as a digit, and shrinks back to the small picture."
)

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Pairs:
    """Pictures as levels 0 .. 15 (N, H, W, 1), and what is left of them (N, H/4, W/4, 1)."""

    x: Array
    small: Array

    @classmethod
    def of(cls, images: np.ndarray, device: str) -> "Pairs":
        """Of images in [0, 1]."""
        x = to_device(np.rint((LEVELS - 1) * images).astype(np.int64), device)
        return cls(x, shrunk(shades(x)))

    def first(self, n: int) -> "Pairs":
        """The first n of them."""
        return Pairs(self.x[:n], self.small[:n])


def shades(x: Array) -> Array:
    """Levels as pixels in [0, 1]."""
    return x.astype(np.float32) / np.float32(LEVELS - 1)


def shrunk(pictures: Array) -> Array:
    """Means over 4x4 pixels."""
    return AvgPool2d(SCALE).forward({}, pictures)[0]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, enlarge, measure. Returns the numbers."""
    args = arguments(__doc__, "super_resolution", argv, epochs=3)
    data = dataset(args)
    check(data)
    pairs, test = (Pairs.of(part.x, args.device) for part in (data.train, data.test))
    shape: Any = data.shape
    small = (shape[0] // SCALE, shape[1] // SCALE, 1)
    sizes: dict[str, Any] = {
        "features": FEATURES,
        "blocks": BLOCKS,
        "head": HEAD,
        "likelihood": Categorical(LEVELS),
    }

    net = SRCNN(SCALE)
    p_net = fit("srcnn", net, (shades(pairs.x), pairs.small), args)
    told = PixelCNN(shape, prompt=picture_prompt(shape, small, FEATURES), **sizes)
    p_told = fit("told", told, (pairs.x, pairs.small), args)
    blind = PixelCNN(shape, **sizes)
    p_blind = fit("blind", blind, pairs.x, args)

    nats = {
        "p(x)": scored(blind, p_blind, test.x),
        "p(x|small)": scored(told, p_told, (test.x, test.small)),
    }
    few = test.first(20 if args.quick else ASKED)
    answers = enlarged(few, net, p_net) | drawn(told, p_told, few, args)
    numbers: Numbers = {"nats": nats, "decibels": measured(few, answers)}
    print(f"\n{table(nats)}\n\n{fill(WORDS, 96)}\n\n{table(numbers['decibels'])}")
    leave(args, {"enlarged": picture(few.first(SHOWN), answers)}, numbers)
    return numbers


def check(data: Dataset) -> None:
    """Refuse what is no grey picture of sizes that 4 divides. Raises SystemExit."""
    if data.kind != "grey" or any(size % SCALE for size in data.shape[:2]):
        raise SystemExit(
            f"super_resolution: {data.name} holds {data.kind} of shape {data.shape}: choose grey "
            f"images whose sides {SCALE} divides"
        )


def fit(name: str, model: Any, x: Any, args: argparse.Namespace) -> Params:
    """The weights after the last epoch. A training that was stopped goes on from its folder."""
    rng = np.random.default_rng(args.seed)
    pictures = x[0] if isinstance(x, tuple) else x
    steps = args.epochs * -(-len(pictures) // BATCH)
    rule = adam(exponential(LR, LAST ** (1 / steps)))
    p = to_device(model.init(rng), args.device)
    start = time.perf_counter()
    turn = Turn(name, model.loss, model.draw_noise, rule)
    what = [args.data, f"{len(pictures)}-pictures", f"{args.epochs}-epochs", f"seed-{args.seed}"]
    folder = args.out / "-".join([name, *what])
    run = Run.open(folder) if folder.exists() else Run.create(folder, {"epochs": args.epochs})
    found = train(turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, run=run)
    print(f"{name}: {steps} steps in {time.perf_counter() - start:.0f} s", flush=True)
    return found.p


def scored(model: PixelCNN, p: Params, x: Any) -> Numbers:
    """-log p of the test pictures, exact."""
    log_p = to_host(model.log_prob(p, x)[0]).astype(np.float64)
    bits = metrics.bits_per_dim(-log_p, model.size)
    return {
        "nats a picture": metrics.mean_and_error(-log_p),
        "bits a pixel": metrics.mean_and_error(bits),
    }


def enlarged(few: Pairs, net: SRCNN, p: Params) -> dict[str, Array]:
    """The pictures (N, H, W, 1) of those who make one."""
    return {
        "nearest pixel": Upsample2d(SCALE).forward({}, few.small)[0],
        "bicubic": Bicubic2d(SCALE).forward({}, few.small)[0],
        "SRCNN": in_batches(lambda rows: net.enlarge(p, rows), few.small),
    }


def drawn(model: PixelCNN, p: Params, few: Pairs, args: argparse.Namespace) -> dict[str, Array]:
    """Pictures drawn given each small one, several times, and their mean."""
    rng, draws = np.random.default_rng(args.seed), 2 if args.quick else DRAWS
    start = time.perf_counter()
    pictures = [shades(model.sample(p, rng, len(few.x), few.small)) for _ in range(draws)]
    each = (time.perf_counter() - start) / draws / len(few.x)
    print(f"drawing one picture of a batch of {len(few.x)}: {1e3 * each:.0f} ms", flush=True)
    return {
        "a draw": pictures[0],
        "another": pictures[1],
        f"mean of {draws}": sum(pictures) / draws,
    }


def measured(few: Pairs, answers: dict[str, Array]) -> dict[str, Numbers]:
    """How near each picture is to the true one, and how near, shrunk again, to the small one."""
    truth = shades(few.x)
    return {
        name: {
            "PSNR, dB": decibels(found, truth),
            "shrunk again, dB": decibels(shrunk(found), few.small),
        }
        for name, found in answers.items()
    }


def decibels(found: Array, truth: Array) -> tuple[float, float]:
    """Mean and standard error over the pictures; 100 dB stands for equality."""
    found = found.clip(0, 1)
    return metrics.mean_and_error(np.minimum(to_host(metrics.psnr(found, truth)), 100.0))


def picture(few: Pairs, answers: dict[str, Array]) -> Figure:
    """The answers in rows, the true pictures below."""
    rows = [found[: len(few.x)] for found in answers.values()]
    title = "rows, from above: " + ", ".join(answers) + ", the true picture"
    return plots.reconstructions(*rows, shades(few.x), columns=len(few.x), title=title)


if __name__ == "__main__":
    main()
