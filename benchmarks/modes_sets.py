"""What benchmarks/modes.py trains on: a ring, a grid, stacks of digits; how samples are measured.

Stacks of three real digits have 1000 modes. A classifier of single digits, trained here on the
digits that the stacks are made of, names the mode of a sample.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from modes_methods import LARGE, PAC, SMALL, TANH, SetUp

from tinygen import to_device, to_host
from tinygen.data import DataError, load
from tinygen.data.dataset import Dataset
from tinygen.data.stacked_digits import joined, single
from tinygen.data.toys import GRID_CENTRES, GRID_STD, RING_CENTRES, RING_STD, grid, ring
from tinygen.metrics import Coverage, class_coverage, mode_coverage
from tinygen.models.classifier import dense_classifier
from tinygen.optim import adam
from tinygen.training import Turn, train

PLANE = {"ring": (ring, RING_CENTRES, RING_STD), "grid": (grid, GRID_CENTRES, GRID_STD)}
CLASSIFIER = 1500  # steps of the classifier of single digits
POINTS = 100_000  # of the training set of set-up "pacgan"
Transform = Callable[[np.random.Generator, Any], Any]
Measure = Callable[[Any], Coverage]


@dataclass(frozen=True)
class Task:
    """What is trained on, and how samples are measured.

    x         : examples;  transform : (rng, batch of x) -> what the players see, None: x itself
    measure   : samples -> their coverage
    noise     : (rng, n) -> n samples of a sampler that knows the range of the modes, no more
    """

    setup: SetUp
    x: Any
    transform: Transform | None
    measure: Measure
    noise: Callable[[np.random.Generator, int], Any] | None = None


def prepared(args: argparse.Namespace) -> Task:
    """The task of a set and a set-up."""
    if args.set == "stacked":
        return stacked(args)
    make, centres, std = PLANE[args.set]

    def measure(x: Any) -> Coverage:
        return mode_coverage(x, centres, std)

    def drawn(rng: np.random.Generator, x: Any) -> Any:
        return to_device(make(rng, len(x)).x, args.device)

    def noise(rng: np.random.Generator, n: int) -> Any:
        return rng.uniform(centres.min(axis=0), centres.max(axis=0), (n, 2))

    if args.setup == "pacgan":
        points = make(np.random.default_rng(0), POINTS).x
        return Task(PAC, to_device(points, args.device), None, measure, noise)
    places = np.zeros((100 * TANH.batch, 2), np.float32)  # that `drawn` fills anew
    return Task(TANH, to_device(places, args.device), drawn, measure, noise)


def stacked(args: argparse.Namespace) -> Task:
    """Stacks of real digits, and a classifier of single ones that names the mode."""
    try:
        data = load(args.data or "stacked-mnist")
    except DataError:
        if args.data:
            raise
        data = load("stacked-digits")
        print("no MNIST here: the embedded digits, 8x8, take its place", flush=True)
    args.data = data.name
    classify, accuracy = classifier(data, args.device)
    print(f"{data.name}: the classifier tells {accuracy:.2%} of single test digits", flush=True)

    def measure(images: Any) -> Coverage:
        return class_coverage(joined(classify(images)), 1000)

    setup = SMALL if data.shape[0] == 8 else LARGE
    return Task(setup, to_device(data.train.x, args.device), None, measure)


def classifier(data: Dataset, device: str) -> tuple[Callable[[Any], np.ndarray], float]:
    """Stacks (N, H, W, 3) -> their single digits (3 N,), and its accuracy on test digits."""
    H, W, _ = data.shape
    model = dense_classifier((H, W, 1), (400, 200), 10)
    rng = np.random.default_rng(0)
    digits = {name: (single(part.x), each(part.labels)) for name, part in data.parts.items()}
    turn = Turn("classifier", model.loss, model.draw_noise, adam(1e-3))
    some = tuple(to_device(a, device) for a in digits["train"])
    p = to_device(model.init(rng), device)
    done = train(turn, p, some, rng=rng, steps=CLASSIFIER, batch=128, progress=False)

    def classify(images: Any) -> np.ndarray:
        rows = to_device(single(np.asarray(to_host(images))), device)
        parts = [model.predict(done.p, rows[i : i + 3000]) for i in range(0, len(rows), 3000)]
        return np.concatenate([np.asarray(to_host(part)) for part in parts])

    test = to_device(digits["test"][0], device)
    return classify, model.accuracy(done.p, test, digits["test"][1])


def each(labels: Any) -> np.ndarray:
    """Labels of stacks (N,) as those of their digits (3 N,), in the order of `single`."""
    return np.stack([labels // 100, labels // 10 % 10, labels % 10], axis=1).reshape(-1)
