"""A pendulum that swings without friction, as a state and as pictures, with a torque if wanted.

angle'' = -(g / length) sin(angle) + torque        angle 0 hangs down, counter-clockwise, radians

Integrated by the velocity Verlet method, which keeps the energy within a bound that does not grow
with time, and has an error of order h^2.   L. Verlet, Physical Review 159, 1967; E. Hairer, C.
Lubich and G. Wanner, Geometric numerical integration illustrated by the Stoermer-Verlet method,
Acta Numerica 2003.
"""

from typing import Any

import numpy as np

from tinygen.data.checks import check_counts, check_range
from tinygen.data.dataset import Part

RATE = 9.81  # g / length in 1/s^2: a pendulum of 1 m
DT = 0.1  # seconds between the states of a series
SUBSTEPS = 20  # of the integrator within DT: h = 5 ms
SMALLEST = 12  # pixels a side


def pendulum(
    rng: np.random.Generator, n: int, steps: int = 64, torque: np.ndarray | None = None
) -> Part:
    """n swings (N, T, 2): angle in radians, velocity in radians a second, a state each DT = 0.1 s.

    They start at an angle ~ U(-2, 2) with a velocity ~ U(-2, 2); without a torque none swings over
    the top. Angles are not wrapped: those that a torque drives round grow beyond pi.

    torque : (N, T - 1) over m length^2, in 1/s^2, constant between a state and the next; none if
             not given
    factors : "angle" and "velocity" at the start, "energy" at the start, see `energy`
    Raises ValueError for n < 1, steps < 1, and a torque of another shape or not finite.
    """
    check_counts("pendulum", n=n, steps=steps)
    torque = np.zeros((n, steps - 1)) if torque is None else np.asarray(torque)
    if torque.shape != (n, steps - 1):
        raise ValueError(
            f"pendulum: torque must be {(n, steps - 1)}, (N, T - 1), got {torque.shape}"
        )
    start = rng.uniform(-2, 2, (2, n))  # angle, velocity
    states = [(start[0], start[1])]
    for t in range(steps - 1):
        states.append(step(*states[-1], torque[:, t]))
    x = np.array(states).transpose(2, 0, 1)  # (T, 2, N) -> (N, T, 2)
    factors = {"angle": start[0], "velocity": start[1], "energy": energy(*start)}
    return Part(x.astype(np.float32), None, factors)


def step(
    angle: Any, velocity: Any, torque: Any = 0.0, dt: float = DT, substeps: int = SUBSTEPS
) -> tuple[np.ndarray, np.ndarray]:
    """The state dt seconds later, under a constant torque: numbers or arrays of one shape.

    Raises ValueError for substeps < 1 and for dt or a torque that is not finite.
    """
    check_counts("step", substeps=substeps)
    check_range("step", -1e6, 1e6, dt=dt, torque=torque)
    h = dt / substeps
    angle, velocity = np.asarray(angle, np.float64), np.asarray(velocity, np.float64)
    force = torque - RATE * np.sin(angle)
    for _ in range(substeps):
        velocity = velocity + h / 2 * force
        angle = angle + h * velocity
        force = torque - RATE * np.sin(angle)
        velocity = velocity + h / 2 * force
    return angle, velocity


def energy(angle: Any, velocity: Any) -> np.ndarray:
    """velocity^2 / 2 - (g / length) cos(angle): over m length^2, 0 at rest level with the pivot."""
    return np.asarray(velocity) ** 2 / 2 - RATE * np.cos(angle)


def pendulum_clips(rng: np.random.Generator, n: int, steps: int = 16, size: int = 16) -> Part:
    """n swings as clips (N, T, size, size, 1): the angles of `pendulum`, drawn by `draw_pendulum`.

    The same generator state gives the swings that `pendulum(rng, n, steps)` gives, which hold the
    state of every picture. factors : those of `pendulum`;  raises what the two raise.
    """
    swings = pendulum(rng, n, steps)
    return Part(draw_pendulum(swings.x[..., 0], size), None, swings.factors)


def draw_pendulum(angle: np.ndarray, size: int = 16) -> np.ndarray:
    """Pictures (..., size, size, 1) of a rod and a bob at the angles (...), ink in [0, 1].

    The rod is 0.36 of a side long, from the middle; the bob has a radius of 0.1.
    Raises ValueError for size < 12 and angles that are not finite.
    """
    check_counts("draw_pendulum", SMALLEST, size=size)
    check_range("draw_pendulum", -1e6, 1e6, angle=angle)
    angle = np.asarray(angle)[..., None, None]
    pixel = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5  # right, and down
    sin, cos = np.sin(angle, dtype=np.float32), np.cos(angle, dtype=np.float32)
    along = sin * pixel + cos * pixel[:, None]  # down the rod       (..., H, W)
    across = cos * pixel - sin * pixel[:, None]
    bob = np.sqrt((along - np.float32(0.36)) ** 2 + across**2) - np.float32(0.1)
    rod = np.maximum(
        abs(across) - np.float32(0.025), abs(along - np.float32(0.18)) - np.float32(0.18)
    )
    return np.clip(0.5 - size * np.minimum(bob, rod), 0, 1)[..., None]
