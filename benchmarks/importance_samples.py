"""The likelihood of a trained VAE by 1, 100 and 5000 importance samples, and their differences.

    tinygen train vae --data mnist
    python benchmarks/importance_samples.py runs/vae-mnist

L_k = E[log (1/k) sum w] rises with k to log p(x) (Burda et al. 2016, theorem 1), so the estimates
of the NLL fall. All come from the same weights of each image: L_1 is the mean of the log weights,
L_100 that of the groups of 100. Differences are thus between estimates of one image, and their
standard errors, over the images, are far smaller than those of the estimates.
"""

import argparse
import time

import numpy as np

from tinygen import metrics
from tinygen.arrays import to_host
from tinygen.likelihoods.base import normal
from tinygen.models.vae_likelihood import log_weights
from tinygen.systems.trained import TrainedRun, open_run

KS = (1, 100, 5000)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", help="the folder of a trained VAE")
    parser.add_argument("--limit", type=int, help="only the first so many test images")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    opened, start = open_run(args.run), time.perf_counter()
    dataset, rng = opened.dataset(), np.random.default_rng(args.seed)
    x = dataset.test.x[: args.limit]
    x = dataset.transform(rng, x) if dataset.transform else x
    nll = -np.concatenate([estimates(opened, row[None], rng) for row in x])  # (N, len(KS))
    print(f"{args.run}, {dataset.name}, {len(x)} test images, seed {args.seed}, ", end="")
    print(f"{time.perf_counter() - start:.0f} s; nats an image, +- standard error")
    for i, k in enumerate(KS):
        mean, error = metrics.mean_and_error(nll[:, i])
        line = f"  {k:>5} samples   NLL {mean:8.3f} +- {error:.3f}"
        if i:
            fall, spread = metrics.mean_and_error(nll[:, i - 1] - nll[:, i])
            line += f"   {fall:.3f} +- {spread:.3f} below {KS[i - 1]}"
        print(line)


def estimates(opened: TrainedRun, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """L_k of one image (1, len(KS))."""
    model, p = opened.model, opened.p
    q, eps = model.encode(p, x), normal(rng, (1, max(KS), model.n_latent), x)
    log_w = to_host(log_weights(model, p, x, q, eps)[0])[0]  # (5000,)
    return np.array(
        [[metrics.importance_estimate(log_w.reshape(-1, k))[0].mean() for k in KS]], np.float64
    )


if __name__ == "__main__":
    main()
