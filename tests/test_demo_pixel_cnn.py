"""The demo of PixelCNN: its parts by definition, its run on real digits."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import pixel_cnn as demo  # noqa: E402
from pixel_cnn_parts import pictures  # noqa: E402

from tinygen.cases.common import jittered  # noqa: E402
from tinygen.cli import main as tinygen  # noqa: E402
from tinygen.models import PixelCNN  # noqa: E402


@pytest.fixture
def point(rng):
    """A small model, its parameters and binary images."""
    model = PixelCNN((8, 6, 1), 4, 1, 3)
    x = (rng.random((3, 8, 6, 1)) < 0.5).astype(np.float64)
    return model, jittered(rng, model.init(rng, np.float64)), x


def test_pixels_by_themselves_cost_what_their_darkness_says(rng):
    grey = np.full((98, 2, 2, 1), 0.5)
    x = (rng.random((4, 2, 2, 1)) < 0.5).astype(float)
    np.testing.assert_allclose(demo.independent(grey, x), 4 * np.log(2))


def test_the_costs_of_the_pixels_add_up_to_the_likelihood(point):
    model, p, x = point
    _, nats = pictures.costs(model, p, x)
    assert nats.sum() == pytest.approx(-model.log_prob(p, x)[0].mean(), rel=1e-4)
    assert demo.top_third(np.array([[3.0, 1.0, 2.0]])) == pytest.approx(0.5)


def test_completions_differ_less_where_less_is_left(point):
    model, p, x = point
    _, alike = pictures.completions(model, p, np.random.default_rng(0), x)
    quarter, half, most = alike.values()
    assert 48 >= quarter >= half >= most > 0


def test_a_quick_run_leaves_its_pictures_and_numbers(tmp_path, capsys):
    numbers = demo.main(["--quick", "--out", str(tmp_path)])
    for name in ("samples.png", "completions.png", "costs.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG"), name
    assert (tmp_path / "growth.gif").read_bytes().startswith(b"GIF")
    kept = json.loads((tmp_path / "numbers.json").read_text())["numbers"]
    assert kept["likelihood"].keys() == numbers["likelihood"].keys()
    assert "published" not in capsys.readouterr().out


def test_a_trained_run_is_shown_and_another_is_refused(tmp_path):
    words = ["--data", "digits", "--steps", "3"]
    small = ["--blocks", "1", "--features", "4", "--head", "4"]
    run = tmp_path / "run"
    assert tinygen(["train", "pixelcnn", *words, *small, "--out", str(run)]) == 0
    out = ["--quick", "--out", str(tmp_path / "out")]
    found = demo.main(["--run", str(run), *out])["likelihood"]["PixelCNN"]
    assert 0 < found["-log p(x), nats"][0] < 64
    other = tmp_path / "other"
    assert tinygen(["train", "vae", *words, "--out", str(other)]) == 0
    with pytest.raises(SystemExit, match=r"other holds variational .*expected a PixelCNN"):
        demo.main(["--run", str(other), *out])


def test_data_without_grey_levels_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"moons holds points; expected grey .*--data mnist"):
        demo.main(["--quick", "--data", "moons", "--out", str(tmp_path)])
