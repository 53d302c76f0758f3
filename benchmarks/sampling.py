"""Drawing pixel by pixel: whole passes against kept columns, and PyTorch's whole passes.

    python benchmarks/sampling.py                                  # every model, 28x28
    python benchmarks/sampling.py --models gated-pixelcnn --depth 4 --batches 16 64

cached   a step is one pixel's column of each layer (models/columns.py, gated_columns.py,
         pixel_rnn_step.py): all 784 are timed
naive    by the definition: a whole pass a pixel. A pass costs the same for each pixel, so some are
         timed, each with its draw, and counted as 784
PyTorch  naive, the same network, weights copied, in inference mode; for PixelCNN, the others have
         no such opponent

The ways take turns, so that a slow moment of the machine meets all of them; medians of the rounds
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

from tinygen.arrays import Params
from tinygen.kernels.memory import keep_memory
from tinygen.models import GatedPixelCNN, PixelCNN, PixelRNN
from tinygen.models.autoregressive import Autoregressive

DEPTH = {"pixelcnn": 15, "gated-pixelcnn": 10, "row-lstm": 7, "diagonal-lstm": 7}
HEAD = (
    "| model | depth | images at once | cached, s | naive, s | naive / cached | PyTorch, naive, s "
    "| PyTorch / cached | an image, cached |\n" + "|---" * 9 + "|"
)
Way = Callable[[], float]  # draws once, and says how many seconds a whole drawing takes


def main(argv: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Print a row for each model and number of images; returns the medians in seconds."""
    args = arguments(argv)
    keep_memory()
    print(HEAD)
    return {f"{name} {n}": row(name, n, args) for name in args.models for n in args.batches}


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=DEPTH, default=list(DEPTH))
    parser.add_argument("--batches", type=int, nargs="+", default=[16])
    parser.add_argument("--depth", type=int, help="blocks or layers (default: each model's own)")
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--size", type=int, default=28, help="height and width")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passes", type=int, default=8, help="naive ones timed in a round")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


def built(name: str, depth: int, args: argparse.Namespace) -> Autoregressive:
    """The model of that name, for black and white images."""
    shape = (args.size, args.size, 1)
    if name == "pixelcnn":
        return PixelCNN(shape, args.features, depth)
    if name == "gated-pixelcnn":
        return GatedPixelCNN(shape, args.features, depth)
    return PixelRNN(shape, args.features, depth, lstm=name.removesuffix("-lstm"))


def row(name: str, n: int, args: argparse.Namespace) -> dict[str, float]:
    """Time n images at once, print the line."""
    depth = args.depth or DEPTH[name]
    model = built(name, depth, args)
    p = model.init(np.random.default_rng(args.seed))
    x = (np.random.default_rng(1).random((n, *model.shape)) < 0.13).astype(np.float32)
    ways = ours(model, p, x, args)
    if isinstance(model, PixelCNN):
        ways |= theirs(model, p, x, args)
    for way in ways.values():
        way()  # warm
    rounds = [{of: way() for of, way in ways.items()} for _ in range(args.rounds)]
    times = {of: [r[of] for r in rounds] for of in ways}
    cells = [told(times["cached"], 3)]
    for of in ("naive", "torch"):
        ratios = [r[of] / r["cached"] for r in rounds if of in r]
        cells += [told(times[of], 1), told(ratios, 0)] if ratios else ["", ""]
    one = statistics.median(times["cached"]) / n * 1000
    print(f"| {name} | {depth} | {n} | {' | '.join(cells)} | {one:.1f} ms |", flush=True)
    return {of: statistics.median(values) for of, values in times.items()}


def ours(
    model: Autoregressive, p: Params, x: np.ndarray, args: argparse.Namespace
) -> dict[str, Way]:
    """Drawing len(x) images by columns, and by whole passes."""

    def cached() -> float:
        return seconds(lambda: model.sample(p, np.random.default_rng(0), len(x)))

    def naive() -> float:
        def draw() -> None:
            rng = np.random.default_rng(0)
            for k in range(args.passes):
                i = k % args.size
                model.likelihood.sample(model.conditionals(p, x)[0][:, i, i, 0], rng)

        return seconds(draw) * model.size / args.passes

    return {"cached": cached, "naive": naive}


def theirs(model: PixelCNN, p: Params, x: np.ndarray, args: argparse.Namespace) -> dict[str, Way]:
    """PyTorch's whole passes through the same network."""
    import torch
    from pixelcnn_torch import copy_weights, pixelcnn

    torch.set_num_threads(1)
    net = pixelcnn(model.features, model.blocks, model.head)
    copy_weights(net, p)
    canvas = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    same(model.conditionals(p, x)[0], net(canvas).detach().numpy())

    def naive() -> float:
        def draw() -> None:
            with torch.inference_mode():
                for k in range(args.passes):
                    i = k % args.size
                    canvas[:, 0, i, i] = torch.bernoulli(torch.sigmoid(net(canvas)[:, 0, i, i]))

        return seconds(draw) * model.size / args.passes

    return {"torch": naive}


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Both sides compute the same logits, PyTorch's channels first. Raises AssertionError."""
    np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), rtol=1e-3, atol=1e-4)


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
