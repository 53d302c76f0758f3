"""The laboratory of divergences: its fits by their closed forms, what it prints and draws."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

from divergences_parts.fitting import (  # noqa: E402
    DIVERGENCES,
    FORWARD,
    Grid,
    Mixture,
    minima,
    objective,
)

from tinygen import plots  # noqa: E402
from tinygen.check import check_gradients  # noqa: E402

STEPS = 300


def q_of(rng, n=4):
    return {"mean": rng.normal(size=n), "log_var": 0.5 * rng.normal(size=n)}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_gradient_of_a_fit_is_that_of_its_divergence(rng, name):
    grid = Grid.of(Mixture((0.3, 0.7), (-1.0, 2.0), (0.8, 1.3)))
    report = check_gradients(
        lambda q, x: objective(name, q, grid), q_of(rng), (), rng=rng, wrt_x=False
    )
    assert report.passed, str(report)


@pytest.mark.parametrize("half, weight", [(1.0, 0.5), (3.0, 0.7), (5.0, 0.9)])
def test_the_best_cover_has_the_mean_and_the_standard_deviation_of_p(half, weight):
    p = Mixture.pair(half, weight)
    ends = minima(FORWARD, p, steps=STEPS)
    assert len(ends) == 1
    np.testing.assert_allclose(ends[0][1:], (p.mean, p.std), atol=1e-4)


def test_frames_become_a_gif():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    axes = figure.add_subplot()

    def frames():
        for i in range(3):
            axes.clear()
            axes.plot([0, 1], [0, i])
            yield figure

    with Image.open(io.BytesIO(plots.moving(frames(), 50, last=4))) as gif:
        assert gif.n_frames == 3 and gif.info["loop"] == 0
        times = []
        for i in range(3):
            gif.seek(i)
            times.append(gif.info["duration"])
        assert times == [50, 50, 200]
    with pytest.raises(ValueError, match="moving: there is no figure"):
        plots.moving([])
    with pytest.raises(ValueError, match="moving: milliseconds must be a whole number"):
        plots.moving([figure], 0)
