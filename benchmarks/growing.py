"""Does growing help? ProgressiveGAN with and without, at equal budget: python benchmarks/growing.py

Both train the same nets on the same number of images, with the same batches, step sizes, penalty
and running mean; one from 4 x 4 pixels on, by the schedule of the paper (equal parts: each stage
alone, each fade, the rest at full size), one at full size from the start. After each quarter the
sliced Wasserstein distance of fakes to training images is measured, a level of the Laplacian
pyramid each, times 1000 as in table 1 of arXiv 1710.10196; beside it stands that of as many other
training images, and of test images, which have other writers. Growing takes less time for the same
number of images: seconds of CPU are in each row, so that equal time can be read off too.

A folder keeps each training and all results: the same command goes on where it was stopped.
`--seeds 0` does a part. The nets are small ones for a CPU (--channels for others), 28 x 28 digits
are padded to 32 x 32.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from results import RESULTS, keep, known, spread, whole

from tinygen import atomic, plots, resolve_device, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data import load
from tinygen.metrics import pyramid_distance
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.progressive_gan_stages import began, growth, padded
from tinygen.optim import ema, renewed
from tinygen.runs import Run
from tinygen.systems.progressive_gan import growing_duel
from tinygen.training import train

KINDS = ("growing", "full size")
QUARTERS, SHOWN = 4, 64
LOWEST = 8  # the paper stops at 16 x 16, of images of 128 x 128 and more


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Train and measure what is missing, print a line a result and the table. Returns the rows."""
    args = arguments(argv)
    data = load(args.data)
    train_x, test_x = data.train.x, data.test.x
    model = progressive_gan(data.shape, args.channels, args.latent, average=True)
    rows = found_so_far(args.out)
    more = train_x[mixed(train_x)[args.fakes :]]
    for what, images in {"other training images": more, "test images": test_x}.items():
        if len(images) >= args.fakes and what not in {row["what"] for row in rows}:
            found = distances(model, train_x, images[: args.fakes], args)
            rows.append(keep(args.out / RESULTS, {"what": what, "seed": 0, "images": 0} | found))
    for seed in args.seeds:
        for what in KINDS:
            rows += one(args, model, train_x, what, seed, rows)
    text = table(rows)
    print(text)
    atomic.write_text(args.out / "table.md", text + "\n")
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--images", type=whole, default=120_000, help="shown, with repetitions")
    parser.add_argument("--batch", type=whole, default=16)
    parser.add_argument("--channels", type=numbers, default=(32, 32, 16, 8), help="a stage each")
    parser.add_argument("--latent", type=whole, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.99, help="of G; forgets within a stage")
    parser.add_argument("--seeds", type=numbers, default=(0, 1, 2))
    parser.add_argument("--fakes", type=whole, default=2048, help="compared with as many images")
    parser.add_argument("--patches", type=whole, default=64, help="of each of them")
    parser.add_argument("--directions", type=whole, default=128)
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--out", default="runs/growing")
    args = parser.parse_args(argv)
    args.device = resolve_device(args.device)
    args.out = Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def numbers(text: str) -> tuple[int, ...]:
    """ "0,1" -> (0, 1)."""
    return tuple(int(part) for part in text.split(","))


def one(
    args: argparse.Namespace,
    model: ProgressiveGAN,
    x: np.ndarray,
    what: str,
    seed: int,
    rows: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """One training, measured after each quarter that is not among the rows yet."""
    rounds = args.images // args.batch
    part = max(1, rounds // (2 * model.top + 2))  # of the stages alone and the fades
    at = began(model.top, part, part) if what == "growing" else ()
    levels = growth(model.top, part, part) if what == "growing" else None
    rule = renewed(args.lr, at, beta1=0.0, beta2=0.99)
    game = growing_duel(model, levels, rule, rule, ema=ema(args.ema))
    rng = np.random.default_rng(seed)
    p, found = to_device(model.init(rng), args.device), []
    there, run = to_device(x, args.device), folder(args, what, seed)
    for quarter in range(1, QUARTERS + 1):
        steps = rounds * quarter // QUARTERS
        key = {"what": what, "seed": seed, "images": steps * args.batch}
        if any(key.items() <= row.items() for row in rows):
            continue
        with counted(run.path / "cpu_seconds.txt"):
            done = train(
                game, p, there, rng=rng, steps=steps, batch=args.batch, progress=False, run=run,
                order=lambda rng, p: rng.permutation(len(x))[: len(x) - len(x) % args.batch],
            )  # fmt: skip
        level = None if levels is None else levels(steps - 1)
        fakes = drawn(model, done.p, args, level)
        row = key | distances(model, x, fakes, args)
        row["level"] = model.top if level is None else level
        row["CPU seconds"] = seconds(run.path / "cpu_seconds.txt")
        found.append(keep(args.out / RESULTS, row))
        sheet = plots.png(plots.sample_grid(fakes[:SHOWN], title=f"{what}, {key['images']} images"))
        atomic.write_bytes(args.out / f"{what.replace(' ', '-')}-{seed}-{quarter}.png", sheet)
    return found


def drawn(
    model: ProgressiveGAN, p: Params, args: argparse.Namespace, level: float | None
) -> np.ndarray:
    """Fakes of one fixed noise, the same in every row, on the host."""
    rng, parts = np.random.default_rng(1), []
    for i in range(0, args.fakes, 256):
        n = min(256, args.fakes - i)
        parts.append(to_host(model.sample(p, rng, n, level=level)))
    return np.concatenate(parts)


def distances(
    model: ProgressiveGAN, x: np.ndarray, others: Array, args: argparse.Namespace
) -> dict[str, float]:
    """1000 SW to as many training images, a level each, and their mean."""
    some = mixed(x)[: len(others)]
    others = others[: len(some)]
    a, b = (padded(images, model.size) for images in (x[some], others))
    rng, lowest = np.random.default_rng(3), min(LOWEST, model.size)
    found = pyramid_distance(a, b, rng, args.patches, args.directions, lowest)
    told = {str(size): round(1000 * value, 2) for size, value in found.items()}
    return told | {"mean": round(1000 * float(np.mean(list(found.values()))), 2)}


def mixed(x: np.ndarray) -> np.ndarray:
    """The order from which training images are taken: the first to compare with, others after."""
    return np.random.default_rng(2).permutation(len(x))


def folder(args: argparse.Namespace, what: str, seed: int) -> Run:
    """The run of that name, new or taken up."""
    path = args.out / f"{what.replace(' ', '-')}-{seed}"
    asked = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(args).items()}
    kept = ("data", "images", "batch", "channels", "latent", "lr", "ema")
    return Run.take_up(path, {k: asked[k] for k in kept} | {"what": what, "seed": seed})


@contextmanager
def counted(file: Path) -> Iterator[None]:
    """Add the CPU seconds of what is done inside to those in the file, if it is stopped too."""
    start = time.process_time()
    try:
        yield
    finally:
        atomic.write_text(file, f"{seconds(file) + time.process_time() - start:.1f}\n")


def seconds(file: Path) -> float:
    """CPU seconds of all programs that trained; of one that was killed up to its last quarter."""
    return float(file.read_text()) if file.exists() else 0.0


def found_so_far(out: Path) -> list[dict[str, Any]]:
    """The results, each once: two programs that began together both measured the first."""
    rows = known(out / RESULTS)
    return list({(row["what"], row["seed"], row["images"]): row for row in rows}.values())


def table(rows: list[dict[str, Any]]) -> str:
    """Means over the seeds, and the spread where there are several."""
    sizes = [k for k in rows[0] if k.isdigit()]
    lines = [
        "| | images shown | seeds | CPU minutes | "
        + " | ".join(f"{s} x {s}" for s in sizes)
        + " | mean |",
        "|---|---|---|---|" + "---|" * (len(sizes) + 1),
    ]
    for what, images in sorted({(r["what"], r["images"]) for r in rows}, key=lambda k: k[::-1]):
        of = [r for r in rows if (r["what"], r["images"]) == (what, images)]
        cells = [spread([r[k] for r in of], 1) for k in (*sizes, "mean")]
        minutes = np.mean([r.get("CPU seconds", 0) for r in of]) / 60
        lines.append(
            f"| {what} | {images} | {len(of)} | {minutes:.1f} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
