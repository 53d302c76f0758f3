"""Drawing with PixelRNN: whole passes against columns, for Row LSTMs and Diagonal BiLSTMs.

    python benchmarks/sampling_pixel_rnn.py           # 7 layers, h = 16, 28x28, 16 images at once

cached  a step is one pixel's column of each layer (models/pixel_rnn_step.py): all 784 are timed
naive   by the definition: a whole pass a pixel. A pass costs the same for each pixel, so some are
        timed, each with its draw, and counted as 784

The two take turns, so that a slow moment of the machine meets both; medians of the rounds and
quartiles, wall clock, one thread.
"""

import argparse
import os
import statistics
import time

# Before NumPy reads it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from tinygen.kernels.memory import keep_memory
from tinygen.models import PixelRNN

HEAD = (
    "| LSTMs | images at once | cached | naive | naive / cached | an image, cached |\n"
    "|---|---|---|---|---|---|"
)


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Print a row for each kind and number of images; returns the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[16])
    parser.add_argument("--layers", type=int, default=7)
    parser.add_argument("--size", type=int, default=28, help="height and width")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passes", type=int, default=8, help="naive ones timed in a round")
    args = parser.parse_args(argv)
    keep_memory()
    print(HEAD)
    return {f"{lstm} {n}": row(lstm, n, args) for lstm in ("row", "diagonal") for n in args.batches}


def row(lstm: str, n: int, args: argparse.Namespace) -> float:
    """Time n images at once, print the line."""
    model = PixelRNN((args.size, args.size, 1), layers=args.layers, lstm=lstm)
    p = model.init(np.random.default_rng(0))
    x = model.sample(p, np.random.default_rng(1), n)  # warms up, too
    cached, naive = [], []
    for _ in range(args.rounds):
        start = time.perf_counter()
        model.sample(p, np.random.default_rng(1), n)
        middle = time.perf_counter()
        rng = np.random.default_rng(1)
        for k in range(args.passes):
            i, j = divmod(k, args.size)
            model.likelihood.sample(model.conditionals(p, x)[0][:, i, j], rng)
        cached.append(middle - start)
        naive.append((time.perf_counter() - middle) / args.passes * model.size)
    ratios = [a / b for a, b in zip(naive, cached, strict=True)]
    image = statistics.median(cached) / n
    print(
        f"| {lstm} | {n} | {cell(cached)} s | {cell(naive, 1)} s | {cell(ratios, 0)} "
        f"| {image:.3f} s |",
        flush=True,
    )
    return statistics.median(ratios)


def cell(values: list[float], digits: int = 3) -> str:
    """Median (lower..upper quartile)."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


if __name__ == "__main__":
    main()
