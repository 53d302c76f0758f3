"""A training that stops now and then, so that the same codes can be drawn while it develops.

The folder of each training is a run: the demo, started again with the same words, goes on there.
It holds the fakes of each moment too, for the weights of then are gone.
"""

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import atomic, to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.models.dcgan import DCGAN
from tinygen.models.gan import run as run_net
from tinygen.optim import Ema, adam
from tinygen.runs import Run
from tinygen.systems.duel import duel
from tinygen.training import train

LR, BETA1, EMA, BATCH = 2e-4, 0.5, 0.999, 64
MOMENTS = (0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0)  # shares of all steps
AT_ONCE = 500  # fakes drawn at once
SHOWN = 64  # fakes in a frame
SHOTS = "fakes-{}.npy"  # in a run's folder: those of a moment


def grown(
    args: argparse.Namespace, name: str, model: DCGAN, x: Any
) -> tuple[Params, list[np.ndarray]]:
    """The weights after all epochs over x, and the fakes of the same codes at each moment."""
    rng = np.random.default_rng(args.seed)
    p = to_device(model.init(rng), args.device)
    rules = adam(LR, BETA1), adam(LR, BETA1)
    game = duel(model, *rules, ema=Ema(EMA) if model.average else None)
    images = x[0] if isinstance(x, tuple) else x
    total = args.epochs * -(-len(images) // BATCH)
    run = folder(args.out / name, args)
    if not run.checkpoint.exists():  # shots of another training, whose weights are lost
        for shot in run.path.glob(SHOTS.format("*")):
            shot.unlink()
    for steps in sorted({max(1, round(share * total)) for share in MOMENTS}):
        done = train(game, p, x, rng=rng, steps=steps, batch=BATCH, run=run)
        p = done.p
        if done.log[-1]["step"] == steps:  # not where the training is past it already
            drawn = fakes(model, p, np.random.default_rng(args.seed), SHOWN)
            keep_shot(run.path / SHOTS.format(f"{steps:06d}"), drawn)
    return p, [shot_of(path) for path in sorted(run.path.glob(SHOTS.format("*")))]


def keep_shot(path: Path, images: np.ndarray) -> None:
    """Write the images, whole or not at all."""
    file = io.BytesIO()
    np.save(file, images)
    atomic.write_bytes(path, file.getvalue())


def shot_of(path: Path) -> np.ndarray:
    """The images kept there. Raises SystemExit for a damaged file."""
    try:
        images: np.ndarray = np.load(path)
    except (OSError, EOFError, ValueError) as error:
        raise SystemExit(f"dcgan: {path} is damaged ({error}): remove it") from None
    return images


def folder(path: Path, args: argparse.Namespace) -> Run:
    """The run there, new or taken up."""
    asked = {"data": str(args.data), "epochs": args.epochs, "seed": args.seed}
    return Run.take_up(path, asked)


def fakes(
    model: DCGAN,
    p: Params,
    rng: np.random.Generator,
    n: int,
    labels: np.ndarray | None = None,
    z: Array | None = None,
) -> np.ndarray:
    """n fakes on the host, of any number: the norms' statistics are taken once for all.

    labels : of a conditional model, each class in turn where not given;  z : codes, else drawn
    """
    weights = p.get("average", p["generator"])
    like = weights["project"]["W"]
    z = model.draw_z(rng, n, like) if z is None else z
    if model.classes and labels is None:
        labels = np.arange(n) % model.classes
    told = None if labels is None else namespace(like).asarray(labels)
    statistics = model.statistics(weights, rng)
    drawn = []
    for i in range(0, n, AT_ONCE):
        rows = slice(i, i + AT_ONCE)
        own = None if told is None else told[rows]
        drawn.append(to_host(run_net(model.generator, weights, z[rows], own, statistics)[0]))
    return (np.concatenate(drawn) + 1) / 2
