"""A pendulum with a motor too weak to lift it, as it is and as a model has learnt it.

    x_t = (cos angle, sin angle, velocity / 5)        u_t: the torque between x_{t-1} and x_t

Both worlds answer one question: where do these torques lead from here?
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import to_device, to_host, tree
from tinygen.arrays import Params, device_of
from tinygen.data.pendulum import DT, pendulum, step
from tinygen.models import LSTMDensity

TORQUE = 5.0  # at most; g / length is 9.81: it cannot even hold the bob level with the pivot
SECONDS_A_STEP = DT
FAST = 5.0  # radians a second that count as 1
HELD = 4  # steps of 0.1 s for which a torque is held, in data and in plans
OF_TORQUE = np.float32(1 / TORQUE)  # the model reads torques as -1 .. 1


def torques(rng: np.random.Generator, n: int, steps: int) -> np.ndarray:
    """(n, steps), each drawn evenly from -TORQUE .. TORQUE and held for HELD steps.

    The first change falls on any step, so that plans of all phases are tried.
    """
    blocks = rng.uniform(-TORQUE, TORQUE, (n, steps // HELD + 2))
    first = rng.integers(HELD, size=n)
    which = (np.arange(steps) + first[:, None]) // HELD  #                    (n, steps)
    return np.take_along_axis(blocks, which, axis=1)


def seen(angle: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """x (..., 3), float32."""
    x = np.stack([np.cos(angle), np.sin(angle), velocity / FAST], axis=-1)
    return x.astype(np.float32)


def height(x: np.ndarray) -> np.ndarray:
    """The reward of a step: -1 hanging, 1 upright. A model's cosine may leave -1 .. 1."""
    return -np.clip(x[..., 0], -1, 1)


def swings(rng: np.random.Generator, n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """x (n, steps, 3) of pendulums under random torques, and u (n, steps, 1) as models read them.

    u_1, before the first state, is 0.
    """
    u = torques(rng, n, steps - 1)
    states = pendulum(rng, n, steps, u).x
    before = np.concatenate([np.zeros((n, 1)), u], axis=1)[..., None]
    return seen(states[..., 0], states[..., 1]), (before * OF_TORQUE).astype(np.float32)


@dataclass
class Simulator:
    """n pendulums: the truth, which also says what plans would lead to."""

    angle: np.ndarray
    velocity: np.ndarray

    @classmethod
    def hanging(cls, rng: np.random.Generator, n: int) -> "Simulator":
        """n pendulums almost at rest, almost straight down."""
        return cls(*rng.uniform(-0.1, 0.1, (2, n)))

    @property
    def x(self) -> np.ndarray:
        """What is seen (n, 3)."""
        return seen(self.angle, self.velocity)

    def act(self, torque: np.ndarray) -> np.ndarray:
        """Torques (n,) for one step; what is then seen (n, 3)."""
        self.angle, self.velocity = step(self.angle, self.velocity, torque)
        return self.x

    def imagine(self, plans: np.ndarray) -> np.ndarray:
        """Plans (n, K, h) -> what they would lead to (n, K, h, 3); nothing moves."""
        n, K, steps = plans.shape
        angle, velocity = (np.repeat(a[:, None], K, axis=1) for a in (self.angle, self.velocity))
        x = np.empty((n, K, steps, 3), np.float32)
        for t in range(steps):
            angle, velocity = step(angle, velocity, plans[..., t], substeps=5)
            x[:, :, t] = seen(angle, velocity)
        return x

    def told(self, x: np.ndarray, torque: np.ndarray) -> None:
        """The simulator knows already."""


@dataclass
class Learnt:
    """The same question to an LSTM that has seen what pendulums do under random torques."""

    model: LSTMDensity
    p: Params
    state: Any = None

    def told(self, x: np.ndarray, torque: np.ndarray) -> None:
        """What was seen, (n, 3), after torques (n,): the LSTM reads on."""
        u = (torque[:, None, None] * OF_TORQUE).astype(np.float32)
        pair = to_device((x[:, None], u), device_of(self.p["start"]))
        self.state = self.model.log_probs(self.p, pair, self.state)[1]

    def imagine(self, plans: np.ndarray) -> np.ndarray:
        """Plans (n, K, h) -> what the model expects (n, K, h, 3): the mean of each step."""
        n, K, steps = plans.shape
        u = (plans.reshape(n * K, steps, 1) * OF_TORQUE).astype(np.float32)
        u = to_device(u, device_of(self.p["start"]))
        state = tree.map(lambda a: a.repeat(K, axis=0), self.state)
        rng = np.random.default_rng(0)  # nothing is drawn
        x = self.model.sample(self.p, rng, n * K, steps, u, state=state, mean=True)
        return to_host(x).reshape(n, K, steps, 3)
