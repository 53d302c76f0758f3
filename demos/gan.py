"""A GAN learns digits: python demos/gan.py --out runs/gan

Dense nets on MNIST: G 100-600-600-784, D 784-400-200-1 with dropout; fakes are drawn by the running
mean of G's weights.

1 The game: both losses, both gradients' norms, and the share of data and of fakes that D tells,
  over training; beside them the fakes of the same eight draws of noise, as they develop.
2 Saturation: D is trained alone against a G that stands still. What is left of G's gradient, as D
  grows sure, when G is paid log(1 - D), and when it is paid -log D.
3 The fakes in numbers: what a classifier says of them, and the Parzen-window estimate, with its
  warning.

I. Goodfellow et al., arXiv 1406.2661.                     docs/derivations/gan.md
"""

import argparse
from dataclasses import replace
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from dcgan_parts.teaching import READ, verdicts
from matplotlib.figure import Figure

from tinygen import plots, to_device, to_host
from tinygen.adversarial import Minimax, NonSaturating
from tinygen.arrays import Array, Params
from tinygen.data.dataset import Dataset
from tinygen.metrics.parzen import WARNING, parzen
from tinygen.models.gan import GAN
from tinygen.optim import adam, global_norm
from tinygen.plots.style import LINES, dress, new_figure
from tinygen.systems.base import Task
from tinygen.systems.gan import GANOptions, build, game
from tinygen.training import Turn, train

BATCH, SHOWN = 100, 8
STILL = (0, 5, 10, 20, 40, 80, 160)  # steps of D alone, after which G's gradient is looked at
WORDS = {
    "game": "Neither loss need fall: each is measured against a player that moves. Look whether D "
    "stays ahead, and whether G's gradient goes on.",
    "saturation": "Where D is sure that fakes are fakes, log(1 - D) is flat: G hears least when it "
    "is worst. -log D has the same aim, and a slope that stays.",
    "fakes": WARNING + ". A classifier says more: how sure it is of a fake, and how many classes "
    "the fakes fall into.",
}
Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "gan", argv, epochs=60)
    data = dataset(args)
    if len(data.shape) != 3:
        raise SystemExit(f"gan: {data.name} holds no images: use --data mnist")
    x = to_device(data.train.x, args.device)
    options = GANOptions(ema=0.999)
    model = build(options, Task(data.shape))
    log, shots, p = play(model, options, x, args)
    still, curve = saturation(model, x, args)
    numbers: Numbers = {
        "game": told(log),
        "saturation": still,
        "fakes": fakes(model, p, data, x, args),
    }
    for name, rows in numbers.items():
        print(f"\n{name}\n{table(rows)}\n\n{fill(WORDS[name], 96)}")
    figures = {
        "game": courses(log),
        "developing": developing(shots),
        "saturation": curve,
        "samples": plots.sample_grid(model.sample(p, np.random.default_rng(1), 100),
                                     title="fakes of 100 new draws of noise"),
    }  # fmt: skip
    leave(args, figures, numbers)
    return numbers


def play(
    model: GAN, options: GANOptions, x: Array, args: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[int, np.ndarray], Params]:
    """The log of a training, fakes of the same z before some of its epochs, the last weights."""
    rng, shots = np.random.default_rng(args.seed), {}
    z = model.draw_z(np.random.default_rng(9), SHOWN, x)
    shown = {round(e) for e in np.geomspace(1, args.epochs + 1, 8)}
    epoch = 0

    def order(rng: np.random.Generator, p: Params) -> np.ndarray:
        """A permutation; on the way, a look at the weights before the epoch."""
        nonlocal epoch
        if epoch == 0 or epoch + 1 in shown:
            shots[epoch] = to_host(model.sample(p, np.random.default_rng(0), SHOWN, z=z))
        epoch += 1
        return rng.permutation(len(x))

    p = to_device(model.init(rng), args.device)
    done = train(
        game(model, options, 1), p, x, rng=rng, epochs=args.epochs, batch=BATCH, order=order,
        progress=False,
    )  # fmt: skip
    shots[args.epochs] = to_host(model.sample(done.p, np.random.default_rng(0), SHOWN, z=z))
    return done.log, shots, done.p


def told(log: list[dict[str, Any]]) -> Numbers:
    """The terms of the first and of the last epoch."""
    names = {
        "D's loss": "discriminator.loss",
        "G's loss": "generator.loss",
        "data told": "discriminator.real",
        "fakes told": "discriminator.fake",
        "D's gradient": "discriminator.gradient",
        "G's gradient": "generator.gradient",
    }
    rows = {"first epoch": log[0], "last epoch": log[-1]}
    return {
        when: {name: float(record["train"][term]) for name, term in names.items()}
        for when, record in rows.items()
    }


def courses(log: list[dict[str, Any]]) -> Figure:
    """Losses, verdicts and gradients over the epochs."""
    panels = {
        "losses": {"D": "discriminator.loss", "G": "generator.loss"},
        "share that D tells rightly": {"data": "discriminator.real", "fakes": "discriminator.fake"},
        "norm of the gradient": {"D": "discriminator.gradient", "G": "generator.gradient"},
    }
    figure = new_figure(10, 3)
    epochs = [record["epoch"] for record in log]
    for axes, (title, lines) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for (name, term), colour in zip(lines.items(), LINES, strict=False):
            values = [record["train"][term] for record in log]
            axes.plot(epochs, values, color=colour, label=name, marker="o", ms=3)
        dress(axes, title, "epoch")
        axes.legend(frameon=False)
        if title == "losses":
            axes.axhline(np.log(4), color="0.6", ls=":", lw=1)
            axes.text(epochs[0], np.log(4), "log 4: D cannot tell", fontsize=8, va="bottom")
        if title.startswith("share"):
            axes.set_ylim(0, 1.02)
    return figure


def developing(shots: dict[int, np.ndarray]) -> Figure:
    """A row an epoch, a column a draw of noise."""
    title = "the same noise after " + ", ".join(map(str, shots)) + " epochs, from above"
    return plots.sample_grid(np.concatenate(list(shots.values())), SHOWN, title)


def saturation(model: GAN, x: Array, args: argparse.Namespace) -> tuple[Numbers, Figure]:
    """The norm of G's gradient while D alone is trained: by both losses; and how sure D is."""
    rng = np.random.default_rng(args.seed)
    p = to_device(model.init(rng), args.device)
    paid = {"log(1 - D)": Minimax(), "-log D": NonSaturating()}
    noise = {"z": model.draw_z(rng, len(x[:500]), x)}
    rows: Numbers = {}
    turn = Turn("D", model.discriminator_loss, model.draw_noise, adam(2e-4, 0.5), "discriminator")
    state = turn.optimiser.init(turn.own(p))
    for step in range(STILL[-1] + 1):
        if step in STILL:
            found = {
                f"|gradient|, {name}": float(norm(replace(model, objective=objective), p, x, noise))
                for name, objective in paid.items()
            }
            terms = model.discriminator_loss(p, x[:500], noise)[1].terms
            scores, _ = model.discriminator.forward(
                p["discriminator"], model.generator.forward(p["generator"], noise["z"])[0]
            )
            rows[f"{step} steps"] = found | {
                "mean D(fake)": float((1 / (1 + np.exp(-to_host(scores)))).mean()),
                "fakes told": float(terms["fake"]),
            }
        turn.play(p, state, x[rng.permutation(len(x))[:BATCH]], rng)
    figure = new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    D = np.linspace(0.001, 0.999, 400)
    for (name, objective), colour in zip(paid.items(), LINES, strict=False):
        logits = np.log(D / (1 - D))[:, None]
        slope = -objective.generator(logits)[1].dx()[:, 0] * len(D)
        left.plot(D, slope, color=colour, label=name)
        norms = [row[f"|gradient|, {name}"] for row in rows.values()]
        right.semilogy(STILL, norms, color=colour, label=name, marker="o", ms=3)
    dress(left, "pull on a fake's score", "D(G(z))", "-dL / dscore")
    dress(right, "|gradient| of G while D alone learns", "steps of D")
    left.legend(frameon=False), right.legend(frameon=False)
    return rows, figure


def norm(model: GAN, p: Params, x: Array, noise: Params) -> float:
    """Of G's gradient."""
    return global_norm(model.generator_loss(p, x[:500], noise)[1].dp()["generator"])


def fakes(model: GAN, p: Params, data: Dataset, x: Array, args: argparse.Namespace) -> Numbers:
    """A classifier's word and the Parzen estimate, of fakes and of training images."""
    rng, n = np.random.default_rng(args.seed), min(10_000, len(x))
    images = {
        "fakes": model.sample(p, rng, n),
        "training images": x[rng.permutation(len(x))[:n]],
    }
    validation, test = (to_device(part.x, args.device) for part in (data.validation, data.test))
    rows: Numbers = {}
    for name, shown in images.items():
        found = parzen(shown, validation[:1000], test)
        rows[name] = {"Parzen, nats": (found.mean, found.error), "its sigma": found.sigma}
    said = verdicts(data, images, args.seed, args.device, 1000 if args.quick else READ)
    return {name: row | said[name] for name, row in rows.items()}


if __name__ == "__main__":
    main()
