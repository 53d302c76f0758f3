"""Drawing with Gated PixelCNN: whole passes against kept columns.

    python benchmarks/sampling_gated_pixelcnn.py      # 4 and 10 layers of 16 features, 28x28

cached  a step is one pixel's column of each horizontal layer, and a row of each vertical one where
        a row ends (models/gated_columns.py): all 784 are timed
naive   by the definition: a whole pass a pixel. A pass costs the same for each pixel, so some are
        timed, each with its draw, and counted as 784

The two take turns, so that a slow moment of the machine meets both; medians of the rounds and
quartiles, wall clock, one thread.
"""

import argparse
import os
import time

# Before NumPy reads it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import statistics

import numpy as np
from sampling_pixel_rnn import cell

from tinygen.kernels.memory import keep_memory
from tinygen.models import GatedPixelCNN

HEAD = (
    "| layers | images at once | cached | naive | naive / cached | an image, cached |\n"
    "|---|---|---|---|---|---|"
)


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Print a row for each depth and number of images; returns the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--layers", type=int, nargs="+", default=[4, 10])
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--size", type=int, default=28, help="height and width")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passes", type=int, default=8, help="naive ones timed in a round")
    args = parser.parse_args(argv)
    keep_memory()
    print(HEAD)
    return {f"{deep} {n}": row(deep, n, args) for deep in args.layers for n in args.batches}


def row(layers: int, n: int, args: argparse.Namespace) -> float:
    """Time n images at once, print the line."""
    model = GatedPixelCNN((args.size, args.size, 1), args.features, layers)
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
        f"| {layers} | {n} | {cell(cached)} s | {cell(naive, 1)} s | {cell(ratios, 0)} "
        f"| {1000 * image:.1f} ms |",
        flush=True,
    )
    return statistics.median(ratios)


if __name__ == "__main__":
    main()
