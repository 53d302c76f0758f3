"""Four cells: {Bernoulli, Gaussian} decoder x {2, 20} latents: python demos/four_cells.py

A published set of notes trained these four VAEs on MNIST and got NaN in the first cell, a large
loss in the second, and left the fourth empty. Here all four are finite and ordered, on one
protocol: a dense net with one hidden layer of 400, Adam 1e-3, batches of 128.

Each decoder sees what it is a distribution of: Bernoulli black and white pixels, drawn anew from
the grey levels, Gaussian (with one learned variance) the grey levels themselves. Their nats are
about different data, and are compared within a row only; across rows, the squared error to the
grey levels is. Then the two failures are made on purpose:

NaN       the log of a saturated sigmoid, and exp(log_var) without a bound
collapse  a mean over pixels beside a sum over latents, which weighs the KL term 784-fold

D. P. Kingma and M. Welling, arXiv 1312.6114.                docs/derivations/vae.md
"""

import dataclasses
from typing import Any

import numpy as np
from common import arguments, dataset, leave, table
from four_cells_naive import NaiveBernoulli, unbounded

from tinygen import metrics, plots, to_device, to_host, tree
from tinygen.arrays import Array, Params
from tinygen.data import binarise
from tinygen.data.dataset import Dataset
from tinygen.likelihoods import Bernoulli, Gaussian
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.training import Diverged, Trained, Turn, train

HIDDEN, LATENTS, BATCH = 400, (2, 20), 128
DECODERS = {"Bernoulli": Bernoulli(), "Gaussian": Gaussian()}
SAMPLES = 100  # of the importance-sampled log p(x)
SHOWN = 12  # digits in each row of a picture


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train the four, then the two that fail. Returns the numbers."""
    args = arguments(__doc__, "four_cells", argv, epochs=20)
    data = dataset(args)
    if data.kind != "grey":
        raise SystemExit(
            f"four_cells: {data.name} holds {data.kind}, not grey images: --data mnist"
        )
    cells, rows = {}, {}
    for name, likelihood in DECODERS.items():
        for n_latent in LATENTS:
            model = dense_vae(data.shape, HIDDEN, n_latent, likelihood, "one")
            done = fit(f"{name}, {n_latent}", model, data, args)
            cells[f"{name}, {n_latent}"], rows[f"{name}, {n_latent}"] = measure(
                model, done.best, data, args
            )
    tell_cells(cells, data.name)
    print("\nThe failures, on purpose\n")
    nan = {**saturated(), **not_a_number(data, args)}
    collapse, rows_784 = collapsed(data, args)
    rows |= rows_784
    grey = data.test.x[:SHOWN]
    sheet = plots.reconstructions(
        grey, *rows.values(), columns=SHOWN, title="from above: digits; " + "; ".join(rows)
    )
    numbers = {"cells": cells, "NaN": nan, "collapse": collapse}
    leave(args, {"four_cells": sheet}, numbers)
    return numbers


def fit(name: str, model: VAE, data: Dataset, args: Any, p: Params | None = None) -> Trained:
    """One cell: the best weights by validation loss."""
    rng = np.random.default_rng(args.seed)
    return train(
        Turn(name, model.loss, model.draw_noise, adam(1e-3)),
        to_device(model.init(rng) if p is None else p, args.device),
        to_device(data.train.x, args.device),
        rng=rng,
        epochs=args.epochs,
        batch=BATCH,
        validation=to_device(data.validation.x, args.device),
        transform=seen_by(model),
    )


def seen_by(model: VAE) -> Any:
    """What turns grey levels into the data of this decoder."""
    return None if isinstance(model.likelihood, Gaussian) else binarise


def measure(model: VAE, p: Params, data: Dataset, args: Any) -> tuple[dict[str, Any], Array]:
    """Test numbers, and the reconstructions (means) of the first digits."""
    rng, transform = np.random.default_rng(args.seed), seen_by(model)
    grey = to_device(data.test.x, args.device)
    x = transform(rng, grey) if transform else grey
    elbo, error, kl, log_p, shown = [], [], [], [], None
    for i in range(0, len(x), 1000):
        rows = x[i : i + 1000]
        noise = model.draw_noise(rng, rows)
        elbo.append(to_host(model.elbo(p, rows, noise)))
        kl.append(float(model.loss(p, rows, noise)[1].terms["kl"]) * len(rows))
        log_p.append(to_host(model.log_prob(p, rows[:100], rng, SAMPLES)[0]))
        made = model.reconstruct(p, rows, rng, mean=True)
        wrong = (made - grey[i : i + 1000]) ** 2
        error.append(to_host(wrong.reshape(len(rows), -1).sum(axis=1)))
        shown = shown if i else to_host(made[:SHOWN])
    numbers = {
        "minus ELBO": metrics.mean_and_error(-np.concatenate(elbo)),
        "NLL": metrics.mean_and_error(-np.concatenate(log_p)),  # of each 1000, the first 100
        "KL": (sum(kl) / len(x), None),
        "squared error": metrics.mean_and_error(np.concatenate(error)),
    }
    return numbers, shown


def tell_cells(cells: dict[str, Any], name: str) -> None:
    """The table of the four, and whether they are finite and ordered."""
    print(f"\n{name}, test images; nats an image (NLL: {SAMPLES} importance samples, of each 1000")
    print(
        "images the first 100); squared error to the grey levels, sum over the pixels; +- standard"
    )
    print("error over the images\n")
    print(table(cells))
    finite = all(np.isfinite(v) for cell in cells.values() for v, _ in cell.values())
    ordered = all(
        cells[f"{decoder}, 20"][title][0] < cells[f"{decoder}, 2"][title][0]
        for decoder in DECODERS
        for title in ("minus ELBO", "NLL", "squared error")
    )
    print(f"\nall finite: {finite}; 20 latents better than 2 in each column: {ordered}")


def saturated() -> dict[str, Any]:
    """-log p of a black pixel at logit l, two ways, in float32."""
    logits = np.array([5, 15, 20, 90], np.float32)
    with np.errstate(divide="ignore"):
        naive = -np.log(1 - 1 / (1 + np.exp(-logits)))  # the log of a sigmoid
    right = np.logaddexp(0, logits)  # softplus(l) - x l at x = 0
    print("-log p(x = 0) at logit l:   " + "".join(f"{f'l = {l:g}':>12}" for l in logits))
    print("  -log(1 - sigmoid(l))      " + "".join(f"{v:12.6f}" for v in naive))
    print("  softplus(l)               " + "".join(f"{v:12.6f}" for v in right))
    return {"logits": logits, "log of a sigmoid": naive, "softplus": right}


def not_a_number(data: Dataset, args: Any) -> dict[str, str]:
    """Three models begin at the same weights of N(0, 1): what becomes of them."""
    model = dense_vae(data.shape, HIDDEN, 2)
    rng = np.random.default_rng(args.seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape, np.float32), model.init(rng))
    models = {
        "with the log of a sigmoid": dataclasses.replace(model, likelihood=NaiveBernoulli()),
        "with exp(log_var) unbounded": unbounded(model),
        "as the library has it": model,
    }
    found = {}
    for name, variant in models.items():
        try:
            done = fit(name, variant, data, args, p)
            found[f"a model {name}"] = (
                f"finite: minus ELBO {done.log[-1]['validation']['loss']:.1f}"
            )
        except Diverged as error:
            found[f"a model {name}"] = str(error)
    print("\nweights drawn from N(0, 1), unscaled, 2 latents:")
    for name, text in found.items():
        print(f"  {name:<36}{text}")
    return found


def collapsed(data: Dataset, args: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """A mean over D pixels beside a sum over latents: the ELBO with a KL term D times as heavy."""
    pixels = int(np.prod(data.shape))
    model = dense_vae(data.shape, HIDDEN, 20, beta=float(pixels))
    name = "20, mean over pixels"
    done = fit(name, model, data, args)
    numbers, made = measure(model, done.best, data, args)
    spread = float(made.std(axis=0).mean())
    print(f"\na mean over {pixels} pixels beside a sum over 20 latents:")
    print(f"  KL {numbers['KL'][0]:.4f} nats, squared error {numbers['squared error'][0]:.2f}: the")
    print(f"  codes say nothing, and every digit becomes the mean picture (std {spread:.4f})")
    return numbers | {"std between reconstructions": spread}, {name: made}


if __name__ == "__main__":
    main()
