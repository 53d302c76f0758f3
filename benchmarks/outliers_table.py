"""Novelty detection by autoencoder and VAE, class by class: the area under the ROC curve.

    python benchmarks/outliers_table.py one-class --data mnist            # one class is normal
    python benchmarks/outliers_table.py one-class --data fashion-mnist
    python benchmarks/outliers_table.py leave-one-out --classes 1 4 9     # nine classes are normal
    python benchmarks/outliers_table.py leave-one-out --device cuda       # all ten

Models train on the normal examples of the training part, keep the weights of the least validation
loss (normal examples of the validation part), and score the whole test part: outliers are its
other classes. Ten dense layers in all, a code of 20, Adam 1e-3, as in K. H. Kim et al., RaPP, ICLR
2020 (openreview.net/forum?id=HkgeGeBYDB). NOTE: they train 200 epochs at batch 256 with batch norm,
pool training and test sets and split them anew in each of their trials, and compare layers too;
here are the scores of the reconstruction and of the likelihood alone, epochs as printed. The VAE's
Gaussian has one fixed standard deviation for all pixels, `STD`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import resolve_device, to_device, to_host
from tinygen.arrays import Array, Params
from tinygen.data import load
from tinygen.data.dataset import Dataset
from tinygen.layers import LeakyRelu
from tinygen.likelihoods import Gaussian
from tinygen.metrics import auroc_and_error
from tinygen.models import (
    dense_autoencoder,
    dense_vae,
    linear_autoencoder,
    negative_elbo,
    negative_log_prob,
    pca_autoencoder,
    reconstruction_error,
)
from tinygen.optim import adam
from tinygen.training import Turn, train

HIDDEN, LATENT, STD = (400, 200, 100, 50), 20, 0.2  # five layers down, five up
SAMPLES = 20  # of the importance-sampled log p
PUBLISHED = {  # RaPP, table 2: reconstruction error, mean over the classes
    ("one-class", "mnist"): {"AE": 0.972, "VAE": 0.957},
    ("one-class", "fashion-mnist"): {"AE": 0.924, "VAE": 0.905},
    ("leave-one-out", "mnist"): {"AE": 0.825, "VAE": 0.864},
}
Row = dict[str, tuple[float, float]]


def main(argv: list[str] | None = None) -> dict[int, Row]:
    """Print a line a class as it is found, then the means. Returns the areas, class by class."""
    args = arguments(argv)
    data = load(args.data)
    setting = f"{args.table}, {args.data}, {args.epochs} epochs or {args.patience} without gain"
    print(f"{setting}, batch {args.batch}, seed {args.seed}", flush=True)
    found: dict[int, Row] = {}
    for c in args.classes if args.classes is not None else range(len(data.classes)):
        began = time.process_time()
        row: Row = {}
        for name in args.models:
            row |= areas(args, data, c, name)
        found[c] = row
        cells = "  ".join(f"{k} {a:.4f} +- {e:.4f}" for k, (a, e) in row.items())
        print(f"class {c}: {cells}  ({time.process_time() - began:.0f} s)", flush=True)
        if args.output:
            kept = {"setting": vars(args) | {"output": str(args.output)}, "areas": found}
            args.output.write_text(json.dumps(kept, indent=2) + "\n")
    known = PUBLISHED.get((args.table, args.data), {})
    for k in next(iter(found.values())):
        each = [row[k][0] for row in found.values()]
        beside = f", published {known[k]:.3f} over all ten" if k in known else ""
        print(f"mean of {len(each)} classes, {k}: {np.mean(each):.4f}{beside}")
    return found


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("one-class", "leave-one-out"))
    parser.add_argument("--data", default="mnist", help="a set with labels (%(default)s)")
    parser.add_argument("--classes", type=int, nargs="+", help="which classes (all)")
    parser.add_argument("--models", nargs="+", default=["PCA", "AE", "VAE"], choices=list(SCORES))
    parser.add_argument("--epochs", type=int, default=200, help="at most (%(default)s)")
    parser.add_argument("--patience", type=int, default=20, help="epochs without a gain")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu or cuda (default: TINYGEN_DEVICE, else cpu)")
    parser.add_argument("--output", type=Path, help="a JSON file, written after each class")
    args = parser.parse_args(argv)
    args.device = resolve_device(args.device)
    return args


def parts(args: argparse.Namespace, data: Dataset, c: int) -> tuple[Array, Array, Array, Any]:
    """Normal examples to train and to validate on, all test examples, and which are outliers."""
    normal = {
        name: (part.labels == c) == (args.table == "one-class") for name, part in data.parts.items()
    }
    x, validation = (
        to_device(data.parts[name].x[normal[name]], args.device) for name in ("train", "validation")
    )
    return x, validation, to_device(data.test.x, args.device), ~normal["test"]


def areas(args: argparse.Namespace, data: Dataset, c: int, name: str) -> Row:
    """The areas, with standard errors over the test examples, of each score of one model."""
    x, validation, test, novel = parts(args, data, c)
    scores = SCORES[name](args, x, validation, test)
    return {
        score: auroc_and_error(*(to_host(s).astype(float)[k] for k in (~novel, novel)))
        for score, s in scores.items()
    }


def fit(args: argparse.Namespace, model: Any, x: Array, validation: Array) -> Params:
    """The parameters of least validation loss."""
    rng = np.random.default_rng(args.seed)
    trained = train(
        Turn("outliers", model.loss, model.draw_noise, adam(1e-3)),
        to_device(model.init(rng), args.device),
        x,
        rng=rng,
        epochs=args.epochs,
        batch=args.batch,
        validation=validation,
        patience=args.patience,
        progress=False,
    )
    return trained.best


def pca(args: argparse.Namespace, x: Array, validation: Array, test: Array) -> dict[str, Array]:
    """The error of 20 principal components: what no training is needed for."""
    model = linear_autoencoder(x.shape[1:], LATENT)
    return {"PCA": reconstruction_error(model, pca_autoencoder(x, LATENT)[0], test)}


def ae(args: argparse.Namespace, x: Array, validation: Array, test: Array) -> dict[str, Array]:
    """The autoencoder's squared error."""
    model = dense_autoencoder(x.shape[1:], HIDDEN, LATENT, activation=LeakyRelu(0.01))
    return {"AE": reconstruction_error(model, fit(args, model, x, validation), test)}


def vae(args: argparse.Namespace, x: Array, validation: Array, test: Array) -> dict[str, Array]:
    """The VAE's squared error, -ELBO and -log p."""
    likelihood, leaky = Gaussian(std=STD), LeakyRelu(0.01)
    model = dense_vae(x.shape[1:], HIDDEN, LATENT, likelihood, activation=leaky)
    p, rng = fit(args, model, x, validation), np.random.default_rng(args.seed)
    return {
        "VAE": reconstruction_error(model, p, test),
        "VAE, -ELBO": negative_elbo(model, p, test, rng),
        "VAE, -log p": negative_log_prob(model, p, test, rng, SAMPLES),
    }


SCORES = {"PCA": pca, "AE": ae, "VAE": vae}

if __name__ == "__main__":
    main()
