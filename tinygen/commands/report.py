"""tinygen report: one page about a trained run, to be read in a browser or sent to someone."""

import argparse
import dataclasses
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import atomic, page, tree
from tinygen.arguments import check_whole
from tinygen.commands import check_seed
from tinygen.commands.evaluate import read_numbers
from tinygen.pictures import Written, standard_prior, write
from tinygen.plots.logs import best_epoch
from tinygen.runs import RunError
from tinygen.systems.trained import TrainedRun, open_run

HELP = "one self-contained HTML page about a run: numbers, curves, pictures"

CAPTIONS = {
    "curves.png": (
        "Training",
        "The loss and its terms after each epoch. Grey: the training set, averaged over the epoch "
        "while the weights moved. Red: the validation set. Where red rises and grey still falls, "
        "the model learns its training set by heart. Dotted: the epoch whose weights are kept.",
    ),
    "samples.png": (
        "Samples",
        "New examples, made without a look at the data; the title says how. A draw takes each "
        "pixel at random, independently given z, and so looks grainy; the mean shows what the code "
        "z alone decides.",
    ),
    "reconstructions.png": (
        "Reconstructions",
        "Test examples, and what comes back after they went through the code. What is lost here, "
        "the code does not hold.",
    ),
    "latent.png": (
        "Latent space",
        "A point for each test example. Where classes lie apart, the model found the difference by "
        "itself: it was shown no labels. Points far outside the circles, or gaps within them, are "
        "where the codes do not follow the prior.",
    ),
    "manifold.png": (
        "Manifold",
        "Each place of the two-dimensional latent space, decoded. Neighbours should look alike.",
    ),
    "traversals.png": (
        "Traversals",
        "In each row one dimension goes from -3 to 3 and the others stand still at 0. The number "
        "at the right is the variance of its code over the test examples: near 0, the dimension is "
        "not used, and its row hardly changes.",
    ),
    "traversals.gif": ("Traversals, moving", "Each dimension by itself, to and fro."),
}

WITHOUT_DENSITY = {
    "samples.png": (
        "Codes from N(0, I), decoded",
        "What comes of random codes, though the training did not make random codes likely ones: "
        "how far this looks like data says how regular the latent space is.",
    ),
}

# Where the codes are not asked to follow N(0, I).
OTHER_CODES = {
    "latent.png": (
        "Latent space",
        "A point for each test example. Where classes lie apart, the model found the difference by "
        "itself: it was shown no labels.",
    ),
    "manifold.png": (
        "Manifold",
        "The part of the latent space where test examples lie, decoded. Far from any code, images "
        "need not look like data.",
    ),
    "traversals.png": (
        "Traversals",
        "In each row one dimension goes from 3 standard deviations of the codes below their mean "
        "to 3 above, and the others stand still at their mean. The number at the right is the "
        "variance of its code over the test examples.",
    ),
}


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Write one HTML page about the run in a folder: what was trained and how to do it again, "
        "the numbers that `tinygen evaluate` found, the curves, and pictures made with the best "
        "weights. The page needs no other file and no network: mail it, or put it on a server. "
        "The pictures are also kept one by one in RUN/pictures. A run that is still in training "
        "can be reported on, from its last checkpoint."
    )
    parser.epilog = """
examples:
  tinygen report runs/vae-digits
  tinygen report runs/vae-digits --samples 144 --out digits.html
"""
    parser.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("--out", metavar="FILE", help="the page (default RUN/report.html)")
    parser.add_argument(
        "--samples", type=int, default=64, help="images among the samples (default 64)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of samples and examples (default 0)")
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    check_whole("report", "--samples", args.samples)
    check_seed("report", args.seed)
    trained = open_run(args.run_folder, args.device)
    out = Path(args.out) if args.out else trained.run.path / "report.html"
    numbers = number_tables(trained, read_numbers(trained.run.path / "numbers.json"))
    written = write(trained, np.random.default_rng(args.seed), args.samples)
    text = build(trained, numbers, written)
    try:
        atomic.write_text(out, text)
    except OSError as error:
        raise RunError(error.strerror or str(error)) from error
    print(f"{out}: one page, {len(text) / 1e6:.1f} MB, to be opened in a browser")
    if written.left_out:
        print(f"without the pictures that need data: {written.left_out}")
    return 0


def build(trained: TrainedRun, numbers: list[str], written: Written) -> str:
    """The page; `numbers` are the tables of `number_tables`."""
    config = trained.run.config
    title = trained.system.title
    parts = [page.paragraph(f"{title[0].upper()}{title[1:]}. {trained.system.idea}")]
    if unfinished := still_training(trained):
        parts.append(page.note(unfinished))
    parts += [page.heading("Numbers"), *numbers]
    if written.left_out:
        parts.append(page.note(f"The pictures that need data are left out: {written.left_out}"))
    captions = CAPTIONS | ({} if standard_prior(trained) else OTHER_CODES)
    captions |= WITHOUT_DENSITY if trained.system.group == "none" else {}
    captions |= trained.system.captions
    for name, content in written.files.items():
        title, caption = captions[name]
        shown = page.picture(name, content, title, caption)
        moves = name.endswith(".gif")
        parts += [page.folded(title, shown)] if moves else [page.heading(title), shown]
    parts += [
        page.heading("The run"),
        page.named(facts(trained)),
        page.heading("Do it again"),
        page.code(command_line(trained)),
        page.paragraph(
            f"with tinygen {trained.meta['tinygen']}; on one machine with one number of BLAS "
            "threads (OPENBLAS_NUM_THREADS) it ends with the same bits. The paper: "
            f"{trained.system.paper}. More of it: {trained.system.demo}."
        ),
    ]
    return page.page(f"{trained.system.name} on {config['data']}: {trained.run.path.name}", parts)


def number_tables(trained: TrainedRun, numbers: dict[str, Any]) -> list[str]:
    """What `evaluate` measured, and the terms of the loss at the epoch that was kept."""
    parts = []
    try:
        measured = [
            (k, n["value"], n["error"] or "", n["seed"], n.get("epoch", ""))
            for k, n in numbers.items()
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{trained.run.path / 'numbers.json'} is damaged ({error!r}): remove it and evaluate "
            "again"
        ) from error
    if measured:
        names = ("measured", "value", "± standard error", "seed", "weights of epoch")
        parts.append(page.table(measured, names))
    else:
        text = f"tinygen evaluate {shlex.quote(str(trained.run.path))}"
        parts += [page.paragraph("Not measured on test data so far:"), page.code(text)]
    log = trained.run.records()
    kept = next((r for r in log if r["epoch"] == best_epoch(log)), log[-1] if log else None)
    if kept:
        train, validation = kept["train"], kept.get("validation", {})
        rows = [(name, value, validation.get(name, "")) for name, value in train.items()]
        head = (f"terms of the loss, epoch {kept['epoch']}", "training", "validation")
        parts.append(page.table(rows, head))
    return parts


def still_training(trained: TrainedRun) -> str:
    """Whether the run could go on, in words."""
    meta, config = trained.meta, trained.run.config
    for name in ("epoch", "step"):
        asked = config.get(f"{name}s")
        if asked and meta[name] < asked and not stopped_early(trained):
            return (
                f"This run stands at {name} {meta[name]} of {asked}. It goes on with: tinygen "
                f"train --resume {shlex.quote(str(trained.run.path))}"
            )
    return ""


def stopped_early(trained: TrainedRun) -> bool:
    """Whether the validation loss had not fallen for as long as was asked for."""
    patience = trained.run.config.get("patience")
    meta = trained.meta
    return patience is not None and meta["epoch"] - meta["best_epoch"] >= patience


def facts(trained: TrainedRun) -> dict[str, Any]:
    """The config, and what the checkpoint knows of the training."""
    config, meta = dict(trained.run.config), trained.meta
    options = config.pop("options")
    asked = config | {f"option {name}": value for name, value in options.items()}
    minutes, seconds = divmod(round(meta["seconds"]), 60)
    return {
        "folder": trained.run.path,
        **{k: v for k, v in asked.items() if v is not None},
        "parameters": sum(leaf.size for _, leaf in tree.leaves(trained.p)),
        "epochs done": meta["epoch"],
        "steps done": meta["step"],
        "epoch of the weights": meta["best_epoch"] or meta["epoch"],
        "training time": f"{minutes} min {seconds} s" if minutes else f"{seconds} s",
    }


def command_line(trained: TrainedRun) -> str:
    """The command that trains this run again, into another folder."""
    config = trained.run.config
    words = ["tinygen", "train", trained.system.name, "--data", config["data"]]
    for f in dataclasses.fields(trained.options):
        value = getattr(trained.options, f.name)
        if value != f.default:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{f.name.replace('_', '-')}", text]
    for name in ("epochs", "steps", "batch", "patience", "seed"):
        if config.get(name) is not None:
            words += [f"--{name}", str(config[name])]
    return shlex.join([*words, "--out", f"{trained.run.path.resolve().name}-again"])
