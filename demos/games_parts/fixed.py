"""5. G trained out against a D that stands still: all of its mass goes to argmax D.

    min over q of  int q log(1 - D) dx = log(1 - max D),   q all on argmax D    (19)

Two modes, the left one heavier; G begins wide. First G is trained out, and only then D moves
again: max min. Then the same start, with D trained out in each round: min max. And G alone again,
from several starts: a gradient goes up to the next maximum of D, which need not be the highest.
                                                           docs/derivations/gan.md, "The optimum"
"""

from typing import Any

import numpy as np
from divergences_parts.fitting import Mixture

from games_parts.drawing import FILL, fixed
from games_parts.line import (
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
from tinygen.arrays import Params
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.schedules import cosine

DATA = Mixture((0.55, 0.45), (-2.0, 2.0), (0.6, 0.6))
WIDE, WITHIN = 3.0, 0.3  # standard deviation of G's first fakes; how near is at argmax
D_MOVES, G_MOVES, ROUNDS, K = 1000, 800, 600, 5
G_LR, STARTS = 5e-3, 6


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both orders of play from one start; a picture and an animation."""
    d_moves, g_moves, rounds = (20, 20, 10) if args.quick else (D_MOVES, G_MOVES, ROUNDS)
    model, rng = gan(), np.random.default_rng(args.seed)
    p = begin(model, args.seed, args.device, WIDE)
    first = {who: copy(part) for who, part in p.items()}
    _, d_alone, g_alone = players(model, 5e-3, G_LR)
    play(d_alone, p, d_moves, rng, args.device, DATA)
    logits, frames = score(model, p, args.device), {}
    looks = {round(g_moves * (i / 50) ** 1.5) for i in range(0, 51, 10 if args.quick else 1)}

    def look(step: int) -> None:
        if step in looks:
            frames[step] = places(model, p, args.device)

    play(g_alone, p, g_moves, rng, args.device, DATA, look)
    rows: dict[str, Any] = {
        "D trained against a wide G": told(frames[0], logits),
        "then G trained out": told(frames[g_moves], logits),
    }
    play(d_alone, p, d_moves, rng, args.device, DATA)
    after = score(model, p, args.device)
    rows["then D again"] = told(frames[g_moves], after)
    seen = [(frames[0], logits), (frames[g_moves], logits), (frames[g_moves], after)]
    # the other order, from the same start
    game, *_ = players(model, 5e-3, cosine(1e-3, rounds), K)
    play(game, first, rounds, rng, args.device, DATA)
    seen.append((places(model, first, args.device), score(model, first, args.device)))
    rows[f"instead D x {K}, G x 1 in turn"] = told(*seen[-1])
    n = 1 if args.quick else STARTS
    rows[f"seeds 0 to {n - 1}: where G ends"] = starts(n, d_moves, g_moves, args.device)
    return rows, {"fixed": picture(seen), "fixed_moving": film(frames, logits)}


def starts(n: int, d_moves: int, g_moves: int, device: str) -> dict[str, int]:
    """Where G ends from n starts, each against a D of its own: most of its fakes, in counts.

    At argmax D, at a mode else, or elsewhere: far from the data, or spread.
    """
    ended, model = [0, 0, 0], gan()
    _, d_alone, g_alone = players(model, 5e-3, G_LR)
    for seed in range(n):
        p, rng = begin(model, seed, device, WIDE), np.random.default_rng(seed)
        play(d_alone, p, d_moves, rng, device, DATA)
        best = float(X[score(model, p, device).argmax()])
        play(g_alone, p, g_moves, rng, device, DATA)
        at = places(model, p, device)
        here, mode = near(at, best, WITHIN) > 0.5, near(abs(at), 2.0, 1.2) > 0.5
        ended[0 if here else 1 if mode else 2] += 1
    return dict(zip(("at argmax D", "at a mode else", "elsewhere, or spread"), ended, strict=True))


def copy(part: Params) -> Params:
    """Parameters that no step of another training reaches."""
    return {layer: {leaf: w.copy() for leaf, w in leaves.items()} for layer, leaves in part.items()}


def told(at: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Where D is highest, what is there, and how much of the data G has."""
    pair, best = Pair.of(masses(at), DATA), float(X[logits.argmax()])
    return {
        "argmax D": best,
        "fakes there": near(at, best, WITHIN),
        "std of fakes": float(at.std()),
        "mean D of fakes": float((pair.mass * probability(logits)).sum()),
        "max D": float(probability(logits).max()),
        "fakes at -2": near(at, -2.0, 1.2),
        "at 2": near(at, 2.0, 1.2),
    }


def draw(axes: Any, at: np.ndarray, logits: np.ndarray, title: str) -> None:
    """Data, D, and G's density, which may be a spike."""
    axes.fill_between(X, np.exp(DATA.log_density(X)[0]), color=FILL, lw=0, label="data")
    axes.plot(X, probability(logits), color=LINES[1], label="D")
    axes.plot(X, masses(at) / W, color=LINES[0], label="G's density")
    axes.axvline(X[logits.argmax()], color=FAINT, lw=1, ls="--", label="argmax D")
    axes.set(xlim=(-6, 6), ylim=(0, 1.25))
    dress(axes, title, "x")


def picture(seen: list[Any]) -> Any:
    """The three stages of max min, and where min max came to."""
    figure = new_figure(11.0, 3.4)
    stages = ("1 D, against a wide G", "2 then G trained out", "3 then D again")
    titles = (*stages, f"instead: D x {K}, G x 1 in turn")
    for axes, (at, logits), title in zip(figure.subplots(1, 4), seen, titles, strict=True):
        draw(axes, at, logits, title)
    figure.axes[0].set_ylabel("density; probability that D gives")
    lines = figure.axes[0].get_legend_handles_labels()
    figure.legend(*lines, frameon=False, fontsize=9, loc="outside lower center", ncols=4)
    return figure


def film(frames: dict[int, np.ndarray], logits: np.ndarray) -> bytes:
    """G's density while it trains against D."""
    figure = new_figure(5.2, 3.1)
    axes = figure.add_subplot()

    def drawn() -> Any:
        for step, at in frames.items():
            axes.clear()
            draw(axes, at, logits, f"D stands still; G after {step} moves")
            axes.legend(frameon=False, fontsize=8, loc="upper right")
            yield fixed(figure)

    return plots.moving(drawn(), 110, last=15)
