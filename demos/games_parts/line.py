"""A GAN whose data are numbers: what is hidden elsewhere is known here, on a grid.

    p_G      the density of G(z), z ~ N(0, 1), from the images of many quantiles of z
    D*       p / (p + p_G)                                                      (15)
    V(D, G)  int p log D + p_G log(1 - D) dx, by quadrature, in nats
    V(D*, G) -log 4 + 2 JS(p, p_G)                                              (16)

The game is the library's: GAN, duel, its layers and its pullbacks.   docs/derivations/gan.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from divergences_parts.fitting import Mixture

from tinygen import to_device, to_host
from tinygen.adversarial import NonSaturating, Objective
from tinygen.arrays import Array, Params
from tinygen.kernels.elementwise import softplus
from tinygen.layers import Dense, Sequential, Tanh
from tinygen.models.gan import GAN
from tinygen.optim import adam
from tinygen.quadrature import js_on_grid, midpoints
from tinygen.schedules import Schedule
from tinygen.systems.duel import duel
from tinygen.training import Game

DATA = Mixture((0.5, 0.5), (-2.0, 2.0), (0.6, 0.6))  # two modes, a gap between them
LOG_4 = float(np.log(4.0))
LOW, HIGH, CELLS = -8.0, 8.0, 640
X, W = midpoints(LOW, HIGH, CELLS)
EDGES = np.linspace(LOW, HIGH, CELLS + 1)
PIECES = 2000  # of equal probability, that z is cut into
Z = np.array([NormalDist().inv_cdf((i + 0.5) / PIECES) for i in range(PIECES)])
HIDDEN, BATCH, BETA1 = 32, 128, 0.5


def net() -> Sequential:
    """One number in, one out, two hidden layers of tanh."""
    return Sequential(
        Dense(1, HIDDEN), Tanh(), Dense(HIDDEN, HIDDEN), Tanh(), head=Dense(HIDDEN, 1)
    )


def gan(objective: Objective | None = None) -> GAN:
    """Both players as such nets, scores as logits."""
    return GAN(net(), net(), 1, objective or NonSaturating())


def begin(model: GAN, seed: int, device: str = "cpu", std: float | None = None) -> Params:
    """Parameters of both players, in float64; std : of the fakes, by a factor on G's last layer."""
    p = model.init(np.random.default_rng(seed), np.float64)
    if std is not None:
        p["generator"]["head"]["W"] *= std / places(model, p).std()
    return to_device(p, device)


def players(
    model: GAN, d_lr: float | Schedule, g_lr: float | Schedule, k: int = 1
) -> tuple[Game, Game, Game]:
    """The duel with k moves of D to each of G; D's turn alone; G's turn alone."""
    game = duel(model, adam(d_lr, beta1=BETA1), adam(g_lr, beta1=BETA1), k)
    return game, Game(game.turns[0]), Game(game.turns[1])


def play(
    game: Game,
    p: Params,
    rounds: int,
    rng: np.random.Generator,
    device: str = "cpu",
    data: Mixture = DATA,
    watch: Callable[[int], None] | None = None,
) -> Params:
    """So many rounds on fresh data, in place in p; watch : called with the rounds that are done."""
    state = game.init(p)
    for step in range(rounds):
        if watch is not None:
            watch(step)
        x = to_device(data.sample(rng, BATCH * game.batches)[:, None], device)  # (k N, 1)
        game.play(p, state, [x[i * BATCH :][:BATCH] for i in range(game.batches)], rng, step)
    if watch is not None:
        watch(rounds)
    return p


def score(model: GAN, p: Params, device: str = "cpu") -> np.ndarray:
    """D's logits on the grid (M,)."""
    logits, _ = model.discriminator.forward(p["discriminator"], to_device(X[:, None], device))
    return to_host(logits)[:, 0]


def places(model: GAN, p: Params, device: str = "cpu") -> np.ndarray:
    """G(z) of PIECES quantiles of z, in their order (S,)."""
    fakes, _ = model.generator.forward(p["generator"], to_device(Z[:, None], device))
    return to_host(fakes)[:, 0]


def masses(at: np.ndarray) -> np.ndarray:
    """The mass of p_G in each cell (M,), which sums to 1.

    Between the images of neighbouring quantiles lies the mass 1 / (S - 1), spread evenly. What
    lies beyond the grid is counted in its outermost cells.
    """
    inside = np.clip(at, LOW, HIGH)
    low, high = np.minimum(inside[1:], inside[:-1]), np.maximum(inside[1:], inside[:-1])
    long = np.maximum(high - low, 1e-9)  # a piece may be one point
    cdf = np.clip((EDGES[1:-1, None] - low) / long, 0, 1).mean(axis=1)  # at the inner edges
    return np.diff(cdf, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class Pair:
    """The data's log-density and the mass of fakes, cell by cell: log_p (M,), mass (M,)."""

    log_p: np.ndarray
    mass: np.ndarray

    @classmethod
    def of(cls, mass: np.ndarray, data: Mixture = DATA) -> "Pair":
        """Fakes beside these data."""
        return cls(data.log_density(X)[0], mass)

    @property
    def log_fake(self) -> np.ndarray:
        """log p_G (M,), -inf in empty cells."""
        with np.errstate(divide="ignore"):
            return np.log(self.mass / W)

    @property
    def best_score(self) -> np.ndarray:
        """The logits of D*, log p - log p_G (M,); +inf where there are no fakes."""
        return self.log_p - self.log_fake  # (15)

    @property
    def js(self) -> float:
        """JS(p, p_G), in nats."""
        value, _ = js_on_grid(self.log_p[None], self.log_fake[None], W)
        return float(value[0])

    @property
    def best_value(self) -> float:
        """V(D*, G) = -log 4 + 2 JS."""
        return -LOG_4 + 2 * self.js  # (16)

    def value(self, logits: np.ndarray) -> float:
        """V(D, G) of a D with these logits (M,)."""
        real = -softplus(-logits)  # log D
        fake = -softplus(np.where(self.mass > 0, logits, 0.0))  # log(1 - D), where it counts
        return float((W * np.exp(self.log_p) * real + self.mass * fake).sum())

    def gains(self, logits: np.ndarray) -> tuple[float, float]:
        """What D, and what G, would gain by its best answer to the other, by (16) and (19)."""
        with_fakes = np.where(self.mass > 0, logits, 0.0)
        g_pays = float((self.mass * -softplus(with_fakes)).sum())  # E log(1 - D)
        least = -softplus(np.array(logits.max()))  # log(1 - max D)
        return self.best_value - self.value(logits), g_pays - float(least)


def near(at: np.ndarray, centre: float, within: float) -> float:
    """The share of fakes that lie no further than so from a place."""
    return float((abs(at - centre) <= within).mean())


def probability(logits: Array) -> np.ndarray:
    """sigmoid, for pictures."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(logits)))
