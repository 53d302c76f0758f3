"""The importance-weighted auto-encoder by its authors' recipe: NLL and active units for k draws.

    python benchmarks/iwae.py --samples 1,5,50 --stages 8 --images 10000 --device cuda  # the whole
    python benchmarks/iwae.py --samples 1,5,50 --stages 3                  # a part, for a CPU

784-200-200-[50]-200-200-784, tanh; Bernoulli pixels, drawn anew from the grey levels at each step;
59600 training images in batches of 20; stage i = 0 .. 7 lasts 3^i epochs, with a step size of
10^(-i/7) / 1000, rounded to two digits. A folder keeps what was trained: the same command with
more stages goes on from there, and so does one that was killed.

Y. Burda, R. Grosse and R. Salakhutdinov, ICLR 2016, arXiv 1509.00519, table 1, and their code,
github.com/yburda/iwae. NLL by 5000 importance samples of test images, binarised once by the seed.

NOTE: beta1 of Adam is 0.99, as in their code, not their paper's 0.9. Their gradient is a sum over
the batch and ours a mean, so that their eps of 1e-4 is 1e-4 / 20 here. Their second moments start
at 1, and their batches keep one order; here they start at 0, and each epoch shuffles. Log-variances
are bounded (see `Bounded`), and at k = 1 the KL is in closed form, where theirs is sampled.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import atomic, metrics, resolve_device, to_device, to_host
from tinygen.arguments import check_number
from tinygen.arrays import Array, Params, namespace
from tinygen.data import binarise, load
from tinygen.layers import Tanh
from tinygen.likelihoods.base import normal
from tinygen.models.vae import VAE, dense_vae
from tinygen.models.vae_likelihood import log_weights
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.schedules import Schedule
from tinygen.training import Trained, Turn, train

BATCH, STAGES, VALIDATION = 20, 8, 400
HIDDEN, LATENT = (200, 200), 50
ENCODED, AT_ONCE = 10_000, 1000  # training images whose codes are counted; of these at once

Rows = dict[str, dict[str, Any]]


def main(argv: list[str] | None = None) -> Rows:
    """Train each k, or go on with it; measure; print. Returns "k = 5" -> its row."""
    args = arguments(argv)
    data = load(args.data)
    grey = np.concatenate([data.train.x, data.validation.x])[:-VALIDATION]
    apart = max(1, len(data.test.x) // args.images)  # spread: the test set's halves differ
    test = binarise(np.random.default_rng(args.seed), data.test.x[::apart][: args.images])
    grey, test = to_device(grey, args.device), to_device(test, args.device)
    seen = binarise(np.random.default_rng(args.seed), grey[:ENCODED])
    ks = (1, 5, 50, args.importance)
    rows: Rows = {}
    nll: list[np.ndarray] = []  # (images,) of each k
    for k in args.samples:
        model = dense_vae(data.shape, HIDDEN, LATENT, activation=Tanh(), samples=k)
        p = fit(model, grey, args).p
        start = time.perf_counter()
        rng = np.random.default_rng(args.seed)  # as for the other k
        found = -np.concatenate([bounds(model, p, image[None], ks, rng) for image in test])
        nll.append(found[:, -1])
        row = {
            "epochs": epochs_through(args.stages),
            "NLL": metrics.mean_and_error(nll[-1]),
            f"less that of k = {args.samples[0]}": metrics.mean_and_error(nll[-1] - nll[0]),
            "active units": metrics.active_units(encoded(model, p, seen)),
            **{f"minus L_{j}": metrics.mean_and_error(found[:, i]) for i, j in enumerate(ks[:-1])},
            "importance samples": args.importance,
            "test images": len(test),
            "seed": args.seed,
        }
        rows[f"k = {k}"] = row
        print(f"k = {k}: {json.dumps(row)}, {time.perf_counter() - start:.0f} s", flush=True)
        atomic.write_text(args.out / "rows.json", json.dumps(rows, indent=2) + "\n")
    return rows


def fit(model: VAE, grey: Array, args: argparse.Namespace) -> Trained:
    """All stages that were asked for, from where the folder of this k stands; a line a stage."""
    k, per_epoch = model.samples, -(-len(grey) // BATCH)
    optimiser = adam(staged(per_epoch), beta1=0.99, eps=1e-4 / BATCH)
    turn = Turn(f"k {k}", model.loss, model.draw_noise, optimiser)
    folder = args.out / f"k{k}-seed{args.seed}"
    config = {"data": args.data, "k": k, "seed": args.seed, "recipe": "yburda/iwae"}
    run = Run.take_up(folder, config)
    rng = np.random.default_rng(args.seed)
    p = to_device(start(model, rng, grey), args.device)
    for i in range(args.stages):
        begun = time.perf_counter()
        trained = train(
            turn, p, grey, rng=rng, epochs=epochs_through(i + 1), batch=BATCH,
            transform=binarise, progress=False, run=run,
        )  # fmt: skip
        terms = trained.log[epochs_through(i + 1) - 1]["train"]
        told = " ".join(f"{name} {value:.2f}" for name, value in terms.items())
        print(f"k = {k}, stage {i}: {told}, {time.perf_counter() - begun:.0f} s", flush=True)
    return trained


def start(model: VAE, rng: np.random.Generator, grey: Array) -> Params:
    """Glorot's weights, and as the last bias the logits of the mean training image."""
    p = model.init(rng)
    mean = to_host(grey).mean(axis=0, dtype=np.float64).ravel().clip(0.001, 0.999)
    last = p["decoder"]["out"]
    dense = last if "b" in last else next(part for part in last.values() if "b" in part)
    dense["b"] = np.log(mean / (1 - mean)).astype(np.float32)
    return p


def epochs_through(stages: int) -> int:
    """1 + 3 + ... + 3^(stages - 1)."""
    return (3**stages - 1) // 2


def staged(per_epoch: int) -> Schedule:
    """lr(step) = 1e-4 round(10^(1 - i/7), 1) in stage i; after the last one its own."""
    ends = [per_epoch * epochs_through(i + 1) for i in range(STAGES)]
    rates = [1e-4 * round(10 ** (1 - i / 7), 1) for i in range(STAGES)]

    def f(step: int) -> float:
        return next((lr for end, lr in zip(ends, rates, strict=True) if step < end), rates[-1])

    return Schedule(f"3^i epochs of {per_epoch} steps at 1e-3 x 10^(-i/7)", f)


def bounds(
    model: VAE, p: Params, x: Array, ks: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """L_k of one image (1, len(ks)), all from the same max(ks) weights: means over groups of k."""
    q, eps = model.encode(p, x), normal(rng, (1, max(ks), model.n_latent), x)
    log_w = to_host(log_weights(model, p, x, q, eps)[0])[0].astype(np.float64)
    groups = (log_w[: len(log_w) // k * k].reshape(-1, k) for k in ks)
    return np.array([[metrics.importance_estimate(group)[0].mean() for group in groups]])


def encoded(model: VAE, p: Params, x: Array) -> Array:
    """The means of q(z|x) (N, Z)."""
    parts = [model.encode(p, x[i : i + AT_ONCE])["mean"] for i in range(0, len(x), AT_ONCE)]
    return namespace(x).concatenate(parts)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What was asked for; `samples` as numbers, `device` resolved, `out` a folder that exists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", default="1,5,50", help="k, as in 1,5,50 (%(default)s)")
    parser.add_argument("--stages", type=int, default=4, help="1 to 8 (%(default)s: 40 epochs)")
    parser.add_argument("--images", type=int, default=1000, help="to test on (%(default)s)")
    parser.add_argument("--importance", type=int, default=5000, help="samples (%(default)s)")
    parser.add_argument("--data", default="mnist", help="grey images (%(default)s)")
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/iwae"), help="%(default)s")
    args = parser.parse_args(argv)
    try:
        args.samples = [int(k) for k in args.samples.split(",")]
        for name, value, least in (
            ("k", min(args.samples), 1),
            ("stages", args.stages, 1),
            ("images", args.images, 2),  # one has no standard error
            ("importance", args.importance, 50),  # for L_50
        ):
            check_number("iwae", name, value, least=least)
        if args.stages > STAGES:
            raise ValueError(f"iwae: the recipe has {STAGES} stages, got {args.stages}")
        args.device = resolve_device(args.device)
    except (ValueError, RuntimeError) as error:
        parser.error(str(error))
    args.out.mkdir(parents=True, exist_ok=True)
    return args


if __name__ == "__main__":
    main()
