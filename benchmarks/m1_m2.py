"""M1+M2 on MNIST with few labels: test error beside that of the same classifier on them alone.

    python benchmarks/m1_m2.py                        # 100 labels, 3 seeds, for a CPU
    python benchmarks/m1_m2.py --full --device cuda   # 100, 600, 1000, 3000 labels

M1 is a VAE 784-500-500-[50], softplus, Bernoulli pixels drawn anew from the grey levels. M2 has
its codes for data, those dimensions whose mean varies by a std above 0.1; they are drawn anew from
q(z1|x) at each step. One hidden layer, 300 wide at 100 labels, else 500; z2 of 50; alpha = 0.1;
50000 training images, labels balanced over the classes and drawn by the seed. Test images are
classed by the means of q(z1|x) of their grey levels. Weights after the last epoch: no image
besides those of the training part is looked at before the test.

--full is the recipe of the authors' code, github.com/dpkingma/nips14-ssl: Adam at 3e-4, a normal
prior on the weights, 3000 epochs of 100 batches (200 above 100 labels). The default is a part of
it for a CPU, with larger steps and smaller batches; its numbers stand in RESULTS.md.

A folder keeps M1, each M2 and the results: the same command goes on where it was stopped. `--only
m1` and `--seed 1` do a part.

D. P. Kingma, D. J. Rezende, S. Mohamed and M. Welling, NIPS 2014, arXiv 1406.5298, table 1.

NOTE: theirs start all weights at N(0, 0.001^2), their Adam does not correct its bias, their batches
are fixed once, and their M1, which they share among the seeds, has 500 epochs of patience. Here
weights are Glorot's, batches are drawn anew each epoch, and M1, shared too, has --m1-epochs.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import RESULTS, keep, known

from tinygen import resolve_device, to_device, to_host
from tinygen.arrays import Array, Params, namespace
from tinygen.data import binarise, load
from tinygen.data.few_labels import few_labels
from tinygen.layers import Softplus
from tinygen.likelihoods import Gaussian
from tinygen.models.classifier import Classifier
from tinygen.models.labels import NONE, stratified_order
from tinygen.models.m1_m2 import draw_codes, informative
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.schedules import cosine
from tinygen.training import Turn, train

PUBLISHED = {100: "3.33 +- 0.14", 600: "2.59 +- 0.05", 1000: "2.40 +- 0.02", 3000: "2.18 +- 0.04"}
CLASSES, LATENT = 10, 50
ALONE = 1000  # steps of the classifier on the labels alone, all of them (at most 100) at once
Coded = tuple[Array, Array, np.ndarray]  # means and log-variances (N, Z1), labels (N,)


def main(argv: list[str] | None = None) -> list[dict[str, Any]]:
    """Train what is missing, print a line a result and the table. Returns the rows."""
    args = arguments(argv)
    data = load(args.data)
    m1, p1 = first_model(args, data.train.x)
    if args.only == "m1":
        return []
    x = {name: to_device(part.x, args.device) for name, part in data.parts.items()}
    mean, log_var = codes(m1, p1, x["train"])
    kept = informative(mean[:1000])
    test = codes(m1, p1, x["test"])[0][:, namespace(mean).asarray(kept)]
    index = namespace(mean).asarray(kept)
    coded = (mean[:, index], log_var[:, index], labels_of(data.train))
    rows = known(args.out / RESULTS)
    for labels in args.labels:
        for seed in args.seeds:
            if any((row["labels"], row["seed"]) == (labels, seed) for row in rows):
                continue
            row = one(args, coded, test, labels_of(data.test), labels, seed)
            row |= {"dimensions of z1": len(kept), "M1 epochs": args.m1_epochs}
            rows.append(keep(args.out / RESULTS, row))
    print(table(rows))
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line; epochs, batches and step sizes by what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the authors' recipe and all labels")
    parser.add_argument("--device", help="cpu or cuda")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--labels", type=numbers, help="as in 100,600")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="as in 0,1,2")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--only", choices=["m1"], help="train M1, and stop")
    parser.add_argument("--epochs", type=int, help="of M2 (40; full: 3000)")
    parser.add_argument("--m1-epochs", type=int, help="of M1 (20; full: 1000)")
    parser.add_argument("--hidden", type=int, help="width of M2's nets (300 at 100 labels, or 500)")
    parser.add_argument("--out", default="runs/m1_m2")
    args = parser.parse_args(argv)
    args.device = resolve_device(args.device)
    args.labels = args.labels or ([100, 600, 1000, 3000] if args.full else [100])
    args.seeds = args.seeds if args.seed is None else [args.seed]
    args.epochs = args.epochs or (3000 if args.full else 40)
    args.m1_epochs = args.m1_epochs or (1000 if args.full else 20)
    args.out = Path(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def numbers(text: str) -> list[int]:
    """ "100,600" -> [100, 600]."""
    return [int(part) for part in text.split(",")]


def first_model(args: argparse.Namespace, grey: np.ndarray) -> tuple[VAE, Params]:
    """M1, trained or taken up."""
    model = dense_vae(grey.shape[1:], (500, 500), LATENT, activation=Softplus())
    batch, lr = (1000, 3e-4) if args.full else (100, 1e-3)
    steps = args.m1_epochs * -(-len(grey) // batch)
    step_rule = adam(lr, l2=1e-4 / len(grey)) if args.full else adam(cosine(lr, steps))
    turn = Turn("m1", model.loss, model.draw_noise, step_rule)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    done = train(
        turn, to_device(model.init(rng), args.device), to_device(grey, args.device), rng=rng,
        epochs=args.m1_epochs, batch=batch, transform=binarise, progress=False,
        run=folder(args, "m1", {"epochs": args.m1_epochs}),
    )  # fmt: skip
    terms = done.log[-1]["train"]
    told = " ".join(f"{name} {value:.2f}" for name, value in terms.items())
    print(f"M1, {args.m1_epochs} epochs: {told}, {time.perf_counter() - start:.0f} s", flush=True)
    return model, done.p


def one(
    args: argparse.Namespace, coded: Coded, test: Array, truth: np.ndarray, labels: int, seed: int
) -> dict[str, Any]:
    """One draw of labels: M2's error, and that of its classifier on the labels alone, per cent."""
    rng, cpu = np.random.default_rng(seed), time.process_time()
    mean, log_var, y = coded
    chosen = few_labels(rng, y, labels, CLASSES)
    seen = np.full_like(y, NONE)
    seen[chosen] = y[chosen]
    hidden = args.hidden or (300 if labels == 100 else 500)
    model = dense_semi_supervised_vae(
        mean.shape[1], hidden, LATENT, CLASSES, labels / len(y), 0.1, Gaussian(), "pixel",
        Softplus(),
    )  # fmt: skip
    row = {
        "labels": labels,
        "seed": seed,
        "labels alone": alone(model, (mean, log_var, seen), chosen, test, truth, args),
    }
    p = second_model(args, model, (mean, log_var, seen), labels, seed)
    row["M1+M2"] = per_cent(model.predict(p, test), truth)
    used = time.process_time() - cpu
    return row | {"epochs": args.epochs, "hidden": hidden, "CPU seconds": round(used)}


def alone(
    model: SemiSupervisedVAE,
    coded: Coded,
    chosen: np.ndarray,
    test: Array,
    truth: np.ndarray,
    args: argparse.Namespace,
) -> float:
    """The test error of q(y|z1), trained on the labelled examples and nothing else, in per cent.

    Their codes are drawn anew at each step too.
    """
    index = namespace(coded[0]).asarray(chosen)
    few = tuple(to_device(a[index if a is not coded[2] else chosen], args.device) for a in coded)
    rng = np.random.default_rng(0)
    classifier = Classifier(model.classifier, CLASSES)
    turn = Turn("alone", classifier.loss, classifier.draw_noise, adam(1e-3))
    p = to_device(classifier.init(rng), args.device)
    done = train(
        turn, p, few, rng=rng, steps=ALONE, batch=100, transform=draw_codes, progress=False
    )
    return per_cent(classifier.predict(done.p, test), truth)


def second_model(
    args: argparse.Namespace, model: SemiSupervisedVAE, coded: Coded, labels: int, seed: int
) -> Params:
    """M2's weights, trained or taken up."""
    n = len(coded[2])
    batches = 100 if labels == 100 else 200
    batch, share, lr = (n // batches, None, 3e-4) if args.full else (100, 5, 6e-3)
    order = stratified_order(coded[2], batch, CLASSES, share)
    rng = np.random.default_rng(seed)
    steps = args.epochs * -(-len(order(rng, {})) // batch)
    rule = adam(lr, l2=1 / n) if args.full else adam(cosine(lr, steps))
    turn = Turn("m2", model.loss, model.draw_noise, rule)
    start, run = time.perf_counter(), folder(args, f"m2-{labels}-{seed}", {"epochs": args.epochs})
    done = train(
        turn, to_device(model.init(rng), args.device), to_device(coded, args.device), rng=rng,
        epochs=args.epochs, batch=batch, transform=draw_codes, order=order, progress=False, run=run,
    )  # fmt: skip
    told = " ".join(f"{name} {value:.3f}" for name, value in done.log[-1]["train"].items())
    print(f"M2, {labels} labels, seed {seed}: {told}, {time.perf_counter() - start:.0f} s")
    return done.p


def folder(args: argparse.Namespace, name: str, config: dict[str, Any]) -> Run:
    """The run of that name, new or taken up."""
    path = args.out / name
    config |= {"recipe": "nips14-ssl" if args.full else "a part, for a CPU", "data": args.data}
    return Run.take_up(path, config)


def codes(m1: VAE, p: Params, x: Array) -> tuple[Array, Array]:
    """Means and log-variances of q(z1|x) of all images, (N, Z1) each."""
    parts = [m1.encode(p, x[i : i + 1000]) for i in range(0, len(x), 1000)]
    join = namespace(x).concatenate
    return join([q["mean"] for q in parts]), join([q["log_var"] for q in parts])


def labels_of(part: Any) -> np.ndarray:
    """The labels of a part. Raises SystemExit where it has none."""
    if part.labels is None:
        raise SystemExit("m1_m2: these data have no labels: use --data mnist")
    return part.labels


def per_cent(predicted: Array, truth: np.ndarray) -> float:
    """The share of wrong predictions, in per cent."""
    return round(100 * float((to_host(predicted) != truth).mean()), 2)


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and spread over the seeds, in per cent of the test images, beside the published."""
    lines = [
        "| labels | seeds | the labels alone | M1+M2 | M1+M2 / alone | published M1+M2 |",
        "|---|---|---|---|---|---|",
    ]
    for labels in sorted({row["labels"] for row in rows}):
        of = [row for row in rows if row["labels"] == labels]
        cells = [np.array([row[k] for row in of]) for k in ("labels alone", "M1+M2")]
        told = [f"{a.mean():.2f} +- {a.std(ddof=1) if len(a) > 1 else np.nan:.2f}" for a in cells]
        told += [f"{cells[1].mean() / cells[0].mean():.2f}", PUBLISHED.get(labels, "")]
        lines.append(f"| {labels} | {len(of)} | {' | '.join(told)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
