"""Mixtures of Bernoullis on binarised MNIST, and EM's speed beside scikit-learn's.

    python benchmarks/mixture_tables.py likelihood --components 10,50,100,200,500 --seeds 0,1,2
    python benchmarks/mixture_tables.py speed

likelihood: Larochelle's fixed pixels (50000 / 10000 / 10000), k-means start, EM until a step gains
less than 0.01 nats on the training images, at most 60 steps. Nats an image on the test images, +-
the standard error over them, a line a fit.
speed: CPU time a step, of mixtures of Gaussians from one start, tol 0, medians over rounds in which
the two take turns; needs scikit-learn.
"""

import argparse
import time
import warnings
from typing import Any

import numpy as np

from tinygen import metrics
from tinygen.data import load
from tinygen.models import BernoulliMixture, GaussianMixture, em
from tinygen.models.covariances import KINDS

SHAPES = ((20_000, 2, 10), (20_000, 16, 10), (5_000, 64, 10))  # N, D, K
STEPS, ROUNDS = 10, 5


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("table", choices=("likelihood", "speed"))
    parser.add_argument("--components", default="10,50,100,200,500")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--tol", type=float, default=0.01)
    parser.add_argument("--limit", type=int, help="only so many training images")
    args = parser.parse_args()
    if args.table == "speed":
        speed()
        return
    for seed in map(int, args.seeds.split(",")):
        for K in map(int, args.components.split(",")):
            likelihood(K, seed, args)


def likelihood(K: int, seed: int, args: argparse.Namespace) -> None:
    """One fit and its line."""
    data, rng = load("mnist-static"), np.random.default_rng(seed)
    x, model, begun = data.train.x[: args.limit], BernoulliMixture(K), time.process_time()
    found = model.fit(x, rng, tol=args.tol, max_iter=60)
    seconds = time.process_time() - begun
    train, validation, test = (
        metrics.mean_and_error(-model.score_samples(found.p, part.x))
        for part in data.parts.values()
    )
    print(
        f"K {K:4d}  seed {seed}  {len(found.log_likelihood) - 1:3d} steps  {seconds:6.1f} s  "
        f"train {train[0]:.2f}  validation {validation[0]:.2f}  test {test[0]:.2f} +- {test[1]:.2f}"
        f"  reseeded {len(found.reseeded)}  fall {em.falls(found.log_likelihood):.1e}",
        flush=True,
    )


def speed() -> None:
    """Ours over theirs, for each kind of covariance."""
    for dtype in ("float64", "float32"):
        for N, D, K in SHAPES:
            for kind in KINDS:
                ours, theirs = pair(N, D, K, kind, dtype)
                print(
                    f"{dtype}  N {N}  D {D:3d}  K {K}  {kind:<10} ours {1000 * ours:7.2f} ms  "
                    f"scikit-learn {1000 * theirs:7.2f} ms  ratio {ours / theirs:.2f}",
                    flush=True,
                )


def pair(N: int, D: int, K: int, kind: str, dtype: str) -> tuple[float, float]:
    """Median seconds a step, ours and scikit-learn's, in turns."""
    from sklearn.mixture import GaussianMixture as Theirs

    rng = np.random.default_rng(0)
    x = 3 * rng.normal(size=(K, D))[rng.integers(K, size=N)] + rng.normal(size=(N, D))
    x = x.astype(dtype)
    model = GaussianMixture(K, kind, reg_covar=1e-6)
    p = model.start(rng, x)
    S = model.covariances(p)
    start: dict[str, Any] = {
        "weights_init": model.weights(p),
        "means_init": p["mean"],
        "precisions_init": np.linalg.inv(S) if kind in ("full", "tied") else 1 / S,
    }
    times: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        begun = time.process_time()
        q = p
        for _ in range(STEPS):
            q = em.em_step(model, q, x, rng, reseed=False).p
        model.score_samples(q, x)  # theirs ends with an E-step too
        times[0].append(time.process_time() - begun)
        them = Theirs(K, covariance_type=kind, tol=0, max_iter=STEPS, **start)
        begun = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it has not converged
            them.fit(x)
        times[1].append(time.process_time() - begun)
    ours, theirs = (float(np.median(t)) / STEPS for t in times)
    return ours, theirs


if __name__ == "__main__":
    main()
