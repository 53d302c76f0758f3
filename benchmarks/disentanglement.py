"""Four models on a grid of 11520 sprites: total correlation, MIG and FactorVAE metric by seed.

    python benchmarks/disentanglement.py --out runs/disentanglement --seeds 0 1 2 3 4
    python benchmarks/disentanglement.py --out runs/disentanglement --table

Sprites of 32x32 binary pixels, 3 shapes x 6 scales x 10 rotations x 8 x 8 places. The models and
their nets are those of demos/disentangling_parts/four.py. Each result is a line of results.jsonl
in the folder, written when it is there; a run that has its line is not made again.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

from disentangling_parts.four import BATCH, contenders, measure
from results import RESULTS, keep, known, spread

from tinygen import to_device
from tinygen.data.sprites import sprites
from tinygen.likelihoods import Bernoulli

GRID = {"rotation": range(0, 40, 4), "x": range(2, 32, 4), "y": range(2, 32, 4)}
STEPS = 6000
NUMBERS = {  # name -> decimals
    **{"nll": 2, "kl": 2, "tc": 2, "gaussian tc": 3},
    **{"MIG": 3, "FactorVAE metric": 3, "active units": 1},
}


def main() -> None:
    """Train what is missing, then print the table of what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", default="runs/disentanglement", help="folder (%(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="of each run (%(default)s)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    args = parser.parse_args()
    file = Path(args.out) / RESULTS
    file.parent.mkdir(parents=True, exist_ok=True)
    done = known(file)
    if not args.table:
        train_missing(args, file, {(r["model"], r["seed"], r["steps"]) for r in done})
    print(table(known(file)))


def train_missing(args: Any, file: Path, done: set[tuple[str, int, int]]) -> None:
    """All models of the first seed, then of the next: what there is can be compared."""
    part = sprites(GRID, 32)
    x = to_device((part.x >= 0.5).astype(np.float32), args.device)
    for seed in args.seeds:
        for model in contenders(x.shape[1:], len(x), Bernoulli()):
            if (model.name, seed, args.steps) in done:
                continue
            start, cpu = time.perf_counter(), time.process_time()
            trained = model.fit(x, args.steps, seed, lambda p: to_device(p, args.device))
            p = model.part(trained.p)
            found = measure(model.vae, p, x, part.factors, seed)
            took = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
            line = {"model": model.name, "seed": seed, "steps": args.steps, "batch": BATCH}
            keep(file, line | took | found)


def table(results: list[dict[str, Any]]) -> str:
    """Mean +- standard deviation over the seeds, a row a model, in Markdown."""
    names = list(dict.fromkeys(r["model"] for r in results))
    lines = ["| model | seeds | " + " | ".join(NUMBERS) + " |", "|---" * (2 + len(NUMBERS)) + "|"]
    for name in names:
        own = [r for r in results if r["model"] == name]
        cells = [spread([r[number] for r in own], digits) for number, digits in NUMBERS.items()]
        lines.append(f"| {name} | {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
