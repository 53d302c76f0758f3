"""Mode collapse, watched: python demos/mode_collapse.py --out runs/mode_collapse

Eight Gaussians on a ring. A plain GAN, one whose discriminator sees four samples at a time
(PacGAN), one with minibatch discrimination, one whose generator looks five steps ahead (unrolled),
and one with the R1 penalty train side by side: same nets, same step sizes, same noise. How many
modes each covers, round after round, as an animation; and what the library's diagnosis says of it.

This is a small set-up, for looking: each mode has std 0.05, and the generator's steps are five
times as long as the discriminator's, so that it can run ahead of it. The measurement on the
literature's set-ups, over seeds, is benchmarks/modes.py.

L. Metz et al., arXiv 1611.02163; Z. Lin et al., arXiv 1712.04086; T. Salimans et al., arXiv
1606.03498; L. Mescheder et al., arXiv 1801.04406.         docs/questions/mode_collapse.md
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from common import arguments, leave, table

from tinygen import to_device, to_host, tree
from tinygen.adversarial import Minimax
from tinygen.data.toys import RING_CENTRES, mixture
from tinygen.layers import Dense, MinibatchDiscrimination, Pack, Sequential, Tanh
from tinygen.metrics import Coverage, mode_coverage
from tinygen.models import gan_diagnosis
from tinygen.models.gan import GAN
from tinygen.models.penalties import R1
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.optim import adam
from tinygen.plots.frames import moving
from tinygen.plots.style import CLASSES, FAINT, dress, new_figure
from tinygen.systems.duel import duel

STD, BATCH, LATENT, WIDTH = 0.05, 128, 16, 64
ROUNDS, QUICK_ROUNDS = 2500, 20
FRAMES, QUICK_FRAMES = 50, 3
SAMPLES = 1000  # of each look
SHOWN = 300  # of them, in the pictures
APART = 0.12  # modes by which each curve stands above the one before
LR_D, LR_G, BETA1 = 1e-3, 5e-3, 0.5  # a generator faster than its discriminator: it hops
GAIN = np.float32(1.4)  # of the first weights, as in the authors' example of the unrolled GAN


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Train all, draw the film. Returns the numbers."""
    args = arguments(__doc__, "mode_collapse", argv, data=None)
    rounds, frames = (QUICK_ROUNDS, QUICK_FRAMES) if args.quick else (ROUNDS, FRAMES)
    runs = [watched(name, build(), args, rounds, frames) for name, build in MODELS.items()]
    rows = {run.name: run.row() for run in runs}
    print(f"a ring of 8 modes, {rounds} rounds of {BATCH} examples\n\n{table(rows)}\n")
    for run in runs:
        for line in run.remarks or ["nothing to remark"]:
            print(f"{run.name}: {line}")
    figures = {"modes": ends(runs), "collapse": film(runs)}
    numbers = {"runs": rows, "remarks": {run.name: run.remarks for run in runs}}
    leave(args, figures, numbers)
    return numbers


def players(m: int = 1, *before: Any, wide: int = 0) -> tuple[Sequential, Sequential]:
    """G and D, two hidden layers each; D packs m samples, `before` stands before its score."""
    G = Sequential(Dense(LATENT, WIDTH), Tanh(), Dense(WIDTH, WIDTH), Tanh(), Dense(WIDTH, 2))
    pack = [Pack(m)] if m > 1 else []
    hidden = [Dense(2 * m, WIDTH), Tanh(), Dense(WIDTH, WIDTH), Tanh()]
    return G, Sequential(*pack, *hidden, *before, score=Dense(WIDTH + wide, 1))


def with_neighbours() -> GAN:
    """A discriminator that also sees how near the others of the batch are."""
    return GAN(*players(1, MinibatchDiscrimination(WIDTH, 5, 3), wide=5), LATENT)


MODELS: dict[str, Callable[[], GAN]] = {
    "GAN": lambda: GAN(*players(), LATENT),
    "PacGAN4": lambda: GAN(*players(4), LATENT),
    "minibatch": with_neighbours,
    "unrolled": lambda: UnrolledGAN(*players(), LATENT, Minimax(), steps=5, lr=0.1),
    "R1": lambda: GAN(*players(), LATENT, penalty=R1(1.0)),
}


@dataclass
class Watched:
    """A training as it was seen: samples and coverage at each look."""

    name: str
    samples: list[np.ndarray] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ms: float = 0.0

    def row(self) -> dict[str, Any]:
        """The last look, the mean of the second half of all, and the cost."""
        last, late = self.coverage[-1], self.coverage[len(self.coverage) // 2 :]
        return {
            "modes": last.modes,
            "modes, 2nd half": float(np.mean([c.modes for c in late])),
            "within 3 std": float(last.high_quality or 0.0),
            "reverse KL": "-" if np.isnan(last.reverse_kl) else last.reverse_kl,
            "ms a round": self.ms,
        }


def watched(name: str, model: GAN, args: Any, rounds: int, frames: int) -> Watched:
    """One training with its looks."""
    rng, found = np.random.default_rng(args.seed), Watched(name)
    first = tree.map(lambda w: GAIN * w, model.init(rng, np.float32, "orthogonal"))
    p = to_device(first, args.device)
    game = duel(model, adam(LR_D, beta1=BETA1), adam(LR_G, beta1=BETA1))
    state, used = game.init(p), 0.0

    def draw(n: int) -> Any:
        return to_device(mixture(rng, n, RING_CENTRES, STD).x, args.device)

    stops = set(np.linspace(1, rounds, frames).astype(int).tolist())
    for step in range(1, rounds + 1):
        start = time.process_time()
        game.play(p, state, [draw(BATCH)], rng, step)
        used += time.process_time() - start
        if step in stops:
            fakes = to_host(model.sample(p, np.random.default_rng(1), SAMPLES))
            found.samples.append(fakes[:SHOWN])
            found.coverage.append(mode_coverage(fakes, RING_CENTRES, STD))
            found.rounds.append(step)
    found.remarks = gan_diagnosis.remarks(model, p, draw(256), rng)
    found.ms = 1e3 * used / rounds
    return found


def panels(runs: list[Watched]) -> tuple[Any, list[Any]]:
    """A figure with one square a run, the ring's centres in each, and a strip for the counts.

    A run's title has the colour of its curve in the strip.
    """
    figure = new_figure(2.1 * len(runs), 4.1)
    grid = figure.add_gridspec(2, len(runs), height_ratios=[2.1, 1])
    squares = [figure.add_subplot(grid[0, i]) for i in range(len(runs))]
    strip = figure.add_subplot(grid[1, :])
    for axes in squares:
        axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[], yticks=[])
        axes.plot(*RING_CENTRES.T, "o", ms=9, mfc="none", mec=FAINT)
    dress(strip, "", "round of the game", "modes covered")
    strip.set(ylim=(-0.4, 9), xlim=(0, runs[0].rounds[-1]), yticks=[0, 2, 4, 6, 8])
    return figure, [*squares, strip]


def draw(runs: list[Watched], axes: list[Any], i: int) -> list[Any]:
    """Look i into the panels; what was drawn."""
    drawn = []
    for run, square, colour in zip(runs, axes, CLASSES, strict=False):
        drawn += square.plot(*run.samples[i].T, ".", ms=3, color=colour, alpha=0.6)
        c = run.coverage[i]
        title = f"{run.name}\n{c.modes} modes, {c.high_quality:.0%} good"
        square.set_title(title, fontsize=9, color=colour)
        modes = [c.modes for c in run.coverage[: i + 1]]
        shifted = np.array(modes) + APART * runs.index(run)  # else equal counts hide each other
        drawn += axes[-1].plot(run.rounds[: i + 1], shifted, color=colour, lw=1.2)
    return drawn


def film(runs: list[Watched]) -> bytes:
    """All looks, one after the other."""
    figure, axes = panels(runs)

    def frames() -> Any:
        for i in range(len(runs[0].rounds)):
            drawn = draw(runs, axes, i)
            if i == 0:
                figure.draw_without_rendering()
                figure.set_layout_engine("none")  # all frames stand where the first one does
            yield figure
            for artist in drawn:
                artist.remove()

    return moving(frames(), milliseconds=160, last=10)


def ends(runs: list[Watched]) -> Any:
    """The last look of each."""
    figure, axes = panels(runs)
    draw(runs, axes, -1 + len(runs[0].rounds))
    return figure


if __name__ == "__main__":
    main()
