"""Does resampling by rare codes help a group of 5 %? Rules, ten seeds each, compared in pairs.

    python benchmarks/debiasing.py "dark faces" --out faces.jsonl
    python benchmarks/debiasing.py --table faces.jsonl nines.jsonl

The tasks are those of demos/debiasing_parts/tasks.py, the trainings those of trial.py beside it.
Each training writes a line as it ends, and what the file holds already is not done again. A seed
draws the examples and the first weights, for all rules alike: so the difference of two rules is
taken seed by seed, and its standard error is over the seeds.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demos"))

import common  # noqa: F401  sets BLAS's threads
import numpy as np
from debiasing_parts.tasks import tasks
from debiasing_parts.trial import RULES, run
from results import keep, known, spread

EXAMPLES, EPOCHS, SEEDS = 3000, 20, 10
COLUMNS = ("rare", "common", "gap", "variance", "accuracy", "rare drawn", "distinct")


def main(argv: list[str] | None = None) -> None:
    """Train and write lines, or read lines and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("task", nargs="?", choices=list(tasks()))
    parser.add_argument("--out", type=Path, help="file of lines to write to")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="1 .. SEEDS (%(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--table", type=Path, nargs="+", help="files of lines to read")
    args = parser.parse_args(argv)
    if (args.task is None) == (args.table is None) or (args.task and not args.out):
        parser.error("give a task and --out, or --table")
    for path in args.table or ():
        print(tables(path), end="\n\n")
    if args.task:
        measure(args)


def measure(args: argparse.Namespace) -> None:
    """All rules at one seed after the other, so that a part of the run is a whole comparison."""
    done = {(line["rule"], line["seed"]) for line in known(args.out)}
    for seed in range(1, args.seeds + 1):
        parts = tasks()[args.task](np.random.default_rng([seed, 0]), args.examples)
        for rule in RULES:
            if (rule.name, seed) in done:
                continue
            start = time.process_time()
            numbers = run(parts, rule, seed, args.epochs).numbers
            line = {"task": args.task, "rule": rule.name, "seed": seed, "epochs": args.epochs}
            line |= {"seconds": round(time.process_time() - start, 1)} | numbers
            keep(args.out, line)


def tables(path: Path) -> str:
    """Mean and standard deviation over the seeds by rule, and differences from no resampling."""
    found = known(path)
    by_rule: dict[str, dict[int, Any]] = {}
    for line in found:
        by_rule.setdefault(line["rule"], {})[line["seed"]] = line
    seconds = sum(line["seconds"] for line in found)
    text = [f"{found[0]['task']}, {len(by_rule['none'])} seeds, {seconds:.0f} s", ""]
    text += [row("resampling", *COLUMNS, "rare, less none", "accuracy, less none")]
    text += [row("---", *("---:" for _ in range(len(COLUMNS) + 2)))]
    for rule, of in by_rule.items():
        means = [spread([line[name] for line in of.values()], 1) for name in COLUMNS]
        against = [paired(of, by_rule["none"], name) for name in ("rare", "accuracy")]
        text += [row(rule, *means, *(against if rule != "none" else ("", "")))]
    return "\n".join(text)


def row(*cells: str) -> str:
    """A line of a table in Markdown."""
    return "| " + " | ".join(cells) + " |"


def paired(of: dict[int, Any], none: dict[int, Any], name: str) -> str:
    """The mean difference over the seeds that both have ± its standard error, and who is ahead."""
    d = np.array([of[seed][name] - none[seed][name] for seed in of if seed in none])
    error = f" ± {d.std(ddof=1) / np.sqrt(len(d)):.1f}" if len(d) > 1 else ""
    return f"{d.mean():+.1f}{error} ({(d > 0).sum()} of {len(d)})"


if __name__ == "__main__":
    main()
