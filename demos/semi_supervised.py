"""What other examples are worth: python demos/semi_supervised.py --out runs/semi_supervised_demo

A classifier that knows six points of two moons draws a line between them, and misses. A
semi-supervised VAE, M2, sees all the other points too, without their labels: they show where the
moons lie, and the six say which is which. The same classifier q(y|x), a part of it, then follows
the moons.

On images the same is done in two stages: a VAE, M1, learns codes without labels, and M2 has these
codes for its data. Test error with 100 labels, beside the same classifier on the labels alone.

D. P. Kingma, D. J. Rezende, S. Mohamed and M. Welling, arXiv 1406.5298; their recipe at length:
benchmarks/m1_m2.py.  docs/derivations/semi_supervised.md
"""

import argparse
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from matplotlib.figure import Figure

from tinygen import plots, to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.data import binarise, load
from tinygen.data.dataset import Dataset
from tinygen.data.few_labels import few_labels
from tinygen.layers import Tanh
from tinygen.likelihoods import Gaussian
from tinygen.models.classifier import Classifier
from tinygen.models.labels import NONE, stratified_order
from tinygen.models.m1_m2 import M1M2, draw_codes, informative, pruned
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.models.vae import dense_vae
from tinygen.optim import adam
from tinygen.plots.style import LINES, dress, new_figure
from tinygen.training import Turn, train

BATCH, LABELLED = 100, 5  # examples a step, of which so many have a label
MOON_LABELS, MOON_EPOCHS = 6, 40
M1_HIDDEN, M1_LATENT, M2_HIDDEN, M2_LATENT = (400, 400), 30, 300, 20
SHOWN = 8  # styles in the picture

WORDS = (
    "The same classifier, on the labelled examples alone and as a part of M2, which sees the "
    "others too. Six labels draw a line through the moons; with the other points the border "
    "runs between them. On images M2 on the codes of M1 errs less, too; in the picture a digit's "
    "style is kept, and where a class is taken for another, as 8 for 5, it is drawn so."
)

Numbers = dict[str, Any]


@dataclass
class Few:
    """Examples of which few have a label, -1 for the others; and test examples with theirs."""

    x: Any
    seen: np.ndarray
    test: Array
    truth: np.ndarray
    classes: int

    @property
    def known(self) -> np.ndarray:
        """The rows with a label."""
        return np.flatnonzero(self.seen >= 0)


def main(argv: list[str] | None = None) -> Numbers:
    """Points, then images. Returns the numbers."""
    args = arguments(
        __doc__, "semi_supervised_demo", argv, epochs=15, more={"labels": (100, "of the images")}
    )
    images = dataset(args)
    if images.train.labels is None or images.kind != "grey":
        raise SystemExit(f"semi_supervised: {images.name} holds no grey images with labels")
    points, picture = two_moons(args)
    title = f"{images.name}, {args.labels} labels"
    rows, analogies = two_stages(args, images)
    numbers = {"two moons": points, title: rows}
    print(f"{fill(WORDS, 96)}\n\ntest error, per cent")
    print(table(numbers))
    leave(args, {"moons": picture, "analogies": analogies}, numbers)
    return numbers


def two_moons(args: argparse.Namespace) -> tuple[Numbers, Figure]:
    """M2 on 2-D points."""
    data, rng, n = load("moons"), np.random.default_rng(args.seed), 1000 if args.quick else 3000
    centre, spread = data.train.x.mean(axis=0), data.train.x.std(axis=0)
    x, test = ((part.x - centre) / spread for part in (data.train, data.test))
    x = x[:n].astype(np.float32)
    assert data.train.labels is not None and data.test.labels is not None
    seen = few(rng, data.train.labels[:n], MOON_LABELS, 2)
    job = Few(x, seen, test.astype(np.float32), data.test.labels, 2)
    share = MOON_LABELS / n
    model = dense_semi_supervised_vae(2, (32, 32), 1, 2, share, 1.0, Gaussian(), "one", Tanh())
    alone = labels_alone(args, model, job)
    p = fit(args, model, job, MOON_EPOCHS, lr=2e-2)
    error = {
        "the labels alone": wrong(Classifier(model.classifier, 2).predict(alone, job.test), job),
        "with the others": wrong(model.predict(p, job.test), job),
    }
    return error, regions(
        model, {"the labels alone": alone, "with the others": p["classifier"]}, job
    )


def two_stages(args: argparse.Namespace, data: Dataset) -> tuple[Numbers, Figure]:
    """M1 on images without labels, M2 on its codes with few."""
    rng = np.random.default_rng(args.seed)
    assert data.train.labels is not None and data.test.labels is not None
    grey, classes = to_device(data.train.x, args.device), len(data.classes)
    m1 = dense_vae(data.shape, M1_HIDDEN, M1_LATENT)
    turn = Turn("M1", m1.loss, m1.draw_noise, adam(1e-3))
    p1 = train(
        turn, to_device(m1.init(rng), args.device), grey, rng=rng, epochs=args.epochs,
        batch=BATCH, transform=binarise,
    ).p  # fmt: skip
    kept = informative(m1.encode(p1, grey[:1000])["mean"], above=0.0 if args.quick else 0.1)
    m1, p1 = dense_vae(data.shape, M1_HIDDEN, len(kept)), pruned(p1, kept)

    seen = few(rng, data.train.labels, args.labels, classes)
    share = args.labels / len(seen)
    m2 = dense_semi_supervised_vae(len(kept), M2_HIDDEN, M2_LATENT, classes, share, 0.1, Gaussian())
    model = M1M2(m1, m2)
    codes = encoded(m1, p1, grey)
    test = encoded(m1, p1, to_device(data.test.x, args.device))["mean"]
    job = Few((codes["mean"], codes["log_var"]), seen, test, data.test.labels, classes)
    alone = labels_alone(args, m2, job)
    p = {"m1": p1, "m2": fit(args, m2, job, args.epochs, lr=6e-3)}
    error = {
        "the labels alone": wrong(Classifier(m2.classifier, classes).predict(alone, test), job),
        "with the others": wrong(m2.predict(p["m2"], test), job),
    }
    first = np.array([np.flatnonzero(job.truth == k)[0] for k in range(classes)[:SHOWN]])
    x, y = to_device((data.test.x[first], job.truth[first]), args.device)
    sheet = np.concatenate([to_host(x)[:, None], to_host(model.analogies(p, (x, y)))], axis=1)
    title = f"analogies of M1+M2, from {args.labels} labels: a test digit, its style in every class"
    picture = plots.sample_grid(sheet.reshape(-1, *data.shape), columns=sheet.shape[1], title=title)
    return error, picture


def few(rng: np.random.Generator, labels: np.ndarray, n: int, classes: int) -> np.ndarray:
    """The labels of n examples, balanced over the classes; -1 for all others."""
    seen, chosen = np.full(len(labels), NONE), few_labels(rng, labels, n, classes)
    seen[chosen] = labels[chosen]
    return seen


def fit(
    args: argparse.Namespace, model: SemiSupervisedVAE, job: Few, epochs: int, lr: float
) -> Params:
    """M2 on all examples; codes, given as (mean, log_var), are drawn anew at each step."""
    rng = np.random.default_rng(args.seed)
    coded = isinstance(job.x, tuple)
    batch = (*job.x, job.seen) if coded else (job.x, job.seen)
    turn = Turn("M2", model.loss, model.draw_noise, adam(lr))
    return train(
        turn, to_device(model.init(rng), args.device), to_device(batch, args.device), rng=rng,
        epochs=epochs, batch=BATCH, transform=draw_codes if coded else None,
        order=stratified_order(job.seen, BATCH, job.classes, LABELLED),
    ).p  # fmt: skip


def labels_alone(args: argparse.Namespace, model: SemiSupervisedVAE, job: Few) -> Params:
    """The classifier of M2, trained on the labelled examples and nothing else."""
    rng = np.random.default_rng(args.seed)
    classifier = Classifier(model.classifier, job.classes)
    coded = isinstance(job.x, tuple)
    parts = job.x if coded else (job.x,)
    rows = (*(a[namespace(a).asarray(job.known)] for a in parts), job.seen[job.known])
    turn = Turn("alone", classifier.loss, classifier.draw_noise, adam(1e-3))
    return train(
        turn, to_device(classifier.init(rng), args.device), to_device(rows, args.device), rng=rng,
        steps=1000 if not args.quick else 200, batch=BATCH,
        transform=draw_codes if coded else None, progress=False,
    ).p  # fmt: skip


def encoded(m1: Any, p: Params, x: Array) -> Params:
    """q(z1|x) of all images."""
    parts = [m1.encode(p, x[i : i + 1000]) for i in range(0, len(x), 1000)]
    return {k: namespace(x).concatenate([q[k] for q in parts]) for k in ("mean", "log_var")}


def wrong(predicted: Array, job: Few) -> tuple[float, float]:
    """The share of wrong predictions and its standard error, in per cent."""
    errors = to_host(predicted) != job.truth
    return 100 * float(errors.mean()), 100 * float(errors.std() / np.sqrt(len(errors)))


def regions(model: SemiSupervisedVAE, weights: dict[str, Params], job: Few) -> Figure:
    """q(y = 1|x) over the plane, by the classifier alone and as a part of M2."""
    side = np.linspace(-2.5, 2.5, 120, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    figure = new_figure(9, 4.8)
    for ax, (name, p) in zip(figure.subplots(1, 2), weights.items(), strict=True):
        logits = to_host(model.classifier.forward(p, to_device(grid))[0])
        share = 0.5 + 0.5 * np.tanh(0.5 * (logits[:, 1] - logits[:, 0]))  # no exp overflows
        look: Numbers = {"cmap": "coolwarm", "alpha": 0.5, "vmin": 0, "vmax": 1}
        ax.pcolormesh(side, side, share.reshape(120, 120), shading="nearest", **look)
        ax.scatter(*job.x[:600].T, s=4, color="black", alpha=0.5, linewidths=0)
        for k, colour in enumerate(LINES[:2]):
            own = job.known[job.seen[job.known] == k]
            ax.scatter(*job.x[own].T, s=70, color=colour, edgecolor="black", label=f"y = {k}")
        dress(ax, f"{name}: q(y = 1|x)")
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
    ax.legend(frameon=True, loc="upper right")
    return figure


if __name__ == "__main__":
    main()
