"""1. x y: simultaneous steps leave on a spiral, alternating ones stay on an ellipse.

r' = sqrt(1 + lr^2) r                                                       (21)
Q / (1 + lr / 2) <= r^2 <= Q / (1 - lr / 2),   Q = x^2 -+ lr x y + y^2      (22), (23)

                                                       docs/derivations/gan.md, "The dynamics"
"""

from typing import Any

import numpy as np

from games_parts.drawing import fixed, level_lines
from games_parts.saddle import XY, path, with_corners
from tinygen import plots
from tinygen.plots.style import FAINT, LINES, dress, new_figure

START = (1.0, 0.0)
RATES = (0.1, 0.5, 1.0, 1.9, 2.1)
SHOWN, ROUNDS = 0.25, 40  # the step size of the pictures; one turn and a half
WIDE = 3.4
KINDS = {"simultaneous": LINES[1], "alternating, x first": LINES[0]}


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Growth a round and how far the players get, measured beside the closed forms; pictures."""
    rounds = 50 if args.quick else 1000
    rows: dict[str, Any] = {}
    for lr in RATES:
        rows[f"simultaneous, lr {lr:g}"] = spiral(lr, min(rounds, 300))
    for lr in RATES:
        for first in "xy" if lr == RATES[1] else "x":
            rows[f"{first} first, lr {lr:g}"] = orbit(lr, first, rounds if lr < 2 else 50)
    paths = {
        "simultaneous": path(XY.simultaneous(SHOWN), START, ROUNDS),
        "alternating, x first": path(XY.alternating("x", SHOWN), START, ROUNDS),
    }
    frames = range(0, ROUNDS + 1, 12 if args.quick else 1)
    return rows, {"steps": picture(paths), "steps_moving": film(paths, frames)}


def spiral(lr: float, rounds: int) -> dict[str, str]:
    """The mean growth of the radius a round, and its closed form."""
    radius = np.hypot(*path(XY.simultaneous(lr), START, rounds).T)
    growth = (radius[-1] / radius[0]) ** (1 / rounds)
    return {"r a round": f"{growth:.6f}", "sqrt(1 + lr^2)": f"{np.sqrt(1 + lr**2):.6f}"}


def orbit(lr: float, first: str, rounds: int) -> dict[str, float | str]:
    """The least and the greatest radius, beside what the ellipse allows; how far Q drifts."""
    seen = path(XY.alternating(first, lr), START, rounds)
    radius, Q = np.hypot(*seen.T), conserved(seen, lr, first)
    if lr >= 2:
        return {"r at the end": f"{radius[-1]:.2g}", "r at most": "unbounded"}
    return {
        "r, least": float(radius.min()),
        "r, greatest": float(radius.max()),
        "r at least": float(np.sqrt(Q[0] / (1 + lr / 2))),
        "r at most": float(np.sqrt(Q[0] / (1 - lr / 2))),
        "drift of Q": f"{abs(Q - Q[0]).max():.0e}",
    }


def conserved(points: np.ndarray, lr: float, first: str) -> np.ndarray:
    """Q of each point (M, 2) -> (M,)."""
    x, y = points.T
    sign = -1 if first == "x" else 1
    return x * x + sign * lr * x * y + y * y  # (22)


def picture(paths: dict[str, np.ndarray]) -> Any:
    """Both paths, the ellipse, and the radius over the rounds for several step sizes."""
    figure = new_figure(9.6, 3.5)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for axes, (kind, seen) in zip((left, middle), paths.items(), strict=True):
        plane(axes, kind, seen)
    middle.plot(*ellipse(SHOWN).T, color="black", lw=1, ls="--", label="Q = 1")
    middle.legend(frameon=False, fontsize=8, loc="upper right")
    for lr, style in zip((0.05, 0.25, 0.5), (":", "--", "-"), strict=True):
        for kind, colour in KINDS.items():
            game = XY.simultaneous(lr) if kind == "simultaneous" else XY.alternating("x", lr)
            label = f"{kind.split(',')[0]}, lr {lr:g}"
            radius = np.hypot(*path(game, START, 40).T)
            right.semilogy(radius, style, color=colour, label=label)
    dress(right, "distance from the rest point", "round")
    right.set_ylim(0.5, 60)
    right.legend(frameon=False, fontsize=7)
    return figure


def plane(axes: Any, kind: str, seen: np.ndarray) -> None:
    """A path over the level lines of x y."""
    level_lines(axes, XY, WIDE)
    way = with_corners(seen, "x") if "first" in kind else seen
    axes.plot(*way.T, color=KINDS[kind], lw=0.9)
    axes.plot(*seen.T, "o", color=KINDS[kind], ms=2)
    axes.plot(*seen[-1], "o", color=KINDS[kind], ms=6, mec="white")
    dress(axes, kind, "x goes down f", "y goes up f")
    axes.grid(False)


def ellipse(lr: float) -> np.ndarray:
    """Points of x^2 - lr x y + y^2 = 1 (200, 2)."""
    t = np.linspace(0, 2 * np.pi, 200)
    direction = np.stack([np.cos(t), np.sin(t)], axis=1)
    return direction / np.sqrt(conserved(direction, lr, "x"))[:, None]


def film(paths: dict[str, np.ndarray], frames: Any) -> bytes:
    """The two paths grow side by side; below, x over the rounds."""
    figure = new_figure(6.4, 4.7)
    grid = figure.add_gridspec(2, 2, height_ratios=(2.3, 1))
    upper = [figure.add_subplot(grid[0, i]) for i in range(2)]
    below = figure.add_subplot(grid[1, :])

    def drawn() -> Any:
        for i in frames:
            for axes in (*upper, below):
                axes.clear()
            for axes, (kind, seen) in zip(upper, paths.items(), strict=True):
                plane(axes, kind, seen[: i + 1])
                below.plot(seen[: i + 1, 0], color=KINDS[kind])
            below.axhline(0, color=FAINT, lw=0.8)
            below.set(xlim=(0, ROUNDS), ylim=(-WIDE, WIDE))
            dress(below, "x oscillates", "round", "x")
            yield fixed(figure)

    return plots.moving(drawn(), 90, last=20)
