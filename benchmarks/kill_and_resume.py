"""Kill training at random moments and resume it: does it end with the bits of the undisturbed run?

    python benchmarks/kill_and_resume.py

Each run trains a VAE on the digits of the package by `tinygen train`, is killed with SIGKILL at a
moment drawn uniformly over its training, and is taken up again with --resume; half of the
resumed ones are killed again. Checkpoints are written every 5, 50 or 500 ms, so that many kills
fall into the writing of one. What is compared: every array of the checkpoint, to the bit; its
counters, random state and record; and the log. Only the seconds may differ.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import checkpoint
from tinygen.runs import Run

TRAIN = ("vae", "--data", "digits", "--hidden", "64", "--latent", "8", "--epochs", "40")
SAVE_EVERY = ("0.005", "0.05", "0.5")


def start(folder: Path, save_every: str) -> subprocess.Popen[bytes]:
    """`tinygen train` on a folder: from the beginning, or from where it stands."""
    known = (folder / "config.json").exists()
    what = ("--resume", str(folder)) if known else (*TRAIN, "--out", str(folder))
    with open(errors(folder), "wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "tinygen", "train", *what, "--save-every", save_every],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )


def errors(folder: Path) -> Path:
    """Where the bar and the errors go: beside the folder."""
    return folder.with_name(f"{folder.name}.stderr")


def training(folder: Path, child: subprocess.Popen[bytes]) -> None:
    """Wait until the program holds the folder: then it trains."""
    before = stamp(folder)
    while child.poll() is None and stamp(folder) == before:
        time.sleep(0.002)


def stamp(folder: Path) -> int:
    """When the log was last begun anew, as each start of a training does; 0 before."""
    log = folder / "log.jsonl"
    return log.stat().st_ino if log.exists() else 0


def train(folder: Path, save_every: str, seconds: float | None = None) -> float | None:
    """Train, and kill it after so many seconds of training; how long it took if it ended before."""
    with start(folder, save_every) as child:
        training(folder, child)
        began = time.monotonic()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return None
        if child.returncode:
            sys.exit(f"training failed: {errors(folder).read_text()}")
        return time.monotonic() - began


def left(folder: Path) -> tuple[Any, ...]:
    """All that a run leaves, but for the seconds that it took."""
    arrays, meta = checkpoint.load(folder / "checkpoint.safetensors")
    del meta["seconds"]
    run = Run.open(folder)
    log = [{k: v for k, v in line.items() if k != "seconds"} for line in run.records()]
    bits = {name: np.asarray(a).tobytes() for name, a in arrays.items()}
    return bits, meta, log, run.config, sorted(f.name for f in folder.iterdir())


def disturbed(
    folder: Path, save_every: str, length: float, rng: np.random.Generator
) -> Counter[str]:
    """Train to the end through one kill or more; how many there were."""
    seen: Counter[str] = Counter()
    while True:
        took = train(folder, save_every, rng.uniform(0, length))
        if took is None:
            seen["kills"] += 1
            seen["writing"] += any(f.name.startswith(".") for f in folder.iterdir())
            if rng.random() < 0.5:
                continue
            train(folder, save_every)
            return seen
        if seen["kills"]:
            return seen
        seen["late"] += 1  # it ended before the moment came: once more, and sooner
        length = min(length, took)
        shutil.rmtree(folder)


def main() -> int:
    """The one line; the exit code is 1 where a run differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    with tempfile.TemporaryDirectory() as base:
        wanted, lengths = None, {}
        for save_every in SAVE_EVERY:  # these runs are undisturbed
            folder = Path(base) / f"undisturbed-{save_every}"
            lengths[save_every] = train(folder, save_every) or 0.0
            if wanted not in (None, left(folder)):
                sys.exit("two undisturbed runs differ")
            wanted = left(folder)
        seen: Counter[str] = Counter()
        for number in range(args.runs):
            folder, save_every = Path(base) / str(number), SAVE_EVERY[number % len(SAVE_EVERY)]
            seen += disturbed(folder, save_every, lengths[save_every], rng)
            if left(folder) == wanted:
                seen["same"] += 1
            else:
                print(f"run {number} differs: {folder}", file=sys.stderr)
            if number % 10 == 9:
                print(f"{number + 1} runs: {dict(seen)}", file=sys.stderr, flush=True)
    print(
        f"{seen['kills']} kills, {args.runs} runs: {seen['same']} of {args.runs} ended with the "
        f"same bits as the undisturbed one ({seen['writing']} kills fell into the writing of a "
        f"file; {seen['late']} moments came after the end and were drawn anew)"
    )
    return int(seen["same"] < args.runs)


if __name__ == "__main__":
    sys.exit(main())
