"""3. A GAN on the line: D beside its optimum, V beside -log 4 + 2 JS, G's density, as they train.

    D* = p / (p + p_G),   V(D*, G) = -log 4 + 2 JS(p, p_G)                      (15), (16)

Twice: with a D that keeps up, five moves to one of a slow G, and with one that does not. The
second is fooled: V says -log 4, and JS is far from zero.  docs/derivations/gan.md, "The optimum"
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from games_parts.drawing import FILL, fixed
from games_parts.line import (
    DATA,
    LOG_4,
    Pair,
    W,
    X,
    begin,
    gan,
    masses,
    near,
    places,
    play,
    players,
    probability,
    score,
)
from tinygen import plots
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.schedules import cosine

ROUNDS, SHOWN = 1500, (0, 50, 150, 500, 1500)
KEEPS_UP, LAGS = "D keeps up", "D lags"


@dataclass
class Watched:
    """What was seen of one training: rounds, D's logits, the places of fakes, the pair."""

    rounds: list[int] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    at: list[np.ndarray] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """V(D, G) and V(D*, G) at each look."""
        v = [pair.value(logits) for pair, logits in zip(self.pairs, self.logits, strict=True)]
        return np.array(v), np.array([pair.best_value for pair in self.pairs])


def watch(kind: str, rounds: int, looks: Any, args: Any) -> Watched:
    """Train one of the two, and look in at these rounds."""
    model, seen = gan(), Watched()
    p = begin(model, args.seed, args.device)
    if kind == KEEPS_UP:
        game, *_ = players(model, 5e-3, cosine(1e-3, rounds), k=5)
    else:
        game, *_ = players(model, 2e-3, 2e-3)

    def look(step: int) -> None:
        if step in looks:
            seen.rounds.append(step)
            seen.logits.append(score(model, p, args.device))
            seen.at.append(places(model, p, args.device))
            seen.pairs.append(Pair.of(masses(seen.at[-1])))

    play(game, p, rounds, np.random.default_rng(args.seed), args.device, watch=look)
    return seen


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The numbers at a few rounds of both trainings; a picture and an animation."""
    rounds = 30 if args.quick else ROUNDS
    shown = sorted({r * rounds // ROUNDS for r in SHOWN})
    spaced = {round(rounds * (i / 42) ** 1.6) for i in range(0, 43, 21 if args.quick else 1)}
    both = {kind: watch(kind, rounds, spaced | set(shown), args) for kind in (KEEPS_UP, LAGS)}
    rows = {
        f"{kind}, round {r}": row(seen, seen.rounds.index(r))
        for kind, seen in both.items()
        for r in (shown if kind == KEEPS_UP else shown[-1:])
    }
    return rows, {"live": picture(both), "live_moving": film(both[KEEPS_UP])}


def row(seen: Watched, i: int) -> dict[str, float]:
    """One line of the table."""
    pair, logits, at = seen.pairs[i], seen.logits[i], seen.at[i]
    # the mean distance from D*, over data and fakes alike
    m = 0.5 * (W * np.exp(pair.log_p) + pair.mass)
    off = float((m * abs(probability(logits) - probability(pair.best_score))).sum())
    return {
        "V(D, G)": pair.value(logits),
        "-log 4 + 2 JS": pair.best_value,
        "|D - D*|": off,
        "JS": pair.js,
        "fakes at -2": near(at, DATA.means[0], 1.2),
        "at 2": near(at, DATA.means[1], 1.2),
    }


def draw(axes: Any, seen: Watched, i: int) -> None:
    """The densities, D and D* at one look."""
    pair = seen.pairs[i]
    axes.fill_between(X, np.exp(pair.log_p), color=FILL, lw=0, label="data, p")
    axes.plot(X, pair.mass / W, color=LINES[0], label="G's density")
    axes.plot(X, probability(seen.logits[i]), color=LINES[1], label="D")
    there = pair.mass / W + np.exp(pair.log_p) > 1e-3  # elsewhere D is never asked
    best = np.where(there, probability(pair.best_score), np.nan)
    axes.plot(X, best, ":", color="black", lw=1.4, label="D* = p / (p + p_G)")
    axes.set(xlim=(-5, 5), ylim=(0, 1.3), yticks=(0, 0.5, 1))


def curves(axes: Any, seen: Watched, i: int) -> None:
    """V beside what the best D would reach."""
    v, best = seen.values()
    axes.plot(seen.rounds[: i + 1], v[: i + 1], color=LINES[1], label="V(D, G)")
    axes.plot(seen.rounds[: i + 1], best[: i + 1], ":", color="black", label="-log 4 + 2 JS")
    axes.axhline(-LOG_4, color=FAINT, lw=1, ls="--")
    axes.text(seen.rounds[-1], -LOG_4 - 0.01, "-log 4", fontsize=8, ha="right", va="top")
    axes.set(xlim=(0, seen.rounds[-1]), ylim=(-1.6, 0.05))


def picture(both: dict[str, Watched]) -> Any:
    """The end of both trainings, and their values."""
    figure = new_figure(10.2, 5.4)
    grid = figure.subplots(2, 2, width_ratios=(1.2, 1))
    for (left, right), (kind, seen) in zip(grid, both.items(), strict=True):
        last = len(seen.rounds) - 1
        draw(left, seen, last)
        curves(right, seen, last)
        dress(left, f"{kind}: after {seen.rounds[-1]} rounds", "x")
        dress(right, "value, in nats", "round")
    grid[0, 0].legend(frameon=False, fontsize=8, loc="upper center", ncol=4)
    grid[0, 1].legend(frameon=False, fontsize=8)
    return figure


def film(seen: Watched) -> bytes:
    """The densities and the values, look by look."""
    figure = new_figure(7.2, 2.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))

    def drawn() -> Any:
        for i, r in enumerate(seen.rounds):
            left.clear()
            right.clear()
            draw(left, seen, i)
            curves(right, seen, i)
            dress(left, f"round {r}", "x")
            dress(right, "value, in nats", "round")
            left.legend(frameon=False, fontsize=7, loc="upper center", ncol=2)
            right.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1, 0.5))
            yield fixed(figure)

    return plots.moving(drawn(), 120, last=20)
