"""PixelCNN on real digits: python demos/pixel_cnn.py --out runs/pixel_cnn

1 what are the digits worth, in nats?      3 how does it go on from a beginning?
2 what does it draw?                       4 which pixels cost, and how long does a digit take?

It trains PixelCNN (15 blocks of 16 features) on the first 10000 images of MNIST, binarised anew
for each batch, in a few minutes; with --run FOLDER it takes a trained one instead, as from
`tinygen train pixelcnn`. The likelihood is exact: nats an image, +- standard error over images.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759.  docs/derivations/pixelcnn.md
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from pixel_cnn_parts.pictures import completions, costs, growth

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data import binarise
from tinygen.kernels.memory import keep_memory
from tinygen.models import PixelCNN
from tinygen.optim import adam
from tinygen.schedules import exponential
from tinygen.systems.trained import open_run
from tinygen.training import Turn, train

SEEN, BATCH = 10_000, 32
PUBLISHED = {  # the second is of 32 features, 457 epochs of all 60000 images, batch 256
    "PixelCNN, static MNIST (arXiv 1601.06759)": 81.30,
    "PixelCNN, dynamic MNIST (EugenHotaj/pytorch-generative)": 81.45,
}
PASSES = 5  # timed ones of drawing by the definition


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train or open, measure, draw. Returns the numbers."""
    more: dict[str, tuple[int | str, str]] = {
        "run": ("", "folder of a trained PixelCNN, in the place of a new one")
    }
    args = arguments(__doc__, "pixel_cnn", argv, epochs=10, more=more)
    data = dataset(args)
    if data.kind != "grey" or data.shape[2] != 1:
        raise SystemExit(
            f"pixel_cnn: {data.name} holds {data.kind}; expected grey images: --data mnist"
        )
    keep_memory()  # as the training does: whole passes without it pay for fresh pages
    rng = np.random.default_rng(args.seed)
    model, p = opened(args.run, data.shape, args) if args.run else trained(data, args, rng)
    test = binarise(rng, to_device(data.test.x, args.device))

    log_p = model.log_prob(p, test)[0].astype(np.float64)
    alone = independent(to_host(data.train.x), to_host(test))
    rows: dict[str, Any] = {
        "PixelCNN": {"-log p(x), nats": metrics.mean_and_error(-log_p)},
        "pixels by themselves": {"-log p(x), nats": metrics.mean_and_error(alone)},
    }
    rows["PixelCNN"]["bits a pixel"] = float(metrics.bits_per_dim(-log_p.mean(), model.size))
    if data.name.startswith("mnist"):
        rows |= {name: {"-log p(x), nats": nll} for name, nll in PUBLISHED.items()}
    print(f"1. What are the digits worth?\n\n{table(rows)}", flush=True)

    few = (4, 4, 6) if args.quick else (64, 10, 56)  # samples, completed images, frames
    drawn, cached = timed(lambda: model.sample(p, rng, few[0]))
    figures: dict[str, Any] = {"samples": beside(to_host(test[: few[0]]), to_host(drawn))}
    figures["growth"] = growth(model, p, rng, 4 if args.quick else 16, few[2])
    print("\n2. What does it draw? samples.png, and growth.gif as it is drawn", flush=True)
    figures["completions"], alike = completions(model, p, rng, test[: few[1]])
    print(f"\n3. How does it go on from a beginning?\n\n{lines(alike)}", flush=True)

    figures["costs"], nats = costs(model, p, test[:1000])
    naive = timed(lambda: [model.conditionals(p, drawn) for _ in range(PASSES)])[1] / PASSES
    took = {
        f"processor seconds for {few[0]} digits, by columns": cached,
        f"processor seconds for {few[0]} digits, by whole passes": naive * model.size,
    }
    third = {"share of the nats in the third of pixels that cost most": top_third(nats)}
    print(f"\n4. Which pixels cost, and how long does a digit take?\n\n{lines(third | took)}")
    numbers = {"likelihood": rows, "completions": alike, "costs": third, "drawing": took}
    leave(args, figures, numbers)
    return numbers


def opened(
    folder: str, shape: tuple[int, ...], args: argparse.Namespace
) -> tuple[PixelCNN, Params]:
    """The model of a run's folder. Exits where it is of other images."""
    run = open_run(folder, args.device)
    if not isinstance(run.model, PixelCNN) or run.model.shape != shape or run.model.levels:
        raise SystemExit(
            f"pixel_cnn: {folder} holds {run.system.title} of {run.shape}; expected a PixelCNN "
            f"of binary images {shape}: train one with `tinygen train pixelcnn`"
        )
    return run.model, run.p


def trained(
    data: Any, args: argparse.Namespace, rng: np.random.Generator
) -> tuple[PixelCNN, Params]:
    """A model of the first SEEN images, by Adam with a falling step size."""
    model = PixelCNN(data.shape, blocks=2 if args.quick else 15)
    x = to_device(data.train.x[:SEEN], args.device)
    steps = args.epochs * len(x) // BATCH
    lr = exponential(2e-3, 0.1 ** (1 / steps))  # a tenth at the end
    done = train(
        Turn("pixelcnn", model.loss, model.draw_noise, adam(lr)),
        to_device(model.init(rng), args.device),
        x,
        rng=rng,
        epochs=args.epochs,
        batch=BATCH,
        validation=to_device(data.validation.x[:1000], args.device),
        transform=binarise,
    )
    return model, done.best


def independent(grey: np.ndarray, x: np.ndarray) -> np.ndarray:
    """-log p(x) (N,) of the model that knows only how dark each pixel is on average."""
    on = (grey.sum(axis=0) + 1) / (len(grey) + 2)  # Laplace's rule: no pixel is certain
    nll = -(x * np.log(on) + (1 - x) * np.log(1 - on))
    return nll.reshape(len(x), -1).sum(axis=1).astype(np.float64)


def beside(real: np.ndarray, drawn: np.ndarray) -> Any:
    """Test images and draws, side by side."""
    columns = int(np.sqrt(len(drawn)))
    sheets = {"test images": plots.tiled(real, columns), "draws": plots.tiled(drawn, columns)}
    return plots.panels(sheets)


def top_third(nats: Array) -> float:
    """The share of the sum that the largest third holds."""
    ranked = np.sort(nats.reshape(-1))[::-1]
    return float(ranked[: len(ranked) // 3].sum() / ranked.sum())


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and its seconds of processor time: others may use the machine too."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def lines(numbers: dict[str, float]) -> str:
    """A line a number."""
    return "\n".join(f"{name:<64}{value:10.3f}" for name, value in numbers.items())


if __name__ == "__main__":
    main()
