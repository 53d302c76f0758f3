"""7. The minimax loss saturates: its slope dies where D is sure that fakes are fakes.

    minimax          slope -sigmoid(f)      f the score of a fake               (3)
    non-saturating   slope -sigmoid(-f)     e^-f times as steep                 (4)

First the slopes themselves, by the pullbacks of the losses. Then D gets ahead of a G that stands
still, and both gradients of G are measured.        docs/derivations/gan.md
"""

from typing import Any

import numpy as np

from games_parts.line import DATA, begin, gan, play, players
from tinygen import to_device
from tinygen.adversarial import Minimax, NonSaturating
from tinygen.optim import global_norm
from tinygen.plots.style import FAINT, LINES, dress, new_figure

LOSSES = {"minimax": Minimax(), "non-saturating": NonSaturating()}
AHEAD = (0, 3, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
SCORES = np.linspace(-10, 10, 201)


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both gradients of G while D gets ahead of it; a picture, with the slopes."""
    ahead = AHEAD[:4] if args.quick else AHEAD
    rows = {f"D {n} moves ahead": row for n, row in measured(ahead, args).items()}
    return rows, {"saturation": picture(dict(zip(ahead, rows.values(), strict=True)))}


def slopes(name: str, scores: np.ndarray) -> np.ndarray:
    """dL_G/df of each score by itself, from the loss's own pullback: (M,) -> (M,)."""
    _, backward = LOSSES[name].generator(scores[:, None])
    return backward.dx(1.0)[:, 0] * len(scores)


def measured(ahead: tuple[int, ...], args: Any) -> dict[int, dict[str, float]]:
    """After so many moves of D: how sure it is, and the norm of either gradient of G."""
    found: dict[int, dict[str, float]] = {}
    model = gan()
    p, rng = begin(model, args.seed, args.device), np.random.default_rng(args.seed)
    x = to_device(DATA.sample(rng, 1000)[:, None], args.device)
    noise = model.draw_noise(rng, x)
    _, d_alone, _ = players(model, 2e-3, 1e-3)

    def look(step: int) -> None:
        if step not in ahead:
            return
        _, verdicts = model.discriminator_loss(p, x, noise)
        fake, _ = model.generator.forward(p["generator"], noise["z"])
        f, _ = model.discriminator.forward(p["discriminator"], fake)
        found[step] = {
            "mean score of fakes": float(f.mean()),
            "told rightly": 0.5 * float(verdicts.terms["real"] + verdicts.terms["fake"]),
        }
        for name, objective in LOSSES.items():
            _, backward = gan(objective).generator_loss(p, x, noise)
            found[step][f"|dG|, {name}"] = float(global_norm(backward.dp(1.0)))

    play(d_alone, p, max(ahead), rng, args.device, watch=look)
    return found


def picture(rows: dict[int, Any]) -> Any:
    """The slopes over the score; the gradients over D's lead."""
    figure = new_figure(9.2, 3.3)
    left, right = figure.subplots(1, 2)
    for name, colour in zip(LOSSES, (LINES[1], LINES[0]), strict=True):
        left.plot(SCORES, slopes(name, SCORES), color=colour, label=name)
        norms = [row[f"|dG|, {name}"] for row in rows.values()]
        right.plot(list(rows), norms, "o-", color=colour, ms=4, label=name)
    left.axvline(0, color=FAINT, lw=0.8)
    left.annotate("D is sure:\na fake", (-9.5, -0.62), fontsize=8)
    left.annotate("D takes it\nfor real", (6.2, -0.62), fontsize=8)
    left.legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1, 0.2))
    right.set_xscale("symlog", linthresh=3)
    right.set_yscale("log")
    right.legend(frameon=False, fontsize=8)
    dress(left, "slope of G's loss", "score f of a fake, a logit", "dL / df")
    dress(right, "G's gradient while D gets ahead", "moves of D, G standing still", "norm")
    return figure
