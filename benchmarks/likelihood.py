"""The likelihood ladder: every model with a likelihood, on binarised MNIST, under one protocol.

    python benchmarks/likelihood.py                                 # all rows, both sets: hours
    python benchmarks/likelihood.py --rows fvbn made --sets static  # some of them
    python benchmarks/likelihood.py --trained                       # only what is trained already
    python benchmarks/likelihood.py --full --device cuda --out runs/ladder-full   # as published

Each row is a run's folder, runs/ladder/ROW-SET: what is missing is trained by `tinygen train`, what
was stopped goes on from its checkpoint, and what is there is measured: the exact log-likelihood of
all 10000 test images, or for VAEs the estimate by importance samples, with the weights of least
validation loss. What was measured is kept beside the run, in ladder.json. The validation images
chose the epoch, so their NLL is a little too good; it stands there where a paper prints it.

static   Larochelle's fixed pixels, 50000 / 10000 / 10000
dynamic  pixels drawn anew from the grey levels for each batch; the test's once, by the seed

The recipes are in ladder.py. A training step is timed at the row's batch on its own training
images, a sample as one of 16 that are drawn at once; both are medians, wall clock. Parameters are
the entries of all arrays; of those that a mask thins out, about half act.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ladder import RUNGS, Rung

from tinygen import atomic, examples, metrics, to_device, tree
from tinygen.arguments import check_whole
from tinygen.arrays import namespace
from tinygen.commands import train
from tinygen.models.ancestral import recompute
from tinygen.models.autoregressive import Autoregressive
from tinygen.runs import Run
from tinygen.systems import system
from tinygen.systems.job import Job, cut, seen
from tinygen.systems.trained import TrainedRun, open_run

DATA, SETS = "mnist", ("static", "dynamic")
ROUNDS, AT_ONCE = 5, 16
HEAD = (
    "| model | pixels | test NLL, nats | bits/dim | validation NLL | published | parameters "
    "| epochs, hours | training step | a sample | in a row: step, sample |\n|" + "---|" * 11
)


def main(argv: list[str] | None = None) -> None:
    """Train, measure, print the table."""
    args = arguments(argv)
    print(HEAD)
    for pixels in args.sets:
        for name in args.rows:
            rung, folder = RUNGS[name], Path(args.out) / f"{name}-{pixels}"
            words = told(rung, pixels, args)
            if (folder / "config.json").exists():
                check_recipe(words, folder)
            if not args.trained:
                ensure(words, folder, args)
            elif not (folder / "checkpoint.safetensors").exists():
                continue
            print(line(rung, pixels, measured(folder, args)), flush=True)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rows", nargs="+", choices=RUNGS, default=list(RUNGS), metavar="ROW")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--trained", action="store_true", help="leave out what is not trained")
    again = "time the steps and samples anew, as on a machine that was busy before"
    parser.add_argument("--time-again", action="store_true", help=again)
    parser.add_argument("--full", action="store_true", help="the published recipes")
    parser.add_argument("--samples", type=int, default=500, help="importance samples of VAEs")
    parser.add_argument("--limit", type=int, help="of the test images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--out", default="runs/ladder")
    args = parser.parse_args(argv)
    check_whole("likelihood", "--samples", args.samples)
    if args.limit is not None and args.limit < 2:
        parser.error(f"--limit must be at least 2, for a standard error; got {args.limit}")
    return args


def told(rung: Rung, pixels: str, args: argparse.Namespace) -> list[str]:
    """The words of a row's command."""
    words = (rung.full if args.full else f"{rung.words} {rung.more.get(pixels, '')}").split()
    return [*words, "--data", f"{DATA}-{pixels}", "--seed", str(args.seed)]


def ensure(words: list[str], folder: Path, args: argparse.Namespace) -> None:
    """Train the row, or go on with it, in a process of its own."""
    there = (folder / "config.json").exists()
    words = ["--resume", str(folder)] if there else [*words, "--out", str(folder)]
    device = ["--device", args.device] if args.device else []
    subprocess.run([sys.executable, "-m", "tinygen", "train", *words, *device], check=True)


def check_recipe(words: list[str], folder: Path) -> None:
    """Refuse a run that was trained otherwise than its row says. Raises ValueError.

    An option that the run's config lacks is younger than the run, which had its default.
    """
    asked, config = asked_for(words), Run.open(folder).config
    defaults = vars(system(asked["system"]).options())
    config["options"] = json.loads(json.dumps(defaults)) | config["options"]
    other = {k: (config.get(k), v) for k, v in asked.items() if config.get(k) != v}
    if other:
        raise ValueError(f"{folder} was trained otherwise (had, asked): {other}: move it away")


def asked_for(words: list[str]) -> dict[str, Any]:
    """What the config of a run would say that `tinygen train` makes from these words."""
    parser = argparse.ArgumentParser()
    train.add(parser, words)
    args = parser.parse_args(words)
    kind = system(args.system)
    given = {k: v for k, v in vars(args).items() if k in kind.options.__dataclass_fields__}
    options = vars(kind.options(**given))
    asked = {"system": kind.name, "options": json.loads(json.dumps(options)), "seed": args.seed}
    for name in ("data", "epochs", "steps", "batch"):
        if getattr(args, name) is not None:
            asked[name] = getattr(args, name)
    return asked


def measured(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The numbers of a run, from its folder where they were measured in the same way."""
    opened, file, kept = open_run(folder, args.device), folder / "ladder.json", {}
    how = {"samples": args.samples, "limit": args.limit, "seed": args.seed, "device": args.device}
    how |= {"step": opened.meta["step"], "epoch": opened.epoch}
    if file.exists():
        kept = json.loads(file.read_text())
        if kept.get("how") == how and not args.time_again:
            return dict(kept)
    found: dict[str, Any] = {"how": how, "epochs": int(opened.meta["epoch"])}
    found["parameters"] = tree.count(opened.p)
    found["hours"] = opened.meta["seconds"] / 3600
    same = kept.get("how") == how
    for part in ("test", "validation"):
        found[part] = kept[part] if same else likelihood(opened, part, args)
    found |= step_times(opened) | sample_times(opened)
    atomic.write_text(file, json.dumps(found, indent=2) + "\n")
    return found


def likelihood(opened: TrainedRun, part: str, args: argparse.Namespace) -> dict[str, float]:
    """NLL of a part's images in nats, its standard error, bits per dimension."""
    dataset, rng = opened.dataset(), np.random.default_rng(args.seed)
    rows = cut(dataset.parts[part], slice(args.limit))
    x = to_device(seen(opened.system, opened.options, dataset, rows, rng), args.device)
    numbers = opened.system.measure(opened.model, opened.p, x, rng, args.samples)
    key = next(name for name in numbers if name.startswith("log p(x)"))
    value, error = numbers[key]
    assert error is not None
    return {
        "nll": -value,
        "error": error,
        "bits": metrics.bits_per_dim(-value, int(np.prod(opened.shape))),
    }


def step_times(opened: TrainedRun) -> dict[str, float]:
    """Milliseconds of a training step, and its batch."""
    config, dataset = opened.run.config, opened.dataset()
    rng = np.random.default_rng(0)
    job = Job.of(opened.system, opened.options, dataset, config)
    turn, batch = job.game.turns[0], config["batch"]
    x = examples.rows(job.x, slice(batch))
    x = to_device(job.transform(rng, x) if job.transform else x, opened.device)
    p = tree.map(lambda a: a.copy(), opened.p)
    state = turn.optimiser.init(p)
    return {"ms": 1e3 * median(lambda: turn.play(p, state, x, rng), p), "batch": batch}


def sample_times(opened: TrainedRun) -> dict[str, float]:
    """Milliseconds of a sample, one of 16; and as the definition says, a whole pass a place."""
    model, p, rng = opened.model, opened.p, np.random.default_rng(0)
    once = median(lambda: opened.system.sample(model, p, rng, AT_ONCE, False), p, 3)
    found = {"sample": 1e3 * once / AT_ONCE}
    if isinstance(model, Autoregressive):
        step, x = recompute(model, p, AT_ONCE), model.canvas(p, AT_ONCE)
        found["naive"] = 1e3 * model.size * median(lambda: step(0, x), p) / AT_ONCE
    return found


def median(f: Callable[[], Any], p: Any, rounds: int = ROUNDS) -> float:
    """Seconds of a call; a GPU is waited for."""
    xp, times = namespace(next(a for _, a in tree.leaves(p))), []
    for i in range(rounds + 1):
        start = time.perf_counter()
        f()
        if hasattr(xp, "cuda"):
            xp.cuda.Device().synchronize()
        times += [time.perf_counter() - start] if i else []  # the first one warms up
    return statistics.median(times)


def line(rung: Rung, pixels: str, found: dict[str, Any]) -> str:
    """A row of the table."""
    value, source = rung.published.get(pixels, ("", ""))
    naive = f" ({found['naive']:.0f} by whole passes)" if "naive" in found else ""
    cells = (
        rung.title,
        pixels,
        f"{found['test']['nll']:.2f} ± {found['test']['error']:.2f}",
        f"{found['test']['bits']:.4f}",
        f"{found['validation']['nll']:.2f}",
        f"{value} ({source})" if source else "",
        f"{found['parameters']:,}",
        f"{found['epochs']}, {found['hours']:.2f}",
        f"{found['ms']:.0f} ms of {found['batch']}",
        f"{found['sample']:.2f} ms{naive}",
        f"{rung.passes[0]}, {rung.passes[1]}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
