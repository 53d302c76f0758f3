"""The adversarial answer to the VAE's blur: python demos/vae_gan.py --out runs/vae_gan

A VAE and a VAE-GAN with the same encoder and decoder, convolutions, on MNIST.

1 How sharp are they? Samples and reconstructions, by the energy of their gradients relative to the
  data's; what a classifier says of the samples; and what the sharpness costs in squared error.
2 Two edits of equal squared error: a stroke is lengthened by three pixels, or the same three values
  are put elsewhere, together or each by itself. To a VAE's loss each is as good a reconstruction of
  the digit as any other. What does the discriminator say, whose features VAE-GAN compares in?

A. B. L. Larsen et al., arXiv 1512.09300.                  docs/derivations/vae_gan.md
"""

import argparse
import time
from dataclasses import replace
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from dcgan_parts.teaching import READ, verdicts
from matplotlib.figure import Figure
from vae_gan_parts.edits import NAMES, Edits, edits

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset
from tinygen.likelihoods import Gaussian
from tinygen.metrics.sharpness import sharpness
from tinygen.models.vae import VAE, conv_vae
from tinygen.models.vae_gan import VAEGAN
from tinygen.models.vae_gan_nets import conv_vae_gan
from tinygen.optim import adam
from tinygen.plots.style import LINES, dress, new_figure
from tinygen.systems.vae_gan import three_players
from tinygen.training import Turn, train

CHANNELS, LATENT, BATCH, LR, D_LR = (16, 32), 20, 64, 1e-3, 2e-4
DRAWN, SHOWN, ROOM = 1000, 30, 20
WORDS = {
    "images": "Sharpness is relative to the test images' own, 1. It says nothing of quality: "
    "specks raise it too, which is why a classifier is asked beside it. The squared error is what "
    "the VAE was trained on and VAE-GAN was not.",
    "edits": "All edits have one squared error, and so one value to the VAE as reconstructions of "
    "the digit. AUROC: how surely D's score tells the edit from the lengthened stroke, 0.5 being "
    "not at all.",
}
Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train both, measure, draw. Returns the numbers."""
    weights = {  # of four pairs, two epochs each, see RESULTS.md
        "gamma": ("0.1", "weight of the reconstruction in the decoder's loss"),
        "precision": ("10", "of the features"),
    }
    args = arguments(__doc__, "vae_gan", argv, epochs=10, more=weights)
    data = dataset(args)
    if data.kind != "grey" or not data.ink:
        raise SystemExit(f"vae_gan: {data.name} holds no grey strokes on white: use --data mnist")
    data = large(data)
    x = to_device(data.train.x, args.device)
    vae, p_vae, seconds = blurred(x, args)
    model, p, log, more_seconds = sharp(x, args)
    shown = pictures_of(vae, p_vae, model, p, data, args)
    found = edits(data.test.x[:DRAWN], np.random.default_rng(args.seed))
    variance = float(np.exp(to_host(log_var(vae, p_vae, x))))
    judged = judge(model, p, found, variance, args)
    numbers: Numbers = {
        "images": images(shown, data, args),
        "edits": {name: row for name, (row, _) in judged.items()},
    }
    numbers["images"]["VAE"]["CPU s"] = seconds
    numbers["images"]["VAE-GAN"]["CPU s"] = more_seconds
    for name, rows in numbers.items():
        print(f"\n{name}\n{table(rows)}\n\n{fill(WORDS[name], 96)}")
    print(f"\n{len(found.kept)} of {min(DRAWN, len(data.test))} digits have a tip with room")
    leave(args, figures(shown, found, judged, log), numbers)
    return numbers


def large(data: Dataset) -> Dataset:
    """Small images threefold and in a frame: 8x8 become 28x28, where an edit has room."""
    if min(data.shape[:2]) >= ROOM:
        return data
    frame = ((0, 0), (2, 2), (2, 2), (0, 0))
    parts: dict[str, Any] = {
        name: replace(part, x=np.pad(part.x.repeat(3, axis=1).repeat(3, axis=2), frame))
        for name, part in data.parts.items()
    }
    return replace(data, **parts)


def blurred(x: Array, args: argparse.Namespace) -> tuple[VAE, Params, int]:
    """The plain VAE, of one learned variance; its weights, and the seconds."""
    rng, start = np.random.default_rng(args.seed), time.process_time()
    vae = conv_vae(tuple(x.shape[1:]), LATENT, CHANNELS, Gaussian(), "one")
    turn = Turn("vae", vae.loss, vae.draw_noise, adam(LR))
    p = to_device(vae.init(rng), args.device)
    done = train(turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, progress=False)
    return vae, done.p, round(time.process_time() - start)


def sharp(x: Array, args: argparse.Namespace) -> tuple[VAEGAN, Params, list[dict[str, Any]], int]:
    """The VAE-GAN, its weights, its log, and the seconds."""
    rng, start = np.random.default_rng(args.seed), time.process_time()
    weights: dict[str, Any] = {"gamma": float(args.gamma), "precision": float(args.precision)}
    model = conv_vae_gan(tuple(x.shape[1:]), LATENT, CHANNELS, **weights)
    game = three_players(model, adam(LR, 0.5), adam(LR, 0.5), adam(D_LR, 0.5))
    p = to_device(model.init(rng), args.device)
    done = train(game, p, x, rng=rng, epochs=args.epochs, batch=BATCH, progress=False)
    return model, done.p, done.log, round(time.process_time() - start)


def log_var(vae: VAE, p: Params, x: Array) -> Array:
    """The logarithm of the one variance that the VAE learnt."""
    return vae.decode(p, vae.encode(p, x[:1])["mean"])["log_var"].reshape(-1)[0]


def pictures_of(
    vae: VAE, p_vae: Params, model: VAEGAN, p: Params, data: Dataset, args: argparse.Namespace
) -> dict[str, dict[str, np.ndarray]]:
    """Who -> samples and reconstructions, on the host; both of means, without a pixel's noise."""
    x = to_device(data.test.x[:DRAWN], args.device)
    rng = np.random.default_rng(args.seed + 1)
    means = vae.likelihood.mean(vae.decode(p_vae, vae.encode(p_vae, x)["mean"]))
    made = {
        "test images": {"samples": x, "reconstructions": x},
        "VAE": {"samples": vae.sample(p_vae, rng, DRAWN, mean=True), "reconstructions": means},
        "VAE-GAN": {"samples": model.sample(p, rng, DRAWN),
                    "reconstructions": model.reconstruct(p, x)},
    }  # fmt: skip
    return {who: {k: to_host(a).clip(0, 1) for k, a in of.items()} for who, of in made.items()}


def images(
    shown: dict[str, dict[str, np.ndarray]], data: Dataset, args: argparse.Namespace
) -> Numbers:
    """Sharpness, squared error, and a classifier's word, of each."""
    truth = shown["test images"]["samples"]
    own = float(sharpness(truth).mean())
    rows: Numbers = {}
    for who, of in shown.items():
        wrong = ((of["reconstructions"] - truth) ** 2).sum(axis=(1, 2, 3))
        rows[who] = {
            f"sharpness, {kind}": relative(sharpness(of[kind]), own)
            for kind in ("samples", "reconstructions")
        }
        rows[who]["squared error"] = metrics.mean_and_error(wrong)
    samples = {who: of["samples"] for who, of in shown.items()}
    said = verdicts(data, samples, args.seed, args.device, 1000 if args.quick else READ)
    return {who: row | said[who] for who, row in rows.items()}


def relative(values: np.ndarray, unit: float) -> tuple[float, float]:
    """Mean and standard error, in units of the data's mean."""
    mean, error = metrics.mean_and_error(values)
    return mean / unit, error / unit


def judge(
    model: VAEGAN, p: Params, found: Edits, variance: float, args: argparse.Namespace
) -> dict[str, tuple[Numbers, np.ndarray]]:
    """Edit -> its row, and D's scores of the edited digits less those of the digits."""

    def on_device(images: np.ndarray) -> Array:
        return to_device(images.astype(np.float32), args.device)

    x, errors = on_device(found.digits), found.squared_errors()
    f, own = to_host(model.see(p, x)), to_host(model.scores(p, x))
    less = {k: to_host(model.scores(p, on_device(found.edited[k]))) - own for k in NAMES}
    pixels, rows = found.digits[0].size, {}
    for name in NAMES:
        moved = ((to_host(model.see(p, on_device(found.edited[name]))) - f) ** 2).sum(axis=1)
        nats = 0.5 * (errors[name] / variance + pixels * np.log(2 * np.pi * variance))
        row: Numbers = {
            "squared error": metrics.mean_and_error(errors[name]),
            "VAE's nats": metrics.mean_and_error(nats),
            "|f - f'|^2": metrics.mean_and_error(moved),
            "D's score, less the digit's": metrics.mean_and_error(less[name]),
        }
        if name != NAMES[0]:
            lower = less[name] < less[NAMES[0]]
            row["scored lower than the longer stroke"] = float(lower.mean())
            row["AUROC"] = float(metrics.auroc(-less[NAMES[0]], -less[name]))
        rows[name] = row, less[name]
    return rows


def figures(
    shown: dict[str, dict[str, np.ndarray]],
    found: Edits,
    judged: dict[str, tuple[Numbers, np.ndarray]],
    log: list[dict[str, Any]],
) -> dict[str, Figure]:
    """Samples, reconstructions, edits, sharpness and verdicts."""
    sheets = {who: plots.tiled(of["samples"][:SHOWN], 6) for who, of in shown.items()}
    rows = [of["reconstructions"][:24] for of in shown.values()]
    return {
        "samples": plots.panels(sheets, "samples, of the models the means of pixels"),
        "reconstructions": plots.reconstructions(
            *rows, title="test images, and below each the VAE's and the VAE-GAN's reconstruction"
        ),
        "edits": plots.reconstructions(
            found.digits[:24], *(found.edited[name][:24] for name in NAMES),
            title="digits, and below each three edits of equal squared error",
        ),
        "told": told(shown, judged, log),
    }  # fmt: skip


def told(
    shown: dict[str, dict[str, np.ndarray]],
    judged: dict[str, tuple[Numbers, np.ndarray]],
    log: list[dict[str, Any]],
) -> Figure:
    """How sharp the samples are, what D says of the edits, and the course of the game."""
    figure = new_figure(11, 3.2)
    left, middle, right = figure.subplots(1, 3)
    for (who, of), colour in zip(shown.items(), LINES, strict=False):
        left.hist(sharpness(of["samples"]), 40, histtype="step", color=colour, label=who)
    dress(left, "sharpness of samples", "S", "images")
    for (name, (_, less)), colour in zip(judged.items(), LINES, strict=False):
        middle.hist(less, 40, histtype="step", color=colour, label=name)
    dress(middle, "D's score of an edit, less the digit's", "logit", "digits")
    epochs = [record["epoch"] for record in log]
    for name, colour in zip(("real", "recovered", "fake"), LINES, strict=False):
        values = [record["train"][f"discriminator.{name}"] for record in log]
        right.plot(epochs, values, color=colour, label=name, marker="o", ms=3)
    dress(right, "share that D tells rightly", "epoch")
    right.set_ylim(0, 1.02)
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
