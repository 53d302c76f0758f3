"""tinygen train: a system on a data set, into a folder; or a run taken up again."""

import argparse
import dataclasses
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import examples
from tinygen.arguments import check_number
from tinygen.arrays import resolve_device, to_device
from tinygen.commands import check_seed
from tinygen.commands.train_options import EXAMPLES, add_options, examples_of
from tinygen.commands.watch import Watch
from tinygen.data import load
from tinygen.data.dataset import Dataset
from tinygen.interrupt import requests
from tinygen.runs import Run, RunError
from tinygen.systems import SYSTEMS, System, system
from tinygen.systems.base import Task, check_kind
from tinygen.systems.job import REMARKED, Job
from tinygen.systems.options import Options
from tinygen.systems.trained import describe, read_options
from tinygen.training import Diverged, Interrupted, Trained, check_asked, train

HELP = "train a system on a data set"


def add(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """The arguments; those of a system where `words`, the command line, names one."""
    parser.description = (
        "Train SYSTEM and keep everything in one folder: config.json, log.jsonl (a line an epoch) "
        "and checkpoint.safetensors (weights, moments, random state). A run that is stopped by "
        "Ctrl-C, killed or out of power goes on from its checkpoint with --resume, and ends with "
        "the same bits as one that was never disturbed."
    )
    parser.add_argument("system", nargs="?", metavar="SYSTEM", help=" or ".join(SYSTEMS))
    parser.add_argument("--resume", metavar="RUN", help="go on with the run in this folder")
    parser.add_argument("--data", help="a data set by name; `tinygen data` lists them")
    parser.add_argument("--epochs", type=int, help="in all, those of a resumed run included")
    parser.add_argument("--steps", type=int, help="instead of epochs: a number of batches")
    parser.add_argument(
        "--batch", type=int, help="examples a step (default: the system's, mostly 128; of EM all)"
    )
    parser.add_argument(
        "--patience", type=int, help="stop after so many epochs without a better validation loss"
    )
    parser.add_argument("--seed", type=int, help="of weights, noise and order (default 0)")
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")
    parser.add_argument("--out", help="the folder (default runs/SYSTEM-DATA)")
    parser.add_argument(
        "--save-every", type=float, default=30.0, help="seconds between checkpoints (default 30)"
    )
    chosen = add_options(parser, words)
    parser.epilog = examples_of(chosen) if chosen else EXAMPLES


def run(args: argparse.Namespace) -> int:
    """Begin a run, or go on with one."""
    if (args.system is None) == (args.resume is None):
        raise ValueError("name a SYSTEM to train, or a run to --resume: see `tinygen train --help`")
    check_number("train", "--save-every", args.save_every, least=0.0)
    check_seed("train", args.seed or 0)
    return begin(args) if args.resume is None else resume(args)


def begin(args: argparse.Namespace) -> int:
    """A new run in a new folder."""
    kind = system(args.system)
    own = [f.name for f in dataclasses.fields(kind.options)]
    options = kind.options(**{name: getattr(args, name) for name in own if hasattr(args, name)})
    name = kind.choose_data(args.data or kind.data, options)
    dataset = load(name)
    check_kind(kind, dataset)
    options = kind.settle(options, dataset)
    epochs = kind.epochs if args.epochs is None and args.steps is None else args.epochs
    config = describe(kind, options, name, Task.of(dataset)) | {
        "seed": 0 if args.seed is None else args.seed,
        "epochs": epochs,
        "steps": args.steps,
        "batch": kind.batch or len(dataset.train) if args.batch is None else args.batch,
        "patience": args.patience,
        "ink": dataset.ink,  # how pictures of grey images are shown
    }
    if kind.sample_class:
        config["class_names"] = list(dataset.classes)  # by which samples can be asked for
    resolve_device(args.device)
    rehearse(kind, options, dataset, config, begun=False)
    out = Path(args.out or f"runs/{kind.name}-{args.data or kind.data}")
    return play(Run.create(out, config), kind, options, dataset, args)


def rehearse(kind: System, options: Options, dataset: Dataset, config: Any, begun: bool) -> None:
    """One step on a few examples, kept nowhere: what cannot be trained makes no folder.

    And one on as few as the last batch of an epoch has, where it is smaller: of one image, say,
    a batch norm makes nothing, and an epoch would be lost before that were known. A run that has
    begun has weights: what it once started from need not be there any more.
    """
    job = Job.of(kind, options, dataset, config)
    batch, steps = config["batch"], config["steps"]
    if config["epochs"] is not None and steps is not None:
        raise ValueError("give --epochs or --steps, one of the two")
    if config["patience"] is not None and job.validation is None:
        raise ValueError(
            f"--patience waits for a validation loss, and {kind.name} has none: choose a number of "
            "--epochs, or leave patience out"
        )
    check_asked(job.game, config["epochs"], steps, batch, job.validation, config["patience"])
    few = examples.rows(job.x, slice(kind.rehearsal))
    rng = np.random.default_rng(0)
    p = job.model.init(rng) if begun else kind.start(job.model, rng, few)
    order = kind.order(job.model, options, few)
    asked: dict[str, Any] = {"rng": rng, "steps": 1, "batch": batch, "transform": job.transform}
    with requests() as request:
        try:
            train(job.game, p, few, order=order, progress=False, **asked)
        except Diverged as error:
            raise Diverged(f"{error}; choose a smaller --lr", error.trained) from error
    if request.asked:
        raise Interrupted("stopped before the run began")
    n = examples.count(job.x)
    left, rounds = n % batch, -(-n // (batch * job.game.batches))
    met = order is None and (steps is None or steps >= rounds)  # orders end as they say
    if met and 0 < left < min(batch, examples.count(few)):
        try:
            train(job.game, p, examples.rows(few, slice(left)), progress=False, **asked)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"--batch {batch} leaves {left} of {n} examples to the end of an epoch: {error}"
            ) from error


def resume(args: argparse.Namespace) -> int:
    """The run in a folder, from its checkpoint; --epochs, --steps, --patience may be changed."""
    fixed = ["data", "batch", "seed", "out"]
    given = [f"--{name}" for name in fixed if getattr(args, name) is not None]
    if given:
        raise ValueError(
            f"{given[0]} is fixed when a run begins: leave it out, or begin another run"
        )
    found = Run.open(args.resume)
    kind, options, _ = read_options(found)
    check_taken_up(found, args)
    changes: dict[str, Any] = {}
    if args.epochs is not None or args.steps is not None:
        changes = {"epochs": args.epochs, "steps": args.steps}
    if args.patience is not None:
        changes["patience"] = args.patience
    dataset = load(found.config["data"])
    if changes:
        rehearse(kind, options, dataset, found.config | changes, found.checkpoint.exists())
        found.update(changes)
    return play(found, kind, options, dataset, args)


def check_taken_up(run: Run, args: argparse.Namespace) -> None:
    """Refuse a config that is not the run's, and less than was done. Raises RunError, ValueError.

    A run that says less than it did could not be done again from what it says.
    """
    if not run.checkpoint.exists():
        for name in ("seed", "epochs", "steps", "batch", "patience"):
            if name not in run.config:
                raise RunError(f"{run.path / 'config.json'} lacks {name}: restore it from a copy")
        return
    meta = run.load()[1]
    for name in ("epoch", "step"):
        asked = getattr(args, f"{name}s")
        if asked is not None and 0 < asked < meta[name]:
            raise ValueError(
                f"{run.path} has done {meta[name]} {name}s: ask for more than that, or begin "
                "another run"
            )


def play(
    run: Run, kind: System, options: Options, dataset: Dataset, args: argparse.Namespace
) -> int:
    """Train from the run's config; tell what was done and what can follow."""
    config, device = run.config, resolve_device(args.device)
    here = shlex.quote(str(run.path))
    rng = np.random.default_rng(config["seed"])
    job = Job.of(kind, options, dataset, config)
    x = to_device(job.x, device)
    validation = None if job.validation is None else to_device(job.validation, device)
    # weights that come from a checkpoint need a pattern only
    begun = run.checkpoint.exists()
    p = job.model.init(rng) if begun else kind.start(job.model, rng, x)
    print(f"{kind.title} on {dataset.name} ({len(dataset.train)} examples), into {run.path}")
    few = examples.rows(x if validation is None else validation, slice(REMARKED))
    few = job.transform(np.random.default_rng(config["seed"]), few) if job.transform else few
    epoch_steps = Task.of(dataset).epoch_steps(config["batch"])

    def left(step: int) -> Any:
        return kind.after(job.model, options, step, epoch_steps)

    look = kind.look
    watch = look and Watch(lambda p, step, few: look(left(step), p, few), few)
    try:
        done = train(
            job.game,
            to_device(p, device),
            x,
            rng=rng,
            validation=validation,
            transform=job.transform,
            order=kind.order(job.model, options, x),
            run=run,
            save_every=args.save_every,
            look=watch,
            **{name: config[name] for name in ("epochs", "steps", "batch", "patience")},
        )
    except Interrupted as stopped:
        print(f"\n{stopped}\ngo on with:  tinygen train --resume {here}")
        return 130
    except Diverged as error:
        raise Diverged(
            f"{error}; begin another run with a smaller --lr, in another folder with --out",
            error.trained,
        ) from error
    tell(done, run)
    for line in kind.remarks(left(done.log[-1]["step"]), done.best, few):
        print(f"note: {line}")
    return 0


def tell(done: Trained, run: Run) -> None:
    """The last line of the log in words, and the commands that read the run."""
    best = next((r for r in done.log if r["epoch"] == done.best_epoch), None)
    if best and "validation" in best:
        terms = "  ".join(f"{name} {value:.3f}" for name, value in best["validation"].items())
        print(f"best validation, epoch {best['epoch']}:  {terms}")
    here = shlex.quote(str(run.path))
    print(f"look at it:  tinygen report {here}    measure it:  tinygen evaluate {here}")
