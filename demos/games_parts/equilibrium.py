"""4. At p_G = p: D = 1/2, V = -log 4, and neither player's best answer gains anything.

    D gains   -log 4 + 2 JS - V(D, G)                                           (16)
    G gains   E log(1 - D(G(z))) - log(1 - max D)                               (19)

in nats: exact on the grid, then as the library's layers find it when one player trains against
the other, who stands still.                               docs/derivations/gan.md, "Neither gains"
"""

from typing import Any

import numpy as np
from divergences_parts.fitting import Mixture

from games_parts.line import Pair, W, X, net, play, players, score
from tinygen import to_device, tree
from tinygen.adversarial import Minimax
from tinygen.arrays import Params
from tinygen.layers import Dense
from tinygen.models.gan import GAN
from tinygen.optim import global_norm
from tinygen.schedules import cosine

MEAN, STD = 1.0, 0.8
DATA = Mixture((1.0,), (MEAN,), (STD,))
MODEL = GAN(Dense(1, 1), net(), 1, Minimax())  # G(z) = W z + b can be the data exactly
SHIFT, MOVES = 0.5, 1500


def answer(args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The gains of both, at the equilibrium and beside it. No picture."""
    half, there, moved = np.zeros_like(X), Pair.of(mass(DATA), DATA), Pair.of(mass(off()), DATA)
    rows: dict[str, Any] = {
        "p_G = p, D = 1/2": told(there, half),
        "p_G = p, D sure of itself (logit 2 x)": told(there, 2 * X),
        f"p_G = p moved by {SHIFT}, D = 1/2": told(moved, half),
        f"p_G = p moved by {SHIFT}, D = D*": told(moved, moved.best_score),
    }
    moves = 20 if args.quick else MOVES
    rows["p_G = p, D trained against it"] = told(there, d_answer(MEAN, moves, args))
    rows[f"p_G = p moved by {SHIFT}, D trained"] = told(moved, d_answer(MEAN + SHIFT, moves, args))
    value, gradient, went = g_answer(args)
    rows["p_G = p, G trained against D = 1/2"] = {
        "V": value,
        "G's gradient": gradient,
        "G has moved": went,
    }
    return rows, {}


def off() -> Mixture:
    """The data, moved."""
    return Mixture((1.0,), (MEAN + SHIFT,), (STD,))


def mass(fakes: Mixture) -> np.ndarray:
    """Fakes of a density that is known, cell by cell (M,)."""
    cells = W * np.exp(fakes.log_density(X)[0])
    return cells / cells.sum()


def told(pair: Pair, logits: np.ndarray) -> dict[str, float]:
    """V and both gains."""
    d_gains, g_gains = pair.gains(logits)
    return {"V": pair.value(logits), "D gains": clean(d_gains), "G gains": clean(g_gains)}


def start(mean: float, args: Any) -> Params:
    """p of a generator that draws from N(mean, STD^2), and a D as it is drawn."""
    p = MODEL.init(np.random.default_rng(args.seed), np.float64)
    p["generator"] = {"W": np.full((1, 1), STD), "b": np.full(1, mean)}
    return to_device(p, args.device)


def d_answer(mean: float, moves: int, args: Any) -> np.ndarray:
    """The logits of a D that was trained against this G, on fresh data and fakes."""
    p, rng = start(mean, args), np.random.default_rng(args.seed)
    _, d_alone, _ = players(MODEL, cosine(5e-3, moves), 1e-3)
    play(d_alone, p, moves, rng, args.device, DATA)
    return score(MODEL, p, args.device)


def g_answer(args: Any, moves: int = 10) -> tuple[float, float, float]:
    """After some moves of G against D = 1/2: V, the norm of G's gradient, how far G has gone."""
    p, rng = start(MEAN, args), np.random.default_rng(args.seed)
    for layer in p["discriminator"].values():
        for leaf in layer:
            layer[leaf] = 0 * layer[leaf]
    _, _, g_alone = players(MODEL, 1e-3, 1e-2)
    play(g_alone, p, moves, rng, args.device, DATA)
    x = to_device(DATA.sample(rng, 128)[:, None], args.device)
    noise = MODEL.draw_noise(rng, x)
    value, _ = MODEL.discriminator_loss(p, x, noise)  # -V
    _, backward = MODEL.generator_loss(p, x, noise)
    change = tree.add(p["generator"], tree.scale(start(MEAN, args)["generator"], -1.0))
    return -float(value), float(global_norm(backward.dp(1.0))), float(global_norm(change))


def clean(gain: float) -> float:
    """Without the rounding of a zero."""
    return round(gain, 12) + 0.0
