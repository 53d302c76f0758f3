"""Can one act well in a world that is only known from a model? python demos/planning.py

A pendulum hangs at rest. Its motor is too weak to lift it: it has to be swung up. An LSTM with
actions as inputs, p(x_t | x_<t, u_<=t), has seen 2000 pendulums under random torques and nothing
else: no task, no reward. Then, at each tenth of a second, 250 random plans of two seconds are
rolled out inside the model, and the first torque of the best is done in the real pendulum.

Random torques are the floor. The same shooting inside the true simulator is the ceiling: what
is between it and the model is what the model does not know.

A. Nagabandi et al. 2018, arXiv 1708.02596; D. Ha and J. Schmidhuber, World Models, 2018.
"""

from typing import Any

import numpy as np
from common import arguments, leave, table
from planning_parts import drawing
from planning_parts.shooting import PLANS, Episodes, episodes
from planning_parts.worlds import TORQUE, Learnt, height, swings

from tinygen import to_device
from tinygen.models import LSTMDensity
from tinygen.optim import adam
from tinygen.schedules import cosine
from tinygen.training import Turn, train

SWINGS, STEPS = 2000, 50  # to learn from
BATCH = 64
HIDDEN = 64
PENDULUMS, SECONDS = 8, 8  # a seed and planner
QUICK = (3, 40, 40)  # pendulums, steps, plans
SEEN, AHEAD = 10, 20  # steps that are read before a forecast, and that are forecast
PLANNERS = ("random", "model", "simulator")


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Learn, plan, compare, for each seed. Returns the numbers."""
    more = {"seeds": (5, "how many models are trained"), "epochs": (40, "of each training")}
    args = arguments(__doc__, "planning", argv, data=None, more=more)
    if args.quick:
        args.seeds, args.epochs = min(args.seeds, 2), min(args.epochs, 2)
    size = QUICK if args.quick else (PENDULUMS, 10 * SECONDS, PLANS)
    seeds = range(args.seed, args.seed + args.seeds)
    numbers: dict[str, dict[str, Any]] = {}
    first, forecast = None, None
    for seed in seeds:
        rng = np.random.default_rng(seed)
        learnt, nats = learn(rng, args)
        errors, shown = forecasts(learnt, np.random.default_rng([seed, 1]))
        done = {
            name: episodes(np.random.default_rng([seed, 2]), *size, name, learnt)
            for name in PLANNERS
        }
        numbers[f"seed {seed}"] = row = {
            **{f"return, {name}": returned(e) for name, e in done.items()},
            **{f"last 3 s, {name}": float(e.reward[:, -30:].mean()) for name, e in done.items()},
            "nats a step": nats,
            **errors,
        }
        print(f"seed {seed}: " + ", ".join(f"{k} {v:.3f}" for k, v in row.items()), flush=True)
        if first is None:
            first, forecast = done, shown
    assert first is not None and forecast is not None
    found = spread(list(numbers.values()))
    print("\nmean over the seeds +- standard deviation of a seed")
    print(table({name: {"": pair} for name, pair in found.items()}))
    figures = {
        "heights": drawing.heights(first),
        "forecasts": drawing.forecasts(*forecast),
        "swing": drawing.swinging(first["model"]),
    }
    numbers["mean and standard deviation"] = found
    leave(args, figures, numbers)
    return numbers


def learn(rng: np.random.Generator, args: Any) -> tuple[Learnt, float]:
    """The model of one seed, and what it pays for a step of pendulums it has not seen, in nats."""
    model = LSTMDensity(3, (HIDDEN,), inputs=1)
    n = SWINGS // 10 if args.quick else SWINGS
    x, x_test = (to_device(swings(rng, m, STEPS), args.device) for m in (n, 200))
    p = to_device(model.init(rng), args.device)
    steps = args.epochs * -(-n // BATCH)
    turn = Turn("pendulum", model.loss, model.draw_noise, adam(cosine(5e-3, steps)))
    p = train(turn, p, x, rng=rng, epochs=args.epochs, batch=BATCH, progress=False).p
    return Learnt(model, p), float(-model.log_prob(p, x_test)[0].mean()) / STEPS


def forecasts(
    learnt: Learnt, rng: np.random.Generator
) -> tuple[dict[str, float], tuple[np.ndarray, np.ndarray]]:
    """The error of heights forecast 1, 10 and 20 steps ahead; some forecasts beside the truth."""
    x, u = swings(rng, 200, SEEN + AHEAD)
    for t in range(SEEN):
        learnt.told(x[:, t], u[:, t, 0] * TORQUE)
    expected = learnt.imagine(u[:, None, SEEN:, 0] * TORQUE)[:, 0]  #      (n, AHEAD, 3)
    learnt.state = None
    error = np.sqrt(((height(expected) - height(x[:, SEEN:])) ** 2).mean(axis=0))  # (AHEAD,)
    errors = {f"error after {s} s": float(error[round(10 * s) - 1]) for s in (0.1, 1, 2)}
    return errors, (height(x[:6]), height(expected[:6]))


def returned(done: Episodes) -> float:
    """The sum of the rewards of an episode, a mean over the pendulums."""
    return float(done.reward.sum(axis=1).mean())


def spread(rows: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Of each number the mean over the seeds and its standard deviation (of single seeds)."""
    return {
        name: (
            float(np.mean([row[name] for row in rows])),
            float(np.std([row[name] for row in rows], ddof=min(1, len(rows) - 1))),
        )
        for name in rows[0]
    }


if __name__ == "__main__":
    main()
