"""The demo of time series: its processes are what they say, its numbers belong to its trainings."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import time_series as demo  # noqa: E402
from time_series_parts import processes  # noqa: E402

from tinygen.data import ar  # noqa: E402


def test_the_fork_s_density_is_that_of_its_draws(rng):
    x = processes.fork(rng, 2000, 3)
    side = np.linspace(-6, 6, 2401)
    last = np.full_like(side, 0.7)
    density = np.exp(processes.fork_log_prob(np.stack([last, side], axis=1)))[:, 0]
    width = side[1] - side[0]
    assert density.sum() * width == pytest.approx(1, abs=1e-9)
    mean, square = ((density * side**k).sum() * width for k in (1, 2))
    rest = x[:, 1:] - processes.PULL * x[:, :-1]
    assert rest.mean() == pytest.approx(mean - 0.42, abs=0.05)
    assert rest.var() == pytest.approx(square - mean**2, rel=0.02)
    log_p = processes.fork_log_prob(x)
    assert log_p.shape == (2000, 2) and log_p.mean() > processes.fork_log_prob(1.3 * x).mean()


@pytest.mark.parametrize("process", [processes.AR1, processes.AR2, processes.FORK])
def test_who_knows_no_past_pays_the_entropy_of_the_whole_spread(process, rng):
    x = process.draw(rng, 4000, 4)
    assert process.alone == pytest.approx(processes.entropy(float(x.var())), abs=0.02)
    assert -process.log_prob(x).mean() < process.alone - 0.5


@pytest.mark.parametrize("phi", [ar.AR1, ar.AR2])
def test_the_exact_forecast_is_that_of_many_continuations(phi, rng):
    past = ar.ar(rng, 1, 40, phi).x[0].astype(float)
    x = np.repeat(past[None, -2:], 40_000, axis=0)
    for _ in range(6):
        noise = ar.STD * rng.standard_normal(len(x))
        step = sum(c * x[:, -k - 1] for k, c in enumerate(phi)) + noise
        x = np.concatenate([x, step[:, None]], axis=1)
    mean, std = processes.ar_forecast(past, phi, 6)
    np.testing.assert_allclose(x[:, 2:].mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(x[:, 2:].std(axis=0), std, rtol=0.02)


def test_a_short_training_comes_near_the_true_model_and_leaves_pictures(
    tmp_path, capsys, monkeypatch
):
    import matplotlib.image

    monkeypatch.setattr(demo, "WINDOW", 40)
    size = ["--windows", "500", "--test", "2000", "--epochs", "6", "--seeds", "1"]
    demo.main(["--out", str(tmp_path), *size])
    numbers = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert set(numbers) == {"AR(1)", "AR(2)", "fork, Gaussian", "fork, mixture"}
    for row in numbers.values():
        gap = row["LSTM"] - row["true model"]
        assert row["above the truth"] == pytest.approx(gap, abs=1e-5)
        assert row["true model"] < row["LSTM"] < row["no past"]
    assert numbers["AR(1)"]["above the truth"] < 0.3  # who knows no past: 0.83
    assert "AR(2), seed 0: no past 1.80" in capsys.readouterr().out
    for name in ("fork", "forecast", "simulated"):
        drawn = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert min(drawn.shape[:2]) > 200 and drawn[..., :3].std() > 0.03


def test_the_page_shows_pictures_and_links_that_exist():
    page = ROOT / "docs" / "questions" / "sequences.md"
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
    pictures = [page.parent / link for link in links if link.endswith((".png", ".gif"))]
    assert len(pictures) == len(set(pictures)) >= 6
    assert max(picture.stat().st_size for picture in pictures) < 200_000
