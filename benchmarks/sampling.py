"""Drawing with PixelCNN: whole passes against columns, and PyTorch's whole passes beside them.

    python benchmarks/sampling.py                     # 15 blocks of 16 features, 28x28
    python benchmarks/sampling.py --batches 16 --rounds 3

ours, cached   a step is one pixel's column of each layer (models/columns.py): all 784 are timed
ours, naive    by the definition: a whole pass a pixel. A pass costs the same for each pixel, so
               some are timed, each with its draw, and counted as 784
PyTorch, naive the same network, weights copied, in inference mode; timed likewise

The three take turns, so that a slow moment of the machine meets all of them; medians of the rounds
and quartiles, wall clock, one thread each. The training loop's way with memory (kernels/memory.py)
holds for the whole process.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

# Before NumPy and PyTorch read them.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import torch
from pixelcnn_torch import copy_weights, pixelcnn

from tinygen.kernels.memory import keep_memory
from tinygen.models import PixelCNN

HEAD = (
    "| images at once | ours, cached | ours, naive | PyTorch, naive | naive / cached "
    "| PyTorch / cached | an image, cached |\n|---|---|---|---|---|---|---|"
)


def main(argv: list[str] | None = None) -> dict[int, dict[str, float]]:
    """Print a row for each number of images; returns the medians in seconds."""
    args = arguments(argv)
    torch.set_num_threads(1)
    keep_memory()
    print(HEAD)
    return {n: row(n, args) for n in args.batches}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--size", type=int, default=28, help="height and width")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passes", type=int, default=16, help="naive ones timed in a round")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


def row(n: int, args: argparse.Namespace) -> dict[str, float]:
    """Time n images at once, print the line."""
    size = args.size
    model = PixelCNN((size, size, 1), args.features, args.blocks)
    p = model.init(np.random.default_rng(args.seed))
    net = pixelcnn(args.features, args.blocks, model.head)
    copy_weights(net, p)
    x = (np.random.default_rng(1).random((n, size, size, 1)) < 0.13).astype(np.float32)
    same(model.conditionals(p, x)[0], net(torch.from_numpy(x.transpose(0, 3, 1, 2))))

    def cached() -> float:
        return seconds(lambda: model.sample(p, np.random.default_rng(0), n))

    def naive() -> float:
        def draw() -> None:
            rng = np.random.default_rng(0)
            for k in range(args.passes):
                params = model.conditionals(p, x)[0]
                model.likelihood.sample(params[:, k % size, k % size, 0], rng)

        return seconds(draw) * model.size / args.passes

    def theirs() -> float:
        canvas = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())

        def draw() -> None:
            with torch.inference_mode():
                for k in range(args.passes):
                    logits = net(canvas)[:, 0, k % size, k % size]
                    canvas[:, 0, k % size, k % size] = torch.bernoulli(torch.sigmoid(logits))

        return seconds(draw) * model.size / args.passes

    ways = {"cached": cached, "naive": naive, "torch": theirs}
    for way in ways.values():
        way()  # warm
    rounds = [{name: way() for name, way in ways.items()} for _ in range(args.rounds)]
    times = {name: [r[name] for r in rounds] for name in ways}
    ratios = [[r[name] / r["cached"] for r in rounds] for name in ("naive", "torch")]
    cells = [*(told(times[name], 2) for name in ways), *(told(r, 0) for r in ratios)]
    one = statistics.median(times["cached"]) / n * 1000
    print(f"| {n} | {' | '.join(cells)} | {one:.1f} ms |", flush=True)
    return {name: statistics.median(values) for name, values in times.items()}


def same(ours: np.ndarray, theirs: torch.Tensor) -> None:
    """Both sides compute the same logits. Raises AssertionError."""
    logits = theirs.detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours, logits, rtol=1e-3, atol=1e-4)


def seconds(work: Callable[[], object]) -> float:
    """Of one call, wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def told(values: list[float], digits: int) -> str:
    """The median and the quartiles."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


if __name__ == "__main__":
    main()
