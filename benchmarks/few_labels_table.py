"""Few labels on learned features: test error of classifiers with 10, 100 and 1000 labels.

    python benchmarks/few_labels_table.py --out runs/few_labels_table     # MNIST, ten minutes

Rows are features, all learnt from the training images without labels; columns are numbers of
labels; twice: a linear classifier on features that stay, and the encoder fine-tuned behind it. The
rules are in demos/few_labels_parts/fits.py, the same for all rows. After +- stands the standard
deviation over the draws of the labels. A third table shows that no row hangs on the strength of
the penalty: errors on validation images, for a grid of it.

Results are written as they come; the same command goes on where it was stopped.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import numpy as np
from common import arguments, dataset
from few_labels_parts.curves import picture
from few_labels_parts.encoders import (
    Encoder,
    fit_model,
    pixels,
    principal_components,
    trained,
    untrained,
)
from few_labels_parts.fits import STRENGTH, Trial, spread

from tinygen import atomic, metrics, to_device
from tinygen.arrays import Params
from tinygen.runs import Run

SIZES = (10, 100, 1000)
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
STRENGTH_DRAWS = 3  # of each number of labels, for the grid of strengths
OPEN = "GAN discriminator"  # a row for a system that is to come
FIXED = ("pixels", "PCA")  # nothing to fine-tune
PIXELS, SCRATCH = "pixels", "untrained hidden"  # what the rows are compared with
TUNED = "denoising AE hidden"  # of the picture

Found = dict[str, dict[str, dict[str, list[float]]]]  # table -> row -> labels -> errors


def main(argv: list[str] | None = None) -> Found:
    """Measure what is not there yet, print all. Returns the errors of each draw."""
    more = {"draws": (10, "label sets of each number")}
    args = arguments(__doc__, "few_labels_table", argv, epochs=10, more=more)
    data = dataset(args)
    x, x_v, x_t = (to_device(part.x, args.device) for part in data.parts.values())
    y, y_v, y_t = (part.labels for part in data.parts.values())
    if data.kind != "grey" or y is None or y_v is None or y_t is None:
        raise SystemExit(
            f"few_labels_table: {data.name} holds {data.kind} examples, expected grey images with "
            "labels: use --data mnist"
        )
    trial = Trial(x, y, x_t, y_t, len(data.classes), args.draws, args.seed)
    held_out = replace(trial, test_x=x_v, test_y=y_v, draws=min(args.draws, STRENGTH_DRAWS))
    if args.quick:
        trial = replace(trial, steps=5)
    sizes = tuple(n for n in SIZES if n <= len(x) // 2)

    def fit(name: str, model: Any, transform: Any) -> Params:
        run = Run.take_up(args.out / name.replace(" ", "_"), {"seed": args.seed, "data": args.data})
        return fit_model(name, model, transform, x, x_v, args.epochs, args.seed, run=run)

    asked = {name: getattr(args, name) for name in ("data", "epochs", "seed", "draws", "quick")}
    record = Record(args.out / "errors.json", asked)
    for row, encoder in rows(x, args.seed, fit):
        if record.has(row, sizes):
            continue
        seen = trial.see(encoder)
        beside = replace(seen, test=encoder.features(x_v))
        for n in sizes:
            record.add("linear", row, n, partial(trial.linear, seen, n))
            if row not in FIXED:
                record.add("fine-tuned", row, n, partial(trial.fine_tuned, seen, n))
            for c in STRENGTHS:
                record.add(f"strength {c:g}", row, n, partial(held_out.linear, beside, n, c))
    print_tables(record.found)
    drawn(record.found, args.data).savefig(args.out / "few_labels.png", dpi=110)
    return record.found


def rows(x: Any, seed: int, fit: Any) -> list[tuple[str, Encoder]]:
    """Name and encoder of each row."""
    return [
        ("pixels", pixels()),
        ("PCA", principal_components(x)),
        ("untrained code", untrained(x, "code", np.random.default_rng(seed))),
        ("untrained hidden", untrained(x, "hidden", np.random.default_rng(seed))),
        *trained(fit, x.shape[1:]).items(),
    ]


class Record:
    """Errors by table, row and number of labels, in a file that grows."""

    def __init__(self, path: Path, asked: dict[str, Any]):
        self.path, self.asked = path, asked
        self.found: Found = {}
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["asked"] != asked:
                raise SystemExit(f"{path} holds answers to {kept['asked']}: choose another --out")
            self.found = kept["errors"]

    def has(self, row: str, sizes: tuple[int, ...]) -> bool:
        """Whether nothing of the row is left to measure."""
        tables = ["linear", *(f"strength {c:g}" for c in STRENGTHS)]
        tables += [] if row in FIXED else ["fine-tuned"]
        cells = [self.found.get(table, {}).get(row, {}) for table in tables]
        return all(str(n) in found for found in cells for n in sizes)

    def add(self, table: str, row: str, n: int, measure: Callable[[], np.ndarray]) -> None:
        """Measure what is not there yet, write it, and print a line."""
        cells = self.found.setdefault(table, {}).setdefault(row, {})
        if str(n) in cells:
            return
        errors = measure()
        cells[str(n)] = errors.tolist()
        text = json.dumps({"asked": self.asked, "errors": self.found}, indent=1)
        atomic.write_text(self.path, text + "\n")
        print(f"{table:<14} {row:<20} {n:>5} labels  {cell(errors)}", flush=True)


def drawn(found: Found, data: str) -> Any:
    """The demo's picture of these numbers."""
    table = {row: {int(n): np.array(e) for n, e in r.items()} for row, r in found["linear"].items()}
    for name, row in (("the same net from scratch", SCRATCH), (f"{TUNED}, fine-tuned", TUNED)):
        if row in found["fine-tuned"]:
            table[name] = {int(n): np.array(e) for n, e in found["fine-tuned"][row].items()}
    return picture(table, f"{data}, linear classifiers")


def print_tables(found: Found) -> None:
    """Markdown, and the differences between rows, paired draw by draw."""
    for title, base in (("linear", PIXELS), ("fine-tuned", SCRATCH)):
        table = found[title]
        sizes = list(table[base])
        print(f"\n| {title} | {' | '.join(f'{n} labels' for n in sizes)} |")
        print("|---|" + "---|" * len(sizes))
        for row, cells in table.items():
            print(f"| {row} | {' | '.join(cell(np.array(cells[n])) for n in sizes)} |")
        print(f"| {OPEN} | {' | '.join('open' for _ in sizes)} |")
        print(f"\n| {title}: less than {base}, paired | {' | '.join(sizes)} |")
        print("|---|" + "---|" * len(sizes))
        for row, cells in table.items():
            if row != base:
                gains = [np.array(table[base][n]) - np.array(cells[n]) for n in sizes]
                told = [metrics.mean_and_error(gain) for gain in gains]
                print(f"| {row} | {' | '.join(f'{m:.2f} ± {e:.2f}' for m, e in told)} |")
    strengths = [title for title in found if title.startswith("strength")]
    print(f"\nvalidation error by strength (the tables have {STRENGTH:g})")
    print(f"\n| row, labels | {' | '.join(strengths)} |\n|---|" + "---|" * len(strengths))
    for row, cells in found[strengths[0]].items():
        for n in cells:
            means = [f"{np.mean(found[s][row][n]):.1f}" for s in strengths]
            print(f"| {row}, {n} | {' | '.join(means)} |")


def cell(errors: np.ndarray) -> str:
    """Mean ± standard deviation, in percent."""
    mean, deviation = spread(errors)
    return f"{mean:.2f} ± {deviation:.2f}"


if __name__ == "__main__":
    main()
