"""Random shooting: try many plans in a world, do the first step of the best, and think again.

    u = first step of argmax_k sum_j reward(x_j),   x_1, ..., x_h = world(plan k)

A. Nagabandi et al., Neural Network Dynamics for Model-Based Deep Reinforcement Learning, 2018,
arXiv 1708.02596, section IV-C: there, too, in a model learnt from random actions.
"""

from dataclasses import dataclass, replace

import numpy as np

from planning_parts.worlds import Learnt, Simulator, height, torques

PLANS = 250
HORIZON = 20  # steps of 0.1 s


@dataclass(frozen=True)
class Episodes:
    """What was done and seen: torques (n, T), angles (n, T + 1), rewards (n, T)."""

    torque: np.ndarray
    angle: np.ndarray
    reward: np.ndarray


def best_first(
    world: Simulator | Learnt, rng: np.random.Generator, n: int, plans: int, horizon: int
) -> np.ndarray:
    """Of `plans` random plans for each of n pendulums the first torque (n,) of the best one."""
    tried = torques(rng, n * plans, horizon).reshape(n, plans, horizon)
    returns = height(world.imagine(tried)).sum(axis=-1)  #          (n, K)
    return tried[np.arange(n), returns.argmax(axis=1), 0]


def episodes(
    rng: np.random.Generator,
    n: int,
    steps: int,
    plans: int,
    planner: str,
    learnt: Learnt,
    horizon: int = HORIZON,
) -> Episodes:
    """n pendulums from rest, for `steps` steps, at each of which `plans` plans are tried.

    planner : "random" torques; "model", which plans inside `learnt`; "simulator", which plans
              inside the truth, so far as plans of this kind can
    """
    truth = Simulator.hanging(rng, n)
    worlds = {"random": None, "simulator": truth, "model": replace(learnt, state=None)}
    world = worlds[planner]
    drawn = torques(rng, n, steps)
    angle, reward, done = [truth.angle], [], []
    if world is not None:
        world.told(truth.x, np.zeros(n))
    for t in range(steps):
        u = drawn[:, t] if world is None else best_first(world, rng, n, plans, horizon)
        x = truth.act(u)
        if world is not None:
            world.told(x, u)
        angle.append(truth.angle)
        reward.append(height(x))
        done.append(u)
    return Episodes(np.stack(done, 1), np.stack(angle, 1), np.stack(reward, 1))
