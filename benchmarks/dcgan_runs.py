"""What a trained DCGAN's images are worth, from the folder of its run: a line of JSON a visit.

    tinygen train dcgan --told class --features 32,64 --ema 0.999 --batch 64 --epochs 8 --out RUN
    python benchmarks/dcgan_runs.py RUN
    tinygen train --resume RUN --epochs 16 && python benchmarks/dcgan_runs.py RUN

sliced Wasserstein distances (times 1000) of fakes to test images, and of training images for
comparison; sharpness and spread. Told the class: a classifier learns from as many fakes as there
are training images, and is tested on real ones; beside it one that learnt from the real ones. Not
told, with labels: a linear classifier on the discriminator's features, on pixels and on those of a
discriminator as it is drawn. Faces: how many have not exactly two eyes.

RUN keeps measured.jsonl, grids of the same codes by epoch, and grown.gif, made of them.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "demos"))

import numpy as np
from dcgan_parts import faces, teaching
from dcgan_parts.reading import feature_errors
from dcgan_parts.stages import fakes, keep_shot, shot_of
from results import keep

from tinygen import atomic, plots, resolve_device, to_device
from tinygen.data.dataset import Dataset
from tinygen.metrics.sliced_wasserstein import pyramid_distance
from tinygen.models.progressive_gan_stages import padded
from tinygen.systems.job import seen
from tinygen.systems.trained import TrainedRun, open_run

SHOWN, COMPARED = 64, 1000
PATCHES, DIRECTIONS = 32, 256  # of the sliced Wasserstein distances; a quarter and half of theirs
LABELLED = 10_000  # training images of the linear classifiers' scale, and to draw labels from


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Measure, print, keep. Returns the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="the folder of a run of `tinygen train dcgan`")
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few images, to see it run")
    args = parser.parse_args(argv)
    started, device = time.process_time(), resolve_device(args.device)
    trained = open_run(args.run, device)
    if trained.system.name != "dcgan":
        raise SystemExit(f"dcgan_runs: {args.run} is a run of {trained.system.name}, not of dcgan")
    data = trained.dataset()
    rng = np.random.default_rng(args.seed)
    row: dict[str, Any] = {"data": data.name, "epoch": trained.epoch}
    row |= whole(trained, data, rng, 50 if args.quick else COMPARED)
    if trained.model.classes:
        row |= teaching_numbers(trained, data, args)
    elif data.name == "drawn-faces":
        drawn = fakes(trained.model, trained.p, rng, 300 if args.quick else 5000)
        row["eyes"] = faces.eyes(data.test.x, {"generated faces": drawn})
    elif data.train.labels is not None:
        draws = 2 if args.quick else 10
        n = 300 if args.quick else LABELLED
        row["features, test error %"] = feature_errors(trained.model, trained.p, data, n, draws)
    row["CPU seconds"] = round(time.process_time() - started)
    keep(args.run / "measured.jsonl", row)
    keep_frame(trained, data)
    return row


def whole(
    trained: TrainedRun, data: Dataset, rng: np.random.Generator, most: int
) -> dict[str, Any]:
    """Of any run: the system's own numbers, and distances to the test images by scale."""
    model, p = trained.model, trained.p
    examples = seen(trained.system, trained.options, data, data.test, rng)
    measured = trained.system.measure(model, p, to_device(examples, trained.device), rng, 1)
    n = min(most, len(data.test), len(data.train))
    # drawn, not the first: in MNIST these are of few writers, and of the test part's easier half
    test, train = (part.x[rng.permutation(len(part))[:n]] for part in (data.test, data.train))
    test = framed(test)
    far = {"fakes": fakes(model, p, rng, n), "training images": train}
    return {name: value for name, (value, _) in measured.items()} | {
        f"sliced Wasserstein x 1000, {name}": {
            str(side): round(1000 * d, 1)
            for side, d in pyramid_distance(framed(x), test, rng, PATCHES, DIRECTIONS, 8).items()
        }
        for name, x in far.items()
    }


def framed(x: np.ndarray) -> np.ndarray:
    """Square images of the next power of two, zeros around them: 28 x 28 become 32 x 32."""
    return padded(x, 1 << (max(x.shape[1:3]) - 1).bit_length())


def teaching_numbers(trained: TrainedRun, data: Dataset, args: argparse.Namespace) -> Any:
    """Train on generated images, test on real ones; and the same on real ones."""
    rows = slice(300 if args.quick else None)
    assert data.train.labels is not None and data.test.labels is not None
    x, y = data.train.x[rows], np.asarray(data.train.labels[rows], np.int64)
    drawn = fakes(trained.model, trained.p, np.random.default_rng(args.seed), len(y), y)
    model = teaching.reader(data.shape, len(data.classes))
    how = args.seed, trained.device or "cpu", 1 if args.quick else teaching.EPOCHS
    p_real, p_drawn = (teaching.taught(model, images, y, *how) for images in (x, drawn))
    test, truth = to_device(data.test.x, trained.device), data.test.labels
    return {
        "learnt from fakes, right on real, %": teaching.right(model, p_drawn, test, truth),
        "learnt from real, right on real, %": teaching.right(model, p_real, test, truth),
        "fakes read as told, %": teaching.right(model, p_real, to_device(drawn, trained.device), y),
    }


def keep_frame(trained: TrainedRun, data: Dataset) -> None:
    """The fakes of the same codes, as a grid; and all such grids so far as a film."""
    folder = trained.run.path / "frames"
    folder.mkdir(exist_ok=True)
    drawn = fakes(trained.model, trained.p, np.random.default_rng(0), SHOWN)
    drawn = drawn if data.ink or data.kind == "colour" else 1 - drawn
    keep_shot(folder / f"{trained.epoch:04d}.npy", np.round(255 * drawn).astype(np.uint8))
    shots = {path.stem: shot_of(path) / 255 for path in sorted(folder.glob("*.npy"))}
    figures = [
        plots.sample_grid(x, 8, f"{data.name}: the same codes, epoch {int(epoch)}")
        for epoch, x in shots.items()
    ]
    atomic.write_bytes(trained.run.path / "grown.gif", plots.moving(figures, 600, last=4))
    atomic.write_bytes(trained.run.path / "fakes.png", plots.png(figures[-1]))


if __name__ == "__main__":
    main()
