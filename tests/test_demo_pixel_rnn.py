"""The demo of PixelRNN: its parts by definition, its run on real digits."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "demos"))

import pixel_rnn as demo  # noqa: E402


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """One short run on the digits of the package: its folder and its numbers."""
    out = tmp_path_factory.mktemp("pixel_rnn")
    demo.main(["--quick", "--out", str(out)])
    return out, json.loads((out / "numbers.json").read_text())["numbers"]


def test_a_halved_image_is_the_mean_of_four_pixels(rng):
    x = rng.random((2, 28, 28, 1))
    small = demo.halved(x)
    assert small.shape == (2, 14, 14, 1)
    assert small[1, 3, 5, 0] == pytest.approx(x[1, 6:8, 10:12, 0].mean())
    assert demo.halved(x[:, :8, :8]).shape == (2, 8, 8, 1)


def test_pixels_by_themselves_cost_what_their_darkness_says(rng):
    grey = np.full((98, 2, 2, 1), 0.5)
    x = (rng.random((4, 2, 2, 1)) < 0.5).astype(float)
    np.testing.assert_allclose(demo.independent(grey, x), 4 * np.log(2))


def test_images_are_unlike_in_the_pixels_that_differ():
    a, b = np.zeros((2, 3, 3, 1)), np.zeros((2, 3, 3, 1))
    b[0, 0, 0] = b[1, 2, 1] = b[1, 0, 0] = 1
    assert demo.unlike(a, b) == 1.5


def test_the_diagonal_sees_the_whole_past_and_the_row_a_triangle(asked):
    shares = {
        name: row["share of the past that is seen"] for name, row in asked[1]["contexts"].items()
    }
    assert shares["one Diagonal BiLSTM"] == shares["the whole model, Diagonal BiLSTM"] == 1
    # Above place (6, 4) of 8x8, row by row: 1 place beside it, then 4, 6, and whole rows of 8.
    assert shares["one Row LSTM"] == pytest.approx((1 + 4 + 6 + 4 * 8) / 52)
    assert shares["the whole model, PixelCNN"] < 1  # its blind spot


def test_the_price_is_told_beside_the_nats(asked):
    rows = asked[1]["likelihood"]
    steps = [
        rows[n]["steps one after another"] for n in ("PixelCNN", "Row LSTM", "Diagonal BiLSTM")
    ]
    assert steps == [1, 8, 15]
    for name in ("PixelCNN", "Row LSTM", "Diagonal BiLSTM"):
        nll, error = rows[name]["-log p(x), nats"]
        assert 15 < nll < 64 * np.log(2) and error > 0
        assert rows[name]["seconds an epoch"] > 0 < rows[name]["parameters"]


@pytest.mark.parametrize("name", ["contexts", "samples", "completions"])
def test_each_picture_has_something_on_it(asked, name):
    import matplotlib.image

    drawn = matplotlib.image.imread(asked[0] / f"{name}.png")
    assert min(drawn.shape[:2]) > 150 and drawn[..., :3].std() > 0.05


def test_the_beginning_of_a_completion_is_kept(asked):
    for row in asked[1]["completions"].values():
        assert 0 < row["pixels unlike the test image's"] <= 32  # of the 64, the second half


def test_colours_are_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"pixel_rnn: coloured-digits holds colour; expected grey"):
        demo.main(["--quick", "--data", "coloured-digits", "--out", str(tmp_path)])
