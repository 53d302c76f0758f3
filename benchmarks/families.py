"""What trained models of each family offer, side by side: how sharp they draw, what they recover.

    python benchmarks/families.py runs/ladder/pixelcnn-dynamic runs/ladder/vae-dynamic runs/gan

Folders of runs, as `tinygen train` leaves them; a line each, as it is found. Sharpness is that of
tinygen/metrics/sharpness.py, relative to the test images as the model sees them: draws beside
pixels drawn from the grey levels where it is trained on these, means beside the grey levels. The
squared error is that of reconstructions, by means, to the grey levels of 1000 test images, a sum
over the pixels. Seconds are processor time for 64 draws. Likelihoods are `tinygen evaluate`'s.
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Array
from tinygen.metrics import mean_and_error
from tinygen.metrics.sharpness import sharpness
from tinygen.systems.base import in_batches
from tinygen.systems.job import cut, seen
from tinygen.systems.trained import TrainedRun, open_run

DRAWN, TIMED = 256, 64


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Print a row a run. Returns the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--images", type=int, default=1000, help="of the test part (%(default)s)")
    parser.add_argument("--drawn", type=int, default=DRAWN, help="samples (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    rows = []
    for folder in args.runs:
        rows.append(offered(open_run(folder), args))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def offered(trained: TrainedRun, args: argparse.Namespace) -> dict[str, Any]:
    """The row of a run."""
    t, rng, kind = trained, np.random.default_rng(args.seed), trained.system
    data = t.dataset()
    part = cut(data.test, slice(args.images))
    x = seen(kind, t.options, data, part, rng)
    shown = x[0] if isinstance(x, tuple) else x
    row: dict[str, Any] = {"run": t.run.path.name, "system": kind.name, "data": data.name}
    draws = [draw(t, rng, TIMED, False) for _ in range(-(-args.drawn // TIMED))]
    row["sharpness of draws"] = relative(np.concatenate([d for d, _ in draws]), shown)
    row["seconds for 64"] = round(min(seconds for _, seconds in draws), 3)
    if kind.has_means:
        means, _ = draw(t, rng, args.drawn, True)
        row["sharpness of means"] = relative(means, part.x)
    if (reconstruct := kind.reconstruct) is not None:
        again = in_batches(
            lambda rows: reconstruct(t.model, t.p, rows, rng, True), to_device(x, t.device)
        )
        wrong = ((to_host(again) - part.x) ** 2).reshape(len(part.x), -1).sum(axis=1)
        row["squared error"] = [round(v, 2) for v in mean_and_error(wrong)]
        row["sharpness of reconstructions"] = relative(to_host(again), part.x)
    return row


def draw(t: TrainedRun, rng: np.random.Generator, n: int, mean: bool) -> tuple[np.ndarray, float]:
    """Samples on the host, and the processor seconds that they took."""
    start = time.process_time()
    found: Array = t.system.sample(t.model, t.p, rng, n, mean)
    return to_host(found), time.process_time() - start


def relative(images: np.ndarray, truth: np.ndarray) -> list[float]:
    """Mean sharpness and its standard error, in units of the mean of true images."""
    mean, error = mean_and_error(sharpness(images.astype(np.float64)))
    unit = float(sharpness(truth.astype(np.float64)).mean())
    return [round(mean / unit, 3), round(error / unit, 3)]


if __name__ == "__main__":
    main()
