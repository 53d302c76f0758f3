"""Two ways to classify, in one picture: python demos/two_ways.py --out runs/two_ways

A generative model learns p(x, y) = p(y) p(x|y), here a VAE for each class of 2-D points, and
decides by Bayes' rule p(y|x) = p(x, y) / sum_y p(x, y). A discriminative model, a dense net,
learns p(y|x) alone: where the classes part, and nothing else. Both draw a boundary. Only the
first knows where points are at all: it can make new ones, and say that a point is like none
that it has seen, where the second is as sure of itself as ever.

A. Ng and M. Jordan, On Discriminative vs. Generative Classifiers, NIPS 2001.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from common import arguments, dataset, leave
from matplotlib.figure import Figure

from tinygen import to_device, to_host
from tinygen.arrays import Array, Params, device_of
from tinygen.data.dataset import Part
from tinygen.likelihoods import Gaussian
from tinygen.models.classifier import Classifier, dense_classifier
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam
from tinygen.training import Turn, train

BATCH = 64
SAMPLES = 300  # of the importance-sampled log p(x|y)
RING = 4.0  # in standard deviations of the data: points as far away as this are like none seen


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train both, draw both, compare. Returns the numbers."""
    args = arguments(__doc__, "two_ways", argv, data="moons", quick="moons", epochs=60)
    points = dataset(args)
    labels = points.train.labels
    if points.kind != "points" or labels is None or set(labels) != {0, 1}:
        raise SystemExit(
            f"two_ways: {points.name} holds no points of two classes: use --data moons, or spirals"
        )
    centre, spread = points.train.x.mean(axis=0), points.train.x.std(axis=0)
    parts = {k: to_device(scaled(p, centre, spread), args.device) for k, p in points.parts.items()}
    rng = np.random.default_rng(args.seed)
    generative = Generative.fit(parts, 2, args, rng)
    discriminative = Discriminative.fit(parts, 2, args, rng)

    x, y = parts["test"]
    far = to_device(around(rng, 500), args.device)
    limit = np.quantile(log_sum(generative.log_joint(x, rng)), 0.01)  # 1 % of real points lie below
    log_joint, logits = generative.log_joint(x, rng), discriminative.logits(x)
    far_joint, far_logits = generative.log_joint(far, rng), discriminative.logits(far)
    numbers = {
        "accuracy": {
            "generative, Bayes' rule": float((log_joint.argmax(axis=1) == to_host(y)).mean()),
            "discriminative": float((logits.argmax(axis=1) == to_host(y)).mean()),
        },
        "mean log p(x, y), nats": float(log_joint[np.arange(len(x)), to_host(y)].mean()),
        f"points {RING:g} standard deviations away": {
            "confidence of the generative model": float(posterior(far_joint).max(axis=1).mean()),
            "confidence of the discriminative one": float(posterior(far_logits).max(axis=1).mean()),
            "share that p(x) finds stranger than 99 % of real points": float(
                (log_sum(far_joint) < limit).mean()
            ),
        },
    }
    for name, value in numbers.items():
        print(name if isinstance(value, dict) else f"{name:<58}{value:8.3f}")
        for part, number in value.items() if isinstance(value, dict) else ():
            print(f"    {part:<54}{number:8.3f}")
    leave(args, {"two_ways": picture(parts["train"], generative, discriminative, rng)}, numbers)
    return numbers


@dataclass
class Generative:
    """A VAE of 2-D points for each class, and how often each class occurs."""

    model: VAE
    weights: list[Params] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    @classmethod
    def fit(cls, parts: Any, classes: int, args: Any, rng: np.random.Generator) -> "Generative":
        """log p(x|y) from below by the ELBO, class by class."""
        self = cls(dense_vae(2, (64, 64), 2, Gaussian(), "one"))
        (x, y), (x_v, y_v) = parts["train"], parts["validation"]
        for k in range(classes):
            turn = Turn(f"p(x|y={k})", self.model.loss, self.model.draw_noise, adam(2e-3))
            p = to_device(self.model.init(rng), args.device)
            done = train(
                turn, p, x[y == k], rng=rng, epochs=args.epochs, batch=BATCH,
                validation=x_v[y_v == k],
            )  # fmt: skip
            self.weights.append(done.best)
            self.shares.append(float((y == k).mean()))
        return self

    def log_joint(self, x: Array, rng: np.random.Generator) -> np.ndarray:
        """log p(x, y) = log p(y) + log p(x|y) for each class: (N, classes), in nats."""
        columns = [
            np.log(share) + to_host(self.model.log_prob(p, x, rng, SAMPLES)[0])
            for p, share in zip(self.weights, self.shares, strict=True)
        ]
        return np.stack(columns, axis=1)

    def sample(self, rng: np.random.Generator, n: int) -> list[np.ndarray]:
        """n new points of each class."""
        return [to_host(self.model.sample(p, rng, n)) for p in self.weights]


@dataclass
class Discriminative:
    """A dense net whose outputs are the logits of p(y|x)."""

    model: Classifier
    p: Params

    @classmethod
    def fit(cls, parts: Any, classes: int, args: Any, rng: np.random.Generator) -> "Discriminative":
        """-log p(y|x) down, on pairs (x, y)."""
        model = dense_classifier(2, (64, 64), classes)
        turn = Turn("p(y|x)", model.loss, model.draw_noise, adam(2e-3))
        p = to_device(model.init(rng), args.device)
        pairs, validation = parts["train"], parts["validation"]
        done = train(
            turn, p, pairs, rng=rng, epochs=args.epochs, batch=BATCH, validation=validation
        )
        return cls(model, done.best)

    def logits(self, x: Array) -> np.ndarray:
        """(N, classes)."""
        return to_host(self.model.logits(self.p, x))


def picture(
    part: Any, generative: Generative, discriminative: Discriminative, rng: np.random.Generator
) -> Figure:
    """p(x, y) with its boundary, p(y|x) with its own, and points that the first one made."""
    points, labels = (to_host(a) for a in part)
    side = np.linspace(-3, 3, 80, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    x = to_device(grid, device_of(part[0]))
    joint, logits = generative.log_joint(x, rng), discriminative.logits(x)
    density = log_sum(joint)
    fields = {
        "generative: log p(x)": np.maximum(density, density.max() - 12).reshape(80, 80),
        "discriminative: p(y = 1 | x)": posterior(logits)[:, 1].reshape(80, 80),
    }
    figure = Figure(figsize=(12.5, 4.3), layout="constrained")
    axes = figure.subplots(1, 3)
    for ax, (title, values), log_odds in zip(axes, fields.items(), (joint, logits), strict=False):
        shown = ax.pcolormesh(side, side, values, cmap="cividis", shading="nearest")
        edge = (log_odds[:, 1] - log_odds[:, 0]).reshape(80, 80)
        ax.contour(side, side, edge, levels=[0], colors="white", linewidths=1.5)
        figure.colorbar(shown, ax=ax, shrink=0.8)
        ax.set_title(title + "\nwhite: where both classes are as likely", fontsize=10)
        for k in range(joint.shape[1]):
            ax.scatter(*points[labels == k][:150].T, s=3, color=COLOURS[k])
    for k, made in enumerate(generative.sample(rng, 300)):
        axes[2].scatter(*made.T, s=5, color=COLOURS[k], label=f"y = {k}")
    axes[2].set_title("drawn from p(x, y); p(y|x) cannot do this", fontsize=10)
    axes[2].legend(frameon=False)
    for ax in axes:
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[])
    return figure


COLOURS = ("#e8743b", "#3fb8af")


def scaled(part: Part, centre: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points with the training points' mean 0 and standard deviation 1, and their labels."""
    assert part.labels is not None
    return ((part.x - centre) / spread).astype(np.float32), part.labels


def around(rng: np.random.Generator, n: int) -> np.ndarray:
    """Points on a circle far outside the data."""
    angle = rng.uniform(0, 2 * np.pi, n)
    return (RING * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32)


def log_sum(log_joint: np.ndarray) -> np.ndarray:
    """log p(x) = log sum_y p(x, y)."""
    return np.logaddexp.reduce(log_joint, axis=1)


def posterior(log_joint: np.ndarray) -> np.ndarray:
    """p(y|x) from log p(x, y), or from logits."""
    return np.exp(log_joint - log_sum(log_joint)[:, None])


if __name__ == "__main__":
    main()
