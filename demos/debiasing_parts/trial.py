"""One training of a debiasing VAE with one rule of resampling, and how each group fares."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Params
from tinygen.data.dataset import Part
from tinygen.likelihoods import Gaussian
from tinygen.models import DebiasingVAE, debiasing_order, dense_debiasing_vae
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.training import Turn, train

STD = 0.2  # of the pixels, given the code
WEIGHT = 30.0  # of the classification, beside some hundreds of nats
HIDDEN, LATENT, BATCH, LR = 128, 8, 64, 1e-3


@dataclass(frozen=True)
class Rule:
    """How the examples of class 1 are drawn: each once, by their codes, or by their groups.

    alpha   : of `debiasing_order`; infinity draws with replacement and favours none; None takes
              each example once
    groups  : half of the draws from the rare group, by its name, which no one has in earnest:
              what resampling could do at best
    """

    alpha: float | None = None
    combine: str = "product"
    groups: bool = False

    @property
    def name(self) -> str:
        """In a table."""
        if self.groups:
            return "groups known"
        if self.alpha is None:
            return "none"
        return "with replacement" if np.isinf(self.alpha) else f"{self.combine}, {self.alpha:g}"


ALPHAS = (0.1, 0.01, 0.001)
RULES = [
    Rule(),
    Rule(np.inf),
    Rule(1.0),  # milder than those of the paper
    *(Rule(alpha, combine) for combine in ("product", "maximum") for alpha in ALPHAS),
    Rule(groups=True),
]


@dataclass
class Trial:
    """What a training left.

    numbers : percentages, see `by_group`; "rare drawn", the share of the rare group among the
              drawn examples of class 1, and "distinct", how many of them differ, each a mean over
              the epochs
    """

    model: DebiasingVAE
    p: Params
    train: Part
    numbers: dict[str, float]
    drawn: list[float] = field(default_factory=list)


def run(parts: tuple[Part, Part], rule: Rule, seed: int, epochs: int, device: Any = None) -> Trial:
    """One training. Rules at one seed share the data, the first weights, and the noise's seed."""
    part, test = parts
    labels = part.labels
    assert labels is not None
    model = dense_debiasing_vae(part.x.shape[1:], HIDDEN, LATENT, Gaussian(std=STD), weight=WEIGHT)
    rng = np.random.default_rng(seed)
    x, y = to_device((part.x, labels), device)
    rare, drawn, distinct = part.factors["rare"] == 1, [], []
    pick = order_of(rule, model, x, y, rare)

    def order(rng: np.random.Generator, p: Params) -> np.ndarray:
        rows = pick(rng, p)
        ones = rows[labels[rows] == 1]
        drawn.append(100 * float(rare[ones].mean()))
        distinct.append(100 * len(np.unique(ones)) / len(ones))
        return rows

    # To a step size of zero: else the rare group's recall moves by tens of percent in an epoch.
    steps = epochs * math.ceil(len(labels) / BATCH)
    turn = Turn("debiasing VAE", model.loss, model.draw_noise, adam(cosine(LR, steps)))
    p = to_device(model.init(rng), device)
    done = train(turn, p, (x, y), rng=rng, epochs=epochs, batch=BATCH, order=order, progress=False)
    numbers = by_group(model, done.p, test, device)
    numbers |= {"rare drawn": float(np.mean(drawn)), "distinct": float(np.mean(distinct))}
    return Trial(model, done.p, part, numbers, drawn)


def order_of(rule: Rule, model: DebiasingVAE, x: Any, y: Any, rare: np.ndarray) -> Any:
    """f(rng, p) -> the indices of an epoch."""
    if rule.alpha is not None:
        return debiasing_order(model, x, y, rule.alpha, combine=rule.combine)
    labels = to_host(y)
    if not rule.groups:
        return lambda rng, p: rng.permutation(len(labels))
    ones, others = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    w = np.where(rare[ones], 1 / rare[ones].sum(), 1 / (~rare[ones]).sum()) / 2
    return lambda rng, p: rng.permutation(
        np.concatenate([others, rng.choice(ones, len(ones), p=w)])
    )


def by_group(model: DebiasingVAE, p: Params, test: Part, device: Any = None) -> dict[str, float]:
    """Percentages of a test part that are classed rightly.

    rare, common : the recall on the two groups of class 1; "gap", common - rare; "variance" of
                   the two, (common - rare)^2 / 2, as published tables have it
    others, rare-looking and others, common-looking : the same of class 0
    accuracy     : the mean of the four
    """
    assert test.labels is not None
    right = to_host(model.predict(p, to_device(test.x, device))) == test.labels
    rate = {
        (k, rare): 100 * float(right[(test.labels == k) & (test.factors["rare"] == rare)].mean())
        for k in (1, 0)
        for rare in (1, 0)
    }
    gap = rate[1, 0] - rate[1, 1]
    return {
        "rare": rate[1, 1],
        "common": rate[1, 0],
        "gap": gap,
        "variance": gap**2 / 2,
        "others, rare-looking": rate[0, 1],
        "others, common-looking": rate[0, 0],
        "accuracy": float(np.mean(list(rate.values()))),
    }
