"""Masks, orders and averages: python demos/made.py --out runs/made

MADE is an auto-encoder whose masks leave no path from a pixel to itself or to one drawn before it.
Three questions are asked of it.

1 Who sees whom? Under each mask a pixel sees those before it in that mask's order, and no other.
2 What are several masks worth, averaged? And what is the average of their logits, which some code
  reports? On 3x3 pixels all images can be listed: only probabilities sum to one.
3 What does drawing cost? A pass a pixel, by the definition; one pass in all, with what is settled
  kept.

M. Germain, K. Gregor, I. Murray and H. Larochelle 2015, arXiv 1502.03509.
docs/derivations/made.md
"""

import argparse
import time
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from matplotlib.figure import Figure

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Params, namespace
from tinygen.check import all_images
from tinygen.data import binarise
from tinygen.models import MADE
from tinygen.models.made_net import layers
from tinygen.optim import adam
from tinygen.systems.visible import STAGES, growth
from tinygen.training import Turn, train

HIDDEN, MASKS, BATCH, LR = (500,), 8, 100, 1e-3
SMALL = 3  # a side of the images that can be listed
AT_ONCE = 16  # images drawn at once, for the time

WORDS = {
    "nats": "One mask alone learns its order best, for the weights serve no other. Their average "
    "gains what the orders disagree about. The mean of logits looks better, and is no likelihood.",
    "sums": "Each mask sums to one over all 512 images, and so does their average. The mean of "
    "logits does not: what it gives to the images it has seen, it takes from none.",
    "seconds": "A hidden unit is settled once the pixels that it sees are known.",
}

Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "made", argv, epochs=6)
    data, rng = dataset(args), np.random.default_rng(args.seed)
    if data.kind not in ("grey", "binary"):
        raise SystemExit(f"made: {data.name} holds {data.kind}, and a pixel here is black or white")
    x = to_device(data.train.x, args.device)
    test = to_device(binarise(rng, data.test.x), args.device)
    one, many = (MADE(data.shape, HIDDEN, k, "random") for k in (1, MASKS))
    natural = MADE(data.shape, HIDDEN)
    p = {
        name: fit(name, model, x, args.epochs, args)
        for name, model in {"reading": natural, "one": one, "many": many}.items()
    }
    numbers: Numbers = {
        "nats": {
            "reading order, one mask": nats(natural, p["reading"], test),
            "a random order, one mask": nats(one, p["one"], test),
            f"{MASKS} orders and masks": nats(many, p["many"], test),
        },
        "sums": sums(data.train.x, args),
        "seconds": seconds(one, p["one"], rng),
    }
    for name, rows in numbers.items():
        print(f"\n{name}\n{table(rows)}\n\n{fill(WORDS[name], 96)}")
    figures = {
        "who_sees_whom": seen((natural, many)),
        "reading_order": grown(natural, p["reading"], rng, "in reading order"),
        "random_orders": grown(many, p["many"], rng, "each in the order of its mask"),
    }
    leave(args, figures, numbers)
    return numbers


def fit(name: str, model: MADE, x: Any, epochs: int, args: argparse.Namespace) -> Params:
    """The weights after the last epoch; pixels drawn anew each time."""
    rng = np.random.default_rng(args.seed)
    turn = Turn(name, model.loss, model.draw_noise, adam(LR))
    p = to_device(model.init(rng), args.device)
    return train(turn, p, x, rng=rng, epochs=epochs, batch=BATCH, transform=binarise).p


def nats(model: MADE, p: Params, x: Any) -> Numbers:
    """-log p(x): of the masks one by one, in the mean; of their average; and of mean logits."""
    each = [-model.log_prob(p, (x, np.full(len(x), k)))[0] for k in range(model.n_masks)]
    found = {"a mask alone": sum(each) / len(each), "average": -model.log_prob(p, x)[0]}
    if model.n_masks > 1:
        found["(mean logits)"] = of_mean_logits(model, p, x)
    return {name: metrics.mean_and_error(to_host(v)) for name, v in found.items()}


def of_mean_logits(model: MADE, p: Params, x: Any) -> Any:
    """What is not -log p(x): each pixel by the mean of the masks' logits.   (N,)"""
    logits = sum(model.conditionals(p, x, k)[0] for k in range(model.n_masks)) / model.n_masks
    return model.likelihood.nll(logits, x)[0]


def sums(images: np.ndarray, args: argparse.Namespace) -> Numbers:
    """What is given to all images of 3x3 pixels together, after a training on such cuttings."""
    rng, side = np.random.default_rng(args.seed), SMALL
    rows, columns = (rng.integers(size - side + 1, size=5000) for size in images.shape[1:3])
    of = rng.integers(len(images), size=5000)
    cut = np.stack(
        [images[n, r : r + side, c : c + side] for n, r, c in zip(of, rows, columns, strict=True)]
    )
    cut = to_device(cut[cut.sum(axis=(1, 2, 3)) > 1], args.device)  # some ink
    model = MADE((side, side, 1), (60,), MASKS, "random")
    p = fit("3x3", model, cut, 2 if args.quick else 40, args)
    every = to_device(all_images((side, side, 1), dtype=np.float32), args.device)
    xp = namespace(every)
    logs = {
        "a mask alone": model.log_prob(p, (every, np.zeros(len(every), int)))[0],
        "average": model.log_prob(p, every)[0],
        "(mean logits)": -of_mean_logits(model, p, every),
    }
    total = {name: f"{float(xp.exp(log).sum()):.6f}" for name, log in logs.items()}
    return {"sum over all 512 images": total}


def seconds(model: MADE, p: Params, rng: np.random.Generator) -> Numbers:
    """The time that a batch of drawings takes."""
    times = {}
    for name, cached in {"kept": True, "a pass a pixel": False}.items():
        start = time.perf_counter()
        model.sample(p, rng, AT_ONCE, cached=cached)
        times[name] = time.perf_counter() - start
    return {f"{AT_ONCE} drawings": times | {"times": times["a pass a pixel"] / times["kept"]}}


def seen(models: tuple[MADE, ...]) -> Figure:
    """For three pixels, grey, the pixels that they see, black, under two orders."""
    H, W, _ = models[0].shape
    places = [(H // 4, W // 2), (H // 2, W // 2), (3 * H // 4, W // 3)]
    sheets = {}
    for name, model in zip(("reading order", "a random order"), models, strict=True):
        net, _ = layers(model, 0)
        paths = np.eye(model.size)
        for layer in net.layers.values():
            if hasattr(layer, "mask"):
                paths = np.minimum(paths @ layer.mask.astype(float), 1)  # 1: there is a path
        for r, c in places:
            sheet = paths[:, r * W + c].reshape(H, W, 1).copy()
            sheet[r, c] = 0.5
            sheets[f"{name}: ({r}, {c})"] = framed(sheet)
    return plots.panels(sheets, "what a pixel, in grey, sees: through the masks there is a path")


def framed(sheet: np.ndarray) -> np.ndarray:
    """A thin border, for white pictures on white."""
    return np.pad(sheet, ((1, 1), (1, 1), (0, 0)), constant_values=0.3)


def grown(model: MADE, p: Params, rng: np.random.Generator, words: str) -> Figure:
    """Samples at moments of their drawing."""
    title = f"samples as they grow, {words}"
    return plots.sample_grid(growth(model, p, rng, 6), STAGES, title)


if __name__ == "__main__":
    main()
