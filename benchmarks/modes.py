"""Mode collapse, measured: how many modes each remedy covers, with how good samples.

    python benchmarks/modes.py --set ring                         # all methods, 5 seeds
    python benchmarks/modes.py --set grid --methods gan,pacgan2 --seeds 3
    python benchmarks/modes.py --set grid --setup pacgan --seeds 10 --device cuda
    python benchmarks/modes.py --set stacked --methods gan,pacgan2 --seeds 5
    python benchmarks/modes.py --set ring --predict               # how long it would take

The nets, and where they come from, are those of modes_methods.py, the sets those of modes_sets.py.
Of 2500 samples (26000 of stacked digits) it counts the modes that one sample hits, the share within
3 std of a mode, and the reverse KL of the counts (tinygen/metrics/mode_coverage.py); ten times in a
training, too, for a game that goes round its modes has another number at each look. The table's
last row is of uniform noise: a blur of 2500 samples hits most modes, each with a few of them.

A run that is done is one line of FOLDER/results.jsonl, and not done again; one that was stopped
goes on from its last checkpoint. The same command prints the table of all that is there. Two
processes may share a folder where they do different methods or seeds.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products: a second thread only waits

import numpy as np
from modes_methods import ANY, BESIDE, CONV, METHODS, SetUp
from modes_sets import Task, prepared
from results import RESULTS, keep, known, spread, whole

from tinygen import atomic, resolve_device, to_device, to_host
from tinygen.arrays import Params
from tinygen.kernels.memory import keep_memory
from tinygen.metrics import Coverage
from tinygen.runs import Run
from tinygen.training import Diverged, train

SAMPLES = {"ring": 2500, "grid": 2500, "stacked": 26_000}
KEY = ("set", "setup", "method", "seed", "steps")
LOOKS = 10  # at the samples, in a training
WARM, TIMED = 3, 20  # rounds of a prediction


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Do what is missing, a line a run; print the table. Returns its rows."""
    args = arguments(argv)
    keep_memory()
    task = prepared(args)
    setup = task.setup
    rows = known(args.out / RESULTS)
    jobs = [
        (method, seed) for seed in args.seeds for method in args.methods
        if key(args, setup, method, seed) not in map(identity, rows)
    ]  # fmt: skip
    if jobs:
        predict(args, task, jobs)
    for method, seed in [] if args.predict else jobs:
        keep(args.out / RESULTS, one(args, task, method, seed))
    mine = [r for r in known(args.out / RESULTS) if identity(r)[:2] == key(args, setup, "", 0)[:2]]
    if mine:
        print(table(mine + of_noise(args, task)))
    return mine


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=list(SAMPLES), default="ring")
    parser.add_argument("--setup", choices=["tanh", "pacgan"], default="tanh")
    parser.add_argument("--methods", help="as in gan,pacgan2 (default: all of the set-up)")
    parser.add_argument("--seeds", type=whole, default=5, help="0, 1, ..., so many (%(default)s)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--steps", type=whole, help="rounds (the set-up's)")
    parser.add_argument("--data", help="stacked: stacked-mnist or stacked-digits (what is there)")
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--predict", action="store_true", help="say how long it takes, and stop")
    parser.add_argument("--out", default="runs/modes")
    args = parser.parse_args(argv)
    allowed = CONV if args.set == "stacked" else (*METHODS, *BESIDE[args.setup])
    default = ("gan", "pacgan2") if args.setup == "pacgan" or args.set == "stacked" else METHODS
    args.methods = args.methods.split(",") if args.methods else list(default)
    for method in args.methods:
        if method not in allowed:
            parser.error(f"--methods: no {method!r} on {args.set}: choose of {', '.join(allowed)}")
    args.seeds = range(args.seeds) if args.seed is None else [args.seed]
    args.device, args.out = resolve_device(args.device), Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def one(args: argparse.Namespace, task: Task, method: str, seed: int) -> dict[str, Any]:
    """One training, new or taken up: the row of its last samples, and its looks on the way."""
    model, game, batch = ANY[method](task.setup)
    who = key(args, task.setup, method, seed)
    path = args.out / "-".join(map(str, who))
    config = {"benchmark": "modes", "key": list(who), "game": repr(game)}
    run = Run.take_up(path, config)
    rng, saved, steps = np.random.default_rng(seed), path / "looks.json", who[-1]
    p = to_device(task.setup.init(model, rng), args.device)
    looks: list[dict[str, Any]] = json.loads(saved.read_text()) if saved.exists() else []
    diverged = None
    for step in sorted({max(1, i * steps // LOOKS) for i in range(1, LOOKS + 1)})[len(looks) :]:
        cpu = time.process_time()
        try:
            done = train(
                game, p, task.x, rng=rng, steps=step, batch=batch, transform=task.transform,
                progress=False, run=run,
            )  # fmt: skip
        except Diverged as error:
            diverged = str(error)
            break
        used = round(time.process_time() - cpu, 1)
        found = told(look(args, task, model, done.p))
        looks.append(found | {"round": step, "CPU seconds": used})
        atomic.write_text(saved, json.dumps(looks))
    row: dict[str, Any] = dict(zip(KEY, who, strict=True))
    last = None if diverged else looks[-1]
    seconds = sum(found["CPU seconds"] for found in looks)
    return row | {"last": last, "looks": looks, "diverged": diverged, "CPU seconds": seconds}


def look(args: argparse.Namespace, task: Task, model: Any, p: Params) -> Coverage:
    """The coverage of fresh samples, of the same noise at each look."""
    rng, n = np.random.default_rng(1234), SAMPLES[args.set]
    parts = [to_host(model.sample(p, rng, min(2500, n - i))) for i in range(0, n, 2500)]
    return task.measure(np.concatenate(parts))


def of_noise(args: argparse.Namespace, task: Task) -> list[dict[str, Any]]:
    """Rows of the table of samples that are uniform: so many modes are hit by nobody's merit."""
    if task.noise is None:
        return []
    rows = []
    for seed in range(5):
        found = told(task.measure(task.noise(np.random.default_rng(seed), SAMPLES[args.set])))
        row = {"method": "uniform noise", "steps": 0, "seed": seed, "CPU seconds": 0.0}
        rows.append(row | {"last": found, "looks": [found]})
    return rows


def told(c: Coverage) -> dict[str, Any]:
    """A coverage as JSON: no NaN."""
    kl = None if np.isnan(c.reverse_kl) else round(c.reverse_kl, 4)
    return {"modes": c.modes, "of": c.of, "good": c.high_quality, "reverse KL": kl}


def predict(args: argparse.Namespace, task: Task, jobs: list[tuple[str, int]]) -> None:
    """Time a few rounds of each method that is to be done, and say what all will take."""
    total, setup = 0.0, task.setup
    for method in dict.fromkeys(method for method, _ in jobs):
        model, game, batch = ANY[method](setup)
        rng, x = np.random.default_rng(0), task.x[:batch]
        p = to_device(setup.init(model, rng), args.device)
        state, cpu = game.init(p), 0.0
        for i in range(WARM + TIMED):
            cpu = time.process_time() if i == WARM else cpu
            seen = [task.transform(rng, x) if task.transform else x for _ in range(game.batches)]
            game.play(p, state, seen, rng, i)
        used = (time.process_time() - cpu) / TIMED
        minutes, runs = used * (args.steps or setup.steps) / 60, sum(m == method for m, _ in jobs)
        total += minutes * runs
        print(f"{method}: {1e3 * used:.1f} ms a round, {runs} x {minutes:.1f} minutes", flush=True)
    print(f"predicted: {total:.0f} minutes of one core\n", flush=True)


def key(
    args: argparse.Namespace, setup: SetUp, method: str, seed: int
) -> tuple[str, str, str, int, int]:
    """What a run is known by."""
    name = args.data if args.set == "stacked" else args.set
    return name, setup.name, method, seed, args.steps or setup.steps


def identity(row: dict[str, Any]) -> tuple[str, str, str, int, int]:
    """The same of a row."""
    return row["set"], row["setup"], row["method"], row["seed"], row["steps"]


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over seeds, a line a method.

    Of the last samples, and, "late", of each seed's mean over the looks of the second half: a game
    that goes round its modes has another number at each look.
    """
    head = ["method", "rounds", "seeds", "modes", "modes, late", "good %", "good %, late"]
    head += ["reverse KL", "CPU min"]
    lines = [" | ".join(("", *head, "")).strip(), "|---" * len(head) + "|"]
    for method, steps in dict.fromkeys((r["method"], r["steps"]) for r in rows):
        mine = [r for r in rows if (r["method"], r["steps"]) == (method, steps)]
        done = [r for r in mine if r["last"]]
        cells = []
        for what, unit in {"modes": 1, "good": 100}.items():
            cells.append(spread([unit * r["last"][what] for r in done if known_of(r, what)], 1))
            cells.append(spread([unit * late(r, what) for r in done if known_of(r, what)], 1))
        kls = [r["last"]["reverse KL"] for r in done if known_of(r, "reverse KL")]
        few = f" ({len(kls)} of {len(done)})" if 0 < len(kls) < len(done) else ""
        cells.append(spread(kls, 2) + few)
        cells.append(f"{np.mean([r['CPU seconds'] for r in mine]) / 60:.1f}")
        failed = f", {len(mine) - len(done)} diverged" if len(done) < len(mine) else ""
        lines.append(f"| {method} | {steps} | {len(mine)}{failed} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def known_of(row: dict[str, Any], what: str) -> bool:
    """Whether the last look has that number: images have no good samples, no mode has no KL."""
    return row["last"][what] is not None


def late(row: dict[str, Any], what: str) -> float:
    """The mean over the looks of the second half."""
    looks = row["looks"][len(row["looks"]) // 2 :]
    return float(np.mean([found[what] for found in looks]))


if __name__ == "__main__":
    main()
