"""A VAE on 1797 real handwritten digits: python demos/vae_digits.py --out runs/vae_digits

Trains two models of Kingma and Welling 2014 (arXiv 1312.6114), one with 16 latent dimensions for
its likelihood and one with 2 for its map of the latent space, on pixels binarised dynamically
from the grey levels x / 16. Writes pictures and a log, and prints test numbers in nats per image.
About a minute on 2 CPU cores.
"""

import argparse
import dataclasses
import json
from typing import Any

import numpy as np
from common import arguments, dataset, leave

from tinygen import metrics, plots, to_device, to_host
from tinygen.arrays import Array, Params, device_of
from tinygen.check import Report, check_gradients
from tinygen.data import binarise
from tinygen.likelihoods import Bernoulli
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.training import Trained, Turn, train

HIDDEN = 400
LATENTS = (16, 2)
TERMS = {"loss": "minus ELBO = the sum of:", "nll": "-log p(x|z)", "kl": "KL(q(z|x) || p(z))"}


def main(argv: list[str] | None = None) -> dict[int, dict[str, float]]:
    """Train, draw, measure. Returns the test numbers by the size of the latent space."""
    more = {"samples": (1000, "importance samples")}
    args = arguments(__doc__, "vae_digits", argv, data="digits", epochs=600, more=more)
    data = dataset(args)
    if data.kind != "grey":
        raise SystemExit(f"vae_digits: {data.name} holds {data.kind}, not grey images")
    train_x, validation_x, test_x = (to_device(part.x, args.device) for part in data.parts.values())
    models = {n: dense_vae(data.shape, HIDDEN, n) for n in LATENTS}
    runs = {}
    for n, model in models.items():
        rng = np.random.default_rng(args.seed)
        runs[n] = train(
            Turn(f"{n} latents", model.loss, model.draw_noise, adam(1e-3)),
            to_device(model.init(rng), args.device),
            train_x,
            rng=rng,
            epochs=args.epochs,
            batch=64,
            validation=validation_x,
            transform=binarise,
        )
    with open(args.out / "log.jsonl", "w") as log:
        for n, run in runs.items():
            log.writelines(json.dumps({"latents": n} | record) + "\n" for record in run.log)

    numbers = {n: measure(m, runs[n].best, test_x, args) for n, m in models.items()}
    report(numbers, independent_pixels(train_x, test_x, args.seed), args.samples)
    print(gradient_check(models[LATENTS[0]], runs[LATENTS[0]].best, test_x, args.seed))
    leave(args, pictures(models, runs, test_x, args.seed), {str(n): numbers[n] for n in numbers})
    return numbers


def measure(model: VAE, p: Params, grey: Array, args: argparse.Namespace) -> dict[str, float]:
    """Test numbers in nats per image. The binary pixels are one draw from `grey`, by the seed."""
    rng = np.random.default_rng(args.seed)
    x = binarise(rng, grey)
    elbo, elbo_error = metrics.mean_and_error(model.elbo(p, x, model.draw_noise(rng, x)))
    log_p, error = model.log_prob(p, x, rng, args.samples)
    nll, nll_error = metrics.mean_and_error(-log_p)
    soft = dataclasses.replace(model, likelihood=Bernoulli(grey=True))
    _, backward = soft.loss(p, grey, soft.draw_noise(rng, grey))
    return {
        "elbo": elbo,
        "elbo_error": elbo_error,
        "nll": nll,
        "nll_error": nll_error,  # over images
        "nll_monte_carlo": float((error * error).sum()) ** 0.5 / len(x),  # over draws of z
        "bits": float(metrics.bits_per_dim(nll, x[0].size)),
        "grey_cross_entropy": float(backward.terms["nll"]),
    }


def independent_pixels(train_x: Array, test_x: Array, seed: int) -> tuple[float, float]:
    """Test NLL and its error of the model that knows only how dark each pixel is on average."""
    grey, x = to_host(train_x), binarise(np.random.default_rng(seed), to_host(test_x))
    on = (grey.sum(axis=0) + 1) / (len(grey) + 2)  # Laplace's rule: no pixel is certain
    nll = -(x * np.log(on) + (1 - x) * np.log(1 - on)).reshape(len(x), -1).sum(axis=1)
    return metrics.mean_and_error(nll)


def gradient_check(model: VAE, p: Params, grey: Array, seed: int) -> Report:
    """The hand-written gradient of the whole trained model, data included, on a few images.

    On grey levels inside (0, 1): a step of the data must not leave the pixels' range.
    """
    soft = dataclasses.replace(model, likelihood=Bernoulli(grey=True))
    x = to_host(grey[:5]).clip(0.05, 0.95).astype(np.float64)
    noise = soft.draw_noise(np.random.default_rng(seed), x)
    rng = np.random.default_rng(seed)
    found = check_gradients(lambda p, x: soft.loss(p, x, noise), to_host(p), x, rng=rng)
    found.title = "gradient of the whole model against central differences"
    return found


def pictures(
    models: dict[int, VAE], runs: dict[int, Trained], grey: Array, seed: int
) -> dict[str, Any]:
    """Curves, reconstructions, samples, the manifold, and all but the curves in one overview."""
    rng = np.random.default_rng(seed)
    large, plane = LATENTS
    model, p = models[large], runs[large].best
    x = binarise(rng, grey[:48])
    seen = [grey[:48], x, model.reconstruct(p, x, rng, mean=True)]
    samples = model.sample(p, rng, 144, mean=True)

    def decode(z: np.ndarray) -> Array:
        params = models[plane].decode(runs[plane].best, to_device(z, device_of(grey)))
        return models[plane].likelihood.mean(params)

    rows = "digit, its binarised pixels, reconstruction"
    figures = {
        "reconstructions": plots.reconstructions(*seen, title=rows),
        "samples": plots.sample_grid(samples, title="samples: means of p(x|z), z ~ N(0, I)"),
        "manifold": plots.manifold(decode, title="the 2-D latent space: means of p(x|z)"),
        "overview": plots.panels(
            {
                rows: plots.interleaved(*(a[:30] for a in seen), columns=10),
                "samples": plots.tiled(samples[:81], columns=9),
                "2-D latent space": plots.manifold_sheet(decode, side=9),
            }
        ),
    }
    for n, run in runs.items():
        figures[f"curves_{n}"] = plots.curves(run.log, TERMS, f"{n} latents")
    return figures


def report(numbers: dict[int, dict[str, float]], baseline: tuple[float, float], k: int) -> None:
    """The numbers as a table."""
    rows = {
        "test ELBO": ("elbo", "elbo_error"),
        f"test NLL, {k} importance samples": ("nll", "nll_error"),
        "    of that error, Monte Carlo": ("nll_monte_carlo", None),
        "test NLL in bits per pixel": ("bits", None),
        "cross-entropy on grey levels, not a likelihood": ("grey_cross_entropy", None),
    }
    print("\nTest images binarised from the grey levels by the seed; nats per image, +- standard")
    print(
        "error over the images; more importance samples would take away the 'Monte Carlo' part.\n"
    )
    print(f"{'':<48}" + "".join(f"{f'{n} latents':>18}" for n in numbers))
    for title, (value, error) in rows.items():
        cells = (
            f"{m[value]:.3f}" + (f" +- {m[error]:.3f}" if error else "") for m in numbers.values()
        )
        print(f"{title:<48}" + "".join(f"{cell:>18}" for cell in cells))
    cell = f"{baseline[0]:.3f} +- {baseline[1]:.3f}"
    print(f"{'for comparison, NLL of independent pixels':<48}{cell:>18}\n")


if __name__ == "__main__":
    main()
