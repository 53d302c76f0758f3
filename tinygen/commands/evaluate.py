"""tinygen evaluate: the numbers of a trained run, into its numbers.json."""

import argparse
import json
from typing import Any

import numpy as np

from tinygen import atomic, examples
from tinygen.arguments import check_whole
from tinygen.arrays import to_device
from tinygen.commands import check_seed
from tinygen.data import black_and_white, entry, load
from tinygen.data.dataset import Dataset
from tinygen.names import listed
from tinygen.runs import RunError
from tinygen.systems.job import REMARKED, cut, seen
from tinygen.systems.trained import TrainedRun, open_run

HELP = "measure a trained run on data that it has not seen"


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Measure the run in a folder with its best weights (those of least validation loss) and "
        "write the numbers to numbers.json there. A density is measured in nats an example: the "
        "ELBO is a lower bound of log p(x), and the importance-sampled estimate a tighter one, "
        "which rises towards log p(x) with the samples. '+-' is the standard error over the "
        "examples. Numbers are comparable on one data set with one binarisation only."
    )
    parser.epilog = """
examples:
  tinygen evaluate runs/vae-mnist
  tinygen evaluate runs/vae-mnist --samples 5000 --limit 1000
  tinygen evaluate runs/vae-mnist --data fashion-mnist-dynamic
"""
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--data", help="another data set than the run's, of the same shape")
    parser.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="default test"
    )
    parser.add_argument(
        "--samples", type=int, default=128, help="importance samples of log p(x) (default 128)"
    )
    parser.add_argument("--limit", type=int, help="only the first so many examples")
    parser.add_argument("--seed", type=int, default=0, help="of noise and pixels (default 0)")
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Print the numbers and keep them."""
    for name in ("samples", "limit"):
        if getattr(args, name) is not None:
            check_whole("evaluate", f"--{name}", getattr(args, name))
    check_seed("evaluate", args.seed)
    if args.limit == 1:
        raise ValueError("evaluate: --limit must be at least 2: one example has no standard error")
    opened = open_run(args.run_folder, args.device)
    file = opened.run.path / "numbers.json"
    read_numbers(file)  # before hours of work
    dataset = opened.dataset() if args.data is None else load(comparable(args.data, opened))
    rng = np.random.default_rng(args.seed)
    part = cut(dataset.parts[args.split], slice(args.limit))
    if args.data is not None:
        check_classes(dataset, opened)
    x = to_device(seen(opened.system, opened.options, dataset, part, rng), args.device)
    found = opened.system.measure(opened.model, opened.p, x, rng, args.samples)
    where = f"{dataset.name}, {args.split}, {len(part)} examples"
    print(f"{opened.run.path}: {opened.system.title}, step {opened.meta['step']}; {where}")
    width = max(map(len, found))
    for name, (value, error) in found.items():
        print(f"  {name:<{width}}  {value:12.4f}" + (f" +- {error:.4f}" if error else ""))
    few, kind = examples.rows(x, slice(REMARKED)), opened.system
    remarks = kind.remarks(opened.model, opened.p, few)
    for line in filter(None, [kind.caution, *remarks]):
        print(f"  note: {line}")
    keep(file, found, on=where, seed=args.seed, epoch=opened.epoch)
    return 0


def comparable(name: str, opened: TrainedRun) -> str:
    """The data set to measure where `name` was asked for: of the shape and kind of the run's own.

    As in training, black and white pixels are drawn from grey ones where the run asks for them.
    Raises ValueError for what the run's numbers would not mean the same on.
    """
    own = entry(opened.run.config["data"])
    other = entry(black_and_white(name) if own.kind == "binary" else name)
    if other.shape != opened.shape:
        raise ValueError(
            f"{other.name} holds examples of shape {other.shape}, the run was trained on "
            f"{opened.shape}: choose a data set of that shape"
        )
    if other.kind != own.kind:
        raise ValueError(
            f"{other.name} holds {other.kind} pixels, the run was trained on {own.kind} ones "
            f"({own.name}): choose a data set of that kind"
        )
    return other.name


def check_classes(dataset: Dataset, opened: TrainedRun) -> None:
    """Refuse classes that mean others than those which the model was told. Raises ValueError."""
    if opened.told and dataset.classes != opened.class_names:
        raise ValueError(
            f"{dataset.name} has the classes {listed(dataset.classes)}, the {opened.system.name} "
            f"was told {listed(opened.class_names)}: choose a data set of the same classes"
        )


def keep(file: Any, found: dict[str, tuple[float, float | None]], **about: Any) -> None:
    """Add the numbers to those that the run's folder holds.

    {"name": {"value", "error", "on", "seed", "epoch"}}; `error` is the standard error, or null;
    "epoch" that of the weights, which are others once the run was taken up again.
    """
    numbers = read_numbers(file)
    for name, (value, error) in found.items():
        numbers[f"{name} ({about['on']})"] = {"value": value, "error": error} | about
    atomic.write_text(file, json.dumps(numbers, indent=2) + "\n")


def read_numbers(file: Any) -> dict[str, Any]:
    """What `keep` wrote so far. Raises RunError where the file is damaged."""
    if not file.exists():
        return {}
    try:
        numbers = json.loads(file.read_bytes().decode())
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} is damaged ({error}): remove it and evaluate again") from error
    if not isinstance(numbers, dict):
        raise RunError(f"{file} is damaged (no JSON object): remove it and evaluate again")
    return numbers
