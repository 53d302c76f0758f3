"""Two players and their gradients: python demos/games.py --out runs/games

1 simultaneous or alternating steps on x y   5 G trained out against a D that stands still
2 min max against max min on sin(x + y)      6 who moves how often, and the modes covered
3 a GAN on the line, D beside its optimum    7 the minimax loss saturates
4 at p_G = p neither player gains

Everything is a game of the library: turns of players, each with a gradient derived by hand. The
data of 3, 4, 5 and 7 are numbers, so that densities, optima and values are known on a grid. Nats.

I. Goodfellow et al. 2014, arXiv 1406.2661; I. Goodfellow, NIPS 2016 tutorial, arXiv 1701.00160.
                                        docs/questions/games.md, docs/derivations/gan.md
"""

from textwrap import fill
from typing import Any

from common import ONE, arguments, chosen, leave, table
from games_parts import equilibrium, fixed, live, orders, saturation, steps, turns

QUESTIONS = {
    "steps": ("What do simultaneous and alternating steps do?", steps.answer),
    "orders": ("Is min max the same as max min?", orders.answer),
    "live": ("Does a trained D come to its optimum?", live.answer),
    "equilibrium": ("Who gains at p_G = p?", equilibrium.answer),
    "fixed": ("What does G do against a D that stands still?", fixed.answer),
    "turns": ("How often should each player move?", turns.answer),
    "saturation": ("Why not the minimax loss?", saturation.answer),
}

WORDS = (
    "f = x y. With both gradients taken at one point, each round multiplies the distance from the "
    "rest point by sqrt(1 + lr^2). When the second player sees the first one's step, they stay on "
    "an ellipse, for lr < 2: they neither leave nor arrive.",
    "Not of sin(x + y): 1 and -1. Simultaneous steps never change its value, and run off along a "
    "level line. With one step each the start decides; the player who is trained out in each "
    "round has it his way.",
    "If it moves often against a G that moves slowly: then V(D, G) is -log 4 + 2 JS. If it does "
    "not, V says -log 4 while JS is far from zero.",
    "Nobody. D = 1/2, V = -log 4, D is its own best answer, and D's slope, all that G learns "
    "from, is zero. Beside it, both have something to gain.",
    "It puts all its mass on argmax D. That is its best answer; it solves max min. (A gradient may "
    "end on a lower maximum, or go up where D was never told anything.) With D trained out in each "
    "round, from the same start, both modes are found.",
    "D more often than G. Where G moves k times to D's one, it runs to where D is highest, and on "
    "when D follows. Who begins matters little next to that.",
    "Its slope is the probability that D gives to a fake: where D is ahead, nothing. The "
    "non-saturating loss has the same zero of the game and a slope near 1 there.",
)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Ask each question in turn, or one. Returns the numbers by question."""
    args = arguments(__doc__, "games", argv, data=None, more=ONE)
    numbers: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for i, name, question, answer in chosen(args, "games", QUESTIONS):
        numbers[name], found = answer(args)
        figures |= found
        words = fill(WORDS[i - 1], 96)
        print(f"\n{i}. {question}\n\n{words}\n\n{table(numbers[name])}", flush=True)
    leave(args, figures, numbers)
    return numbers


if __name__ == "__main__":
    main()
