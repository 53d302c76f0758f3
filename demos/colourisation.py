"""Which colours had it? python demos/colourisation.py --out runs/colourisation

A grey digit of 8x8 pixels, in five levels, was coloured: one of six colours, drawn by the digit's
class, which likes one colour (probability 1/2) and takes each other with 1/10. Whoever sees the
grey picture can know all but that draw, so that

    -log p(x|grey) >= H(colour|class) = log(2) / 2 + log(10) / 2 = 1.498 nats       in the mean

A PixelCNN, told the grey picture, learns p(x|grey) over 192 places, channel by channel. How near
does it come? Of what it loses, how much is the colour, which it decides at the first pixel with
ink, and how much the pixels after that, which are certain? Are its colours as many as they should?

A. van den Oord et al. 2016, arXiv 1601.06759.          docs/questions/conditional_images.md
"""

import argparse
import time
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, leave, table
from matplotlib.figure import Figure

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Params
from tinygen.data import digits
from tinygen.data.coloured_digits import BY_CLASS, PALETTE, colour, colour_nll, grey_of
from tinygen.data.dataset import Part
from tinygen.layers import Conv2d, Dense, Flatten, Relu, Reshape, Residual, Sequential
from tinygen.likelihoods import Categorical
from tinygen.models import PixelCNN
from tinygen.optim import adam
from tinygen.schedules import exponential
from tinygen.training import Turn, train

LEVELS = 5  # of a channel: 0, 1/4, .., 1
FEATURES, BLOCKS, HEAD, HIDDEN = 36, 3, 60, 16
SHAPE = (8, 8, 3)
EPOCHS, BATCH, LR, LAST = 400, 32, 2e-3, 0.02
TIMES = 30  # colours for each test digit, of a test set in which chance is small
DRAWS, SHOWN = 12, 8  # colourings of a digit; digits in the picture

WORDS = (
    "The draw of the colour costs what it must. What is paid beyond it is paid where the colour is "
    "decided, for of a new digit the class is not quite known; the pixels after that are sure."
)

Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, measure, colour. Returns the numbers."""
    args = arguments(__doc__, "colourisation", argv, None, more={"epochs": (EPOCHS, "of training")})
    epochs = min(args.epochs, 2) if args.quick else args.epochs
    rng = np.random.default_rng(args.seed)
    grey, labels = digits("train")
    model = PixelCNN(SHAPE, FEATURES, BLOCKS, HEAD, prompt=told(), likelihood=Categorical(LEVELS))
    p = fit(model, grey, labels, epochs, args)

    seen, classes = digits("test")
    times = 1 if args.quick else TIMES
    test = coloured(rng, np.tile(seen, (times, 1, 1, 1)), np.tile(classes, times))
    numbers: Numbers = {"nats": scored(model, p, test, args)}
    drawn = colourings(model, p, seen[:SHOWN] if args.quick else seen, args)
    numbers["colours drawn"] = counted(drawn, classes[: len(drawn)])
    for name, rows in numbers.items():
        print(f"\n{name}\n{table(rows)}")
    print(f"\n{fill(WORDS, 96)}")
    leave(args, {"colourings": picture(seen, drawn)}, numbers)
    return numbers


def told() -> Sequential:
    """From the grey levels, as LEVELS planes of zeros and ones, to features of each pixel.

    They hold its own level, which the pixel is to copy, and what digit it stands in.
    """
    H, W, _ = SHAPE
    whole = Sequential(
        Relu(), Flatten(), Dense(H * W * HIDDEN, 64), Relu(), Dense(64, H * W * HIDDEN),
        Reshape((H, W, HIDDEN)),
    )  # fmt: skip
    return Sequential(
        Conv2d(LEVELS, HIDDEN, 3, 1, 1), Residual(whole), Relu(), Conv2d(HIDDEN, FEATURES, 3, 1, 1)
    )


def coloured(rng: np.random.Generator, grey: np.ndarray, labels: np.ndarray) -> Part:
    """Grey digits, each in one colour, in LEVELS levels."""
    return colour(rng, grey, labels, BY_CLASS, levels=LEVELS)


def levels(images: np.ndarray) -> np.ndarray:
    """Pixels in [0, 1] as whole numbers 0 .. LEVELS - 1."""
    return np.rint((LEVELS - 1) * images).astype(np.int64)


def planes(grey: np.ndarray) -> np.ndarray:
    """Levels (N, H, W, 1) as zeros and ones (N, H, W, LEVELS)."""
    return (grey == np.arange(LEVELS)).astype(np.float32)


def pair(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """(coloured, grey) as the model takes them: levels, and planes of levels."""
    x = levels(part.x)
    return x, planes(grey_of(x))


def fit(
    model: PixelCNN, grey: np.ndarray, labels: np.ndarray, epochs: int, args: argparse.Namespace
) -> Params:
    """The weights after the last epoch; the digits are coloured anew each time."""
    rng = np.random.default_rng(args.seed)

    def drawn(rng: np.random.Generator, batch: Any) -> Any:
        return to_device(pair(coloured(rng, *to_host(batch))), args.device)

    steps = epochs * -(-len(grey) // BATCH)
    rule = adam(exponential(LR, LAST ** (1 / steps)))
    turn = Turn("p(x|grey)", model.loss, model.draw_noise, rule)
    start, p = time.perf_counter(), to_device(model.init(rng), args.device)
    x = to_device((grey, labels), args.device)
    found = train(turn, p, x, rng=rng, epochs=epochs, batch=BATCH, transform=drawn)
    print(f"{steps} steps in {time.perf_counter() - start:.0f} s", flush=True)
    return found.p


def scored(model: PixelCNN, p: Params, test: Part, args: argparse.Namespace) -> Numbers:
    """-log p(x|grey), what the true distribution pays on the same pictures, and the difference.

    Beside them the part that falls on the first pixel with ink, where the colour is decided. A
    digit that was coloured several times counts once in the standard errors.
    """
    x, grey = pair(test)
    true = colour_nll(test)
    nll, first = split_nll(model, p, x, grey, args.device)
    rows = {
        "the model": nll,
        "the true p(colour|class)": true,
        "model - true": nll - true,
        "of it, the first pixel with ink": first - true,
        "of it, all other pixels": nll - first,
    }
    each = {
        name: v.reshape(-1, digits("test")[0].shape[0]).mean(axis=0) for name, v in rows.items()
    }
    return {name: {"nats a picture": metrics.mean_and_error(v)} for name, v in each.items()}


def split_nll(
    model: PixelCNN, p: Params, x: np.ndarray, grey: np.ndarray, device: str, rows: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """-log p(x|grey) of each picture, and its part in the first pixel with ink.   (N,), (N,)

    grey : planes, of which the first marks the pixels without ink
    """
    place = (grey[..., 0].reshape(len(grey), -1) == 0).argmax(axis=1)  # in reading order
    whole, first = [], []
    for i in range(0, len(x), rows):
        part = slice(i, i + rows)
        batch = to_device((x[part], grey[part]), device)
        params = model.conditionals(p, *batch)[0]
        whole.append(to_host(model.likelihood.nll(params, batch[0])[0]))
        at = np.arange(len(x[part])), place[part] // SHAPE[1], place[part] % SHAPE[1]
        at = tuple(to_device(a, device) for a in at)
        first.append(to_host(model.likelihood.nll(params[at], batch[0][at])[0]))
    return np.concatenate(whole).astype(np.float64), np.concatenate(first).astype(np.float64)


def colourings(
    model: PixelCNN, p: Params, grey: np.ndarray, args: argparse.Namespace
) -> np.ndarray:
    """DRAWS pictures given each grey one (N, DRAWS, H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(args.seed)
    many = to_device(np.repeat(planes(levels(grey)), DRAWS, axis=0), args.device)
    x = to_host(model.sample(p, rng, len(many), many))
    return x.reshape(len(grey), DRAWS, *SHAPE) / (LEVELS - 1)


def counted(drawn: np.ndarray, classes: np.ndarray) -> Numbers:
    """How often the colours are one of the six throughout, and how often the class's favourite."""
    ink = drawn.max(axis=-1, keepdims=True)  #                              (N, DRAWS, H, W, 1)
    whole = abs(drawn[:, :, None] - ink[:, :, None] * PALETTE[:, None, None]).max(axis=(3, 4, 5))
    one, k = whole.min(axis=2) == 0, whole.argmin(axis=2)  #                (N, DRAWS)
    favourite = k == BY_CLASS.argmax(axis=1)[classes][:, None]
    return {
        "one colour in the whole digit": {"share": share(one), "of the true": 1.0},
        "the favourite of its class": {"share": share(favourite & one), "of the true": 0.5},
    }


def share(hits: np.ndarray) -> tuple[float, float]:
    """A mean and its standard error."""
    return metrics.mean_and_error(hits.reshape(-1).astype(np.float64))


def picture(grey: np.ndarray, drawn: np.ndarray) -> Figure:
    """Grey digits on the left, and beside each its colourings."""
    rows = [
        np.concatenate([np.repeat(g, 3, axis=-1)[None], d])
        for g, d in zip(grey, drawn, strict=False)
    ]
    title = "left: a grey test digit; beside it colourings, drawn from p(x|grey)"
    return plots.sample_grid(np.concatenate(rows[:SHOWN]), columns=1 + drawn.shape[1], title=title)


if __name__ == "__main__":
    main()
