"""One style in every class: python demos/conditional_vae.py --out runs/conditional_vae

A conditional VAE is told which digit it sees, so its code z need not say so: it holds the rest, the
style. Take z from a real digit, decode it with all ten labels: the hand stays, the digit changes.

Three questions are answered in numbers. Is the label obeyed, as a classifier reads it? Is the
style kept: do slant and ink of the example come back in digits of other classes? And is p(x|y) a
better account of x than p(x), a VAE's of the same size?

D. P. Kingma, D. J. Rezende, S. Mohamed and M. Welling, arXiv 1406.5298, figure 1.
docs/derivations/conditional_vae.md
"""

from textwrap import fill
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from matplotlib.figure import Figure

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data import binarise
from tinygen.models.classifier import Classifier, dense_classifier
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.models.vae import dense_vae
from tinygen.optim import adam
from tinygen.training import Turn, train

HIDDEN, LATENT, BATCH = (400, 400), 8, 128  # a larger code takes the class in too
STYLED = 500  # test images whose style is drawn in every class, for the numbers
SHOWN, SIDE = 10, 7  # styles in the picture; a side of each class's plane

WORDS = (
    "Each row of the picture is one style in ten classes. The label is nearly always obeyed, and "
    "slant and ink of the example come back in the other classes; of a code drawn from the prior "
    "nothing does."
)

Numbers = dict[str, Any]


def main(argv: list[str] | None = None) -> Numbers:
    """Train, draw, measure. Returns the numbers."""
    args = arguments(__doc__, "conditional_vae", argv)
    data = dataset(args)
    if data.train.labels is None or data.kind != "grey":
        raise SystemExit(f"conditional_vae: {data.name} holds no grey images with labels")
    classes, rng = len(data.classes), np.random.default_rng(args.seed)
    labelled = to_device((data.train.x, data.train.labels), args.device)
    seen = (binarise(rng, data.test.x), data.test.labels)
    test = to_device(seen, args.device)
    shape = data.shape

    model = dense_conditional_vae(shape, HIDDEN, LATENT, classes)
    p = fit(model, labelled, args, "p(x|y)")
    plain = dense_vae(shape, HIDDEN, LATENT)
    p_plain = fit(plain, labelled[0], args, "p(x)")
    reader = dense_classifier(shape, HIDDEN, classes)
    p_reader = fit(reader, labelled, args, "the reader")
    plane = dense_conditional_vae(shape, HIDDEN, 2, classes)
    p_plane = fit(plane, labelled, args, "two latents")

    few = tuple(a[:STYLED] for a in test)
    elbo, elbo_plain = (
        metrics.mean_and_error(-m.elbo(w, x, m.draw_noise(rng, x)))
        for m, w, x in ((model, p, test), (plain, p_plain, test[0]))
    )
    numbers: Numbers = {
        "minus ELBO": {"conditional VAE, of p(x|y)": elbo, "VAE, of p(x)": elbo_plain},
        "styles": styles(model, p, few, reader, p_reader, rng),
        "reader's error on test images": 1 - reader.accuracy(p_reader, *test),
    }
    print(table({name: {"nats": v} for name, v in numbers["minus ELBO"].items()}))
    print(
        f"log p(x|y) - log p(x) of the data's own densities is log {classes} = "
        f"{np.log(classes):.2f} nats at most, on average; the rest is room in a small code\n"
    )
    print(f"{fill(WORDS, 96)}\n\n{table(numbers['styles'])}")
    figures = {
        "analogies": analogies(model, p, few),
        "planes": planes(plane, p_plane, classes, args.device),
    }
    leave(args, figures, numbers)
    return numbers


def fit(model: Any, x: Any, args: Any, name: str) -> Params:
    """The weights after the last epoch; pixels drawn anew each time."""
    rng = np.random.default_rng(args.seed)
    turn = Turn(name, model.loss, model.draw_noise, adam(1e-3))

    def drawn(rng: np.random.Generator, batch: Any) -> Any:
        return (
            (binarise(rng, batch[0]), batch[1])
            if isinstance(batch, tuple)
            else binarise(rng, batch)
        )

    return train(
        turn, to_device(model.init(rng), args.device), x, rng=rng, epochs=args.epochs,
        batch=BATCH, transform=drawn,
    ).p  # fmt: skip


def styles(
    model: ConditionalVAE,
    p: Params,
    batch: tuple[Array, Array],
    reader: Classifier,
    p_reader: Params,
    rng: np.random.Generator,
) -> Numbers:
    """Of analogies, and of as many digits whose style is drawn from the prior.

    "label obeyed"  : the share that the reader takes for the class that was asked for
    "slant", "ink"  : how much of the example's comes back, as the correlation over examples, a mean
                      over the other classes
    """
    x, y = batch
    n, k = len(x), model.classes
    every = np.tile(np.arange(k), n)
    drawn = {
        "z of the example": model.analogies(p, batch),
        "z from the prior": model.sample(p, rng, every, mean=True).reshape(n, k, *x.shape[1:]),
    }
    other = to_host(y)[:, None] != np.arange(k)  # (N, K)
    rows = {}
    for name, images in drawn.items():
        flat = images.reshape(n * k, *x.shape[1:])
        read = to_host(reader.predict(p_reader, flat))
        row: Numbers = {"label obeyed": float((read == every).mean())}
        for word, measure in (("slant", slant), ("ink", ink)):
            own, theirs = measure(to_host(x)), measure(to_host(flat)).reshape(n, k)
            found = [
                np.corrcoef(own[o], t[o])[0, 1] for t, o in zip(theirs.T, other.T, strict=True)
            ]
            row[f"{word} kept"] = float(np.mean(found))
        rows[name] = row
    return rows


def ink(x: np.ndarray) -> np.ndarray:
    """The sum of the pixels (N,)."""
    return x.sum(axis=(1, 2, 3), dtype=np.float64)


def slant(x: np.ndarray) -> np.ndarray:
    """How far a digit leans to the right, (N,): the slope of its columns' mean over the rows."""
    weight = x.sum(axis=3, dtype=np.float64)
    total = weight.sum(axis=(1, 2)) + 1e-9
    rows, columns = (np.arange(size, dtype=np.float64) for size in weight.shape[1:])
    row = (weight.sum(axis=2) @ rows) / total
    column = (weight.sum(axis=1) @ columns) / total
    r, c = rows[None] - row[:, None], columns[None] - column[:, None]
    spread = (weight.sum(axis=2) * r**2).sum(axis=1) + 1e-9
    return -np.einsum("nhw,nh,nw->n", weight, r, c) / spread


def analogies(model: ConditionalVAE, p: Params, batch: tuple[Array, Array]) -> Figure:
    """Test digits, one of each class, and their style in every class."""
    x, y = to_host(batch)
    first = np.array([np.flatnonzero(y == k)[0] for k in np.unique(y)[:SHOWN]])
    drawn = to_host(model.analogies(p, tuple(a[first] for a in batch)))
    sheet = np.concatenate([x[first][:, None], drawn], axis=1)  # (N, 1 + K, H, W, 1)
    title = "left: a test digit; beside it its style, z = E q(z|x,y), in every class"
    return plots.sample_grid(sheet.reshape(-1, *x.shape[1:]), columns=sheet.shape[1], title=title)


def planes(model: ConditionalVAE, p: Params, classes: int, device: str) -> Figure:
    """Of two latents, each class's plane: the same place is the same style."""

    def decode(k: int) -> Any:
        label = np.full(SIDE * SIDE, k)
        return lambda z: model.likelihood.mean(model.decode(p, to_device(z, device), label))

    sheets = [plots.manifold_sheet(decode(k), SIDE) for k in range(classes)]
    half = classes // 2
    pairs = {  # two a column
        f"y = {k}, below it {k + half}": np.concatenate(
            [sheets[k], gap(sheets[k]), sheets[k + half]]
        )
        for k in range(half)
    }
    title = "two latent dimensions, decoded for each label: a place is a style"
    return plots.panels(pairs, title)


def gap(sheet: np.ndarray) -> np.ndarray:
    """Some empty rows of the width of a sheet."""
    return np.zeros((6, *sheet.shape[1:]))


if __name__ == "__main__":
    main()
