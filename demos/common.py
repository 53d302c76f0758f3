"""What the demos share: their command line, their data, and what they leave in a folder."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import Any

# Before NumPy reads it: demos run beside other programs, and two threads of OpenBLAS stand still
# where another program holds one of two cores. Set it yourself for large convolutions.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tinygen import atomic, resolve_device
from tinygen.data import load
from tinygen.data.dataset import Dataset, Part
from tinygen.data.errors import DataError

QUICK = 300  # examples of each part with --quick
ONE = {"question": (0, "its number, for that one alone; 0: all")}  # an option, for `chosen`
Answer = Callable[[], tuple[Mapping[str, Mapping[str, Any]], dict[str, Any]]]  # rows, figures


def arguments(
    doc: str | None,
    name: str,
    argv: list[str] | None,
    data: str | None = "mnist",
    epochs: int = 20,
    quick: str = "digits",
    more: Mapping[str, tuple[int | str, str]] | None = None,
) -> argparse.Namespace:
    """The options that every demo has; `device` is resolved, `out` is a folder that exists.

    data : the data set by default; None for a demo that looks at no data and has no epochs
    more : further options, whole numbers or texts, name -> (default, help)

    With --quick, the small set `quick` serves unless --data names another, and one epoch does.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if data is not None:
        shown = f"a data set by name (default {data}; quick: {quick})"
        parser.add_argument("--data", help=shown)
        shown = f"of each training (default {epochs}; quick: 1)"
        parser.add_argument("--epochs", type=int, help=shown)
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see it run")
    parser.add_argument("--out", default=f"runs/{name}", help="folder to write (%(default)s)")
    for option, (default, text) in (more or {}).items():
        shown = text + (" (%(default)s)" if default != "" else "")
        parser.add_argument(f"--{option}", type=type(default), default=default, help=shown)
    args = parser.parse_args(argv)
    sys.excepthook = in_one_line
    for option in ("seed", "steps"):
        if getattr(args, option, 0) < 0:
            parser.error(f"--{option} must be >= 0, got {getattr(args, option)}")
    if data is not None:
        args.data = args.data or (quick if args.quick else data)
        args.epochs = (1 if args.quick else epochs) if args.epochs is None else args.epochs
        if args.epochs < 1:
            parser.error(f"--epochs must be >= 1, got {args.epochs}")
    args.out = Path(args.out)
    try:
        args.device = resolve_device(args.device)
        args.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, RuntimeError, OSError) as error:
        parser.error(str(error))
    if args.quick:
        print("--quick: barely trained; what the words say is what a full run shows\n")
    return args


def in_one_line(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """What the library raises on purpose, as the commands say it: a line, no traceback."""
    from tinygen.cli import EXPECTED  # here alone: no demo waits for the commands

    if os.environ.get("TINYGEN_TRACEBACK") or not isinstance(error, EXPECTED):
        sys.__excepthook__(kind, error, trace)
    else:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)


def dataset(args: argparse.Namespace, name: str | None = None) -> Dataset:
    """The data set that was asked for, or `name`; its first examples with --quick."""
    try:
        found = load(name or args.data)
    except DataError as error:
        raise SystemExit(str(error)) from None
    if not args.quick:
        return found
    parts = {k: first(part, QUICK) for k, part in found.parts.items()}
    return replace(found, train=parts["train"], validation=parts["validation"], test=parts["test"])


def first(part: Part, n: int) -> Part:
    """The first n examples of a part."""
    factors = {name: values[:n] for name, values in part.factors.items()}
    return Part(part.x[:n], None if part.labels is None else part.labels[:n], factors)


def chosen(
    args: argparse.Namespace, demo: str, questions: Mapping[str, tuple[str, Any]]
) -> list[tuple[int, str, str, Any]]:
    """(number, name, question, answer) of each, or of the one that --question names. SystemExit.

    questions : name -> (question, answer);  the option is ONE
    """
    if not 0 <= args.question <= len(questions):
        raise SystemExit(f"{demo}: --question must lie in 0..{len(questions)}, got {args.question}")
    every = enumerate(questions.items(), start=1)
    return [(i, name, *asked) for i, (name, asked) in every if args.question in (0, i)]


def answered(
    args: argparse.Namespace, questions: Mapping[str, Answer], words: Sequence[str]
) -> dict[str, Any]:
    """Print each question, its words and a table of its numbers; leave all, return the numbers.

    questions : question -> a function that returns its table and its figures
    """
    numbers: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for i, (question, answer) in enumerate(questions.items(), start=1):
        numbers[question], found = answer()
        figures |= found
        shown = fill(words[i - 1], 96)
        print(f"\n{i}. {question}\n\n{shown}\n\n{table(numbers[question])}", flush=True)
    leave(args, figures, numbers)
    return numbers


def leave(args: argparse.Namespace, figures: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    """Write each figure as NAME.png and the numbers, with how they were asked for, as JSON.

    A figure that is bytes is an animation, and becomes NAME.gif.
    """
    for name, figure in figures.items():
        if isinstance(figure, bytes):
            atomic.write_bytes(args.out / f"{name}.gif", figure)
        else:
            look = {"dpi": 110, "bbox_inches": "tight", "pad_inches": 0.08}
            figure.savefig(args.out / f"{name}.png", **look)
    asked = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items() if k != "out"}
    text = json.dumps({"asked": asked, "numbers": numbers}, indent=2, default=plain)
    atomic.write_text(args.out / "numbers.json", text + "\n")
    print(f"\npictures and numbers.json: {args.out}/")


def plain(value: Any) -> Any:
    """A NumPy number or array as JSON can hold it."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of numbers, or of pairs (mean, standard error), under the names of their columns."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [{n: told(row[n]) if n in row else "" for n in names} for row in rows.values()]
    wide = [2 + max(len(n), *(len(row[n]) for row in cells)) for n in names]
    left = max(map(len, rows)) + 1
    lines = [" " * left + "".join(f"{n:>{w}}" for n, w in zip(names, wide, strict=True))]
    for title, row in zip(rows, cells, strict=True):
        lines.append(
            f"{title:<{left}}" + "".join(f"{row[n]:>{w}}" for n, w in zip(names, wide, strict=True))
        )
    return "\n".join(line.rstrip() for line in lines)


def told(value: Any) -> str:
    """A number, or a mean +- its standard error, to two digits of the error; counts, words as is.

    Two decimals at least, more where the error, or a number without one, is small.
    """
    if isinstance(value, int | str):
        return str(value)
    mean, error = value if isinstance(value, tuple) else (value, None)
    size = abs(mean) if error is None else error
    decimals = max(2, math.ceil(1 - math.log10(size))) if size > 1e-9 else 2
    return f"{mean:.{decimals}f}" + ("" if error is None else f" +- {error:.{decimals}f}")
