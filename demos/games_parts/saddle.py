"""Games of two numbers, x going down f and y going up, played by the library's own Game and Turn.

    simultaneous   x' = x - lr df/dx (x, y),   y' = y + lr df/dy (x, y)         (20)
    x first        x' as above,                y' = y + lr df/dy (x', y)
    y first        y' as above,                x' = x - lr df/dx (x, y')

Alternating is two turns, each with the gradient at the point that the other left. Simultaneous is
one turn that owns both numbers: both gradients at one point, then one step of both.
                                                           docs/derivations/gan.md, "The dynamics"
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen import Pullback
from tinygen.arrays import Array, Params
from tinygen.optim import sgd
from tinygen.training import Game, Turn

Gradients = tuple[Any, Any, Any]  # f, df/dx, df/dy


@dataclass(frozen=True)
class Saddle:
    """f(x, y), its partial derivatives, and a name.    value : (x, y) -> f, df/dx, df/dy"""

    name: str
    value: Callable[[Any, Any], Gradients]

    def loss(self, *players: str) -> Callable[..., tuple[Array, Pullback]]:
        """What these players minimise, as a loss of the library: f for "x", -f for "y".

        With both, the pullback gives df/dx and -df/dy at one point. That is the gradient of no
        function: two players have no common loss. The value is f then.
        """
        sign = {"x": 1.0, "y": -1.0}

        def loss(p: Params, data: Array, noise: Any) -> tuple[Array, Pullback]:
            f, fx, fy = self.value(p["x"]["at"], p["y"]["at"])
            slope = {"x": fx, "y": fy}
            value = f if len(players) == 2 else sign[players[0]] * f

            def dp(d: Array) -> Params:
                return {who: {"at": d * sign[who] * slope[who]} for who in players}

            return value, Pullback(dp, lambda d: (), value)

        return loss

    def turn(self, who: str, lr: float, times: int = 1) -> Turn:
        """`times` steps of one player, who stands where the other cannot move."""
        return Turn(who, self.loss(who), no_noise, sgd(lr), who, times)

    def alternating(self, first: str, lr: float, times: tuple[int, int] = (1, 1)) -> Game:
        """A game of two turns; times : steps of the first and of the second player, each round."""
        second = {"x": "y", "y": "x"}[first]
        return Game(self.turn(first, lr, times[0]), self.turn(second, lr, times[1]))

    def simultaneous(self, lr: float) -> Game:
        """A game of one turn, which owns both players."""
        return Game(Turn("both", self.loss("x", "y"), no_noise, sgd(lr)))


def product(x: Any, y: Any) -> Gradients:
    """x y, y, x"""
    return x * y, y, x


def wave(x: Any, y: Any) -> Gradients:
    """sin(x + y), and its slope cos(x + y) twice."""
    slope = np.cos(x + y)
    return np.sin(x + y), slope, slope


XY = Saddle("x y", product)
SIN = Saddle("sin(x + y)", wave)


def no_noise(rng: np.random.Generator, x: Array) -> None:
    """These games draw nothing."""


def path(game: Game, start: tuple[float, float], rounds: int) -> np.ndarray:
    """(x, y) at the start and after each round: (1 + rounds, 2)."""
    p = {who: {"at": np.array(at)} for who, at in zip("xy", start, strict=True)}
    state, rng, nothing = game.init(p), np.random.default_rng(0), [np.zeros((1, 1))]
    seen = [start]
    for step in range(rounds):
        game.play(p, state, nothing, rng, step)
        seen.append((float(p["x"]["at"]), float(p["y"]["at"])))
    return np.array(seen)


def with_corners(rounds: np.ndarray, first: str) -> np.ndarray:
    """A path of alternating turns with the points between them, where one player has moved."""
    before, after = rounds[:-1], rounds[1:]
    columns = (after, before) if first == "x" else (before, after)
    corners = np.stack([columns[0][:, 0], columns[1][:, 1]], axis=1)  # (rounds, 2)
    both = np.stack([before, corners], axis=1).reshape(-1, 2)
    return np.concatenate([both, rounds[-1:]])


def orders(saddle: Saddle, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(min_x max_y f, max_y min_x f), each player choosing from a grid: (M,) and (M,)."""
    f = saddle.value(x[:, None], y[None])[0]  # (M, M)
    return float(f.max(axis=1).min()), float(f.min(axis=0).max())
