"""The demo of mode collapse: its games differ in one thing each, and its film shows every look."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import mode_collapse as demo  # noqa: E402

from tinygen.data.toys import RING_CENTRES  # noqa: E402
from tinygen.layers import Pack  # noqa: E402
from tinygen.metrics import mode_coverage  # noqa: E402


def seen(name, modes):
    """A run of two looks: one mode, then so many."""
    run = demo.Watched(name)
    for look, k in enumerate((1, modes)):
        run.samples.append(RING_CENTRES[:k])
        run.coverage.append(mode_coverage(RING_CENTRES[:k], RING_CENTRES, demo.STD))
        run.rounds.append(10 * (look + 1))
    return run


def test_it_runs_and_leaves_its_film_and_numbers(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "QUICK_ROUNDS", 3)
    numbers = demo.main(["--quick", "--out", str(tmp_path)])
    assert set(numbers["runs"]) == set(demo.MODELS) == set(numbers["remarks"])
    told = capsys.readouterr().out
    assert "a ring of 8 modes, 3 rounds" in told and "PacGAN4:" in told
    with Image.open(tmp_path / "collapse.gif") as film:
        assert film.n_frames == demo.QUICK_FRAMES
    assert (tmp_path / "modes.png").stat().st_size > 5000
    assert json.loads((tmp_path / "numbers.json").read_text())["numbers"]["runs"]


def test_all_games_have_the_same_generator_and_one_packs():
    models = {name: build() for name, build in demo.MODELS.items()}
    assert len({m.generator for m in models.values()}) == 1
    packed = [n for n, m in models.items() if Pack(4) in m.discriminator.layers.values()]
    assert packed == ["PacGAN4"]


def test_a_row_tells_the_last_look_and_the_second_half():
    row = seen("x", 4).row()
    assert row["modes"] == 4 and row["modes, 2nd half"] == 4.0 and row["within 3 std"] == 1.0
    assert row["reverse KL"] == pytest.approx(np.log(2))


def test_the_film_moves_and_the_last_picture_has_its_words():
    runs = [seen("one", 2), seen("two", 8)]
    with Image.open(io.BytesIO(demo.film(runs))) as film:
        assert film.n_frames == 2
        first = np.asarray(film.convert("RGB")).astype(int)
        film.seek(1)
        assert abs(np.asarray(film.convert("RGB")).astype(int) - first).max() > 50
    titles = [axes.get_title() for axes in demo.ends(runs).axes]
    assert titles[:2] == ["one\n2 modes, 100% good", "two\n8 modes, 100% good"]
