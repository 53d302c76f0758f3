"""The Parzen-window estimate of a GAN's fakes on MNIST, beside the published ones.

    python benchmarks/parzen.py                       # a recipe for a CPU, one seed
    python benchmarks/parzen.py --full --device cuda  # the nets and steps of the paper

10000 fakes; sigma out of logspace(-1, 0, 10) by the first 1000 images of the validation part, from
grey levels in 0..1; the mean over all 10000 test images, with its standard error. Training images
in the place of fakes are a row of their own, and so is a Gaussian of the training pixels' means and
variances. NOTE what the number is worth: see tinygen/metrics/parzen.py.

--full: G 100-1200-1200-784, D maxout 240 x 5 twice with dropout .2 of pixels and .5 of units,
minimax for D, -log D for G; SGD of .1 x 1/1.000004 a batch, momentum .5 to .7 by epoch 250, batch
100; I. Goodfellow et al., arXiv 1406.2661, table 1, and the authors' code.
NOTE: here weights are Glorot's and the columns of D's are not bounded in norm, noise is uniform in
-1..1, and the momentum takes its mean, .6, from the start.

The default is for a CPU: narrower nets, LeakyReLU and dropout .3 in D, Adam at 2e-4 and beta1 .5,
and the estimate is of the running mean of G's weights (--ema), which is printed beside that of the
weights themselves.

A folder keeps the training and the results: the same command goes on where it was stopped.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import whole

from tinygen import resolve_device, to_device
from tinygen.arrays import Array, Params
from tinygen.data import load
from tinygen.metrics.parzen import WARNING, Parzen, parzen
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import (
    PAPER_G,
    dense_discriminator,
    dense_generator,
    maxout_discriminator,
)
from tinygen.optim import Ema, adam, momentum
from tinygen.runs import Run
from tinygen.schedules import exponential
from tinygen.systems.duel import duel
from tinygen.training import train

PUBLISHED = {
    "DBN": "138 +- 2",
    "stacked CAE": "121 +- 1.6",
    "Deep GSN": "214 +- 1.1",
    "GAN": "225 +- 2",
}
NOISE, FAKES, CHOOSING, BATCH = 100, 10_000, 1000, 100
NARROW = {"generator": (600, 600), "discriminator": (400, 200)}


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Train what is missing, print a line a result. Returns the rows."""
    args = arguments(argv)
    data = load(args.data)
    x = {name: to_device(part.x, args.device) for name, part in data.parts.items()}
    print(WARNING)
    rng = np.random.default_rng(args.seed)
    choice = rng.permutation(len(x["train"]))[:FAKES]
    rows = [row("training images", parzen(x["train"][choice], *held_out(x)))]
    mean, std = x["train"].mean(axis=0), x["train"].std(axis=0)
    noise = to_device(rng.normal(size=(FAKES, *data.shape)).astype(np.float32), args.device)
    rows.append(row("independent Gaussian pixels", parzen(mean + std * noise, *held_out(x))))
    for seed in args.seeds:
        rows += fit_and_measure(args, seed, x)
    (args.out / "results.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    print("published: " + ", ".join(f"{name} {nats}" for name, nats in PUBLISHED.items()))
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the paper's nets and steps")
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=whole, help="of the training (90; full: 400)")
    parser.add_argument("--seeds", type=whole, default=1, help="how many, from --seed on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ema", type=float, default=0.999, help="decay of G's running mean")
    parser.add_argument("--progress", action="store_true", help="show a bar")
    parser.add_argument("--out", default="runs/parzen")
    args = parser.parse_args(argv)
    args.device = resolve_device(args.device)
    args.epochs = args.epochs or (400 if args.full else 90)
    args.seeds = range(args.seed, args.seed + args.seeds)
    args.out = Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def row(name: str, found: Parzen, **more: Any) -> dict[str, Any]:
    """A result, printed as it is found."""
    print(
        f"{name}: {found.mean:.1f} +- {found.error:.1f} nats, sigma {found.sigma:.3f}", flush=True
    )
    return {"of": name, "nats": found.mean, "error": found.error, "sigma": found.sigma} | more


def held_out(x: dict[str, Array]) -> tuple[Array, Array]:
    """The images that choose sigma, and those that are measured."""
    return x["validation"][:CHOOSING], x["test"]


def recipe(full: bool, shape: Any) -> tuple[GAN, Any, Any]:
    """The model, and the optimisers of D and of G."""
    if full:
        lr = exponential(0.1, 1 / 1.000004)
        G, D = dense_generator(NOISE, PAPER_G, shape), maxout_discriminator(shape)
        model = GAN(G, D, NOISE, prior="uniform", average=True)
        return model, momentum(lr, 0.6), momentum(lr, 0.6)
    G = dense_generator(NOISE, NARROW["generator"], shape)
    D = dense_discriminator(shape, NARROW["discriminator"], 0.3)
    return GAN(G, D, NOISE, average=True), adam(2e-4, 0.5), adam(2e-4, 0.5)


def fit_and_measure(
    args: argparse.Namespace, seed: int, x: dict[str, Array]
) -> list[dict[str, Any]]:
    """Train one seed, or take it up; the estimates by G's running mean, and by its weights.

    After a third and two thirds of the epochs they are printed too, to see where it goes.
    """
    model, d_rule, g_rule = recipe(args.full, x["train"].shape[1:])
    name = f"{'full' if args.full else 'cpu'}-{seed}"
    config = {"data": args.data, "epochs": args.epochs, "seed": seed, "ema": args.ema}
    path, rng, start = args.out / name, np.random.default_rng(seed), time.process_time()
    p = to_device(model.init(rng), args.device)
    run = Run.take_up(path, config)
    begun = len(run.records())  # epochs that an earlier call has done
    early = {args.epochs // 3, 2 * args.epochs // 3}
    for stage in (*sorted(stage for stage in early if stage > begun), args.epochs):
        done = train(
            duel(model, d_rule, g_rule, ema=Ema(args.ema)), p, x["train"], rng=rng, epochs=stage,
            batch=BATCH, progress=args.progress, run=run,
        )  # fmt: skip
        run = Run.open(path)
        used = {"seed": seed, "epochs": stage, "CPU s": round(time.process_time() - start)}
        weights: dict[str, Params] = {
            "mean": done.p,
            "last": done.p | {"average": done.p["generator"]},
        }
        rows = [
            row(
                f"GAN, {stage} epochs, seed {seed}, {which} weights",
                parzen(model.sample(q, np.random.default_rng(seed), FAKES), *held_out(x)),
                **used,
            )
            for which, q in weights.items()
        ]
    return rows


if __name__ == "__main__":
    main()
