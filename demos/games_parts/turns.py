"""6. The order of the players, and how often each moves in a row, against the modes covered.

A ring of 8 Gaussians in the plane; in each round the one player moves k times, the other once.
The rounds are as many in each row, so that the slower player has as many steps in all of them.
A mode is covered where 2 % of the fakes or more, a sixth of its share, lie within 3 std of it.
                                                           docs/derivations/gan.md, "The optimum"
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygen import to_device, to_host
from tinygen.arrays import Params
from tinygen.data.toys import mixture
from tinygen.layers import Dense, Relu, Sequential
from tinygen.metrics import mean_and_error
from tinygen.models.gan import GAN
from tinygen.optim import adam
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.systems.duel import duel
from tinygen.training import Game

MODES, RADIUS, STD = 8, 2.0, 0.15
ANGLE = 2 * np.pi * np.arange(MODES) / MODES
CENTRES = RADIUS * np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=1)  # (8, 2)
HIDDEN, N_LATENT, BATCH, LR, BETA1 = 64, 2, 128, 2e-3, 0.5
ROUNDS, LOOKS, SEEDS, DRAWN, LEAST = 300, 10, 3, 2000, 0.02
TIMES = ((1, 1), (5, 1), (20, 1), (1, 5), (1, 20))  # of D, of G


@dataclass(frozen=True)
class Play:
    """Who begins each round, and how often D and G move in it."""

    first: str
    d_times: int
    g_times: int

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.first} first, D x {self.d_times}, G x {self.g_times}"

    def game(self) -> tuple[GAN, Game]:
        """The model, and the library's duel with its turns in this order."""
        model = GAN(net(N_LATENT, 2), net(2, 1), N_LATENT)
        optimiser = adam(LR, beta1=BETA1)
        d, g = duel(model, optimiser, optimiser, self.d_times).turns
        g = replace(g, times=self.g_times)
        return model, Game(d, g) if self.first == "D" else Game(g, d)


def net(n_in: int, n_out: int) -> Sequential:
    """Two hidden layers."""
    return Sequential(
        Dense(n_in, HIDDEN), Relu(), Dense(HIDDEN, HIDDEN), Relu(), head=Dense(HIDDEN, n_out)
    )


def outcome(play: Play, rounds: int, seed: int, device: str = "cpu") -> list[np.ndarray]:
    """Fakes (DRAWN, 2) at LOOKS moments of so many rounds, the last one at their end."""
    model, game = play.game()
    rng, seen = np.random.default_rng(seed), []
    p: Params = to_device(model.init(rng, weights="he"), device)
    state, looks = game.init(p), {rounds * (i + 1) // LOOKS for i in range(LOOKS)}
    for step in range(1, rounds + 1):
        x = to_device(mixture(rng, BATCH * game.batches, CENTRES, STD).x, device)
        game.play(p, state, [x[i * BATCH :][:BATCH] for i in range(game.batches)], rng, step)
        if step in looks:
            seen.append(to_host(model.sample(p, rng, DRAWN)))
    return seen


def shares(fakes: np.ndarray) -> np.ndarray:
    """The share of fakes within 3 std of each mode (8,)."""
    distance = np.linalg.norm(fakes[:, None] - CENTRES, axis=2)  # (N, 8)
    return (distance < 3 * STD).mean(axis=0)


def covered(fakes: np.ndarray) -> np.ndarray:
    """Which modes are covered (8,)."""
    return shares(fakes) >= LEAST


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row for each way of playing, +- the standard error over seeds; the fakes of one seed."""
    rounds, seeds = (4, 2) if args.quick else (ROUNDS, SEEDS)
    rows, shown = {}, {}
    for first in "DG":
        for times in TIMES[::2] if args.quick else TIMES:
            play = Play(first, *times)
            seen = [outcome(play, rounds, args.seed + i, args.device) for i in range(seeds)]
            rows[play.name] = {
                "modes at the end": over([covered(s[-1]).sum() for s in seen]),
                "modes ever covered": over([np.any(list(map(covered, s)), 0).sum() for s in seen]),
                "fakes at a mode": over([shares(s[-1]).sum() for s in seen]),
            }
            shown[play.name] = seen[0][-1]
    return rows, {"turns": picture({k: v for k, v in shown.items() if k.startswith("D")})}


def over(numbers: Any) -> tuple[float, float]:
    """Mean and standard error over seeds."""
    mean, error = mean_and_error(np.asarray(numbers, float))
    return float(mean), float(error)


def picture(shown: dict[str, np.ndarray]) -> Any:
    """Fakes over the modes, for each k."""
    figure = new_figure(11.0, 2.6)
    grid = figure.subplots(1, len(shown), sharex=True, sharey=True)
    for axes, (name, fakes) in zip(grid, shown.items(), strict=True):
        axes.scatter(*CENTRES.T, s=260, facecolors="none", edgecolors=FAINT)
        axes.plot(*fakes[:500].T, ".", color=LINES[0], ms=2)
        axes.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal")
        dress(axes, name.removeprefix("D first, "))
        axes.grid(False)
    return figure
