"""What a run's folder costs: train() against a bare loop over turn.play, and one checkpoint.

    python benchmarks/run_overhead.py

The 784-400-20 VAE at batch 128. The loop's own time is too small beside a step to be seen in it,
so it is measured with a loss that costs nothing. Processor time of this process, so that other
programs weigh little; for the checkpoint, which waits for the disk, time on the wall.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygen import tree
from tinygen.models.vae import dense_vae
from tinygen.optim import adam, sgd
from tinygen.pullback import Pullback
from tinygen.runs import Run
from tinygen.training import Turn, train

BATCH = 128


def bare(turn: Turn, p: Any, x: np.ndarray, steps: int) -> None:
    """The loop that a reader would write."""
    rng, state = np.random.default_rng(0), turn.optimiser.init(p)
    order = rng.permutation(len(x))
    for i in range(steps):
        rows = x[order[i * BATCH % len(x) :][:BATCH]]
        turn.play(p, state, rows, rng, i)


def in_folder(turn: Turn, p: Any, x: np.ndarray, steps: int) -> None:
    """The same with log, checkpoints and a bar."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        run = Run.create(Path(folder) / "run", {})
        train(turn, p, x, rng=np.random.default_rng(0), steps=steps, batch=BATCH, run=run)


def nothing(p: Any, x: Any, noise: Any) -> Any:
    """A loss that costs no time."""
    terms = {"nll": np.float32(1), "kl": np.float32(1)}
    return np.float32(1), Pullback(lambda d: p, lambda d: x, np.float32(1), terms=terms)


def step_time(loop: Callable[..., None], turn: Turn, p: Any, x: np.ndarray, steps: int) -> float:
    """Seconds of processor time a step: what begins and ends a run cancels out."""
    times = []
    for n in (steps, 3 * steps):
        began = time.process_time()
        loop(turn, p, x, n)
        times.append(time.process_time() - began)
    return (times[1] - times[0]) / (2 * steps)


def main() -> None:
    """Print the two numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()

    model, rng = dense_vae(784, 400, 20), np.random.default_rng(0)
    x = rng.integers(0, 2, (100 * BATCH, 784)).astype(np.float32)
    p = model.init(rng)
    vae = Turn("vae", model.loss, model.draw_noise, adam(1e-3))
    free = Turn("free", nothing, lambda rng, x: None, sgd(1e-3))
    w = {"w": np.zeros(1, np.float32)}

    saving: list[float] = []
    real = Run.save

    def save(run: Run, values: Any, meta: dict[str, Any]) -> None:
        began = time.perf_counter()
        real(run, values, meta)
        saving.append(time.perf_counter() - began)

    steps, own = [], []
    for _ in range(args.rounds):
        steps.append(step_time(bare, vae, p, x, 20))
        own.append(step_time(in_folder, free, w, x, 2000) - step_time(bare, free, w, x, 2000))
    Run.save = save  # type: ignore[assignment, method-assign]
    for _ in range(args.rounds):
        in_folder(vae, p, x, 1)
    step, extra = statistics.median(steps), statistics.median(own)
    print(
        f"a step: {1e3 * step:.2f} ms; what train(), folder and bar add: {1e6 * extra:.0f} us "
        f"({1e6 * min(own):.0f} .. {1e6 * max(own):.0f}), {100 * extra / step:.2f} %"
    )
    size = 3 * sum(leaf.nbytes for _, leaf in tree.leaves(p)) / 1e6  # weights and two moments
    print(
        f"a checkpoint of {size:.1f} MB: {1e3 * statistics.median(saving):.0f} ms "
        f"({1e3 * min(saving):.0f} .. {1e3 * max(saving):.0f}), once in 30 s by default"
    )


if __name__ == "__main__":
    main()
