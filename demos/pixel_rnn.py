"""PixelRNN, row against diagonal: python demos/pixel_rnn.py --out runs/pixel_rnn

1 what does a pixel see?                        3 what do they draw?
2 what are the digits worth, at what price?     4 how do they go on from a beginning?

A Row LSTM reads an image row by row, a Diagonal BiLSTM diagonal by diagonal; a PixelCNN with about
as many parameters stands beside them. All see the first 10000 digits of MNIST, halved to 14 x 14
pixels and binarised anew for each batch, for as many steps each. The likelihood is exact: nats an
image, +- standard error over the test images. A few minutes.

van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759.  docs/derivations/pixel_rnn.md
"""

import time
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table

from tinygen import layers, metrics, plots, to_device, to_host, tree
from tinygen.arrays import Array, Params
from tinygen.check import receptive_field
from tinygen.data import binarise
from tinygen.models import PixelCNN, PixelRNN
from tinygen.models.autoregressive import Autoregressive
from tinygen.optim import rmsprop
from tinygen.schedules import exponential
from tinygen.training import Turn, train

SEEN, TESTED, BATCH = 10_000, 2000, 16
KNOWN = 0.5  # of the rows of an image that is completed
DRAWN = 16


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Look at the contexts, train three models, measure and draw. Returns the numbers."""
    args = arguments(__doc__, "pixel_rnn", argv, epochs=4)
    data = dataset(args)
    if data.kind != "grey" or data.shape[2] != 1:
        raise SystemExit(
            f"pixel_rnn: {data.name} holds {data.kind}; expected grey images: --data mnist"
        )
    rng = np.random.default_rng(args.seed)
    x = to_device(halved(data.train.x[:SEEN]), args.device)
    test = binarise(rng, to_device(halved(data.test.x[:TESTED]), args.device))
    models = nets(x.shape[1:], args.quick)

    figures: dict[str, Any] = {}
    figures["contexts"], shares = contexts(models, rng, x.shape[1:])
    print(f"1. What does a pixel see?\n\n{table(shares)}", flush=True)

    rows, drawn, completed = {}, {}, {}
    known = int(KNOWN * x.shape[1]) * x.shape[2]
    for name, model in models.items():
        started = time.perf_counter()
        p = trained(model, x, args)
        epoch = (time.perf_counter() - started) / args.epochs
        log_p = model.log_prob(p, test)[0].astype(np.float64)
        started = time.perf_counter()
        drawn[name] = model.sample(p, rng, DRAWN)
        seconds = time.perf_counter() - started
        completed[name] = model.complete(p, rng, test[:DRAWN], known)
        rows[name] = {
            "-log p(x), nats": metrics.mean_and_error(-log_p),
            "parameters": tree.count(p),
            "seconds an epoch": epoch,
            "steps one after another": sequential(model),
            f"seconds for {DRAWN} drawn": seconds,
        }
    alone = independent(to_host(x), to_host(test))
    rows["pixels by themselves"] = {"-log p(x), nats": metrics.mean_and_error(alone)}
    print(f"\n2. What are the digits worth, at what price?\n\n{table(rows)}")

    figures["samples"] = plots.panels(
        {
            name: plots.tiled(to_host(images), 4)
            for name, images in {"test images": test[:DRAWN], **drawn}.items()
        }
    )
    begun = to_host(test[:DRAWN]).copy()
    begun.reshape(DRAWN, -1)[:, known:] = 0.25  # not known: a light grey
    parts = [to_host(test[:DRAWN]), begun, *map(to_host, completed.values())]
    title = "from above: test images; what is shown; completed by " + ", ".join(completed)
    figures["completions"] = plots.reconstructions(*parts, columns=8, title=title)
    differ = {
        name: {"pixels unlike the test image's": unlike(images, test[:DRAWN])}
        for name, images in completed.items()
    }
    print("\n3. What do they draw?\n\nsamples.png, beside test images")
    print(f"\n4. How do they go on from a beginning?\n\n{table(differ)}")
    numbers = {"contexts": shares, "likelihood": rows, "completions": differ}
    leave(args, figures, numbers)
    return numbers


def nets(shape: tuple[int, ...], quick: bool) -> dict[str, Autoregressive]:
    """Three models of about 18000 parameters."""
    deep = 1 if quick else 2
    return {
        "PixelCNN": PixelCNN(shape, 32, 1 if quick else 4),
        "Row LSTM": PixelRNN(shape, 16, deep, "row"),
        "Diagonal BiLSTM": PixelRNN(shape, 16, deep, "diagonal"),
    }


def trained(model: Autoregressive, x: Array, args: Any) -> Params:
    """The weights after the epochs asked for: RMSProp, a step size that falls to a tenth."""
    steps = args.epochs * len(x) // BATCH
    rule = rmsprop(exponential(2e-3, 0.1 ** (1 / steps)))
    rng = np.random.default_rng(args.seed)
    p = to_device(model.init(rng), args.device)
    turn = Turn("model", model.loss, model.draw_noise, rule)
    return train(turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, transform=binarise).p


def contexts(
    models: dict[str, Autoregressive], rng: np.random.Generator, shape: tuple[int, ...]
) -> tuple[Any, dict[str, dict[str, float]]]:
    """What one layer, and a whole model, sees of an image; and the share of the past that it is."""
    H, W, _ = shape
    place = (round(0.7 * H), W // 2)
    x = (rng.random((3, H, W, 1)) < 0.5).astype(np.float64)
    asked: dict[str, Any] = {
        "one Row LSTM": layers.RowLSTM(1, 4),
        "one Diagonal BiLSTM": layers.DiagonalBiLSTM(1, 4),
        **{f"the whole model, {name}": model for name, model in models.items()},
    }
    fields: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {}
    shares = {}
    for name, net in asked.items():
        f = net if isinstance(net, layers.Layer) else net.conditionals
        sees = receptive_field(f, net.init(rng, np.float64), x, place)
        sees[place] &= f is not net  # mask B shows a layer its own pixel: only the past is told
        fields[name] = sees, place
        shares[name] = {
            "share of the past that is seen": float(sees.sum() / (place[0] * W + place[1]))
        }
    return plots.receptive_fields(fields), shares


def halved(x: np.ndarray) -> np.ndarray:
    """Large images (N, H, W, 1) at half their size: each pixel the mean of four."""
    N, H, W, _ = x.shape
    if min(H, W) < 20:
        return x
    return x[:, : H - H % 2, : W - W % 2].reshape(N, H // 2, 2, W // 2, 2, 1).mean(axis=(2, 4))


def sequential(model: Any) -> int:
    """How many steps of one forward pass wait for one another, layers aside."""
    H, W, _ = model.shape
    if isinstance(model, PixelCNN):
        return 1
    return H if model.lstm == "row" else H + W - 1


def independent(grey: np.ndarray, x: np.ndarray) -> np.ndarray:
    """-log p(x) (N,) of the model that knows only how dark each pixel is on average."""
    on = (grey.sum(axis=0) + 1) / (len(grey) + 2)  # Laplace's rule: no pixel is certain
    nll = -(x * np.log(on) + (1 - x) * np.log(1 - on))
    return nll.reshape(len(x), -1).sum(axis=1).astype(np.float64)


def unlike(a: Array, b: Array) -> float:
    """In how many pixels two images differ, on average."""
    return float((to_host(a) != to_host(b)).reshape(len(a), -1).sum(axis=1).mean())


if __name__ == "__main__":
    main()
