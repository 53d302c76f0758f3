"""How every model of these demos is trained: two sets without pairs, three turns, a falling step.

The step size falls along half a cosine to zero, so that the players come to rest.
"""

from typing import Any

import numpy as np

from tinygen import to_device
from tinygen.arrays import Params
from tinygen.data import unpaired
from tinygen.models.cycle_gan import CycleGAN
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.schedules import cosine
from tinygen.systems.three_turns import three_turns
from tinygen.training import train


def fit(
    model: CycleGAN,
    sets: tuple[np.ndarray, np.ndarray],
    seed: int,
    steps: int,
    batch: int,
    lr: float,
    device: str = "cpu",
    weights: str = "glorot",
    run: Run | None = None,
) -> tuple[Params, dict[str, float]]:
    """The parameters after so many steps, and the terms of the last epoch, as means.

    sets : a (N, ...) and b (M, ...);  run: a folder, from which a stopped training goes on
    """
    rng = np.random.default_rng(seed)
    p = to_device(model.init(rng, weights=weights), device)
    x = to_device(unpaired(rng, *sets), device)
    rule = adam(cosine(lr, steps), beta1=0.5)
    asked: dict[str, Any] = {"steps": steps, "batch": batch, "run": run}
    done = train(three_turns(model, rule, rule), p, x, rng=rng, progress=False, **asked)
    return done.p, done.log[-1]["train"]
