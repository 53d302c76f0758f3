"""2. sin(x + y): min max is 1 and max min is -1; who is trained out decides, not who begins.

simultaneous        x + y stands still, and x and y run apart
alternating, 1 : 1  comes to rest at 1 or -1, by where it began             (25)
1 : k, k : 1        1 where y is trained out, -1 where x is                 (24)

                                                       docs/derivations/gan.md, "The dynamics"
"""

from typing import Any

import numpy as np

from games_parts.drawing import fixed, level_lines
from games_parts.saddle import SIN, XY, orders, path, with_corners
from tinygen import plots
from tinygen.plots.style import FAINT, LINES, dress, new_figure
from tinygen.training import Game

LR, K = 0.3, 20
STARTS = ((0.6, 0.2), (-0.2, -0.6))  # the values sin 0.8 and -sin 0.8
ROUNDS, WIDE = 40, 4.5
ORDERS = ("min over x of max over y", "max over y of min over x")
PLAY = {
    "simultaneous": (None, (1, 1)),
    "x first, 1 step each": ("x", (1, 1)),
    "y first, 1 step each": ("y", (1, 1)),
    f"{K} steps of y to 1 of x": ("x", (1, K)),
    f"{K} steps of x to 1 of y": ("y", (1, K)),
}


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both orders of both games on a grid, then where five ways of playing end; pictures."""
    rounds = 60 if args.quick else 400
    rows: dict[str, Any] = {}
    for saddle, half in ((XY, 1.0), (SIN, np.pi)):
        side = np.linspace(-half, half, 2001)
        value = orders(saddle, side, side)
        rows[saddle.name] = dict(zip(ORDERS, map(near, value), strict=True))
    paths = {name: path(game(name), STARTS[0], ROUNDS) for name in PLAY}
    for name in PLAY:
        rows[name] = {
            f"from f = {SIN.value(*start)[0]:.2f}": ends(path(game(name), start, rounds))
            for start in STARTS
        } | {"x - y moves": apart(path(game(name), STARTS[0], rounds))}
    frames = range(0, ROUNDS + 1, 12 if args.quick else 1)
    return rows, {"orders": picture(paths), "orders_moving": film(paths, frames)}


def near(value: float) -> float:
    """Without the minus of a zero."""
    return round(value, 5) + 0.0


def game(name: str) -> Game:
    """The ways of playing, by name; the player with K steps moves second."""
    first, times = PLAY[name]
    return SIN.simultaneous(LR) if first is None else SIN.alternating(first, LR, times)


def ends(seen: np.ndarray) -> float:
    """f where the path ends."""
    return float(SIN.value(*seen[-1])[0])


def apart(seen: np.ndarray) -> float:
    """How far x - y has moved."""
    return float(abs(np.diff(seen[-1] - seen[0]))[0])


def picture(paths: dict[str, np.ndarray]) -> Any:
    """The paths over the level lines, and f after each round."""
    figure = new_figure(8.6, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    draw(left, right, paths, ROUNDS)
    return figure


def draw(left: Any, right: Any, paths: dict[str, np.ndarray], i: int) -> None:
    """The first i rounds of each path, and f along them."""
    level_lines(left, SIN, WIDE)
    for (name, seen), colour in zip(paths.items(), LINES, strict=True):
        first, _ = PLAY[name]
        way = with_corners(seen[: i + 1], first) if first else seen[: i + 1]
        left.plot(*way.T, color=colour, lw=1.1)
        left.plot(*seen[i], "o", color=colour, ms=6, mec="white")
        right.plot(SIN.value(*seen[: i + 1].T)[0], color=colour, label=name)
    left.set(xlim=(-WIDE, WIDE), ylim=(-WIDE, WIDE))
    dress(left, "sin(x + y): orange is high, purple low", "x goes down f", "y goes up f")
    left.grid(False)
    right.axhline(0, color=FAINT, lw=0.8)
    right.set(xlim=(0, ROUNDS), ylim=(-1.1, 1.1))
    dress(right, "f after each round", "round")
    right.legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1, 0.36))


def film(paths: dict[str, np.ndarray], frames: Any) -> bytes:
    """The same, round by round."""
    figure = new_figure(7.4, 3.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))

    def drawn() -> Any:
        for i in frames:
            left.clear()
            right.clear()
            draw(left, right, paths, i)
            yield fixed(figure)

    return plots.moving(drawn(), 110, last=15)
