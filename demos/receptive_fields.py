"""What a pixel sees: python demos/receptive_fields.py --out runs/receptive_fields

1 which pixels of the past does each model see?   3 what does a label add?
2 what does a blind spot cost, in nats?

The first question is answered by exact gradients, for PixelCNN and Gated PixelCNN of equal reach.
For the second, pictures are made in which each pixel copies one that lies in the blind spot, so
that their entropy is known; both models are trained on them. For the third, Gated PixelCNN is
trained on the first 10000 images of MNIST, halved to 14 x 14 pixels and binarised anew for each
batch, and told the class.

van den Oord et al. 2016, arXiv 1606.05328.                docs/derivations/gated_pixelcnn.md
"""

from typing import Any

import numpy as np
from common import arguments, dataset, leave, table

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params, device_of
from tinygen.check import receptive_field
from tinygen.check.receptive_field import REGIONS, regions
from tinygen.data import binarise
from tinygen.kernels.elementwise import log_sum_exp
from tinygen.likelihoods import Bernoulli
from tinygen.models import GatedPixelCNN, PixelCNN
from tinygen.models.autoregressive import Autoregressive
from tinygen.optim import adam
from tinygen.schedules import exponential
from tinygen.training import Turn, train

SIZE, PLACE, REACH = 15, (11, 7), (2, 4, 6)  # of the pictures of what is seen
COPIED, FROM, FLIPPED = 8, (1, 2), 0.05  # x[i, j] copies x[i - 1, j + 2], but for 5 in 100
SEEN, BATCH, EACH, JUDGED = 10_000, 32, 10, 1000


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Look, train, measure, draw. Returns the numbers."""
    args = arguments(__doc__, "receptive_fields", argv, epochs=20)
    data = dataset(args)
    if data.kind != "grey" or data.shape[2] != 1 or not data.classes:
        raise SystemExit(
            f"receptive_fields: {data.name} holds {data.kind}; expected grey images with classes: "
            "--data mnist"
        )
    rng = np.random.default_rng(args.seed)

    figures: dict[str, Any] = {}
    seen: dict[str, dict[str, Any]] = {}
    for reach in REACH:
        fields: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {
            name: (sees, PLACE) for name, sees in both_fields(reach, np.random.default_rng(0))
        }
        title = f"reach {reach}: what the ringed pixel sees"
        figures[f"reach_{reach}"] = plots.receptive_fields(fields, title)
        seen[f"reach {reach}"] = {
            f"{name}, {region}": int((regions(sees, PLACE) == REGIONS.index(region)).sum())
            for name, (sees, _) in fields.items()
            for region in ("seen", "blind spot")
        }
    print(f"1. Which pixels of the past are seen? Of {SIZE} x {SIZE}, places\n\n{table(seen)}")

    costs, figures["copies"] = copies(args, rng)
    print(f"\n2. What does a blind spot cost? Copied pictures\n\n{table(costs)}", flush=True)

    told, figures["classes"] = classes(args, data, rng)
    print("\n3. What does a label add?\n")
    for name, value in told.items():
        print(f"{name:<56}{value:10.3f}")
    numbers = {"places": seen, "copies": costs, "classes": told}
    leave(args, figures, numbers)
    return numbers


def both_fields(reach: int, rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    """(name, what the output at PLACE sees), of both models with 3 x 3 kernels throughout."""
    shape, grey = (SIZE, SIZE, 1), Bernoulli(grey=True)
    models = {
        "PixelCNN": PixelCNN(shape, 8, reach - 1, 4, 3, likelihood=grey),
        "Gated PixelCNN": GatedPixelCNN(shape, 2, reach, 3, 4, first=3, likelihood=grey),
    }
    found = []
    for name, model in models.items():
        p, x = model.init(rng, np.float64), rng.random((4, *shape))
        found.append((name, receptive_field(model.conditionals, p, x, PLACE)))
    return found


def copying(rng: np.random.Generator, n: int) -> np.ndarray:
    """n images (n, 8, 8, 1): a pixel is free where its source lies outside, a copy elsewhere."""
    x = (rng.random((n, COPIED, COPIED, 1)) < 0.5).astype(np.float32)
    up, right = FROM
    for i in range(up, COPIED):
        source = x[:, i - up, right:]
        flip = rng.random(source.shape) < FLIPPED
        x[:, i, : COPIED - right] = np.where(flip, 1 - source, source)
    return x


def entropy() -> float:
    """Of `copying`, in nats: log 2 for a free pixel, that of a coin of 5 in 100 for a copy."""
    copies = (COPIED - FROM[0]) * (COPIED - FROM[1])
    coin = -FLIPPED * np.log(FLIPPED) - (1 - FLIPPED) * np.log(1 - FLIPPED)
    return float((COPIED**2 - copies) * np.log(2) + copies * coin)


def copies(args: Any, rng: np.random.Generator) -> tuple[dict[str, dict[str, Any]], Any]:
    """Both models on copied pictures: nats beside the entropy, and a map of where they are paid."""
    n, epochs = (500, 1) if args.quick else (8000, 10)
    x, test = (to_device(copying(rng, m), args.device) for m in (n, 2000))
    shape = (COPIED, COPIED, 1)
    models: dict[str, Autoregressive] = {
        "PixelCNN": PixelCNN(shape, 16, 4, 16, 3),
        "Gated PixelCNN": GatedPixelCNN(shape, 8, 4, 3, 16, first=3),
    }
    rows: dict[str, dict[str, Any]] = {}
    maps = {}
    for name, model in models.items():
        p = fitted(model, x, None, epochs, args, rng)
        log_p = model.log_prob(p, test)[0].astype(np.float64)
        rows[name] = {"-log p(x), nats": metrics.mean_and_error(-log_p)}
        logits = model.conditionals(p, test)[0]
        wrong = (2 * test - 1) * logits  # -log p of a pixel is softplus(-wrong)
        maps[name] = to_host(np.logaddexp(0, -to_host(wrong)).mean(axis=0)[None] / np.log(2))
    rows["entropy of the pictures"] = {"-log p(x), nats": entropy()}
    rows["pixels by themselves"] = {"-log p(x), nats": COPIED**2 * np.log(2)}
    sheets = {f"{name}: bits paid a pixel": plots.tiled(m, 1) for name, m in maps.items()}
    pictures = {"pictures whose pixels copy one": plots.tiled(to_host(test[:9]), 3)}
    figure = plots.panels(pictures | sheets)
    figure.colorbar(figure.axes[-1].images[0], ax=figure.axes, shrink=0.8, label="bits")
    return rows, figure


def classes(args: Any, data: Any, rng: np.random.Generator) -> tuple[dict[str, float], Any]:
    """A model that is told the class: nats with and without it, who it says a digit is, draws."""
    K = len(data.classes)
    train_x, test_x = (halved(part.x[:n]) for part, n in ((data.train, SEEN), (data.test, JUDGED)))
    model = GatedPixelCNN(train_x.shape[1:], 16, 2 if args.quick else 6, classes=K)
    x, y = (to_device(a, args.device) for a in (train_x, data.train.labels[:SEEN]))
    p = fitted(model, x, y, args.epochs, args, rng, transform=of_both)
    judged = 50 if args.quick else JUDGED
    test = binarise(rng, to_device(test_x[:judged], args.device))
    label = to_host(data.test.labels[:judged]).astype(int)
    each = by_class(model, p, test)  #                                    (N, K)
    told = each[np.arange(len(each)), label]
    alone = log_sum_exp(each) - np.log(K)  # p(x) = mean_y p(x|y), y uniform
    numbers = {
        "-log p(x|y), nats": float(-told.mean()),
        "-log p(x), nats, by the mean over y": float(-alone.mean()),
        "what the label is worth, nats (log 10 = 2.303 at most)": float((told - alone).mean()),
        "share of digits whose own class is likeliest": float(
            (each.argmax(axis=1) == label).mean()
        ),
    }
    draws = model.sample(p, rng, K * EACH, labels(np.repeat(np.arange(K), EACH), args.device))
    return numbers, plots.sample_grid(to_host(draws), EACH, "a row a class: x ~ p(x|y)")


def halved(x: np.ndarray) -> np.ndarray:
    """Large images (N, H, W, 1) at half their size: each pixel the mean of four."""
    N, H, W, _ = x.shape
    if min(H, W) < 20:
        return x
    return x[:, : H - H % 2, : W - W % 2].reshape(N, H // 2, 2, W // 2, 2, 1).mean(axis=(2, 4))


def by_class(model: GatedPixelCNN, p: Params, x: Array) -> np.ndarray:
    """log p(x|y) of every example and class (N, K)."""
    ones = np.ones(len(x), np.int64)
    given = [labels(y * ones, x) for y in range(model.classes)]
    return np.stack([to_host(model.log_prob(p, (x, y))[0]) for y in given], axis=1)


def labels(y: np.ndarray, like: Any) -> Array:
    """Labels on the device of an array, or of that name."""
    return to_device(y, like if isinstance(like, str) else device_of(like))


def of_both(rng: np.random.Generator, batch: tuple[Array, Array]) -> tuple[Array, Array]:
    """(x, y) with x binarised anew."""
    return binarise(rng, batch[0]), batch[1]


def fitted(
    model: Autoregressive,
    x: Array,
    y: Array | None,
    epochs: int,
    args: Any,
    rng: np.random.Generator,
    **more: Any,
) -> Params:
    """Parameters after `epochs` of Adam with a falling step size."""
    steps = epochs * max(len(x) // BATCH, 1)
    rule = adam(exponential(2e-3, 0.1 ** (1 / steps)))  # a tenth at the end
    done = train(
        Turn(type(model).__name__, model.loss, model.draw_noise, rule),
        to_device(model.init(rng), args.device),
        x if y is None else (x, y),
        rng=rng,
        epochs=epochs,
        batch=BATCH,
        **more,
    )
    return done.p


if __name__ == "__main__":
    main()
