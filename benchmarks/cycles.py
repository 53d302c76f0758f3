"""What the way back is worth: error to a known map, with and without the cycle loss, 5 seeds.

    python benchmarks/cycles.py               # 8x8 digits, two maps: ten minutes on one core
    python benchmarks/cycles.py --nets local,dense   # and other nets
    python benchmarks/cycles.py --maps inverted,rotated --identity 0.5   # and with that loss too
    python benchmarks/cycles.py --data mnist --maps inverted --steps 800

Digits a, and digits b under a known map: one half of the training digits is mapped and the other
is not, so that there are no pairs. For each map, kind of nets and seed two models are trained that
differ in lambda alone, 10 or 0. The error is mean |G(a) - f(a)| over the pixels of the test digits,
in 0..1; "digit kept" is the share of translations that a classifier of true b takes for the digit
that they were made from. The table has medians over the seeds, and the least and the largest.

Models, maps and rules are those of demos/cycle_parts/digits.py. Each result is a line of
results.jsonl; the same command goes on where it was stopped. --table prints what is there.

J.-Y. Zhu et al., arXiv 1703.10593: their tables 4 and 5 take terms of the loss away, on street
scenes, whose photographs and label maps are known in pairs.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import numpy as np
from cycle_parts import digits
from cycle_parts.digits import Judge, Trial
from results import RESULTS, keep, known, whole

from tinygen import resolve_device
from tinygen.data import DataError, load

COLUMNS = ("error to the true map", "of the way back", "there and back", "digit kept")
KEYS = ("data", "map", "nets", "cycle", "identity", "seed", "steps")


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Train what is missing, print a line a result and the table. Returns the rows."""
    args = arguments(argv)
    rows = [{"identity": 0.0} | row for row in known(args.out / RESULTS)]
    judges = dict[str, Judge]()
    if not args.table:
        try:
            data = load(args.data)
        except DataError as error:
            raise SystemExit(str(error)) from None
        for trial in trials(args):
            key = {"data": args.data, **vars(trial)}
            if any(all(row[k] == key[k] for k in KEYS) for row in rows):
                continue
            if trial.map not in judges:
                judges[trial.map] = Judge(trial.map, data, args.device)
            found, _, _ = trial.run(data, judges[trial.map], args.device)
            rows.append(keep(args.out / RESULTS, key | found))
    print(table(rows))
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits", help="grey digits with labels")
    parser.add_argument("--maps", default="inverted,coloured", help=", ".join(digits.MAPS))
    parser.add_argument("--nets", default="residual", help=", ".join(digits.NETS))
    parser.add_argument("--identity", type=float, help="a third training with this weight of it")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--steps", type=whole, default=1000)
    parser.add_argument("--table", action="store_true", help="print what is there, train nothing")
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--out", default="runs/cycles")
    args = parser.parse_args(argv)
    for name, allowed in (("maps", tuple(digits.MAPS)), ("nets", digits.NETS)):
        asked = getattr(args, name).split(",")
        if set(asked) - set(allowed):
            parser.error(f"--{name}: choose of {', '.join(allowed)}, got {getattr(args, name)}")
        setattr(args, name, asked)
    if args.identity is not None and not 0 < args.identity < np.inf:
        parser.error(f"--identity: a share > 0 of the cycle's weight, got {args.identity}")
    if args.identity and "coloured" in args.maps:
        parser.error("--identity: coloured digits have other channels, which no identity keeps")
    args.seeds = [int(seed) for seed in args.seeds.split(",")]
    args.device, args.out = resolve_device(args.device), Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def trials(args: argparse.Namespace) -> list[Trial]:
    """All of a seed, one after the other, so that a stopped run holds whole comparisons."""
    weights = [(digits.CYCLE, 0.0), (0.0, 0.0)]
    weights += [(digits.CYCLE, args.identity)] if args.identity else []
    return [
        Trial(name, cycle, seed, args.steps, nets, identity)
        for name in args.maps
        for nets in args.nets
        for seed in args.seeds
        for cycle, identity in weights
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """Medians over the seeds, with the least and the largest; then the ratios of the errors."""
    lines = [
        f"| data, map, nets, steps | lambda | identity | seeds | {' | '.join(COLUMNS)} |",
        "|---|---|---|---|" + "---|" * len(COLUMNS),
    ]
    ratios = []
    kinds = sorted({tuple(row[k] for k in ("data", "map", "nets", "steps")) for row in rows})
    for kind in kinds:
        title = ", ".join(map(str, kind))
        of = [
            row for row in rows if tuple(row[k] for k in ("data", "map", "nets", "steps")) == kind
        ]
        for weights in sorted({(row["cycle"], row["identity"]) for row in of}, reverse=True):
            some = [row for row in of if (row["cycle"], row["identity"]) == weights]
            cells = " | ".join(middle([row[name] for row in some]) for name in COLUMNS)
            cycle, identity = weights
            lines.append(f"| {title} | {cycle:g} | {identity:g} | {len(some)} | {cells} |")
        ratios.append(f"{title}: {ratio(of)}")
    return "\n".join([*lines, "", *ratios])


def middle(values: list[float]) -> str:
    """ "0.021 (0.018 to 0.030)"."""
    return f"{np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def ratio(rows: list[dict[str, Any]]) -> str:
    """Error with over error without the cycle loss: of the medians, and the median ratio."""
    name = COLUMNS[0]
    by = {(row["cycle"] > 0, row["seed"]): row[name] for row in rows if not row["identity"]}
    both = [seed for with_cycle, seed in by if with_cycle and (False, seed) in by]
    if not both:
        return "no seed with both"
    medians = [np.median([by[kind, seed] for seed in both]) for kind in (True, False)]
    each = np.median([by[True, seed] / by[False, seed] for seed in both])
    return (
        f"error with the cycle loss / without: {medians[0] / medians[1]:.2f} of the medians, "
        f"{each:.2f} the median of {len(both)} seeds"
    )


if __name__ == "__main__":
    main()
