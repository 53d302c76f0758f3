"""Warnings of a game that goes wrong: the discriminator too strong, fakes without diversity.

    accuracy  = (share of data + share of fakes told rightly) / 2
    diversity = E |G(z) - G(z')| / E |x - x'|          over pairs
    copies    = share of fakes that have another within 1e-4 of the data's spread

Neither loss says so: each is measured against an opponent that moves. A generator that shows one
point has no diversity. NOTE: one that shows two of eight modes of a ring, equally often, has 0.3 of
the data's where they are neighbours and 0.8 where they face each other, above ALIKE: that modes are
missing can only be counted where modes are known (metrics/mode_coverage.py).
                                                            docs/questions/mode_collapse.md
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, to_host
from tinygen.models.gan import GAN

TOO_STRONG = 0.99  # of D's verdicts are right
ALIKE = 0.25  # of the data's diversity is too little
NEAR = 1e-4  # of the data's spread: fakes so near are copies
COPIES = 0.5  # a share of copies above it is too much
LEAST = 16  # examples, below which nothing is said

CALM = (  # what helps against a discriminator that has won
    "lower its step size or k, raise the generator's, give it dropout or, where it has no batch "
    "norm, a gradient penalty (r1, gp)"
)
VARY = (  # and against fakes that are all alike
    "train on or, to a discriminator without batch norm, add a gradient penalty (r1, gp); in a "
    "program of your own also pack its input, discriminate minibatches, match features or unroll: "
    "docs/questions/mode_collapse.md says what each costs"
)


class Collapse(UserWarning):
    """A game that has gone wrong."""


@dataclass(frozen=True)
class Diagnosis:
    """What the numbers are; each None where it has no meaning.

    accuracy  : share of data and fakes that D tells rightly; of a critic None
    diversity : mean distance of two fakes, over that of two examples of the data
    copies    : share of fakes with another one next to it
    """

    accuracy: float | None
    diversity: float
    copies: float


def diagnose(model: GAN, p: Params, x: Any, rng: np.random.Generator) -> Diagnosis:
    """The numbers, on data x (N, ...), or (data, labels), and as many fresh fakes.

    A few hundred examples are enough: the work grows with N^2. Raises ValueError below two.
    """
    noise = model.draw_noise(rng, x)
    noise = {key: noise[key] for key in noise if key not in ("real", "fake")}  # no dropout here
    backward = model.discriminator_loss(p, x, noise)[1]
    accuracy = None
    if model.objective.threshold is not None:
        accuracy = float(backward.terms["real"] + backward.terms["fake"]) / 2
    data, labels = (x[0], x[1]) if isinstance(x, tuple) else (x, None)
    if len(data) < 2:
        raise ValueError(f"diagnose: two examples or more make a pair, got {len(data)}")
    return compared(data, model.sample(p, rng, len(data), labels), accuracy)


def compared(data: Array, fakes: Array, accuracy: float | None) -> Diagnosis:
    """The numbers of fakes beside data, (N, ...) both, N >= 2, with D's accuracy where known."""
    apart = distances(fakes)
    spread = off_diagonal(distances(data)).mean()
    nearest = (apart + np.diag(np.full(len(apart), np.inf))).min(axis=1)
    return Diagnosis(
        accuracy,
        float(off_diagonal(apart).mean() / max(spread, np.finfo(np.float64).tiny)),
        float((nearest <= NEAR * spread).mean()),
    )


def remarks(model: GAN, p: Params, x: Any, rng: np.random.Generator | None = None) -> list[str]:
    """What should not be overlooked, a line each, for the commands; none where all is well.

    None too for fewer than 16 examples, of which little can be said.
    """
    if len(x[0] if isinstance(x, tuple) else x) < LEAST:
        return []
    return in_words(diagnose(model, p, x, np.random.default_rng(0) if rng is None else rng))


def in_words(found: Diagnosis, calm: str = CALM, vary: str = VARY, of: str = "") -> list[str]:
    """What is wrong, a line each, and what helps; of: whose, as in " of b", where several play."""
    lines = []
    if found.accuracy is not None and found.accuracy >= TOO_STRONG:
        lines.append(
            f"the discriminator{of} is too strong: it tells {found.accuracy:.1%} of data and fakes "
            f"rightly, and its slope hardly says which way is better: {calm}"
        )
    if found.diversity < ALIKE or found.copies > COPIES:
        lines.append(
            f"the generator{of} has collapsed, or hardly been trained: two fakes are "
            f"{found.diversity:.2f} times as far apart as two examples of the data, and "
            f"{found.copies:.0%} of the fakes have a copy: {vary}"
        )
    return lines


def warn_of_collapse(
    model: GAN, p: Params, x: Any, rng: np.random.Generator | None = None
) -> list[str]:
    """The same; warns `Collapse` of each line. For a program of your own, while it trains."""
    lines = remarks(model, p, x, rng)
    for line in lines:
        warnings.warn(line, Collapse, stacklevel=2)
    return lines


def distances(x: Array) -> np.ndarray:
    """|x_n - x_m| of all pairs, in double precision on the host: (N, N)."""
    rows = np.asarray(to_host(x), np.float64).reshape(len(x), -1)
    rows = rows - rows.mean(axis=0)  # near zero, where squares lose the least
    squares = (rows * rows).sum(axis=1)
    distance2: np.ndarray = np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0)
    return np.sqrt(distance2)


def off_diagonal(a: np.ndarray) -> np.ndarray:
    """The entries n != m of a square matrix."""
    return a[~np.eye(len(a), dtype=bool)]
